// SPDX-License-Identifier: Apache-2.0
#include "engine/state.hpp"

#include <algorithm>

namespace escalator::engine {

std::uint32_t StepState::attempts(Phase of) const noexcept {
    switch (of) {
        case Phase::perform:
            return performs;
        case Phase::check:
            return checks;
        case Phase::undo:
            return undos;
    }
    return 0;
}

std::optional<std::uint32_t> State::lane_of(std::uint32_t procedure, NodeIndex node) const {
    const auto found = lane_index.find({procedure, node});
    if (found == lane_index.end()) return std::nullopt;
    return found->second;
}

std::uint32_t State::attended() const noexcept {
    return static_cast<std::uint32_t>(flying.size()) - adrift;
}

State fresh_state(const planner::Plan& plan) {
    State state;
    state.node_out.resize(plan.nodes.size());
    for (std::uint32_t p = 0; p < plan.procedures.size(); ++p) {
        const auto& procedure = plan.procedures[p];
        auto& waves = state.waves.emplace_back();
        for (std::uint32_t w = 0; w < procedure.waves.size(); ++w) {
            auto& wave = waves.emplace_back();
            for (const auto node : procedure.waves[w].nodes) {
                const auto index = static_cast<std::uint32_t>(state.lanes.size());
                auto& lane = state.lanes.emplace_back();
                lane.procedure = p;
                lane.wave = w;
                lane.node = node;
                lane.steps.resize(procedure.steps.size());
                wave.lanes.push_back(index);
                state.lane_index[{p, node}] = index;
            }
        }
    }
    return state;
}

bool in_scope(const Scope& scope, const Lane& lane) noexcept {
    switch (scope.kind) {
        case Scope::Kind::all:
            return true;
        case Scope::Kind::procedure:
            return lane.procedure == scope.procedure;
        case Scope::Kind::wave:
            return lane.procedure == scope.procedure && lane.wave == scope.wave;
        case Scope::Kind::node:
            return lane.node == scope.node;
        case Scope::Kind::lane:
            return lane.procedure == scope.procedure && lane.node == scope.node;
    }
    return false;
}

bool has_undo(const planner::PlanProcedure& procedure, std::uint32_t step) {
    if (step >= procedure.first_verify) return false;
    const auto way_back = procedure.steps[step].way_back;
    return way_back == action::WayBack::builtin || way_back == action::WayBack::step;
}

bool is_barrier(const planner::PlanProcedure& procedure, std::uint32_t step, bool past_no_return) {
    return !past_no_return && step < procedure.first_verify &&
           procedure.steps[step].way_back == action::WayBack::no_return;
}

std::optional<std::uint32_t> step_to_undo(const planner::Plan& plan, const Lane& lane,
                                          bool past_no_return) {
    const auto& procedure = plan.procedures[lane.procedure];
    for (std::uint32_t place = 0; place < procedure.first_verify; ++place) {
        const auto s = planner::undone_at(procedure, place);
        if (!lane.steps[s].changed) continue;
        if (has_undo(procedure, s) || is_barrier(procedure, s, past_no_return)) return s;
    }
    return std::nullopt;
}

std::optional<std::uint32_t> unheard_step(const Lane& lane) {
    const auto at = std::find_if(lane.steps.begin(), lane.steps.end(), [](const StepState& step) {
        return step.status == StepStatus::uncertain && step.outcome == Outcome::unreachable;
    });
    if (at == lane.steps.end()) return std::nullopt;
    return static_cast<std::uint32_t>(at - lane.steps.begin());
}

namespace {

bool complete(const StepState& step) {
    return step.status == StepStatus::done || step.status == StepStatus::already;
}

}  // namespace

NextStep next_step(const planner::Plan& plan, const State& state, std::uint32_t lane) {
    const auto& it = state.lanes[lane];
    const auto& steps = plan.procedures[it.procedure].steps;
    for (std::uint32_t s = it.cursor; s < steps.size(); ++s) {
        if (complete(it.steps[s])) continue;
        if (!steps[s].once) return {s, false};
        const auto by = state.once_by.find({it.procedure, s});
        if (by == state.once_by.end() || by->second == lane) return {s, false};
        const auto& holder = state.lanes[by->second];
        if (complete(holder.steps[s])) continue;
        // a later wave cannot be waited for; but what may be half done there is not begun here
        const bool open =
            holder.steps[s].in_flight || holder.steps[s].status == StepStatus::uncertain;
        if (holder.status == LaneStatus::excluded && !holder.steps[s].in_flight) return {s, false};
        return {s, open || holder.wave <= it.wave};
    }
    return {static_cast<std::uint32_t>(steps.size()), false};
}

std::uint32_t current_procedure(const State& state) {
    const auto unsettled =
        std::find_if(state.lanes.begin(), state.lanes.end(), [](const Lane& lane) {
            return lane.status != LaneStatus::finished && lane.status != LaneStatus::excluded;
        });
    return unsettled == state.lanes.end() ? static_cast<std::uint32_t>(state.waves.size())
                                          : unsettled->procedure;
}

}  // namespace escalator::engine
