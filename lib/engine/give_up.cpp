// SPDX-License-Identifier: Apache-2.0
// The operator goes on without a node that is dead for good: run --resume --exclude NODE.
#include "engine/fold.hpp"

namespace escalator::engine {

/// Its status may still say so while a rollback has taken back a once-step that it counted on.
bool Fold::is_finished(const Lane& lane) const {
    return lane.status == LaneStatus::finished &&
           next_step(plan_, state_, index_of(lane)).step == lane.steps.size();
}

bool Fold::operator()(const NodeGivenUp& event) {
    if (event.node >= state_.node_out.size()) return false;
    bool any = false;
    for (auto& lane : state_.lanes) {
        if (lane.node != event.node) continue;
        // somebody is looking after that step: not now
        if (lane.flying >= 0 && !lane.steps[static_cast<std::size_t>(lane.flying)].adrift) {
            return false;
        }
        any = any || !is_finished(lane);
    }
    if (!any) return false;
    state_.given_up.insert(event.node);
    state_.excluded.insert(event.node);
    for (auto& lane : state_.lanes) {
        if (lane.node != event.node || is_finished(lane)) continue;
        if (lane.flying >= 0) {
            // it may go on there, and nobody will ask: how it ended stays unknown
            auto& step = lane.steps[static_cast<std::size_t>(lane.flying)];
            set_adrift(step, false);
            step.in_flight = false;
            step.outcome = Outcome::unreachable;
            step.changed = step.changed || step.phase == Phase::perform;
            step.doubtful = step.doubtful || step.phase == Phase::perform;
            step.status =
                step.phase == Phase::undo ? StepStatus::undo_failed : StepStatus::uncertain;
            lane.flying = -1;
            state_.flying.erase(index_of(lane));
        }
        lane.status = LaneStatus::excluded;
        lane.reason = "left out by " + event.by;
        lane.undo_asked = false;
        forget_once(lane);
        refresh(lane);
    }
    for (std::uint32_t p = 0; p < state_.waves.size(); ++p) settle_procedure(p);
    return true;
}

}  // namespace escalator::engine
