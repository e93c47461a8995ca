// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "engine/event.hpp"
#include "engine/state.hpp"
#include "planner/plan.hpp"

// The engine is pure: no I/O, no clock, no threads. A shell (runner, or the twin) loops
//   decision = decide(plan, state, now, bounds)
//   append decision.events to the journal, apply() each, then carry decision.jobs out
//   append what comes back as events, apply() each
// A crash between any two of these is harmless: replay the journal, append ControllerStarted, go
// on.
namespace escalator::engine {

/// What the shell must carry out. The job's StepStarted is already among the decision's events, or
/// in the journal when reattach is set.
struct JobIntent {
    StepRef step;
    Phase phase = Phase::perform;
    std::uint32_t attempt = 1;
    bool reattach =
        false;  ///< it may have been started before; find out instead of starting blindly
};

enum class Next : std::uint8_t {
    go_on,      ///< jobs are in flight, or `wake` says when to ask again
    suspended,  ///< at a safe point; nothing in flight
    ended,      ///< RunEnded is in the journal
};

struct Decision {
    std::vector<EventBody> events;  ///< to be journalled and applied before `jobs` start
    std::vector<JobIntent> jobs;
    std::optional<Time> wake;  ///< ask again then, even if nothing happens
    Next next = Next::go_on;
};

/// What holds for this process, not for the run.
struct Bounds {
    std::uint32_t fanout = 50;       ///< jobs in flight at most
    std::optional<Time> window_end;  ///< no new wave that can't finish, or be undone, before
};

/// Folds one event into the state. Events the shell gets from a journal that this engine wrote
/// always apply; a false return is a damaged history (or a bug): stop and say so.
bool apply(const planner::Plan& plan, State& state, const Event& event);

/// What to do now. Call again after every applied event, and at `wake`. The caller applies
/// decision.events itself; decide() does not change `state`.
Decision decide(const planner::Plan& plan, const State& state, Time now, const Bounds& bounds);

}  // namespace escalator::engine
