// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "node/link.hpp"
#include "node/ssh_session.hpp"

namespace escalator::node {

/// An authenticated session as a way to start programs on the node.
std::unique_ptr<Connection> make_ssh_connection(std::unique_ptr<SshSession> session);

}  // namespace escalator::node
