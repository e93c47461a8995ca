// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "engine/codec.hpp"
#include "engine/engine.hpp"
#include "engine/wish.hpp"

namespace escalator::engine::test {

/// A step of a plan for tests: undone by its author's undo unless said otherwise.
inline campaign::Step step(std::string name) {
    campaign::Step out;
    out.name = std::move(name);
    out.action = "command";
    out.expect = Milliseconds{10'000};
    out.timeout = Milliseconds{60'000};
    out.undo = "undo";
    out.way_back = action::WayBack::step;
    out.on_failure.backoff = Milliseconds{1'000};
    return out;
}

/// A procedure whose waves are given as lists of node numbers.
inline planner::PlanProcedure procedure(std::string name, std::vector<campaign::Step> steps,
                                        std::vector<std::vector<NodeIndex>> waves) {
    planner::PlanProcedure out;
    out.name = std::move(name);
    out.first_verify = static_cast<std::uint32_t>(steps.size());
    out.steps = std::move(steps);
    for (auto& nodes : waves) {
        planner::Wave wave;
        wave.nodes = std::move(nodes);
        wave.predicted = wave.predicted_undo = Milliseconds{20'000};
        out.waves.push_back(std::move(wave));
    }
    return out;
}

inline planner::Plan plan_of(std::uint32_t nodes, std::vector<planner::PlanProcedure> procedures) {
    planner::Plan plan;
    plan.campaign = "test";
    for (std::uint32_t n = 0; n < nodes; ++n) {
        planner::PlanNode node;
        node.name = "n" + std::to_string(n);
        plan.nodes.push_back(std::move(node));
    }
    plan.procedures = std::move(procedures);
    return plan;
}

/// Plays the coordinator by hand: lets the engine decide until it has nothing more to say, keeps
/// the history, and feeds in what the test says came back.
class Desk {
public:
    explicit Desk(planner::Plan p) : plan(std::move(p)), state(fresh_state(plan)) {}

    void start(const Wish& wish = {}) {
        for (auto& body : first_events({"run", "digest", "me", "1"}, {1, "here", "1"}, wish)) {
            put(std::move(body));
        }
        turn();
    }
    /// A new controller takes the run up.
    void resume(const Wish& wish = {}) {
        jobs.clear();
        auto events = opening_events(plan, state, wish, {1, "here", "1"}, "me", now);
        REQUIRE(events);
        for (auto& body : *events) put(std::move(body));
        turn();
    }
    void put(EventBody body) {
        history.push_back({now, std::move(body)});
        INFO(to_record(plan, history.back()).event << to_record(plan, history.back()).data);
        REQUIRE(apply(plan, state, history.back()));
    }
    void turn() {
        for (int i = 0; i < 1000; ++i) {
            auto decision = decide(plan, state, now, bounds);
            wake = decision.wake;
            next = decision.next;
            for (auto& body : decision.events) put(std::move(body));
            for (auto& job : decision.jobs) jobs.push_back(job);
            if (decision.events.empty()) return;
        }
        FAIL("decisions do not come to an end");
    }
    void pass(Milliseconds time) {
        now += time;
        turn();
    }
    /// The job of this step comes back.
    void end(const std::string& id, Outcome outcome = Outcome::done, std::string stage = "") {
        const auto ref = planner::find_step(plan, id);
        REQUIRE(ref);
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            if (jobs[i].step != *ref) continue;
            StepEnded event;
            event.step = *ref;
            event.phase = jobs[i].phase;
            event.attempt = jobs[i].attempt;
            event.outcome = outcome;
            event.exit_status = outcome == Outcome::failed ? 1 : 0;
            event.stage = std::move(stage);
            event.message = outcome == Outcome::failed ? "exit status 1" : "";
            jobs.erase(jobs.begin() + static_cast<std::ptrdiff_t>(i));
            now += Milliseconds{1'000};
            put(event);
            turn();
            return;
        }
        FAIL(id << " is not running; running: " << running());
    }
    /// Everything in flight and whatever follows ends well.
    void finish() {
        for (int i = 0; i < 10'000 && (!jobs.empty() || (wake && next == Next::go_on)); ++i) {
            if (jobs.empty()) {
                now = std::max(now, *wake);
                turn();
            } else {
                end(planner::step_id(plan, jobs.front().step));
            }
        }
    }
    /// "p:a:n0 undo:p:b:n1", in the order they started.
    std::string running() const {
        std::string out;
        for (const auto& job : jobs) {
            if (!out.empty()) out += ' ';
            if (job.phase != Phase::perform) out += std::string(word_of(job.phase)) + ":";
            out += planner::step_id(plan, job.step);
        }
        return out;
    }
    Lane& lane(std::uint32_t p, NodeIndex node) { return state.lanes[*state.lane_of(p, node)]; }
    Why why() const {
        REQUIRE(state.suspension);
        return state.suspension->why;
    }
    template <class Kind>
    std::size_t count() const {
        std::size_t out = 0;
        for (const auto& event : history) out += std::holds_alternative<Kind>(event.body) ? 1U : 0U;
        return out;
    }

    planner::Plan plan;
    State state;
    Time now{Milliseconds{1'000'000}};
    Bounds bounds;
    std::vector<Event> history;
    std::vector<JobIntent> jobs;
    std::optional<Time> wake;
    Next next = Next::go_on;
};

}  // namespace escalator::engine::test
