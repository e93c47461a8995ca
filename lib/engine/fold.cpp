// SPDX-License-Identifier: Apache-2.0
// apply(): one event into the state. Nothing here decides; it only remembers.
#include <fmt/format.h>

#include <algorithm>

#include "engine/engine.hpp"

namespace escalator::engine {

namespace {

class Fold {
public:
    Fold(const planner::Plan& plan, State& state, Time now)
        : plan_(plan), state_(state), now_(now) {}

    bool operator()(const RunStarted& event) {
        if (state_.status != RunStatus::fresh) return false;
        state_.status = RunStatus::running;
        state_.run = event.run;
        state_.by = event.by;
        state_.plan_digest = event.plan_digest;
        state_.version = event.version;
        state_.started = now_;
        return true;
    }

    bool operator()(const ControllerStarted& /*event*/) {
        if (state_.status == RunStatus::fresh) return false;
        for (const auto index : state_.flying) set_adrift(flying_step(index), true);
        state_.suspend_requested = false;
        return true;
    }

    bool operator()(const WaveStarted& event) {
        auto* wave = find_wave(event.procedure, event.wave);
        if (state_.status != RunStatus::running || state_.rollback || wave == nullptr) return false;
        if (wave->status != WaveStatus::waiting) return false;
        wave->status = WaveStatus::running;
        wave->started = now_;
        state_.started_waves.emplace_back(event.procedure, event.wave);
        for (const auto index : wave->lanes) {
            auto& lane = state_.lanes[index];
            if (lane.status == LaneStatus::waiting) lane.status = LaneStatus::active;
        }
        return true;
    }

    bool operator()(const WaveEnded& event) {
        auto* wave = find_wave(event.procedure, event.wave);
        if (wave == nullptr || wave->status != WaveStatus::running) return false;
        const bool settled = std::all_of(wave->lanes.begin(), wave->lanes.end(), [&](auto index) {
            const auto status = state_.lanes[index].status;
            return status == LaneStatus::finished || status == LaneStatus::excluded;
        });
        if (!settled) return false;
        wave->status = WaveStatus::ended;
        wave->ended = now_;
        return true;
    }

