// SPDX-License-Identifier: Apache-2.0
// The judge's picture, and the rules about steps and the nodes' ledgers.
#include "twin/court.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace escalator::twin {

using action::WayBack;
using engine::Outcome;
using engine::Phase;

Court::Court(const Evidence& evidence) : plan_(evidence.plan), parts_(evidence.parts) {
    for (std::uint32_t p = 0; p < plan_.procedures.size(); ++p) {
        auto& waves = waves_.emplace_back();
        for (std::uint32_t w = 0; w < plan_.procedures[p].waves.size(); ++w) {
            auto& wave = waves.emplace_back();
            for (const auto node : plan_.procedures[p].waves[w].nodes) {
                wave.lanes.push_back(lanes_.size());
                index_[{p, node}] = lanes_.size();
                Lane lane;
                lane.procedure = p;
                lane.wave = w;
                lane.node = node;
                lane.steps.resize(plan_.procedures[p].steps.size());
                lanes_.push_back(std::move(lane));
            }
        }
    }
}

void Court::breach(std::string why) {
    if (verdict.empty()) verdict = std::move(why);
}

void Court::read(std::size_t index, const engine::Event& event) {
    index_now_ = index;
    if (event.time < now_) breach("time runs backwards");
    now_ = event.time;
    std::visit(*this, event.body);
}

const campaign::Step& Court::spec(const engine::StepRef& ref) const {
    return plan_.procedures[ref.procedure].steps[ref.step];
}

Court::Lane& Court::lane_of(const engine::StepRef& ref) {
    return lanes_[index_.at({ref.procedure, ref.node})];
}

std::string Court::id(const engine::StepRef& ref) const { return planner::step_id(plan_, ref); }

bool Court::has_undo(std::uint32_t procedure, std::uint32_t step) const {
    const auto& it = plan_.procedures[procedure];
    const auto way = it.steps[step].way_back;
    return step < it.first_verify && (way == WayBack::builtin || way == WayBack::step);
}

bool Court::in_scope(const engine::Scope& scope, const Lane& lane) const {
    using Kind = engine::Scope::Kind;
    switch (scope.kind) {
        case Kind::all:
            return true;
        case Kind::procedure:
            return lane.procedure == scope.procedure;
        case Kind::wave:
            return lane.procedure == scope.procedure && lane.wave == scope.wave;
        case Kind::node:
            return lane.node == scope.node;
        case Kind::lane:
            return lane.procedure == scope.procedure && lane.node == scope.node;
    }
    return false;
}

bool Court::complete(const Lane& lane, std::uint32_t step) const {
    if (lane.steps[step].complete) return true;
    if (!plan_.procedures[lane.procedure].steps[step].once) return false;
    return std::any_of(lanes_.begin(), lanes_.end(), [&](const Lane& other) {
        return other.procedure == lane.procedure && other.steps[step].complete;
    });
}

bool Court::finished(const Lane& lane) const {
    for (std::uint32_t s = 0; s < lane.steps.size(); ++s) {
        if (lane.steps[s].flying || !complete(lane, s)) return false;
    }
    return true;
}

bool Court::settled(const Wave& wave) const {
    return std::all_of(wave.lanes.begin(), wave.lanes.end(),
                       [&](auto lane) { return is_gone(lanes_[lane]) || finished(lanes_[lane]); });
}

bool Court::settled(std::uint32_t procedure) const {
    return std::all_of(waves_[procedure].begin(), waves_[procedure].end(),
                       [&](const Wave& wave) { return settled(wave); });
}

std::uint32_t Court::current() const {
    std::uint32_t p = 0;
    while (p < waves_.size() && settled(p)) ++p;
    return p;
}

bool Court::in_the_way(const Lane& lane, std::uint32_t step) const {
    const auto& procedure = plan_.procedures[lane.procedure];
    if (step >= procedure.first_verify || !lane.steps[step].changed) return false;
    if (has_undo(lane.procedure, step)) return true;
    return procedure.steps[step].way_back == WayBack::no_return &&
           !(rollback_ && rollback_->past_no_return);
}

std::string Court::why_not_perform(const Lane& lane, std::uint32_t step) const {
    if (rollback_) return "a rollback is under way";
    if (lane.undo_asked) return "its node is being undone";
    if (lane.excluded) return "its node is excluded";
    const auto& waves = waves_[lane.procedure];
    if (!waves[lane.wave].started) return "its wave has not started";
    for (const auto before : plan_.procedures[lane.procedure].after) {
        if (!settled(before)) return "a procedure that must come before it is not complete";
    }
    for (std::uint32_t w = 0; w < lane.wave; ++w) {
        if (!settled(waves[w])) return "an earlier wave is not complete";
    }
    for (std::uint32_t s = 0; s < step; ++s) {
        if (!complete(lane, s)) return "an earlier step of its node is not complete";
    }
    if (plan_.procedures[lane.procedure].method == campaign::Method::one_step) {
        for (const auto other : waves[lane.wave].lanes) {
            const auto& it = lanes_[other];
            if (it.excluded || it.undo_asked) continue;
            for (std::uint32_t s = 0; s < step; ++s) {
                if (!complete(it, s)) return "another node is not as far in a one-step procedure";
            }
        }
    }
    return "";
}

