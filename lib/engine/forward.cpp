// SPDX-License-Identifier: Apache-2.0
// The way forward: wave after wave, and what a policy wants when a lane breaks.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/units.hpp"
#include "engine/deciding.hpp"

namespace escalator::engine {

namespace {

bool settled(const Lane& lane) {
    return lane.status == LaneStatus::finished || lane.status == LaneStatus::excluded;
}

bool under_way(const Lane& lane) {
    return lane.cursor > 0 || std::any_of(lane.steps.begin(), lane.steps.end(),
                                          [](const StepState& step) { return step.performs > 0; });
}

}  // namespace

void Deciding::forward() {
    if (state_.suspend_requested) {
        suspend(Why::operator_asked, std::nullopt, "asked to stop at a safe point");
        return;
    }
    const auto procedure = current_procedure(state_);
    if (state_.adrift > 0) attend_adrift(procedure);
    if (procedure == plan_.procedures.size()) {
        if (state_.flying.empty()) out_.events.emplace_back(RunEnded{Ending::done});
        return;
    }
    const auto& waves = state_.waves[procedure];
    // in order: after a rollback of a part, a wave may wait in front of one that runs
    const auto open = std::find_if(waves.begin(), waves.end(), [](const WaveState& wave) {
        return wave.status == WaveStatus::waiting || wave.status == WaveStatus::running;
    });
    if (open == waves.end()) return;
    const auto wave = static_cast<std::uint32_t>(open - waves.begin());
    if (open->status == WaveStatus::running) {
        forward_wave(procedure, wave);
    } else if (gate(procedure, wave)) {
        out_.events.emplace_back(WaveStarted{procedure, wave});
    }
}

/// Looks after what an earlier controller left in flight. What never started may start now only if
/// it would be started now anyway.
void Deciding::attend_adrift(std::uint32_t procedure) {
    for (const auto index : state_.flying) {
        const auto& lane = state_.lanes[index];
        const auto s = static_cast<std::uint32_t>(lane.flying);
        const auto& step = lane.steps[s];
        if (!step.adrift) continue;
        if (lane.undo_asked) {
            attend(index, step.phase == Phase::undo && step_to_undo(lane) == s);
            continue;
        }
        bool due = step.phase != Phase::undo && lane.status == LaneStatus::active &&
                   lane.procedure == procedure && next_step(plan_, state_, index).step == s;
        if (due) {
            const auto& waves = state_.waves[procedure];
            due = std::all_of(waves.begin(), waves.begin() + lane.wave, [](const WaveState& wave) {
                return wave.status == WaveStatus::ended;
            });
            due = due && s <= lockstep_of(procedure, lane.wave);
        }
        attend(index, due);
    }
}

/// The step no lane of a one-step wave may go beyond.
std::uint32_t Deciding::lockstep_of(std::uint32_t procedure, std::uint32_t wave) const {
    auto lockstep = std::numeric_limits<std::uint32_t>::max();
    if (plan_.procedures[procedure].method != campaign::Method::one_step) return lockstep;
    for (const auto lane : state_.waves[procedure][wave].lanes) {
        const auto& it = state_.lanes[lane];
        if (it.status == LaneStatus::excluded || it.undo_asked) continue;
        lockstep = std::min(lockstep, next_step(plan_, state_, lane).step);
    }
    return lockstep;
}

void Deciding::forward_wave(std::uint32_t procedure, std::uint32_t wave) {
    const auto& lanes = state_.waves[procedure][wave].lanes;
    if (std::all_of(lanes.begin(), lanes.end(), [&](auto l) { return settled(state_.lanes[l]); })) {
        out_.events.emplace_back(WaveEnded{procedure, wave});
        return;
    }
    for (const auto lane : lanes) {
        const auto& it = state_.lanes[lane];
        if (it.status == LaneStatus::broken && !it.undo_asked) handle_broken(lane);
        if (wide_rollback_) return;
    }
    if (stop_) {
        suspend(stop_->why, stop_->step, stop_->reason);
        return;
    }
    const auto lockstep = lockstep_of(procedure, wave);
    Room room(plan_, state_, procedure);
    for (const auto lane : lanes) {
        if (state_.lanes[lane].undo_asked) undo_lane(lane, room);
    }
    if (stop_) {
        suspend(stop_->why, stop_->step, stop_->reason);
        return;
    }
    if (lanes_changed_) return;  // what the others may do now, the next decision sees
    // nodes that are out of service already come first: the sooner they are back the better
    for (const bool begun : {true, false}) {
        for (const auto lane : lanes) {
            if (slots_ == 0) break;  // the next result asks again
            const auto& it = state_.lanes[lane];
            if (it.status != LaneStatus::active || it.undo_asked || it.flying >= 0) continue;
            if (under_way(it) == begun) advance(lane, lockstep, room);
        }
    }
    if (held_up_ && quiet() && out_.events.empty() && !out_.wake) {
        suspend(Why::step_lost, held_up_,
                fmt::format("{} is to be done once, and nobody knows how it ended",
                            planner::step_id(plan_, *held_up_)));
        return;
    }
    if (crowded_ && out_.events.empty() && !out_.wake) {
        suspend(
            Why::limit, std::nullopt,
            fmt::format("{} cannot be taken out of service: the nodes that are out use up a limit "
                        "of unavailability",
                        crowded_node_));
    }
}

void Deciding::advance(std::uint32_t lane, std::uint32_t lockstep, Room& room) {
    const auto& it = state_.lanes[lane];
    const auto next = next_step(plan_, state_, lane);
    if (next.wait) {
        held_up_ = ref(state_.once_by.at({it.procedure, next.step}), next.step);
        return;
    }
    if (next.step >= it.steps.size() || next.step > lockstep) return;
    // the first lane of this very decision takes a `once` step, the others see that in the next
    if (spec(it, next.step).once) {
        const bool taken =
            std::any_of(out_.jobs.begin(), out_.jobs.end(), [&](const JobIntent& job) {
                return job.step.procedure == it.procedure && job.step.step == next.step;
            });
        if (taken) return;
    }
    const auto& step = it.steps[next.step];
    if (step.status == StepStatus::uncertain || step.doubtful) {
        start(lane, next.step, Phase::check);
        return;
    }
    if (step.status == StepStatus::failed && due(it, next.step) > now_) {
        wake_at(due(it, next.step));
        return;
    }
    const bool disruptive =
        spec(it, next.step).disruptive && next.step < plan_.procedures[it.procedure].first_verify;
    if (disruptive && !room.has(it.node)) {
        crowded_ = true;
        crowded_node_ = name(it);
        return;
    }
    if (start(lane, next.step, Phase::perform) && disruptive) room.take(it.node);
}

void Deciding::handle_broken(std::uint32_t lane) {
    const auto& it = state_.lanes[lane];
    const auto s = next_step(plan_, state_, lane).step;
    const auto& step = it.steps[s];
    const auto& policy = spec(it, s).on_failure;
    const auto where = ref(lane, s);
    const bool unreachable =
        step.status == StepStatus::uncertain && step.outcome == Outcome::unreachable;
    if (step.status == StepStatus::uncertain && !unreachable) {
        stop_ = Suspended{Why::step_lost, where,
                          fmt::format("nobody knows how {} ended", planner::step_id(plan_, where))};
        return;
    }
    const auto gives_up = [](campaign::Remedy remedy) {
        return remedy == campaign::Remedy::exclude || remedy == campaign::Remedy::undo_node;
    };
    auto remedy = policy.then;
    bool beyond_tolerance = false;
    if (gives_up(remedy)) {
        auto given_up = state_.excluded;
        given_up.insert(excluding_.begin(), excluding_.end());
        for (const auto& other : state_.lanes) {
            if (other.undo_asked) given_up.insert(other.node);
        }
        given_up.insert(it.node);
        if (given_up.size() > plan_.tolerate) {
            beyond_tolerance = true;
            remedy = policy.otherwise;
            if (gives_up(remedy)) remedy = campaign::Remedy::suspend;
        }
    }
    // what runs on a node that does not answer can't be undone; only its absence can be accepted
    if (unreachable && remedy != campaign::Remedy::suspend) {
        remedy = gives_up(remedy) ? campaign::Remedy::exclude : campaign::Remedy::suspend;
    }
    const auto reason = fmt::format("{} failed: {}", planner::step_id(plan_, where), it.reason);
    Scope scope;  // fields that do not belong to its kind stay 0, as the journal reads them back
    switch (remedy) {
        case campaign::Remedy::suspend:
            stop_ = Suspended{unreachable        ? Why::node_unreachable
                              : beyond_tolerance ? Why::tolerance
                                                 : Why::step_failed,
                              where, reason};
            return;
        case campaign::Remedy::exclude:
            excluding_.insert(it.node);
            out_.events.emplace_back(NodeExcluded{it.procedure, it.node, reason});
            lanes_changed_ = true;
            return;
        case campaign::Remedy::undo_node:
            scope = {Scope::Kind::lane, it.procedure, it.wave, it.node};
            break;
        case campaign::Remedy::undo_wave:
            scope = {Scope::Kind::wave, it.procedure, it.wave, 0};
            break;
        case campaign::Remedy::undo_procedure:
            scope = {Scope::Kind::procedure, it.procedure, 0, 0};
            break;
        case campaign::Remedy::undo_all:
            break;
    }
    excluding_.insert(it.node);
    wide_rollback_ = scope.kind != Scope::Kind::lane;
    out_.events.emplace_back(RollbackStarted{scope, false, false, reason});
}

void Deciding::undo_lane(std::uint32_t lane, Room& room) {
    const auto& it = state_.lanes[lane];
    if (it.flying >= 0) return;
    switch (go_back(lane, std::numeric_limits<std::uint32_t>::max(), room)) {
        case Back::busy:
            return;
        case Back::settled:
            if (it.status != LaneStatus::undone) {
                out_.events.emplace_back(
                    RollbackEnded{{Scope::Kind::lane, it.procedure, it.wave, it.node}, true});
            }
            out_.events.emplace_back(NodeExcluded{it.procedure, it.node, it.reason});
            lanes_changed_ = true;
            return;
        case Back::barrier:
        case Back::stuck:
            break;
    }
    const auto s = unheard_step(it).value_or(step_to_undo(it).value_or(0));
    const bool barrier = meets_no_return(it, s);
    stop_ =
        Suspended{barrier ? Why::no_return : Why::undo_failed, ref(lane, s),
                  fmt::format("{} cannot be undone on {}: {}", spec(it, s).name, name(it),
                              barrier ? "it is past the point of no return" : it.steps[s].message)};
}

bool Deciding::gate(std::uint32_t p, std::uint32_t w) {
    const auto& procedure = plan_.procedures[p];
    const bool begins =
        std::all_of(state_.waves[p].begin(), state_.waves[p].end(),
                    [](const WaveState& wave) { return wave.status == WaveStatus::waiting; });
    if (begins && procedure.hold_before && !state_.holds_passed.contains(p)) {
        suspend(Why::until, std::nullopt,
                fmt::format("the campaign holds before procedure {}", procedure.name));
        return false;
    }
    if ((begins && state_.until == procedure.name) ||
        state_.until == fmt::format("{}:{}", procedure.name, w + 1)) {
        suspend(Why::until, std::nullopt, fmt::format("asked to stop before {}", state_.until));
        return false;
    }
    if (w > 0) {
        const auto ready = state_.waves[p][w - 1].ended + procedure.waves[w - 1].soak;
        if (ready > now_) {
            wake_at(ready);
            return false;
        }
    }
    const auto& wave = procedure.waves[w];
    const auto needs = wave.predicted + wave.predicted_undo;
    if (bounds_.window_end && !state_.ignore_window && now_ + needs > *bounds_.window_end) {
        suspend(
            Why::window, std::nullopt,
            fmt::format("wave {} of {} needs {} to finish, or be undone, and the window ends at {}",
                        w + 1, procedure.name, humane_duration(needs),
                        format_utc(*bounds_.window_end)));
        return false;
    }
    return true;
}

}  // namespace escalator::engine
