// SPDX-License-Identifier: Apache-2.0
// apply(): one event into the state. Nothing here decides; it only remembers. This file: the run
// and its waves.
#include "engine/fold.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/engine.hpp"

namespace escalator::engine {

bool Fold::operator()(const RunStarted& event) {
    if (state_.status != RunStatus::fresh) return false;
    state_.status = RunStatus::running;
    state_.run = event.run;
    state_.by = event.by;
    state_.plan_digest = event.plan_digest;
    state_.version = event.version;
    state_.started = now_;
    return true;
}

bool Fold::operator()(const ControllerStarted& /*event*/) {
    if (state_.status == RunStatus::fresh) return false;
    for (const auto index : state_.flying) set_adrift(flying_step(index), true);
    state_.suspend_requested = false;
    return true;
}

bool Fold::operator()(const WaveStarted& event) {
    auto* wave = find_wave(event.procedure, event.wave);
    if (state_.status != RunStatus::running || state_.rollback || wave == nullptr) return false;
    if (wave->status != WaveStatus::waiting) return false;
    wave->status = WaveStatus::running;
    wave->started = now_;
    state_.started_waves.emplace_back(event.procedure, event.wave);
    for (const auto index : wave->lanes) {
        auto& lane = state_.lanes[index];
        if (lane.status == LaneStatus::waiting) lane.status = LaneStatus::active;
        settle(lane);  // another node may have done all there is to do: `once`
    }
    return true;
}

bool Fold::operator()(const WaveEnded& event) {
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

bool Fold::operator()(const SuspendRequested& /*event*/) {
    if (state_.status != RunStatus::running) return false;
    state_.suspend_requested = true;
    return true;
}

bool Fold::operator()(const Suspended& event) {
    if (state_.status != RunStatus::running || state_.attended() > 0) return false;
    state_.status = RunStatus::suspended;
    state_.suspend_requested = false;
    state_.suspension = event;
    for (auto& lane : state_.lanes) {
        for (auto& step : lane.steps) step.condemned = false;
    }
    state_.rolled_back.reset();
    return true;
}

bool Fold::operator()(const RunEnded& event) {
    if (state_.status != RunStatus::running || !state_.flying.empty()) return false;
    state_.status = RunStatus::ended;
    state_.ending = event.ending;
    state_.rolled_back.reset();
    state_.ended = now_;
    return true;
}

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
