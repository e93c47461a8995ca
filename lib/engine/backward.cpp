// SPDX-License-Identifier: Apache-2.0
// The way back: waves in the reverse of the order in which they started, the lanes of a wave side
// by side, the steps of a lane from the last to the first.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/deciding.hpp"

namespace escalator::engine {

bool Deciding::meets_no_return(const Lane& lane, std::uint32_t step) const {
    return step < plan_.procedures[lane.procedure].first_verify &&
           spec(lane, step).way_back == action::WayBack::no_return &&
           !(state_.rollback && state_.rollback->past_no_return);
}

std::optional<std::uint32_t> Deciding::step_to_undo(const Lane& lane) const {
    const auto& procedure = plan_.procedures[lane.procedure];
    for (auto s = procedure.first_verify; s-- > 0;) {
        if (!lane.steps[s].changed) continue;
        if (has_undo(procedure, s) || meets_no_return(lane, s)) return s;
    }
    return std::nullopt;
}

Deciding::Back Deciding::go_back(std::uint32_t lane, std::uint32_t lockstep, Room& room) {
    const auto& it = state_.lanes[lane];
    if (it.flying >= 0) {
        const auto& step = it.steps[static_cast<std::size_t>(it.flying)];
        if (step.adrift && !state_.suspend_requested) attend(lane, step.phase == Phase::undo);
        return Back::busy;
    }
    const auto s = step_to_undo(it);
    if (!s) return Back::settled;
    const auto& step = it.steps[*s];
    const auto give_up = it.status == LaneStatus::excluded ? Back::settled : Back::stuck;
    if (meets_no_return(it, *s)) {
        return it.status == LaneStatus::excluded ? Back::settled : Back::barrier;
    }
    if (step.status == StepStatus::uncertain && step.outcome == Outcome::unreachable)
        return give_up;
    if (step.status == StepStatus::undo_failed) {
        if (step.failures > spec(it, *s).on_failure.retry) return give_up;
        if (due(it, *s) > now_) {
            wake_at(due(it, *s));
            return Back::busy;
        }
    }
    if (lockstep != std::numeric_limits<std::uint32_t>::max() && *s < lockstep) return Back::busy;
    if (state_.suspend_requested) return Back::busy;
    if (spec(it, *s).disruptive && !room.has(it.node)) {
        crowded_ = true;
        crowded_node_ = name(it);
        return Back::busy;
    }
    if (start(lane, *s, Phase::undo) && spec(it, *s).disruptive) room.take(it.node);
    return Back::busy;
}

void Deciding::backward() {
    const auto& rollback = *state_.rollback;
    if (state_.suspend_requested) {
        suspend(Why::operator_asked, std::nullopt, "asked to stop at a safe point of the rollback");
        return;
    }
    for (auto key = state_.started_waves.rbegin(); key != state_.started_waves.rend(); ++key) {
        const auto& [procedure, wave] = *key;
        std::vector<std::uint32_t> lanes;
        for (const auto lane : state_.waves[procedure][wave].lanes) {
            if (in_scope(rollback.scope, state_.lanes[lane])) lanes.push_back(lane);
        }
        auto lockstep = std::numeric_limits<std::uint32_t>::max();
        if (plan_.procedures[procedure].method == campaign::Method::one_step) {
            lockstep = 0;
            for (const auto lane : lanes) {
                const auto& it = state_.lanes[lane];
                if (it.status == LaneStatus::excluded) continue;
                const auto s = it.flying >= 0 ? std::optional(static_cast<std::uint32_t>(it.flying))
                                              : step_to_undo(it);
                if (s) lockstep = std::max(lockstep, *s);
            }
        }
        Room room(plan_, state_, procedure);
        bool busy = false;
        std::optional<std::uint32_t> barrier;
        std::optional<std::uint32_t> stuck;
        for (const auto lane : lanes) {
            switch (go_back(lane, lockstep, room)) {
                case Back::settled:
                    break;
                case Back::busy:
                    busy = true;
                    break;
                case Back::barrier:
                    barrier = lane;
                    break;
                case Back::stuck:
                    stuck = lane;
                    break;
            }
        }
        const bool at_rest = quiet() && !out_.wake;
        if (stuck && at_rest) {
            const auto& it = state_.lanes[*stuck];
            const auto s = *step_to_undo(it);
            const bool gone = it.steps[s].outcome == Outcome::unreachable;
            suspend(gone ? Why::node_unreachable : Why::undo_failed, ref(*stuck, s),
                    fmt::format("{} was not undone on {}: {}", spec(it, s).name, name(it),
                                it.steps[s].message));
            return;
        }
        if (barrier && at_rest) {
            end_rollback(true, ref(*barrier, *step_to_undo(state_.lanes[*barrier])));
            return;
        }
        if (busy && at_rest && crowded_) {
            suspend(
                Why::limit, std::nullopt,
                fmt::format("{} cannot be taken out of service to be rolled back: the nodes that "
                            "are out use up a limit of unavailability",
                            crowded_node_));
        }
        if (busy || barrier || stuck) return;
    }
    end_rollback(false, std::nullopt);
}

void Deciding::end_rollback(bool at_barrier, const std::optional<StepRef>& barrier) {
    const auto& rollback = *state_.rollback;
    const bool left = std::any_of(state_.lanes.begin(), state_.lanes.end(), [&](const Lane& lane) {
        if (!in_scope(rollback.scope, lane)) return false;
        const auto& procedure = plan_.procedures[lane.procedure];
        for (std::uint32_t s = 0; s < procedure.first_verify; ++s) {
            if (lane.steps[s].changed &&
                procedure.steps[s].way_back != action::WayBack::read_only) {
                return true;
            }
        }
        return false;
    });
    out_.events.emplace_back(RollbackEnded{rollback.scope, !left});
    if (at_barrier) {
        out_.events.emplace_back(Suspended{
            Why::no_return, barrier,
            fmt::format("{} is past the point of no return", planner::step_id(plan_, *barrier))});
    } else if (rollback.scope.kind == Scope::Kind::all) {
        out_.events.emplace_back(RunEnded{left ? Ending::partly_rolled_back : Ending::rolled_back});
    } else {
        out_.events.emplace_back(Suspended{Why::wave_undone, std::nullopt, rollback.reason});
    }
}

}  // namespace escalator::engine
