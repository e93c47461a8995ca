// SPDX-License-Identifier: Apache-2.0
// The rules about the run: waves, limits of time, giving up, going back, ending.
#include <fmt/format.h>

#include <algorithm>

#include "twin/court.hpp"

namespace escalator::twin {

using action::WayBack;
using engine::Phase;

void Court::operator()(const engine::RunStarted& /*event*/) { running_ = true; }

void Court::operator()(const engine::ControllerStarted& /*event*/) {
    stopping_ = false;
    for (auto& lane : lanes_) {
        for (auto& step : lane.steps) step.adrift = step.flying;
    }
}

void Court::operator()(const engine::WaveStarted& event) {
    const auto& procedure = plan_.procedures[event.procedure];
    auto& waves = waves_[event.procedure];
    const auto name = fmt::format("wave {} of {}", event.wave + 1, procedure.name);
    if (!running_ || stopping_ || rollback_) breach(name + " starts while the run stops");
    if (waves[event.wave].started) breach(name + " starts twice");
    for (const auto before : procedure.after) {
        if (!settled(before)) breach(name + " starts before what it comes after is complete");
    }
    bool begins = true;
    for (std::uint32_t w = 0; w < waves.size(); ++w) {
        if (waves[w].started) begins = false;
        if (w < event.wave && (!settled(waves[w]) || !waves[w].ended)) {
            breach(name + " starts before the wave in front of it has ended");
        }
    }
    if (event.wave > 0 &&
        now_ < waves[event.wave - 1].when + procedure.waves[event.wave - 1].soak) {
        breach(name + " starts before the one in front has soaked");
    }
    if (begins && procedure.hold_before && !holds_passed_.contains(event.procedure)) {
        breach(name + " starts although the campaign holds before it");
    }
    if ((begins && until_ == procedure.name) ||
        until_ == fmt::format("{}:{}", procedure.name, event.wave + 1)) {
        breach(name + " starts although the operator wants to stop before it");
    }
    std::optional<Time> window;
    for (const auto& part : parts_) {
        if (part.from <= index_now_) window = part.window_end;
    }
    const auto& wave = procedure.waves[event.wave];
    if (window && !ignore_window_ && now_ + wave.predicted + wave.predicted_undo > *window) {
        breach(name + " starts and can't be finished or undone inside the window");
    }
    waves[event.wave].started = true;
    waves[event.wave].ended = false;
    order_.emplace_back(event.procedure, event.wave);
}

void Court::operator()(const engine::WaveEnded& event) {
    auto& wave = waves_[event.procedure][event.wave];
    if (!wave.started) breach("a wave ends that has not started");
    if (!settled(wave)) breach("a wave ends whose nodes are not all finished or excluded");
    wave.ended = true;
    wave.when = now_;
}

void Court::operator()(const engine::NodeExcluded& event) {
    auto& lane = lanes_[index_.at({event.procedure, event.node})];
    excluded_.insert(event.node);
    const auto own = std::count_if(excluded_.begin(), excluded_.end(),
                                   [&](auto node) { return !given_up_.contains(node); });
    if (own > plan_.tolerate) breach("more nodes are given up than tolerated");
    for (const auto& step : lane.steps) {
        if (step.flying) breach("a node is given up while a step runs on it");
    }
    if (lane.undo_asked) {
        for (std::uint32_t s = 0; s < lane.steps.size(); ++s) {
            if (in_the_way(lane, s)) breach("a node is given up before it was undone");
        }
    }
    lane.undo_asked = false;
    for (auto& it : lanes_) {
        if (it.node != event.node) continue;
        const auto& wave = waves_[it.procedure][it.wave];
        if (&it == &lane || !wave.started) it.excluded = true;
    }
}

void Court::operator()(const engine::NodeGivenUp& event) {
    excluded_.insert(event.node);
    given_up_.insert(event.node);
    for (auto& lane : lanes_) {
        if (lane.node != event.node || finished(lane)) continue;
        lane.excluded = true;
        lane.undo_asked = false;
        for (auto& step : lane.steps) {
            if (!step.flying) continue;
            if (!step.adrift) breach("a node is given up while a step runs on it");
            step.flying = step.adrift = false;
            if (step.phase != Phase::undo) step.uncertain = step.changed = true;
            step.unheard = step.phase != Phase::check;
        }
    }
}

void Court::forgive(Lane& lane) {
    for (auto& step : lane.steps) {
        if (!step.condemned) step.failures = 0;
    }
}

void Court::operator()(const engine::RollbackStarted& event) {
    if (event.scope.kind == engine::Scope::Kind::lane && !event.by_operator) {
        auto& lane = lanes_[index_.at({event.scope.procedure, event.scope.node})];
        lane.undo_asked = true;
        refresh(lane);
        return;
    }
    rollback_ = event;
    suspended_.reset();
    running_ = true;
    ended_ = stopping_ = false;
    for (auto& lane : lanes_) {
        if (!in_scope(event.scope, lane)) continue;
        lane.undo_asked = false;
        for (auto& step : lane.steps) step.condemned = false;
        forgive(lane);
        refresh(lane);
    }
}

bool Court::is_clean(const Lane& lane) const {
    return std::none_of(lane.steps.begin(), lane.steps.end(),
                        [](const Step& step) { return step.changed; });
}

/// What could not be undone stays, what only looked is to be looked at again.
void Court::end_rollback(Lane& lane) {
    const auto& procedure = plan_.procedures[lane.procedure];
    lane.undo_asked = false;
    std::uint32_t first = 0;  // up to a step that is not undone all stays as it was
    for (auto s = procedure.first_verify; s-- > 0 && first == 0;) {
        if (in_the_way(lane, s)) first = s + 1;
    }
    for (auto s = first; s < lane.steps.size(); ++s) {
        auto& step = lane.steps[s];
        if (step.flying) {
            breach("a rollback ends while a step of it runs");
            continue;
        }
        const bool barrier = s < procedure.first_verify && step.changed &&
                             procedure.steps[s].way_back == WayBack::no_return;
        if (barrier || (step.changed && has_undo(lane.procedure, s))) continue;
        step.complete = step.changed = step.uncertain = false;
    }
    refresh(lane);
}

void Court::operator()(const engine::RollbackEnded& event) {
    using Kind = engine::Scope::Kind;
    for (auto& lane : lanes_) {
        if (!in_scope(event.scope, lane)) continue;
        for (std::uint32_t s = 0; s < lane.steps.size(); ++s) {
            if (!event.complete || !has_undo(lane.procedure, s)) continue;
            const auto found = truth_.find({lane.procedure, lane.node, s});
            if (found != truth_.end() && found->second != Truth::clean) {
                breach(id({lane.procedure, lane.node, s}) + " is still there after its rollback");
            }
        }
        const bool begun = waves_[lane.procedure][lane.wave].started;
        if (begun && !lane.excluded && !given_up_.contains(lane.node)) end_rollback(lane);
    }
    if (event.scope.kind == Kind::lane && !rollback_) return;
    if (!rollback_ || !(rollback_->scope == event.scope))
        breach("a rollback ends that never began");
    rollback_.reset();
    std::erase_if(order_, [&](const auto& key) {
        auto& wave = waves_[key.first][key.second];
        bool any = false;
        bool clean = true;
        for (const auto index : wave.lanes) {
            const auto& lane = lanes_[index];
            any = any || (!lane.excluded && in_scope(event.scope, lane));
            bool idle = is_clean(lane);
            for (const auto& step : lane.steps) idle = idle && !step.complete && !step.flying;
            clean = clean && idle;
        }
        if (any && clean) wave.started = wave.ended = false;
        return any && clean;
    });
}

void Court::operator()(const engine::SuspendRequested& /*event*/) { stopping_ = true; }

void Court::operator()(const engine::Suspended& event) {
    if (!running_) breach("it is suspended twice");
    for (const auto& lane : lanes_) {
        for (const auto& step : lane.steps) {
            if (step.flying && !step.adrift) breach("it is suspended while a step runs");
        }
    }
    using engine::Why;
    const bool needs_step = event.why == Why::step_lost || event.why == Why::undo_failed ||
                            event.why == Why::step_failed || event.why == Why::node_unreachable;
    if (needs_step && !event.step) breach("a suspension does not name its step");
    if (event.reason.empty()) breach("a suspension says no reason");
    running_ = false;
    stopping_ = false;
    suspended_ = event;
    for (auto& lane : lanes_) {
        for (auto& step : lane.steps) step.condemned = false;
    }
}

void Court::operator()(const engine::Resumed& event) {
    if (ended_) breach("an ended run is resumed");
    if (suspended_ && suspended_->why == engine::Why::until) holds_passed_.insert(current());
    running_ = true;
    stopping_ = false;
    until_ = event.until;
    ignore_window_ = event.ignore_window;
    if (suspended_) {
        for (auto& lane : lanes_) {
            forgive(lane);
            // a node that cannot be undone as the policy wanted goes on as it is
            const auto& procedure = plan_.procedures[lane.procedure];
            for (auto s = procedure.first_verify; s-- > 0;) {
                if (!in_the_way(lane, s)) continue;
                if (procedure.steps[s].way_back == WayBack::no_return) lane.undo_asked = false;
                break;
            }
        }
    }
    if (event.retry_excluded) {
        for (auto& lane : lanes_) lane.excluded = false;
        excluded_.clear();
        given_up_.clear();
        for (auto& lane : lanes_) forgive(lane);
    }
    suspended_.reset();
    for (auto& lane : lanes_) refresh(lane);
}

void Court::operator()(const engine::Answered& event) {
    auto& step = step_of(event.step);
    const bool of_undo = step.phase == Phase::undo;
    step.failures = 0;
    step.condemned = false;
    if (!of_undo || event.answer == engine::Answer::done) step.uncertain = false;
    step.undo_lost = false;
    step.unheard = false;
    switch (event.answer) {
        case engine::Answer::done:
            step.complete = step.changed = !of_undo;
            break;
        case engine::Answer::redo:
            break;
        case engine::Answer::failed:
            step.failures = spec(event.step).on_failure.retry + 1;
            step.condemned = true;
            break;
    }
    for (auto& lane : lanes_) refresh(lane);
}

void Court::operator()(const engine::RunEnded& event) {
    if (!running_) breach("a run ends that does not run");
    running_ = false;
    ended_ = true;
    for (const auto& lane : lanes_) {
        for (std::uint32_t s = 0; s < lane.steps.size(); ++s) {
            const engine::StepRef ref{lane.procedure, lane.node, s};
            if (lane.steps[s].flying) breach(id(ref) + " runs after the end");
            const auto found = truth_.find(ref);
            const auto truth = found == truth_.end() ? Truth::clean : found->second;
            if (event.ending == engine::Ending::rolled_back && has_undo(lane.procedure, s) &&
                truth != Truth::clean) {
                breach(id(ref) + " is still there after everything was rolled back");
            }
            if (event.ending != engine::Ending::done || is_gone(lane)) continue;
            if (!complete(lane, s)) breach(id(ref) + " was never completed");
            const bool visible = spec(ref).way_back != WayBack::read_only && !spec(ref).once;
            if (visible && truth != Truth::applied) {
                breach(id(ref) + " counts as done, and is not on its node");
            }
        }
    }
}

}  // namespace escalator::twin
