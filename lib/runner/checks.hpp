// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.hpp"
#include "engine/event.hpp"
#include "planner/plan.hpp"
#include "runner/run.hpp"

namespace escalator::runner {

/// One verification on one node, and what came of it.
struct Checked {
    engine::StepRef step;
    engine::StepEnded result;
    bool passed() const {
        return result.outcome == engine::Outcome::done ||
               result.outcome == engine::Outcome::already;
    }
};

struct Checks {
    std::vector<Checked> list;  ///< by procedure, step, node
    int signal = 0;             ///< SIGINT, SIGTERM or SIGHUP ended it early, or 0
    bool leased = false;        ///< nodes are still leased: asked twice to stop
};

/// Runs every verification of the plan on its nodes, changes nothing, journals nothing. The nodes
/// are leased meanwhile to the run (or Passing) whose directory is given. The first signal lets the
/// checks under way finish, the second leaves them. Errors: as start_run.
Result<Checks> run_checks(const planner::Plan& plan, const RunDir& dir, bool keep_lease,
                          const Settings& settings, Observer& observer);

}  // namespace escalator::runner
