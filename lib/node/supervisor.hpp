// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace escalator::node {

/// The command line that starts the supervisor on a node. `nonce` marks its answers; `node_dir` may
/// be empty. With `become` it runs as root through sudo -n.
std::string supervisor_command(std::string_view nonce, std::string_view node_dir, bool become);

}  // namespace escalator::node
