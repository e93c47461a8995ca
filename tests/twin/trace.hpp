// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "twin/controller.hpp"

namespace escalator::twin {

/// For people who look for the cause of a failed campaign.
std::string plan_text(const planner::Plan& plan);
/// Where every lane stands; * = changed, ~ = in flight.
std::string state_text(const planner::Plan& plan, const engine::State& state);
/// Journal and nodes' ledgers, one line a record or deed, in order.
std::string journal_text(const Controller& controller, const World& world);

}  // namespace escalator::twin
