// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "engine/deciding.hpp"

namespace escalator::engine {

namespace {

/// Retries back off by doubling up to this; an upgrade window is a few hours at most.
constexpr Milliseconds longest_backoff{5 * 60'000};

}  // namespace

Deciding::Deciding(const planner::Plan& plan, const State& state, Time now, const Bounds& bounds)
    : plan_(plan), state_(state), now_(now), bounds_(bounds) {
    const auto fanout = std::max<std::uint32_t>(1, bounds.fanout);
    slots_ = fanout - std::min(fanout, state.attended());
}

Decision Deciding::take() && {
    if (state_.status == RunStatus::ended) {
        out_.next = Next::ended;
    } else if (state_.status == RunStatus::suspended) {
        out_.next = Next::suspended;
    } else if (state_.status == RunStatus::running) {
        alarm_late();
        if (state_.rolled_back) {
            after_rollback();
        } else if (state_.rollback) {
            backward();
        } else {
            forward();
        }
    }
    return std::move(out_);
}

void Deciding::wake_at(Time time) {
    if (!out_.wake || time < *out_.wake) out_.wake = time;
}

bool Deciding::quiet() const { return state_.attended() == 0 && out_.jobs.empty(); }

StepRef Deciding::ref(std::uint32_t lane, std::uint32_t step) const {
    return {state_.lanes[lane].procedure, state_.lanes[lane].node, step};
}

const campaign::Step& Deciding::spec(const Lane& lane, std::uint32_t step) const {
    return plan_.procedures[lane.procedure].steps[step];
}

std::string Deciding::name(const Lane& lane) const { return plan_.nodes[lane.node].name; }

void Deciding::alarm_late() {
    for (const auto index : state_.flying) {
        const auto& lane = state_.lanes[index];
        const auto s = static_cast<std::uint32_t>(lane.flying);
        const auto& step = lane.steps[s];
        const auto expect = spec(lane, s).expect;
        if (step.late || step.adrift || expect <= Milliseconds{0}) continue;
        const auto alarm = step.started + 2 * expect;
        if (now_ >= alarm) {
            out_.events.emplace_back(
                StepLate{ref(index, s), step.phase, step.attempts(step.phase)});
        } else {
            wake_at(alarm);
        }
    }
}

void Deciding::attend(std::uint32_t lane, bool may_start) {
    if (slots_ == 0) return;
    --slots_;
    const auto s = static_cast<std::uint32_t>(state_.lanes[lane].flying);
    const auto& step = state_.lanes[lane].steps[s];
    const auto attempt = step.attempts(step.phase);
    out_.events.emplace_back(StepStarted{ref(lane, s), step.phase, attempt});
    out_.jobs.push_back({ref(lane, s), step.phase, attempt, true, may_start});
}

bool Deciding::start(std::uint32_t lane, std::uint32_t step, Phase phase) {
    if (slots_ == 0) return false;
    --slots_;
    // others may rely on what is being undone: what they may do, the next decision sees
    if (phase == Phase::undo && spec(state_.lanes[lane], step).once) lanes_changed_ = true;
    const auto attempt = state_.lanes[lane].steps[step].attempts(phase) + 1;
    out_.events.emplace_back(StepStarted{ref(lane, step), phase, attempt});
    out_.jobs.push_back({ref(lane, step), phase, attempt, false, true});
    return true;
}

void Deciding::suspend(Why why, std::optional<StepRef> step, std::string reason) {
    if (!quiet()) return;
    out_.wake.reset();
    out_.events.emplace_back(Suspended{why, step, std::move(reason)});
}

Time Deciding::due(const Lane& lane, std::uint32_t index) const {
    const auto& step = lane.steps[index];
    if (step.failures == 0) return now_;
    const auto doublings = std::min<std::uint32_t>(step.failures - 1, 20);
    const auto wait = spec(lane, index).on_failure.backoff * (std::int64_t{1} << doublings);
    return step.ended + std::min(wait, longest_backoff);
}

Decision decide(const planner::Plan& plan, const State& state, Time now, const Bounds& bounds) {
    return Deciding(plan, state, now, bounds).take();
}

}  // namespace escalator::engine
