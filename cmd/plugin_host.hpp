// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace escalator::cmd {

/// The hidden command `__plugin perform|check|undo PROGRAM [needs-undo]`, which the script of a
/// plugin's step starts: a process of its own, so that no plugin can hurt the controller. The
/// request comes on stdin; stage and record go where the supervisor wants them.
/// Exit status: 0 done; 1 not done, or failed; 2 a check that failed.
int plugin_host(const std::vector<std::string>& args);

}  // namespace escalator::cmd
