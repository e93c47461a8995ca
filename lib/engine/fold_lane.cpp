// SPDX-License-Identifier: Apache-2.0
// What is derived from the steps of a lane.
#include <algorithm>

#include "engine/fold.hpp"

namespace escalator::engine {

const campaign::Step& Fold::spec(const StepRef& ref) const {
    return plan_.procedures[ref.procedure].steps[ref.step];
}

std::uint32_t Fold::retries(const StepRef& ref) const { return spec(ref).on_failure.retry; }

bool Fold::undo_is_repeatable(const StepRef& ref) const {
    return spec(ref).way_back == action::WayBack::builtin || spec(ref).idempotent;
}

WaveState* Fold::find_wave(std::uint32_t procedure, std::uint32_t wave) {
    if (procedure >= state_.waves.size() || wave >= state_.waves[procedure].size()) return nullptr;
    return &state_.waves[procedure][wave];
}

Lane* Fold::find_lane(const StepRef& ref) {
    const auto index = state_.lane_of(ref.procedure, ref.node);
    if (!index || ref.step >= state_.lanes[*index].steps.size()) return nullptr;
    return &state_.lanes[*index];
}

std::uint32_t Fold::index_of(const Lane& lane) const {
    return static_cast<std::uint32_t>(&lane - state_.lanes.data());
}

StepState& Fold::flying_step(std::uint32_t lane) {
    auto& it = state_.lanes[lane];
    return it.steps[static_cast<std::size_t>(it.flying)];
}

void Fold::set_adrift(StepState& step, bool adrift) {
    if (step.adrift == adrift) return;
    step.adrift = adrift;
    adrift ? ++state_.adrift : --state_.adrift;
}

void Fold::forget_once(const Lane& lane) {
    const auto index = index_of(lane);
    std::erase_if(state_.once_by, [&](const auto& entry) {
        if (entry.second != index) return false;  // of another procedure perhaps, with more steps
        const auto& step = lane.steps[entry.first.second];
        const bool complete = step.status == StepStatus::done || step.status == StepStatus::already;
        return !complete && !step.in_flight;
    });
    // another lane may have done it as well, by the operator's word
    for (const auto& other : state_.lanes) {
        if (other.procedure != lane.procedure) continue;
        for (std::uint32_t s = 0; s < other.steps.size(); ++s) {
            const auto status = other.steps[s].status;
            if (status != StepStatus::done && status != StepStatus::already) continue;
            claim_once({other.procedure, other.node, s}, other);
        }
    }
}

void Fold::claim_once(const StepRef& ref, const Lane& lane) {
    if (!spec(ref).once) return;
    const auto [by, fresh] = state_.once_by.try_emplace({ref.procedure, ref.step}, index_of(lane));
    if (fresh) return;
    const auto& held = state_.lanes[by->second].steps[ref.step];
    const bool kept =
        held.in_flight || held.status == StepStatus::done || held.status == StepStatus::already;
    if (!kept) by->second = index_of(lane);
}

void Fold::settle(Lane& lane) {
    if (lane.status == LaneStatus::broken) {
        // another node may have done the step that broke it: `once`
        const auto s = next_step(plan_, state_, index_of(lane)).step;
        const auto status = s < lane.steps.size() ? lane.steps[s].status : StepStatus::pending;
        if (status != StepStatus::failed && status != StepStatus::uncertain) {
            lane.status = LaneStatus::active;
        }
    }
    if (lane.status == LaneStatus::active) {
        // after a rollback of a part, a step that failed for good is come to again
        const auto s = next_step(plan_, state_, index_of(lane)).step;
        const bool failed = s < lane.steps.size() && lane.steps[s].status == StepStatus::failed;
        if (failed && lane.steps[s].failures > retries({lane.procedure, lane.node, s})) {
            lane.status = LaneStatus::broken;
            lane.reason = lane.steps[s].message;
        }
    }
    if (lane.status == LaneStatus::active || lane.status == LaneStatus::finished) {
        const bool whole = next_step(plan_, state_, index_of(lane)).step == lane.steps.size();
        if (whole) {
            lane.status = LaneStatus::finished;
        } else if (lane.status == LaneStatus::finished && !state_.rollback &&
                   !state_.given_up.contains(lane.node)) {
            // what another node had done for it (`once`) was undone there
            lane.status = LaneStatus::active;
            auto& wave = state_.waves[lane.procedure][lane.wave];
            if (wave.status == WaveStatus::ended) wave.status = WaveStatus::running;
        }
    }
    refresh(lane);
}

void Fold::settle_procedure(std::uint32_t procedure) {
    for (auto& lane : state_.lanes) {
        if (lane.procedure == procedure && lane.flying < 0) settle(lane);
    }
}

void Fold::refresh(Lane& lane) {
    lane.cursor = 0;
    while (lane.cursor < lane.steps.size()) {
        const auto status = lane.steps[lane.cursor].status;
        if (status != StepStatus::done && status != StepStatus::already) break;
        ++lane.cursor;
    }
    if (lane.out_of_service && !stays_out(lane)) set_out(lane, false);
}

void Fold::set_out(Lane& lane, bool out) {
    if (out == lane.out_of_service) return;
    lane.out_of_service = out;
    out ? ++state_.node_out[lane.node] : --state_.node_out[lane.node];
}

bool Fold::is_untouched(const Lane& lane) {
    return std::none_of(lane.steps.begin(), lane.steps.end(), [](const StepState& step) {
        return step.changed || step.in_flight || step.status == StepStatus::done ||
               step.status == StepStatus::already;
    });
}

bool Fold::stays_out(const Lane& lane) const {
    if (lane.status == LaneStatus::finished || lane.status == LaneStatus::undone) return false;
    const bool wide = state_.rollback && in_scope(state_.rollback->scope, lane);
    const bool past = wide && state_.rollback->past_no_return;
    if ((wide || lane.undo_asked) && lane.flying < 0 && !unheard_step(lane) &&
        !step_to_undo(plan_, lane, past)) {
        return false;  // as far back as it gets
    }
    const auto& procedure = plan_.procedures[lane.procedure];
    for (std::uint32_t s = 0; s < procedure.first_verify; ++s) {
        const auto& step = lane.steps[s];
        if (procedure.steps[s].disruptive && (step.changed || step.in_flight)) return true;
    }
    return false;
}

}  // namespace escalator::engine
