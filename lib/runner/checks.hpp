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

/// Runs every verification of the plan on its nodes, changes nothing, journals nothing. The nodes
/// are leased to `run` (of an ended or standing run, or a name of its own) meanwhile. Errors: as
/// start_run.
Result<std::vector<Checked>> run_checks(const planner::Plan& plan, const RunDir& dir,
                                        bool keep_lease, const Settings& settings,
                                        Observer& observer);

}  // namespace escalator::runner
