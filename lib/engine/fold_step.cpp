// SPDX-License-Identifier: Apache-2.0
// What becomes of a step when an attempt starts, ends or is late.
#include "engine/fold.hpp"

namespace escalator::engine {

bool Fold::operator()(const StepStarted& event) {
    auto* lane = find_lane(event.step);
    if (lane == nullptr || state_.status != RunStatus::running) return false;
    auto& step = lane->steps[event.step.step];
    if (step.adrift) {  // taken up again
        if (step.phase != event.phase || step.attempts(event.phase) != event.attempt) return false;
        set_adrift(step, false);
        step.reattached = true;
        if (event.phase == Phase::perform) claim_once(event.step, *lane);
        return true;
    }
    auto& attempts = event.phase == Phase::perform ? step.performs
                     : event.phase == Phase::check ? step.checks
                                                   : step.undos;
    if (lane->flying >= 0 || event.attempt != attempts + 1) return false;
    if (step.phase != event.phase) step.failures = 0;
    attempts = event.attempt;
    step.phase = event.phase;
    step.in_flight = true;
    step.late = false;
    step.reattached = step.condemned = false;
    step.started = now_;
    lane->flying = static_cast<std::int32_t>(event.step.step);
    state_.flying.insert(*state_.lane_of(event.step.procedure, event.step.node));
    switch (event.phase) {
        case Phase::perform:
            step.status = StepStatus::running;
            claim_once(event.step, *lane);
            break;
        case Phase::check:
            step.status = StepStatus::checking;
            break;
        case Phase::undo:
            step.status = StepStatus::undoing;
            if (lane->status != LaneStatus::excluded) lane->status = LaneStatus::undoing;
            break;
    }
    const bool disruptive = spec(event.step).disruptive &&
                            event.step.step < plan_.procedures[lane->procedure].first_verify;
    if (disruptive && event.phase != Phase::check) set_out(*lane, true);
    refresh(*lane);
    return true;
}

bool Fold::operator()(const StepEnded& event) {
    auto* lane = find_lane(event.step);
    if (lane == nullptr) return false;
    auto& step = lane->steps[event.step.step];
    if (!step.in_flight || step.phase != event.phase ||
        step.attempts(event.phase) != event.attempt) {
        return false;
    }
    set_adrift(step, false);
    step.in_flight = false;
    step.outcome = event.outcome;
    step.ended = now_;
    step.exit_status = event.exit_status;
    step.stage = event.stage;
    step.message = event.message;
    lane->flying = -1;
    state_.flying.erase(index_of(*lane));
    switch (event.phase) {
        case Phase::perform:
            end_perform(*lane, step, event);
            break;
        case Phase::check:
            end_check(*lane, step, event);
            break;
        case Phase::undo:
            end_undo(*lane, step, event);
            break;
    }
    settle(*lane);
    if (spec(event.step).once) settle_procedure(event.step.procedure);
    return true;
}

bool Fold::operator()(const StepLate& event) {
    auto* lane = find_lane(event.step);
    if (lane == nullptr) return false;
    auto& step = lane->steps[event.step.step];
    if (!step.in_flight) return false;
    step.late = true;
    return true;
}

bool Fold::held_back(const Lane& lane) const {
    return state_.suspend_requested || lane.undo_asked ||
           (state_.rollback && in_scope(state_.rollback->scope, lane));
}

void Fold::break_lane(Lane& lane, const StepEnded& event) {
    if (lane.status != LaneStatus::active) return;
    lane.status = LaneStatus::broken;
    lane.reason = event.message;
}

void Fold::fail(Lane& lane, StepState& step, const StepEnded& event) {
    step.status = StepStatus::failed;
    if (++step.failures > retries(event.step)) break_lane(lane, event);
}

void Fold::end_perform(Lane& lane, StepState& step, const StepEnded& event) {
    if (!event.record.empty()) step.record = event.record;
    step.doubtful = event.outcome == Outcome::lost || event.outcome == Outcome::unreachable;
    const bool untouched = event.stage == "check";
    switch (event.outcome) {
        case Outcome::done:
            step.status = StepStatus::done;
            step.changed = true;
            step.undo_doubtful = false;
            step.failures = 0;
            break;
        case Outcome::already:
            step.status = StepStatus::already;
            step.failures = 0;
            break;
        case Outcome::not_done:
        case Outcome::failed:
        case Outcome::timed_out:
            step.changed = step.changed || !untouched;
            fail(lane, step, event);
            break;
        case Outcome::lost:
            step.changed = true;
            step.status = StepStatus::uncertain;
            break;
        case Outcome::unreachable:
            step.changed = true;
            step.status = StepStatus::uncertain;
            break_lane(lane, event);
            break;
        case Outcome::not_started:
            if (held_back(lane) || step.reattached) {
                step.status = step.changed ? StepStatus::failed : StepStatus::pending;
            } else {
                fail(lane, step, event);
            }
            break;
    }
}

void Fold::end_check(Lane& lane, StepState& step, const StepEnded& event) {
    const auto& it = spec(event.step);
    switch (event.outcome) {
        case Outcome::done:
        case Outcome::already:
            step.status = StepStatus::done;
            step.failures = 0;
            step.doubtful = false;
            claim_once(event.step, lane);
            return;
        case Outcome::not_done:
            step.status = StepStatus::pending;
            step.failures = 0;
            step.doubtful = false;
            return;
        case Outcome::failed:
            if (it.idempotent) {
                step.status = StepStatus::pending;
                step.failures = 0;
                step.doubtful = false;
                return;
            }
            break;
        case Outcome::timed_out:
        case Outcome::lost:
        case Outcome::unreachable:
        case Outcome::not_started:
            break;
    }
    step.status = StepStatus::uncertain;
    const bool held = held_back(lane) || step.reattached;
    if (!(event.outcome == Outcome::not_started && held)) break_lane(lane, event);
}

void Fold::end_undo(Lane& lane, StepState& step, const StepEnded& event) {
    const auto& it = spec(event.step);
    switch (event.outcome) {
        case Outcome::done:
        case Outcome::already:
            step.status = StepStatus::undone;
            step.changed = step.doubtful = step.undo_doubtful = false;
            step.failures = 0;
            forget_once(lane);
            return;
        case Outcome::not_started:
            step.status = StepStatus::undo_failed;
            if (!state_.suspend_requested && !step.reattached) ++step.failures;
            break;
        case Outcome::not_done:
        case Outcome::failed:
        case Outcome::timed_out:
            step.status = StepStatus::undo_failed;
            ++step.failures;
            break;
        case Outcome::lost: {
            // an author's undo may have run half: only he can say whether once more is harmless
            const bool repeatable = undo_is_repeatable(event.step);
            step.undo_doubtful = !repeatable;
            step.status = StepStatus::undo_failed;
            step.failures = repeatable ? step.failures + 1 : it.on_failure.retry + 1;
            break;
        }
        case Outcome::unreachable:
            step.status = StepStatus::undo_failed;
            step.failures = it.on_failure.retry + 1;
            break;
    }
    if (step.failures > it.on_failure.retry && lane.status != LaneStatus::excluded) {
        lane.reason = event.message;
    }
}

}  // namespace escalator::engine
