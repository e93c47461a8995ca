// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "campaign/model.hpp"

namespace escalator::planner {

/// The order in which a procedure's steps are undone. It is the exact reverse, but for services that
/// are restarted or reloaded: a service restarts on the way back to take up what it had before, so
/// only after the files, packages and commands in front of the restart have been undone. Empty when
/// that changes nothing. A restart never moves past a step without return, which a rollback may not
/// cross.
std::vector<std::uint32_t> undo_order(const std::vector<campaign::Step>& steps);

}  // namespace escalator::planner
