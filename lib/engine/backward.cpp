// SPDX-License-Identifier: Apache-2.0
// The way back: waves in the reverse of the order in which they started, the lanes of a wave side
// by side, the steps of a lane from the last to the first.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "engine/deciding.hpp"

namespace escalator::engine {

bool Deciding::meets_no_return(const Lane& lane, std::uint32_t step) const {
    return is_barrier(plan_.procedures[lane.procedure], step,
                      state_.rollback && state_.rollback->past_no_return);
}

std::uint32_t Deciding::place_on_way_back(const Lane& lane) const {
    const auto& procedure = plan_.procedures[lane.procedure];
    const auto flying = static_cast<std::uint32_t>(std::max(lane.flying, 0));
    if (lane.flying >= 0 && flying >= procedure.first_verify) return 0;  // still on its way forward
    for (std::uint32_t place = 0; place < procedure.first_verify; ++place) {
        const auto s = planner::undone_at(procedure, place);
        if (lane.flying >= 0) {
            if (flying == s) return place;
        } else if (lane.steps[s].changed &&
                   (has_undo(procedure, s) || meets_no_return(lane, s))) {
            return place;
        }
    }
    return procedure.first_verify;
}

std::optional<std::uint32_t> Deciding::step_to_undo(const Lane& lane) const {
    return engine::step_to_undo(plan_, lane, state_.rollback && state_.rollback->past_no_return);
}

Deciding::Back Deciding::go_back(std::uint32_t lane, std::uint32_t lockstep, Room& room) {
    const auto& it = state_.lanes[lane];
    if (state_.given_up.contains(it.node)) return Back::settled;
    if (it.flying >= 0) {
        return Back::busy;
    }
    const auto give_up = it.status == LaneStatus::excluded ? Back::settled : Back::stuck;
    if (unheard_step(it)) return give_up;
    const auto s = step_to_undo(it);
    if (!s) return Back::settled;
    const auto& step = it.steps[*s];
    if (meets_no_return(it, *s)) {
        return it.status == LaneStatus::excluded ? Back::settled : Back::barrier;
    }
    if (step.undo_doubtful) return give_up;
    if (step.status == StepStatus::undo_failed) {
        if (step.failures > spec(it, *s).on_failure.retry) return give_up;
        if (due(it, *s) > now_) {
            wake_at(due(it, *s));
            return Back::busy;
        }
    }
    if (place_on_way_back(it) > lockstep) return Back::busy;
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
    // what an earlier controller left in flight is only looked for: its place in the order may be
    // another one by now
    for (const auto index : state_.flying) {
        const auto& lane = state_.lanes[index];
        const bool adrift = lane.steps[static_cast<std::size_t>(lane.flying)].adrift;
        if (adrift && in_scope(rollback.scope, lane)) attend(index, false);
    }
    for (auto key = state_.started_waves.rbegin(); key != state_.started_waves.rend(); ++key) {
        const auto& [procedure, wave] = *key;
        std::vector<std::uint32_t> lanes;
        for (const auto lane : state_.waves[procedure][wave].lanes) {
            if (in_scope(rollback.scope, state_.lanes[lane])) lanes.push_back(lane);
        }
        auto lockstep = std::numeric_limits<std::uint32_t>::max();
        if (plan_.procedures[procedure].method == campaign::Method::one_step) {
            for (const auto lane : lanes) {
                const auto& it = state_.lanes[lane];
                if (it.status == LaneStatus::excluded || state_.given_up.contains(it.node)) continue;
                lockstep = std::min(lockstep, place_on_way_back(it));
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
            const auto unheard = unheard_step(it);
            const auto s = unheard ? *unheard : *step_to_undo(it);
            const bool gone = it.steps[s].outcome == Outcome::unreachable;
            suspend(gone ? Why::node_unreachable : Why::undo_failed, ref(*stuck, s),
                    fmt::format("{} was not undone on {}: {}", spec(it, s).name, name(it),
                                it.steps[s].message));
            return;
        }
        if (barrier && at_rest) {
            end_rollback();
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
    // an undo may still be in flight in a wave of which nothing was left when an earlier rollback
    // ended
    const bool flying = std::any_of(state_.flying.begin(), state_.flying.end(), [&](auto index) {
        return in_scope(rollback.scope, state_.lanes[index]);
    });
    if (flying) return;
    end_rollback();
}

void Deciding::end_rollback() {
    const auto& rollback = *state_.rollback;
    const bool left = std::any_of(state_.lanes.begin(), state_.lanes.end(), [&](const Lane& lane) {
        return in_scope(rollback.scope, lane) && left_changed(lane);
    });
    out_.events.emplace_back(RollbackEnded{rollback.scope, !left});
}

bool Deciding::left_changed(const Lane& lane) const {
    const auto& procedure = plan_.procedures[lane.procedure];
    for (std::uint32_t s = 0; s < procedure.first_verify; ++s) {
        if (lane.steps[s].changed && procedure.steps[s].way_back != action::WayBack::read_only) {
            return true;
        }
    }
    return false;
}

/// What follows from a rollback that has ended. Decided from the state alone: the controller may
/// have died right after the rollback's last event.
void Deciding::after_rollback() {
    const auto& rollback = *state_.rolled_back;
    bool left = false;
    for (std::uint32_t l = 0; l < state_.lanes.size(); ++l) {
        const auto& lane = state_.lanes[l];
        if (!in_scope(rollback.scope, lane)) continue;
        const auto s = engine::step_to_undo(plan_, lane, rollback.past_no_return);
        const bool barrier =
            s && lane.status != LaneStatus::excluded &&
            is_barrier(plan_.procedures[lane.procedure], *s, rollback.past_no_return);
        if (barrier && !state_.given_up.contains(lane.node)) {
            suspend(Why::no_return, ref(l, *s),
                    fmt::format("{} is past the point of no return",
                                planner::step_id(plan_, ref(l, *s))));
            return;
        }
        left = left || left_changed(lane);
    }
    if (rollback.scope.kind == Scope::Kind::all) {
        out_.events.emplace_back(RunEnded{left ? Ending::partly_rolled_back : Ending::rolled_back});
    } else {
        suspend(Why::wave_undone, std::nullopt, rollback.reason);
    }
}

}  // namespace escalator::engine
