// SPDX-License-Identifier: Apache-2.0
// Going on after a stop: what a new controller and the operator's word change.
#include <algorithm>

#include "engine/fold.hpp"

namespace escalator::engine {

bool Fold::operator()(const Resumed& event) {
    if (state_.status == RunStatus::fresh || state_.status == RunStatus::ended) return false;
    const bool suspended = state_.suspension.has_value();
    const bool held = suspended && state_.suspension->why == Why::until;
    state_.status = RunStatus::running;
    state_.suspend_requested = false;
    state_.suspension.reset();
    state_.until = event.until;
    state_.ignore_window = event.ignore_window;
    if (held) state_.holds_passed.insert(current_procedure(state_));
    if (event.retry_excluded) take_back_excluded();
    if (!suspended) {
        for (std::uint32_t p = 0; p < state_.waves.size(); ++p) settle_procedure(p);
        return true;
    }
    if (!state_.rollback) reopen_waves();
    for (auto& lane : state_.lanes) {
        clear_failures(lane);
        if (state_.rollback) continue;
        // its node cannot be undone as the policy wanted: the operator has mended the cause
        const auto back = step_to_undo(plan_, lane, false);
        if (back && is_barrier(plan_.procedures[lane.procedure], *back, false)) {
            lane.undo_asked = false;
        }
        go_forward_again(lane);
    }
    for (std::uint32_t p = 0; p < state_.waves.size(); ++p) settle_procedure(p);
    return true;
}

bool Fold::operator()(const Answered& event) {
    auto* lane = find_lane(event.step);
    if (lane == nullptr) return false;
    auto& step = lane->steps[event.step.step];
    if (step.in_flight) return false;
    const bool of_undo = step.status == StepStatus::undo_failed || step.undo_doubtful;
    if (!of_undo && step.status != StepStatus::uncertain) return false;
    step.condemned = step.undo_doubtful = false;
    if (!of_undo || event.answer == Answer::done) step.doubtful = false;
    // what the operator says replaces what is not known: nobody asks the node for it any more
    if (event.answer != Answer::done) step.outcome = Outcome::failed;
    switch (event.answer) {
        case Answer::done:
            step.status = of_undo ? StepStatus::undone : StepStatus::done;
            step.changed = !of_undo;
            if (!of_undo) claim_once(event.step, *lane);
            step.failures = 0;
            break;
        case Answer::redo:
            step.status = of_undo ? StepStatus::undo_failed : StepStatus::pending;
            step.failures = 0;
            break;
        case Answer::failed:
            if (!of_undo) step.status = StepStatus::failed;
            step.failures = retries(event.step) + 1;
            step.condemned = true;
            if (!of_undo && lane->status == LaneStatus::active) {
                lane->status = LaneStatus::broken;
                lane->reason = "so says " + event.by;
            }
            break;
    }
    if (lane->status == LaneStatus::broken && !of_undo && event.answer != Answer::failed) {
        lane->status = LaneStatus::active;
    }
    settle(*lane);
    if (spec(event.step).once) settle_procedure(event.step.procedure);
    return true;
}

bool Fold::is_condemned(const Lane& lane) {
    return std::any_of(lane.steps.begin(), lane.steps.end(), [](const StepState& step) {
        return step.condemned && step.status == StepStatus::failed;
    });
}

void Fold::clear_failures(Lane& lane) {
    const bool going_back = state_.rollback && in_scope(state_.rollback->scope, lane);
    if (state_.given_up.contains(lane.node)) return;
    if (lane.status == LaneStatus::excluded && !going_back) return;
    for (std::uint32_t s = 0; s < lane.steps.size(); ++s) {
        auto& step = lane.steps[s];
        if (step.in_flight) continue;
        const bool gone =
            step.outcome == Outcome::unreachable && step.phase != Phase::check &&
            (step.status == StepStatus::uncertain || step.status == StepStatus::undo_failed);
        if (gone) {  // it may still be running there: the same attempt is attended again
            step.in_flight = true;
            step.status = step.phase == Phase::undo ? StepStatus::undoing : StepStatus::running;
            lane.flying = static_cast<std::int32_t>(s);
            state_.flying.insert(index_of(lane));
            set_adrift(step, true);
            if (step.phase == Phase::perform) claim_once({lane.procedure, lane.node, s}, lane);
        }
        if (step.status == StepStatus::uncertain) step.outcome = Outcome::lost;
        if (step.undo_doubtful || step.condemned) continue;  // only an answer settles that
        if (step.status == StepStatus::failed || step.status == StepStatus::undo_failed) {
            step.failures = 0;
        }
    }
    if (lane.status == LaneStatus::broken && !is_condemned(lane)) lane.status = LaneStatus::active;
}

void Fold::go_forward_again(Lane& lane) {
    if (lane.undo_asked) return;
    if (lane.status == LaneStatus::undone || lane.status == LaneStatus::undoing) {
        auto& wave = state_.waves[lane.procedure][lane.wave];
        if (wave.status == WaveStatus::ended) wave.status = WaveStatus::running;
        lane.status = is_condemned(lane) ? LaneStatus::broken : LaneStatus::active;
    }
    if (lane.status == LaneStatus::active &&
        state_.waves[lane.procedure][lane.wave].status == WaveStatus::waiting) {
        lane.status = LaneStatus::waiting;
    }
    if (lane.status == LaneStatus::waiting || lane.status == LaneStatus::active) {
        for (auto& step : lane.steps) {
            if (step.in_flight) continue;
            const bool again =
                step.status == StepStatus::undone || step.status == StepStatus::undo_failed;
            if (!again) continue;
            step.status = step.doubtful ? StepStatus::uncertain : StepStatus::pending;
            if (step.doubtful) step.outcome = Outcome::lost;
            step.failures = 0;
        }
        forget_once(lane);
    }
    refresh(lane);
}

/// Waves that were undone as a whole are to be started again.
void Fold::reopen_waves() {
    for (auto& procedure : state_.waves) {
        for (auto& wave : procedure) {
            if (wave.status == WaveStatus::undone) wave.status = WaveStatus::waiting;
        }
    }
}

void Fold::take_back_excluded() {
    state_.excluded.clear();
    state_.given_up.clear();
    if (!state_.rollback) reopen_waves();
    for (auto& lane : state_.lanes) {
        if (lane.status != LaneStatus::excluded) continue;
        const auto& wave = state_.waves[lane.procedure][lane.wave];
        const bool begun = wave.status == WaveStatus::running || wave.status == WaveStatus::ended;
        lane.status = begun ? LaneStatus::undoing : LaneStatus::waiting;
        lane.reason.clear();
        clear_failures(lane);
        if (!state_.rollback) go_forward_again(lane);
    }
}

}  // namespace escalator::engine
