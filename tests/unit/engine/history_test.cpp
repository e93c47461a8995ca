// SPDX-License-Identifier: Apache-2.0
// Histories: every prefix is a state, the journal's words are the events, damage is refused.
#include <random>

#include "unit/engine/desk.hpp"

namespace escalator::engine::test {

using campaign::Remedy;

namespace {

/// A run with everything in it: retries, an exclusion, undone waves, answers, stops.
Desk eventful() {
    auto a = step("a");
    a.on_failure.retry = 1;
    auto b = step("b");
    b.on_failure.then = Remedy::undo_node;
    auto plan = plan_of(
        4, {procedure("p", {a, b}, {{0, 1}, {2, 3}}), procedure("q", {step("a")}, {{0, 1, 2, 3}})});
    plan.tolerate = 1;
    plan.limits.push_back({"total", 2, {0, 1, 2, 3}});
    plan.campaign_limits = 1;
    Desk desk(std::move(plan));
    desk.start();
    desk.end("p:a:n0", Outcome::failed, "do");
    desk.pass(Milliseconds{30'000});
    desk.end("p:a:n0");
    desk.end("p:b:n0", Outcome::failed, "verify");
    desk.end("p:b:n0");
    desk.end("p:a:n0");
    desk.end("p:a:n1", Outcome::lost);
    desk.end("p:a:n1", Outcome::failed);
    REQUIRE(desk.why() == Why::step_lost);
    Wish wish;
    wish.answers = {{StepRef{0, 1, 0}, Answer::redo}};
    desk.resume(wish);
    desk.end("p:a:n1");
    desk.put(SuspendRequested{"me", false});
    desk.end("p:b:n1");
    desk.resume();
    desk.finish();
    wish = {};
    wish.rollback = RollbackStarted{Scope{Scope::Kind::wave, 0, 1, 0}, true, false, "asked"};
    desk.resume(wish);
    desk.finish();
    wish = {};
    wish.exclude = {3};
    wish.retry_excluded = false;
    desk.resume(wish);
    desk.finish();
    REQUIRE(desk.state.ending == Ending::done);
    return desk;
}

}  // namespace

TEST_CASE("history: killed after any event, every resume ends the run", "[engine][crash]") {
    const auto whole = eventful();
    for (std::size_t kept = 1; kept <= whole.history.size(); ++kept) {
        CAPTURE(kept);
        Desk desk(whole.plan);
        desk.history.assign(whole.history.begin(),
                            whole.history.begin() + static_cast<std::ptrdiff_t>(kept));
        auto state = replay(desk.plan, desk.history);
        REQUIRE(state);
        desk.state = std::move(*state);
        desk.now = desk.state.last;
        for (int i = 0; i < 10 && desk.state.status != RunStatus::ended; ++i) {
            Wish wish;
            if (desk.state.suspension && desk.state.suspension->why == Why::step_lost) {
                const auto ref = *desk.state.suspension->step;
                const auto& step = desk.lane(ref.procedure, ref.node).steps[ref.step];
                // the kill may have come after the answer and before the resume
                if (step.status == StepStatus::uncertain) wish.answers = {{ref, Answer::done}};
            }
            desk.resume(wish);
            desk.finish();
        }
        CHECK(desk.state.ending == Ending::done);
    }
}

TEST_CASE("history: what is replayed is what was folded live", "[engine]") {
    const auto desk = eventful();
    const auto again = replay(desk.plan, desk.history);
    REQUIRE(again);
    CHECK(*again == desk.state);
}

TEST_CASE("codec: every event reads back as it was written", "[engine][codec]") {
    const auto desk = eventful();
    std::vector<journal::Record> records;
    for (const auto& event : desk.history) {
        records.push_back(to_record(desk.plan, event));
        records.back().seq = records.size();
    }
    const auto back = from_records(desk.plan, records);
    REQUIRE(back);
    REQUIRE(back->size() == desk.history.size());
    for (std::size_t i = 0; i < back->size(); ++i) CHECK((*back)[i] == desk.history[i]);
}

TEST_CASE("codec: a record that fits no event is refused, naming the record", "[engine][codec]") {
    const auto desk = eventful();
    auto record = to_record(desk.plan, desk.history[4]);
    record.seq = 5;
    const auto refused = [&](const std::string& event, const std::string& data) {
        auto bad = record;
        bad.event = event;
        bad.data = data;
        const auto back = from_records(desk.plan, std::span(&bad, 1));
        REQUIRE_FALSE(back);
        CHECK(back.error().code() == ErrorCode::corrupt);
        CHECK(back.error().message().find("record 5") != std::string::npos);
    };
    refused("step_begun", record.data);
    refused("step_started", "[]");
    refused("step_started", "{}");
    refused("step_started", R"({"step":"p:zz:n0","phase":"perform","attempt":1})");
    refused("step_started", R"({"step":"p:a","phase":"perform","attempt":1})");
    refused("step_started", R"({"step":"p:a:n0","phase":"dance","attempt":1})");
    refused("step_started", R"({"step":"p:a:n0","phase":"perform","attempt":"one"})");
    refused("wave_started", R"({"procedure":"p","wave":0})");
    refused("node_given_up", R"({"node":"n9","by":"me"})");
    refused("run_ended", R"({"ending":"well"})");
}

TEST_CASE("history: events that cannot follow are refused", "[engine]") {
    auto desk = eventful();
    const auto refused = [&](EventBody body) {
        auto copy = desk.state;
        return !apply(desk.plan, copy, {desk.now, std::move(body)});
    };
    CHECK(refused(RunStarted{}));
    CHECK(refused(WaveStarted{0, 0}));
    CHECK(refused(WaveStarted{9, 0}));
    CHECK(refused(StepStarted{{0, 0, 0}, Phase::perform, 1}));
    CHECK(refused(StepEnded{}));
    StepEnded elsewhere;
    elsewhere.step = {9, 9, 9};
    CHECK(refused(elsewhere));
    CHECK(refused(NodeExcluded{0, 77, ""}));
    CHECK(refused(NodeGivenUp{77, ""}));
    CHECK(refused(RollbackEnded{}));
    CHECK(refused(Resumed{}));
    CHECK(refused(Answered{}));
    CHECK(refused(RunEnded{}));
    auto copy = desk.state;
    CHECK_FALSE(apply(desk.plan, copy, {Time{}, ControllerStarted{}}));
}

TEST_CASE("history: thousands of damaged ones are refused or harmless, never a crash",
          "[engine][crash]") {
    const auto whole = eventful();
    std::mt19937 dice(1);
    std::size_t refused = 0;
    for (int round = 0; round < 5'000; ++round) {
        auto events = whole.history;
        const auto edits = 1 + dice() % 3;
        for (std::size_t i = 0; i < edits; ++i) {
            const auto at = dice() % events.size();
            const auto other = dice() % events.size();
            switch (dice() % 4) {
                case 0:
                    events.erase(events.begin() + static_cast<std::ptrdiff_t>(at));
                    break;
                case 1:
                    std::swap(events[at].body, events[other].body);
                    break;
                case 2:
                    events[at].body = events[other].body;
                    break;
                default:
                    if (auto* ended = std::get_if<StepEnded>(&events[at].body)) {
                        ended->step.step = static_cast<std::uint32_t>(dice() % 5);
                        ended->step.node = static_cast<NodeIndex>(dice() % 6);
                        ended->attempt = static_cast<std::uint32_t>(dice() % 4);
                    } else if (auto* scope = std::get_if<RollbackStarted>(&events[at].body)) {
                        scope->scope = {static_cast<Scope::Kind>(dice() % 5),
                                        static_cast<std::uint32_t>(dice() % 4),
                                        static_cast<std::uint32_t>(dice() % 4),
                                        static_cast<NodeIndex>(dice() % 6)};
                    }
                    break;
            }
        }
        const auto state = replay(whole.plan, events);
        if (!state) {
            ++refused;
            CHECK(state.error().code() == ErrorCode::corrupt);
            continue;
        }
        // whatever it is, the engine has an answer to it
        const auto decision = decide(whole.plan, *state, state->last, {});
        CHECK(decision.jobs.size() <= 50);
    }
    CHECK(refused > 2'500);
}

}  // namespace escalator::engine::test
