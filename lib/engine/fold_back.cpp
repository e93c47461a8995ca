// SPDX-License-Identifier: Apache-2.0
// Giving nodes up within the tolerance, and the way back.
#include <algorithm>

#include "engine/fold.hpp"

namespace escalator::engine {

bool Fold::operator()(const NodeExcluded& event) {
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

bool Fold::operator()(const RollbackStarted& event) {
    if (state_.status == RunStatus::fresh) return false;
    if (event.scope.kind == Scope::Kind::lane && !event.by_operator) {
        const auto index = state_.lane_of(event.scope.procedure, event.scope.node);
        if (!index) return false;
        state_.lanes[*index].undo_asked = true;
        refresh(state_.lanes[*index]);
        return true;
    }
    state_.status = RunStatus::running;
    state_.suspension.reset();
    state_.suspend_requested = false;
    state_.ending.reset();
    state_.rolled_back.reset();
    state_.rollback = Rollback{event.scope, event.by_operator, event.past_no_return, event.reason};
    for (auto& lane : state_.lanes) {
        if (!in_scope(event.scope, lane)) continue;
        lane.undo_asked = false;
        for (auto& step : lane.steps) step.condemned = false;
        clear_failures(lane);
        refresh(lane);
    }
    return true;
}

bool Fold::operator()(const RollbackEnded& event) {
    if (event.scope.kind == Scope::Kind::lane && !state_.rollback) {
        // it stays asked for until the node is excluded, which follows
        const auto index = state_.lane_of(event.scope.procedure, event.scope.node);
        if (!index || !state_.lanes[*index].undo_asked) return false;
        end_rollback_of(state_.lanes[*index]);
        return true;
    }
    for (auto& lane : state_.lanes) {
        if (!in_scope(event.scope, lane) || state_.given_up.contains(lane.node)) continue;
        lane.undo_asked = false;
        end_rollback_of(lane);
    }
    if (!state_.rollback || !(state_.rollback->scope == event.scope)) return false;
    state_.rolled_back = std::move(state_.rollback);
    state_.rollback.reset();
    std::erase_if(state_.started_waves, [&](const WaveKey& key) {
        auto& wave = state_.waves[key.first][key.second];
        // what could not be undone on an excluded node keeps its wave: the node may come back
        const bool undone = std::all_of(wave.lanes.begin(), wave.lanes.end(), [&](auto index) {
            return is_untouched(state_.lanes[index]);
        });
        const bool any = std::any_of(wave.lanes.begin(), wave.lanes.end(), [&](auto index) {
            const auto& lane = state_.lanes[index];
            return lane.status != LaneStatus::excluded && in_scope(event.scope, lane);
        });
        if (undone && any) wave.status = WaveStatus::undone;
        return undone && any;
    });
    return true;
}

void Fold::end_rollback_of(Lane& lane) {
    const bool begun = lane.status == LaneStatus::active || lane.status == LaneStatus::finished ||
                       lane.status == LaneStatus::broken || lane.status == LaneStatus::undoing;
    if (!begun) return;
    // up to a step that is not undone all stays as it was: a barrier, or the rollback ended before
    const bool past = state_.rollback && state_.rollback->past_no_return;
    const auto wall = step_to_undo(plan_, lane, past);
    const auto& procedure = plan_.procedures[lane.procedure];
    // what only looked, or found its work done, is to be looked at again on the next way forward
    std::vector<std::uint32_t> passed;
    for (auto s = procedure.first_verify; s < lane.steps.size(); ++s) passed.push_back(s);
    for (std::uint32_t place = 0; place < procedure.first_verify; ++place) {
        const auto s = planner::undone_at(procedure, place);
        if (wall == s) break;
        passed.push_back(s);
    }
    for (const auto s : passed) {
        auto& step = lane.steps[s];
        if (step.changed && is_barrier(procedure, s, false)) continue;
        step.status = StepStatus::undone;
        step.changed = step.doubtful = false;
    }
    forget_once(lane);
    refresh(lane);
    const bool whole = next_step(plan_, state_, index_of(lane)).step == lane.steps.size();
    const bool left = std::any_of(lane.steps.begin(), lane.steps.end(),
                                  [](const StepState& step) { return step.changed; });
    if (whole && lane.status == LaneStatus::finished) return;
    lane.status = left ? LaneStatus::undoing : LaneStatus::undone;
    refresh(lane);
}

}  // namespace escalator::engine
