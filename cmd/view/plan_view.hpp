// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "planner/plan.hpp"

namespace escalator::cmd::view {

/// A plan for people: the tree of procedures, waves and steps, the times, the way back.
std::string plan_text(const planner::Plan& plan, const std::vector<std::string>& warnings);

/// Names of these nodes, folded: "compute[01-04]".
std::string folded(const planner::Plan& plan, const std::vector<planner::NodeIndex>& nodes);

/// "package upgrade=nova-compute": what a step does, in a line.
std::string step_line(const campaign::Step& step);

}  // namespace escalator::cmd::view
