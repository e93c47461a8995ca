// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.hpp"
#include "engine/event.hpp"
#include "engine/state.hpp"

namespace escalator::engine {

/// What the operator wants of a run when he starts it or takes it up again.
struct Wish {
    std::string until;  ///< stop before this procedure, or PROCEDURE:WAVE
    bool ignore_window = false;
    bool retry_excluded = false;
    std::vector<std::pair<StepRef, Answer>> answers;
    std::vector<NodeIndex> exclude;           ///< go on without these nodes
    std::optional<RollbackStarted> rollback;  ///< go back instead of on
};

/// The events with which a new run starts.
std::vector<EventBody> first_events(const RunStarted& started, const ControllerStarted& controller,
                                    const Wish& wish);

/// The events with which a controller takes a run up again: who it is, then what the operator
/// wants. A rollback that is under way already goes on when the same is wanted. Errors: refused,
/// saying which wish does not fit how the run stands, and what would.
Result<std::vector<EventBody>> opening_events(const planner::Plan& plan, const State& state,
                                              const Wish& wish, const ControllerStarted& controller,
                                              const std::string& by, Time now);

}  // namespace escalator::engine
