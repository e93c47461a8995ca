// SPDX-License-Identifier: Apache-2.0
#include "twin/world.hpp"

#include <algorithm>

namespace escalator::twin {

using engine::Outcome;
using engine::Phase;

namespace {

/// A round trip to a node.
constexpr Milliseconds trip{1};

engine::StepEnded about(const engine::JobIntent& intent, Outcome outcome) {
    engine::StepEnded event;
    event.step = intent.step;
    event.phase = intent.phase;
    event.attempt = intent.attempt;
    event.outcome = outcome;
    event.reattached = intent.reattach;
    return event;
}

}  // namespace

World::World(const planner::Plan& plan, Fortune& fortune)
    : plan_(plan), fortune_(fortune), silent_until_(plan.nodes.size()) {}

Truth World::truth(const engine::StepRef& step) const {
    const auto found = last_.find(step);
    return found == last_.end() ? Truth::clean : ledger_[found->second].after;
}

void World::dispatch(const engine::JobIntent& intent, Time now, std::size_t journalled) {
    const auto node = intent.step.node;
    auto start = now;
    if (!answers(node, now)) {
        if (silent_until_[node] - now > reconnect_budget) {
            const bool sure = !intent.reattach && fortune_.sure_not_delivered();
            reports_.push_back({now + reconnect_budget,
                                about(intent, sure ? Outcome::not_started : Outcome::unreachable)});
            return;
        }
        start = silent_until_[node];
    }
    const Key key{intent.step, intent.phase, intent.attempt};
    const auto known = jobs_.find(key);
    if (known != jobs_.end() && intent.reattach) {
        auto event = known->second.result;
        event.reattached = true;
        report(std::max(start, ledger_[known->second.deed].ends), start, std::move(event));
        return;
    }
    if (intent.reattach && !intent.may_start) {
        report(start, start, about(intent, Outcome::not_started));
        return;
    }
    begin(intent, start, journalled);
}

void World::begin(const engine::JobIntent& intent, Time now, std::size_t journalled) {
    const auto& spec = plan_.procedures[intent.step.procedure].steps[intent.step.step];
    auto fate = fortune_.fate(intent, spec);
    Deed deed;
    deed.journalled = journalled;
    deed.begun = now;
    deed.step = intent.step;
    deed.phase = intent.phase;
    deed.attempt = intent.attempt;
    deed.reattach = intent.reattach;
    deed.before = deed.after = truth(intent.step);
    const bool harmless = spec.way_back == action::WayBack::read_only;
    const bool has_check = !spec.check.empty();
    switch (intent.phase) {
        case Phase::perform:
            if (has_check && deed.before == Truth::applied && fate.outcome == Outcome::done) {
                fate.outcome = Outcome::already;
                break;
            }
            if (fate.outcome == Outcome::failed && fate.stage == "check") break;
            deed.touched = !harmless;
            deed.after = fate.outcome == Outcome::done || fate.reaches_goal ? Truth::applied
                                                                            : Truth::partial;
            break;
        case Phase::check:
            fate.silent = Milliseconds{0};
            if (!has_check) {
                fate.outcome = Outcome::failed;
            } else if (fate.outcome != Outcome::lost && fate.outcome != Outcome::timed_out) {
                fate.outcome = deed.before == Truth::applied ? Outcome::done : Outcome::not_done;
            }
            break;
        case Phase::undo:
            deed.touched = !harmless;
            deed.after =
                fate.outcome == Outcome::done || fate.reaches_goal ? Truth::clean : Truth::partial;
            break;
    }
    if (harmless) deed.after = deed.before = Truth::clean;
    deed.ends = now + std::max(fate.takes, trip);
    deed.outcome = fate.outcome;
    auto event = about(intent, fate.outcome);
    event.reattached = false;
    if (fate.outcome == Outcome::failed) {
        event.exit_status = 1;
        event.stage = fate.stage;
        event.message = "exit status 1";
    }
    if (deed.touched) event.record = "kept";
    if (fate.silent > Milliseconds{0}) {
        silent_until_[intent.step.node] = now + fate.silent;
    }
    ledger_.push_back(deed);
    last_[intent.step] = ledger_.size() - 1;
    // a second start of the same key is the very thing that must not be: the ledger shows it
    jobs_[{intent.step, intent.phase, intent.attempt}] = {ledger_.size() - 1, event};
    report(deed.ends, now, std::move(event));
}

void World::report(Time when, Time since, engine::StepEnded event) {
    const auto silent = silent_until_[event.step.node];
    if (silent > when) {
        const auto gives_up = since + reconnect_budget;
        if (silent > gives_up) {
            event.outcome = Outcome::unreachable;
            event.exit_status = 0;
            event.stage.clear();
            event.record.clear();
            event.message = "the node does not answer";
            when = gives_up;
        } else {
            when = silent;
        }
    }
    reports_.push_back({when + trip, std::move(event)});
}

std::optional<Time> World::next() const {
    const auto first =
        std::min_element(reports_.begin(), reports_.end(),
                         [](const Report& a, const Report& b) { return a.time < b.time; });
    return first == reports_.end() ? std::nullopt : std::optional(first->time);
}

std::vector<engine::StepEnded> World::reports(Time now) {
    std::stable_sort(reports_.begin(), reports_.end(),
                     [](const Report& a, const Report& b) { return a.time < b.time; });
    std::vector<engine::StepEnded> out;
    auto at = reports_.begin();
    for (; at != reports_.end() && at->time <= now; ++at) out.push_back(std::move(at->event));
    reports_.erase(reports_.begin(), at);
    return out;
}

void World::reboot(engine::NodeIndex node, Time now) {
    for (auto& [key, job] : jobs_) {
        auto& deed = ledger_[job.deed];
        if (key.step.node != node || deed.ends <= now || deed.begun > now) continue;
        deed.ends = now;
        deed.outcome = Outcome::lost;
        if (deed.touched) deed.after = Truth::partial;
        job.result.outcome = Outcome::lost;
        job.result.exit_status = 0;
        job.result.stage.clear();
        job.result.record.clear();
        job.result.message = "the node restarted";
    }
}

void World::mend(const engine::StepRef& step, Truth truth, Time now, std::size_t journalled) {
    Deed deed;
    deed.journalled = journalled;
    deed.begun = deed.ends = now;
    deed.step = step;
    deed.by_hand = true;
    deed.before = this->truth(step);
    deed.after = truth;
    ledger_.push_back(deed);
    last_[step] = ledger_.size() - 1;
}

}  // namespace escalator::twin