    bool operator()(const StepStarted& event) {
        auto* lane = find_lane(event.step);
        if (lane == nullptr || state_.status != RunStatus::running) return false;
        auto& step = lane->steps[event.step.step];
        if (step.adrift) {  // taken up again
            if (step.phase != event.phase || step.attempts(event.phase) != event.attempt)
                return false;
            set_adrift(step, false);
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
        step.started = now_;
        lane->flying = static_cast<std::int32_t>(event.step.step);
        state_.flying.insert(*state_.lane_of(event.step.procedure, event.step.node));
        switch (event.phase) {
            case Phase::perform:
                step.status = StepStatus::running;
                if (spec(event.step).once) {
                    state_.once_by[{event.step.procedure, event.step.step}] = index_of(*lane);
                }
                break;
            case Phase::check:
                step.status = StepStatus::checking;
                break;
            case Phase::undo:
                step.status = StepStatus::undoing;
                if (lane->status != LaneStatus::excluded) lane->status = LaneStatus::undoing;
                break;
        }
        refresh(*lane);
        return true;
    }

    bool operator()(const StepEnded& event) {
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

    bool operator()(const StepLate& event) {
        auto* lane = find_lane(event.step);
        if (lane == nullptr) return false;
        auto& step = lane->steps[event.step.step];
        if (!step.in_flight) return false;
        step.late = true;
        return true;
    }

    bool operator()(const NodeExcluded& event) {
        const auto index = state_.lane_of(event.procedure, event.node);
        if (!index || state_.lanes[*index].flying >= 0) return false;
        state_.excluded.insert(event.node);
        for (auto& lane : state_.lanes) {
            if (lane.node != event.node) continue;
            if (lane.status != LaneStatus::waiting && index_of(lane) != *index) continue;
            lane.status = LaneStatus::excluded;
            lane.reason = event.reason;
            lane.undo_asked = false;
            forget_once(lane);
            refresh(lane);
        }
        settle_procedure(event.procedure);
        return true;
    }

    bool operator()(const RollbackStarted& event) {
        if (state_.status == RunStatus::fresh) return false;
        if (event.scope.kind == Scope::Kind::lane && !event.by_operator) {
            const auto index = state_.lane_of(event.scope.procedure, event.scope.node);
            if (!index) return false;
            state_.lanes[*index].undo_asked = true;
            return true;
        }
        state_.status = RunStatus::running;
        state_.suspension.reset();
        state_.suspend_requested = false;
        state_.ending.reset();
        state_.rollback =
            Rollback{event.scope, event.by_operator, event.past_no_return, event.reason};
        for (auto& lane : state_.lanes) {
            if (!in_scope(event.scope, lane)) continue;
            lane.undo_asked = false;
            clear_failures(lane);
        }
        return true;
    }

    bool operator()(const RollbackEnded& event) {
        for (auto& lane : state_.lanes) {
            if (in_scope(event.scope, lane)) end_rollback_of(lane);
        }
        if (event.scope.kind == Scope::Kind::lane && !state_.rollback) return true;
        if (!state_.rollback || !(state_.rollback->scope == event.scope)) return false;
        state_.rollback.reset();
        std::erase_if(state_.started_waves, [&](const WaveKey& key) {
            auto& wave = state_.waves[key.first][key.second];
            const bool undone = std::all_of(wave.lanes.begin(), wave.lanes.end(), [&](auto index) {
                const auto status = state_.lanes[index].status;
                return status == LaneStatus::undone || status == LaneStatus::excluded;
            });
            const bool any = std::any_of(wave.lanes.begin(), wave.lanes.end(), [&](auto index) {
                return in_scope(event.scope, state_.lanes[index]);
            });
            if (undone && any) wave.status = WaveStatus::undone;
            return undone && any;
        });
        return true;
    }

    bool operator()(const SuspendRequested& /*event*/) {
        if (state_.status != RunStatus::running) return false;
        state_.suspend_requested = true;
        return true;
    }

    bool operator()(const Suspended& event) {
        if (state_.status != RunStatus::running || state_.attended() > 0) return false;
        state_.status = RunStatus::suspended;
        state_.suspend_requested = false;
        state_.suspension = event;
        return true;
    }

    bool operator()(const Resumed& event) {
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
        if (!suspended) return true;
        for (auto& lane : state_.lanes) {
            clear_failures(lane);
            if (!state_.rollback) go_forward_again(lane);
        }
        for (std::uint32_t p = 0; p < state_.waves.size(); ++p) settle_procedure(p);
        return true;
    }

    bool operator()(const Answered& event) {
        auto* lane = find_lane(event.step);
        if (lane == nullptr) return false;
        auto& step = lane->steps[event.step.step];
        if (step.in_flight) return false;
        const bool of_undo = step.status == StepStatus::undo_failed;
        if (!of_undo && step.status != StepStatus::uncertain) return false;
        switch (event.answer) {
            case Answer::done:
                step.status = of_undo ? StepStatus::undone : StepStatus::done;
                step.changed = !of_undo;
                step.failures = 0;
                break;
            case Answer::redo:
                step.status = of_undo ? StepStatus::undo_failed : StepStatus::pending;
                step.failures = 0;
                break;
            case Answer::failed:
                if (!of_undo) step.status = StepStatus::failed;
                step.failures = retries(event.step) + 1;
                break;
        }
        if (lane->status == LaneStatus::broken && !of_undo && event.answer != Answer::failed) {
            lane->status = LaneStatus::active;
        }
        settle(*lane);
        if (spec(event.step).once) settle_procedure(event.step.procedure);
        return true;
    }

    bool operator()(const RunEnded& event) {
        if (state_.status != RunStatus::running || !state_.flying.empty()) return false;
        state_.status = RunStatus::ended;
        state_.ending = event.ending;
        state_.ended = now_;
        return true;
    }

private:
    const campaign::Step& spec(const StepRef& ref) const {
        return plan_.procedures[ref.procedure].steps[ref.step];
    }
    std::uint32_t retries(const StepRef& ref) const { return spec(ref).on_failure.retry; }

    WaveState* find_wave(std::uint32_t procedure, std::uint32_t wave) {
        if (procedure >= state_.waves.size() || wave >= state_.waves[procedure].size())
            return nullptr;
        return &state_.waves[procedure][wave];
    }

    Lane* find_lane(const StepRef& ref) {
        const auto index = state_.lane_of(ref.procedure, ref.node);
        if (!index || ref.step >= state_.lanes[*index].steps.size()) return nullptr;
        return &state_.lanes[*index];
    }

    std::uint32_t index_of(const Lane& lane) const {
        return static_cast<std::uint32_t>(&lane - state_.lanes.data());
    }

    StepState& flying_step(std::uint32_t lane) {
        auto& it = state_.lanes[lane];
        return it.steps[static_cast<std::size_t>(it.flying)];
    }

    void set_adrift(StepState& step, bool adrift) {
        if (step.adrift == adrift) return;
        step.adrift = adrift;
        adrift ? ++state_.adrift : --state_.adrift;
    }

    /// A job that never started while the run was on its way to a stop is no failure of the step.
    bool held_back(const Lane& lane) const {
        return state_.suspend_requested || lane.undo_asked ||
               (state_.rollback && in_scope(state_.rollback->scope, lane));
    }

    void break_lane(Lane& lane, const StepEnded& event) {
        if (lane.status != LaneStatus::active) return;
        lane.status = LaneStatus::broken;
        lane.reason = event.message;
    }

    void fail(Lane& lane, StepState& step, const StepEnded& event) {
        step.status = StepStatus::failed;
        if (++step.failures > retries(event.step)) break_lane(lane, event);
    }

    void end_perform(Lane& lane, StepState& step, const StepEnded& event) {
        if (!event.record.empty()) step.record = event.record;
        const bool untouched = event.stage == "check";
        switch (event.outcome) {
            case Outcome::done:
                step.status = StepStatus::done;
                step.changed = true;
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
                if (held_back(lane)) {
                    step.status = step.changed ? StepStatus::failed : StepStatus::pending;
                } else {
                    fail(lane, step, event);
                }
                break;
        }
    }

    void end_check(Lane& lane, StepState& step, const StepEnded& event) {
        const auto& it = spec(event.step);
        switch (event.outcome) {
            case Outcome::done:
            case Outcome::already:
                step.status = StepStatus::done;
                step.failures = 0;
                return;
            case Outcome::not_done:
                step.status = StepStatus::pending;
                step.failures = 0;
                return;
            case Outcome::failed:
                if (it.idempotent) {
                    step.status = StepStatus::pending;
                    step.failures = 0;
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
        if (!(event.outcome == Outcome::not_started && held_back(lane))) break_lane(lane, event);
    }

    void end_undo(Lane& lane, StepState& step, const StepEnded& event) {
        const auto& it = spec(event.step);
        switch (event.outcome) {
            case Outcome::done:
            case Outcome::already:
                step.status = StepStatus::undone;
                step.changed = false;
                step.failures = 0;
                forget_once(lane);
                return;
            case Outcome::not_started:
                step.status = StepStatus::undo_failed;
                if (!state_.suspend_requested) ++step.failures;
                break;
            case Outcome::not_done:
            case Outcome::failed:
            case Outcome::timed_out:
                step.status = StepStatus::undo_failed;
                ++step.failures;
                break;
            case Outcome::lost: {
                // an author's undo may have run half: only he can say whether once more is harmless
                const bool repeatable = it.way_back == action::WayBack::builtin || it.idempotent;
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

    /// A new controller or an operator's word makes every blocked attempt worth another try.
    void clear_failures(Lane& lane) {
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
            }
            if (step.status == StepStatus::uncertain) step.outcome = Outcome::lost;
            if (step.status == StepStatus::failed || step.status == StepStatus::undo_failed) {
                step.failures = 0;
            }
        }
        if (lane.status == LaneStatus::broken) lane.status = LaneStatus::active;
    }

    /// After a rollback the run may go on: what was undone is to be done again.
    void go_forward_again(Lane& lane) {
        if (lane.undo_asked) return;
        if (lane.status == LaneStatus::undone || lane.status == LaneStatus::undoing) {
            auto& wave = state_.waves[lane.procedure][lane.wave];
            if (wave.status == WaveStatus::undone) wave.status = WaveStatus::waiting;
            if (wave.status == WaveStatus::ended) wave.status = WaveStatus::running;
            lane.status =
                wave.status == WaveStatus::waiting ? LaneStatus::waiting : LaneStatus::active;
        }
        if (lane.status == LaneStatus::waiting || lane.status == LaneStatus::active) {
            for (auto& step : lane.steps) {
                if (step.in_flight) continue;
                const bool again = step.status == StepStatus::undone ||
                                   step.status == StepStatus::undo_failed ||
                                   (lane.status == LaneStatus::waiting);
                if (!again) continue;
                step.status = StepStatus::pending;
                step.failures = 0;
            }
            forget_once(lane);
        }
        refresh(lane);
    }

    void take_back_excluded() {
        for (auto& lane : state_.lanes) {
            if (lane.status != LaneStatus::excluded) continue;
            const auto& wave = state_.waves[lane.procedure][lane.wave];
            const bool begun =
                wave.status == WaveStatus::running || wave.status == WaveStatus::ended;
            lane.status = begun ? LaneStatus::undoing : LaneStatus::waiting;
            lane.reason.clear();
            go_forward_again(lane);
        }
        state_.excluded.clear();
    }

    void end_rollback_of(Lane& lane) {
        lane.undo_asked = false;
        const bool begun = lane.status == LaneStatus::active ||
                           lane.status == LaneStatus::finished ||
                           lane.status == LaneStatus::broken || lane.status == LaneStatus::undoing;
        if (!begun) return;
        const bool left = std::any_of(lane.steps.begin(), lane.steps.end(),
                                      [](const StepState& step) { return step.changed; });
        // what only looked, or found its work done, is to be looked at again on the next way
        // forward
        for (std::uint32_t s = 0; s < lane.steps.size(); ++s) {
            auto& step = lane.steps[s];
            if (!step.changed || !has_undo(plan_.procedures[lane.procedure], s)) {
                const bool barrier = step.changed &&
                                     plan_.procedures[lane.procedure].steps[s].way_back ==
                                         action::WayBack::no_return &&
                                     s < plan_.procedures[lane.procedure].first_verify;
                if (barrier) continue;
                step.status = StepStatus::undone;
                step.changed = false;
            }
        }
        const bool still = std::any_of(lane.steps.begin(), lane.steps.end(),
                                       [](const StepState& step) { return step.changed; });
        lane.status = left && still ? LaneStatus::undoing : LaneStatus::undone;
        refresh(lane);
    }

    void forget_once(const Lane& lane) {
        const auto index = index_of(lane);
        std::erase_if(state_.once_by, [&](const auto& entry) {
            const auto& step = state_.lanes[index].steps[entry.first.second];
            const bool complete =
                step.status == StepStatus::done || step.status == StepStatus::already;
            return entry.second == index && !complete;
        });
    }

    /// Brings a lane's derived fields up to date after one of its steps ended.
    void settle(Lane& lane) {
        if (lane.status == LaneStatus::active) {
            const auto next = next_step(plan_, state_, index_of(lane));
            if (next.step == lane.steps.size()) lane.status = LaneStatus::finished;
        }
        refresh(lane);
    }

    void settle_procedure(std::uint32_t procedure) {
        for (auto& lane : state_.lanes) {
            if (lane.procedure == procedure && lane.flying < 0) settle(lane);
        }
    }

    void refresh(Lane& lane) {
        lane.cursor = 0;
        while (lane.cursor < lane.steps.size()) {
            const auto status = lane.steps[lane.cursor].status;
            if (status != StepStatus::done && status != StepStatus::already) break;
            ++lane.cursor;
        }
        const bool out = is_out(lane);
        if (out == lane.out_of_service) return;
        lane.out_of_service = out;
        out ? ++state_.node_out[lane.node] : --state_.node_out[lane.node];
    }

    bool is_out(const Lane& lane) const {
        if (lane.status == LaneStatus::waiting || lane.status == LaneStatus::finished ||
            lane.status == LaneStatus::undone) {
            return false;
        }
        const auto& procedure = plan_.procedures[lane.procedure];
        for (std::uint32_t s = 0; s < procedure.first_verify; ++s) {
            const auto& step = lane.steps[s];
            if (procedure.steps[s].disruptive && (step.changed || step.in_flight)) return true;
        }
        return false;
    }

    const planner::Plan& plan_;
    State& state_;
    Time now_;
};

}  // namespace

bool apply(const planner::Plan& plan, State& state, const Event& event) {
    if (event.time < state.last) return false;
    if (!std::visit(Fold(plan, state, event.time), event.body)) return false;
    state.last = event.time;
    return true;
}

Result<State> replay(const planner::Plan& plan, const std::vector<Event>& events) {
    auto state = fresh_state(plan);
    for (std::size_t i = 0; i < events.size(); ++i) {
        if (!apply(plan, state, events[i])) {
            return Error(ErrorCode::corrupt,
                         fmt::format("record {} cannot follow the records before it", i + 1))
                .advise(
                    "the journal does not belong to this plan, or was written by another "
                    "version; keep the directory and compare it with a copy");
        }
    }
    return state;
}

}  // namespace escalator::engine
