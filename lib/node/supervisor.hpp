// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace escalator::node {

/// How the supervisor is started on a node: a command line that every login shell understands (sh,
/// bash, fish, zsh, ksh, csh), and the program that it reads from its stdin before anything else.
struct Supervisor {
    std::string command;
    std::string program;
};

/// `nonce` marks its answers; an empty `node_dir` lets it choose; no job's output grows beyond
/// `output_limit` bytes on the node. With `become` it runs as root through sudo -n.
Supervisor supervisor(std::string_view nonce, std::string_view node_dir, std::uint64_t output_limit,
                      bool become);

}  // namespace escalator::node
