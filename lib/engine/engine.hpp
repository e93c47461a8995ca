// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
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
    bool reattach = false;  ///< it may have been started before: find out, don't start blindly
    bool may_start = true;  ///< false: only find out; if it never started, it must not start now
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

/// The state after these events. Errors: corrupt (naming the event that cannot be).
Result<State> replay(const planner::Plan& plan, const std::vector<Event>& events);

/// Folds one event into the state. Events the shell gets from a journal that this engine wrote
/// always apply; a false return is a damaged history (or a bug): stop and say so.
bool apply(const planner::Plan& plan, State& state, const Event& event);

/// What to do now. Call again after every applied event, and at `wake`: until a decision is empty
/// (no events, no jobs). The caller applies decision.events itself; decide() does not change
/// `state`. The events of several decisions may be journalled in one batch, if no job starts
/// before.
Decision decide(const planner::Plan& plan, const State& state, Time now, const Bounds& bounds);

}  // namespace escalator::engine