std::string Court::why_not_undo(const Lane& lane, std::uint32_t step) const {
    const bool asked = lane.undo_asked || (rollback_ && in_scope(rollback_->scope, lane));
    if (!asked) return "no rollback reaches it";
    if (!has_undo(lane.procedure, step)) return "it has no undo";
    for (auto s = step + 1; s < lane.steps.size(); ++s) {
        if (in_the_way(lane, s)) return "a later step of its node is not undone";
    }
    if (!rollback_) return "";
    const auto own = std::find(order_.begin(), order_.end(), std::pair(lane.procedure, lane.wave));
    if (own == order_.end()) return "its wave never started";
    for (auto later = own + 1; later < order_.end(); ++later) {
        for (const auto other : waves_[later->first][later->second].lanes) {
            const auto& it = lanes_[other];
            if (it.excluded || given_up_.contains(it.node)) continue;
            if (!in_scope(rollback_->scope, it)) continue;
            for (std::uint32_t s = 0; s < it.steps.size(); ++s) {
                if (in_the_way(it, s)) return "a later wave is not undone";
            }
        }
    }
    if (plan_.procedures[lane.procedure].method == campaign::Method::one_step) {
        for (const auto other : waves_[lane.procedure][lane.wave].lanes) {
            const auto& it = lanes_[other];
            if (it.excluded || given_up_.contains(it.node)) continue;
            if (!in_scope(rollback_->scope, it)) continue;
            for (auto s = step + 1; s < it.steps.size(); ++s) {
                if (in_the_way(it, s)) return "another node is not as far back in a one-step one";
            }
        }
    }
    return "";
}

void Court::check_limits(const Lane& lane) {
    const auto is_out = [&](engine::NodeIndex node) {
        return plan_.nodes[node].down ||
               std::any_of(lanes_.begin(), lanes_.end(),
                           [&](const Lane& it) { return it.node == node && it.out; });
    };
    if (is_out(lane.node)) return;
    for (std::uint32_t g = 0; g < plan_.limits.size(); ++g) {
        const auto& own = plan_.procedures[lane.procedure].limits;
        if (g >= plan_.campaign_limits && std::find(own.begin(), own.end(), g) == own.end()) {
            continue;
        }
        const auto& group = plan_.limits[g];
        if (std::find(group.nodes.begin(), group.nodes.end(), lane.node) == group.nodes.end()) {
            continue;
        }
        const auto out = std::count_if(group.nodes.begin(), group.nodes.end(), is_out) + 1;
        if (out > group.most) {
            breach(fmt::format("{} nodes of {} are out of service, {} may be", out, group.what,
                               group.most));
        }
    }
}

void Court::refresh(Lane& lane) {
    if (!lane.out) return;
    if (!lane.excluded && finished(lane)) lane.out = false;
    const auto& procedure = plan_.procedures[lane.procedure];
    bool idle = true;
    bool on_its_way = lane.undo_asked || (rollback_ && in_scope(rollback_->scope, lane));
    for (std::uint32_t s = 0; s < lane.steps.size(); ++s) {
        idle = idle && !lane.steps[s].flying && !lane.steps[s].unheard;
        on_its_way = on_its_way && !in_the_way(lane, s);
    }
    if (idle && on_its_way) lane.out = false;  // as far back as it gets
    bool left = false;
    for (std::uint32_t s = 0; s < procedure.first_verify; ++s) {
        left = left ||
               (procedure.steps[s].disruptive && (lane.steps[s].changed || lane.steps[s].flying));
    }
    if (!left) lane.out = false;
}

