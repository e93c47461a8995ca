// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "engine/engine.hpp"
#include "planner/plan.hpp"

namespace escalator::cmd::view {

/// One event for people; no text for those that would only be noise.
struct EventLine {
    std::string text;
    const char* sgr = "";
};
EventLine event_line(const planner::Plan& plan, const engine::Event& event);

/// How a run stands, what failed, and the command to go on with: a few lines.
std::string standing_text(const planner::Plan& plan, const engine::State& state);

/// The whole table: procedures, waves, nodes. `now` for how long steps have been running.
std::string status_text(const planner::Plan& plan, const engine::State& state, Time now);

/// The same as JSON text, format "escalator-status/1".
std::string status_json(const planner::Plan& plan, const engine::State& state);

}  // namespace escalator::cmd::view
