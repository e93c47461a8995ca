// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace escalator::action {

/// What one call of a plugin came to. Its stderr went where this process's goes.
struct PluginAnswer {
    std::string out;  ///< stdout, whole
    int status = 0;   ///< as a shell says it: 128 + signal when a signal ended it
};

/// Longest answer of a plugin, in bytes.
constexpr std::size_t longest_answer = 1U << 20U;

/// Runs `program verb` with `request` on its stdin and reads its stdout, in a process group of its
/// own, which is ended when the answer gets too long, when `limit` (0 = none) has passed, when this
/// process is told to end (SIGTERM, SIGINT, SIGHUP; it then exits with 128 + signal), and in any
/// case when the program has ended. For a process with one thread.
/// Errors: io (it cannot be started), timeout, protocol (the answer is too long).
Result<PluginAnswer> run_plugin(const std::filesystem::path& program, const std::string& verb,
                                const std::string& request, Milliseconds limit);

}  // namespace escalator::action