void Court::new_attempt(const engine::StepStarted& event, Lane& lane, Step& step) {
    const auto& it = spec(event.step);
    const auto name = id(event.step);
    if (stopping_) breach(name + " started on the way to a safe point");
    if (given_up_.contains(lane.node)) breach(name + " started on a node that was given up");
    for (const auto& other : lane.steps) {
        if (other.flying) breach(name + " started while another step of its node runs");
    }
    if (event.attempt != step.attempts[static_cast<int>(event.phase)] + 1) {
        breach(name + " has a wrong attempt number");
    }
    if (step.phase != event.phase) step.failures = 0;
    if (step.failures > it.on_failure.retry) breach(name + " was tried more often than allowed");
    if (step.failures > 0) {
        const auto wait =
            std::min(it.on_failure.backoff * (1 << (step.failures - 1)), Milliseconds{300'000});
        if (now_ < step.ended + wait) breach(name + " was tried again before its back-off");
    }
    std::string why;
    switch (event.phase) {
        case Phase::perform:
            why = why_not_perform(lane, event.step.step);
            if (complete(lane, event.step.step)) why = "it is done already";
            if (step.uncertain) why = "nobody knows how it ended the last time";
            break;
        case Phase::check:
            why = why_not_perform(lane, event.step.step);
            if (!step.uncertain) why = "its end is known";
            break;
        case Phase::undo:
            why = why_not_undo(lane, event.step.step);
            if (!step.changed) why = "nothing of it is on the node";
            if (step.undo_lost || step.unheard)
                why = "nobody knows how its undo ended the last time";
            break;
    }
    if (!why.empty()) {
        const auto verb = event.phase == Phase::undo ? "undone" : "started";
        breach(fmt::format("{} is {} although {}", name, verb, why));
    }
    const bool disruptive =
        it.disruptive && event.step.step < plan_.procedures[event.step.procedure].first_verify;
    if (disruptive && event.phase != Phase::check) {
        check_limits(lane);
        lane.out = true;
    }
}

void Court::operator()(const engine::StepStarted& event) {
    auto& lane = lane_of(event.step);
    auto& step = step_of(event.step);
    if (!running_) breach(id(event.step) + " started while the run stands");
    const bool same =
        step.phase == event.phase && step.attempts[static_cast<int>(event.phase)] == event.attempt;
    if (step.flying || (step.unheard && same)) {  // taken up again
        if (!same || (step.flying && !step.adrift)) {
            breach(id(event.step) + " started while it runs");
        }
        step.adrift = step.unheard = false;
        step.flying = true;
        step.may_start = (event.phase == Phase::undo ? why_not_undo(lane, event.step.step)
                                                     : why_not_perform(lane, event.step.step))
                             .empty();
    } else {
        new_attempt(event, lane, step);
        step.phase = event.phase;
        step.attempts[static_cast<int>(event.phase)] = event.attempt;
        step.flying = true;
        step.unheard = false;
        step.late = false;
        step.may_start = true;
        step.started = now_;
        announced_.insert({event.step, event.phase, event.attempt});
        auto& wave = waves_[lane.procedure][lane.wave];
        if (event.phase == Phase::perform) wave.ended = false;
        // from now on it may be there, whatever becomes of the controller
        if (event.phase == Phase::undo) step.complete = false;
    }
    std::uint32_t attended = 0;
    for (const auto& it : lanes_) {
        for (const auto& s : it.steps) attended += s.flying && !s.adrift ? 1 : 0;
    }
    if (attended > parts_.back().fanout && attended > 50) breach("more jobs than the fan-out");
}

void Court::operator()(const engine::StepEnded& event) {
    auto& lane = lane_of(event.step);
    auto& step = step_of(event.step);
    const auto& it = spec(event.step);
    if (!step.flying || step.phase != event.phase ||
        step.attempts[static_cast<int>(event.phase)] != event.attempt) {
        breach(id(event.step) + " ended without having started");
    }
    step.flying = step.adrift = false;
    step.ended = now_;
    step.unheard = event.outcome == Outcome::unreachable && event.phase != Phase::check;
    const bool fine = event.outcome == Outcome::done || event.outcome == Outcome::already;
    const bool no = event.outcome == Outcome::failed || event.outcome == Outcome::timed_out ||
                    event.outcome == Outcome::not_done;
    const bool unknown = event.outcome == Outcome::lost || event.outcome == Outcome::unreachable;
    if (fine) step.failures = 0;
    if (event.phase == Phase::perform) {
        step.complete = fine;
        if (fine) step.undo_lost = false;
        step.uncertain = unknown;
        step.changed = step.changed || event.outcome == Outcome::done || unknown ||
                       (no && event.stage != "check");
        if (no) ++step.failures;
    } else if (event.phase == Phase::check) {
        const bool redo = event.outcome == Outcome::not_done ||
                          (event.outcome == Outcome::failed && it.idempotent);
        if (fine || redo) step.uncertain = false;
        step.complete = fine;
    } else {
        if (fine) step.changed = step.complete = step.uncertain = false;
        const bool repeatable = it.way_back == WayBack::builtin || it.idempotent;
        step.undo_lost = event.outcome == Outcome::lost && !repeatable;
        if (no || (event.outcome == Outcome::lost && repeatable)) ++step.failures;
    }
    if (it.once) {
        for (auto& other : lanes_) refresh(other);
    }
    refresh(lane);
}

void Court::operator()(const engine::StepLate& event) {
    auto& step = step_of(event.step);
    const auto& it = spec(event.step);
    if (!step.flying) breach(id(event.step) + " is called late and does not run");
    if (step.late) breach(id(event.step) + " is called late twice");
    if (now_ < step.started + 2 * it.expect) breach(id(event.step) + " is called late too early");
    step.late = true;
}

void Court::look_at(const Deed& deed) {
    truth_[deed.step] = deed.after;
    if (deed.by_hand) return;
    const auto key = std::tuple(deed.step, deed.phase, deed.attempt);
    const auto name = fmt::format("{} attempt {}", id(deed.step), deed.attempt);
    if (!announced_.contains(key)) breach(name + " ran and is not in the journal");
    if (!begun_.insert(key).second) breach(name + " ran twice");
    if (deed.reattach && !step_of(deed.step).may_start) {
        breach(name + " was started when it was only to be looked for");
    }
}

}  // namespace escalator::twin
