// SPDX-License-Identifier: Apache-2.0
#include "unit/engine/desk.hpp"

namespace escalator::engine::test {

using campaign::Remedy;

namespace {

Wish back(Scope scope = {}, bool past = false) {
    Wish wish;
    wish.rollback = RollbackStarted{scope, true, past, "asked"};
    return wish;
}

campaign::Step with(campaign::Step step, Remedy then, Remedy otherwise = Remedy::suspend) {
    step.on_failure.then = then;
    step.on_failure.otherwise = otherwise;
    return step;
}

/// Two procedures over two nodes, all done.
Desk done_run() {
    Desk desk(plan_of(2, {procedure("p", {step("a"), step("b")}, {{0}, {1}}),
                          procedure("q", {step("a")}, {{0, 1}})}));
    desk.start();
    desk.finish();
    REQUIRE(desk.state.ending == Ending::done);
    return desk;
}

}  // namespace

TEST_CASE("rollback: the exact reverse of what was done", "[engine]") {
    auto desk = done_run();
    desk.resume(back());
    CHECK(desk.running() == "undo:q:a:n0 undo:q:a:n1");
    desk.end("q:a:n0");
    CHECK(desk.running() == "undo:q:a:n1");
    desk.end("q:a:n1");
    CHECK(desk.running() == "undo:p:b:n1");
    desk.end("p:b:n1");
    CHECK(desk.running() == "undo:p:a:n1");
    desk.end("p:a:n1");
    CHECK(desk.running() == "undo:p:b:n0");
    desk.end("p:b:n0");
    desk.end("p:a:n0");
    CHECK(desk.state.ending == Ending::rolled_back);
}

TEST_CASE("rollback: of a procedure, a wave, a node", "[engine]") {
    auto desk = done_run();
    Scope scope;
    SECTION("procedure") {
        scope = {Scope::Kind::procedure, 1, 0, 0};
        desk.resume(back(scope));
        CHECK(desk.running() == "undo:q:a:n0 undo:q:a:n1");
    }
    SECTION("wave") {
        scope = {Scope::Kind::wave, 0, 1, 0};
        desk.resume(back(scope));
        CHECK(desk.running() == "undo:p:b:n1");
    }
    SECTION("node, in all procedures") {
        scope = {Scope::Kind::node, 0, 0, 0};
        desk.resume(back(scope));
        CHECK(desk.running() == "undo:q:a:n0");
    }
    desk.finish();
    CHECK(desk.why() == Why::wave_undone);
    desk.resume();
    desk.finish();
    CHECK(desk.state.ending == Ending::done);
}

TEST_CASE("rollback: a kill between its end and what follows loses nothing", "[engine]") {
    auto desk = done_run();
    desk.resume(back({Scope::Kind::procedure, 1, 0, 0}));
    desk.end("q:a:n0");
    desk.end("q:a:n1");
    REQUIRE(std::holds_alternative<Suspended>(desk.history.back().body));
    desk.history.pop_back();
    auto again = replay(desk.plan, desk.history);
    REQUIRE(again);
    desk.state = std::move(*again);
    desk.resume();
    CHECK(desk.why() == Why::wave_undone);
}

TEST_CASE("rollback: stops at a step past the point of no return", "[engine]") {
    auto wall = step("b");
    wall.way_back = action::WayBack::no_return;
    Desk desk(plan_of(1, {procedure("p", {step("a"), wall, step("c")}, {{0}})}));
    desk.start();
    desk.finish();
    SECTION("and says so") {
        desk.resume(back());
        desk.end("p:c:n0");
        CHECK(desk.why() == Why::no_return);
        CHECK(desk.lane(0, 0).steps[0].status == StepStatus::done);
        desk.resume();
        CHECK(desk.running() == "p:c:n0");
    }
    SECTION("unless told to leave it") {
        desk.resume(back({}, true));
        desk.end("p:c:n0");
        CHECK(desk.running() == "undo:p:a:n0");
        desk.end("p:a:n0");
        CHECK(desk.state.ending == Ending::partly_rolled_back);
    }
}

TEST_CASE("rollback: a failed undo is retried, then a human must look", "[engine]") {
    Desk desk(plan_of(1, {procedure("p", {step("a")}, {{0}})}));
    desk.start();
    desk.finish();
    desk.resume(back());
    desk.end("p:a:n0", Outcome::failed);
    CHECK(desk.why() == Why::undo_failed);
    Wish wish;
    SECTION("resumed, it is tried again") {
        desk.resume();
        CHECK(desk.running() == "undo:p:a:n0");
    }
    SECTION("the operator did it by hand") {
        wish.answers = {{StepRef{0, 0, 0}, Answer::done}};
        desk.resume(wish);
        CHECK(desk.state.ending == Ending::rolled_back);
    }
}

TEST_CASE("rollback: an author's undo that was lost is not simply repeated", "[engine]") {
    Desk desk(plan_of(1, {procedure("p", {step("a")}, {{0}})}));
    desk.start();
    desk.finish();
    desk.resume(back());
    desk.end("p:a:n0", Outcome::lost);
    CHECK(desk.why() == Why::undo_failed);
    desk.resume();
    CHECK(desk.why() == Why::undo_failed);
    CHECK(desk.jobs.empty());
    Wish wish;
    wish.answers = {{StepRef{0, 0, 0}, Answer::redo}};
    desk.resume(wish);
    CHECK(desk.running() == "undo:p:a:n0");
}

TEST_CASE("rollback: keeps to the limits on its way", "[engine]") {
    auto plan = plan_of(2, {procedure("p", {step("a")}, {{0, 1}})});
    plan.procedures[0].method = campaign::Method::parallel;
    plan.limits.push_back({"total", 1, {0, 1}});
    plan.campaign_limits = 1;
    Desk desk(plan);
    desk.start();
    desk.finish();
    desk.resume(back());
    CHECK(desk.running() == "undo:p:a:n0");
    desk.end("p:a:n0");
    CHECK(desk.running() == "undo:p:a:n1");
}

TEST_CASE("policy: exclude within the tolerance, else what the campaign says", "[engine]") {
    auto plan = plan_of(2, {procedure("p", {with(step("a"), Remedy::exclude)}, {{0, 1}})});
    plan.tolerate = 1;
    Desk desk(plan);
    desk.start();
    desk.end("p:a:n0", Outcome::failed, "do");
    CHECK(desk.lane(0, 0).status == LaneStatus::excluded);
    desk.end("p:a:n1", Outcome::failed, "do");
    CHECK(desk.why() == Why::tolerance);
}

TEST_CASE("policy: an excluded node takes no part in later procedures", "[engine]") {
    auto plan = plan_of(2, {procedure("p", {with(step("a"), Remedy::exclude)}, {{0, 1}}),
                            procedure("q", {step("a")}, {{0, 1}})});
    plan.tolerate = 1;
    Desk desk(plan);
    desk.start();
    desk.end("p:a:n0", Outcome::failed, "do");
    desk.end("p:a:n1");
    CHECK(desk.running() == "q:a:n1");
    desk.end("q:a:n1");
    CHECK(desk.state.ending == Ending::done);
}

TEST_CASE("policy: undo-node undoes the node and the others go on", "[engine]") {
    auto plan =
        plan_of(2, {procedure("p", {step("a"), with(step("b"), Remedy::undo_node)}, {{0, 1}})});
    plan.tolerate = 1;
    Desk desk(plan);
    desk.start();
    desk.end("p:a:n0");
    desk.end("p:b:n0", Outcome::failed, "do");
    CHECK(desk.running() == "p:a:n1 undo:p:b:n0");
    desk.end("p:b:n0");
    desk.end("p:a:n0");
    CHECK(desk.lane(0, 0).status == LaneStatus::excluded);
    desk.finish();
    CHECK(desk.state.ending == Ending::done);
}

TEST_CASE("policy: undo-wave waits for what runs, undoes the wave, stands", "[engine]") {
    Desk desk(plan_of(3, {procedure("p", {with(step("a"), Remedy::undo_wave)}, {{0}, {1, 2}})}));
    desk.start();
    desk.end("p:a:n0");
    desk.end("p:a:n1", Outcome::failed, "do");
    CHECK(desk.running() == "p:a:n2 undo:p:a:n1");
    desk.end("p:a:n2");
    desk.end("p:a:n1");
    desk.end("p:a:n2");
    CHECK(desk.why() == Why::wave_undone);
    CHECK(desk.lane(0, 0).status == LaneStatus::finished);
}

TEST_CASE("policy: undo-procedure and undo-all", "[engine]") {
    const auto all = GENERATE(false, true);
    Desk desk(plan_of(
        1, {procedure("p", {step("a")}, {{0}}),
            procedure("q", {with(step("a"), all ? Remedy::undo_all : Remedy::undo_procedure)},
                      {{0}})}));
    desk.start();
    desk.end("p:a:n0");
    desk.end("q:a:n0", Outcome::failed, "do");
    CHECK(desk.running() == "undo:q:a:n0");
    desk.end("q:a:n0");
    if (all) {
        CHECK(desk.running() == "undo:p:a:n0");
        desk.end("p:a:n0");
        CHECK(desk.state.ending == Ending::rolled_back);
    } else {
        CHECK(desk.why() == Why::wave_undone);
    }
}

TEST_CASE("policy: a step that only looked needs no undo", "[engine]") {
    Desk desk(plan_of(1, {procedure("p", {with(step("a"), Remedy::undo_all)}, {{0}})}));
    desk.start();
    desk.end("p:a:n0", Outcome::failed, "check");
    CHECK(desk.state.ending == Ending::rolled_back);
}

TEST_CASE("exclude: the operator goes on without a dead node", "[engine]") {
    Desk desk(plan_of(3, {procedure("p", {step("a"), step("b")}, {{0, 1}, {2}}),
                          procedure("q", {step("a")}, {{0, 1, 2}})}));
    desk.start();
    desk.end("p:a:n1");
    desk.end("p:b:n1");
    desk.end("p:a:n0", Outcome::unreachable);
    CHECK(desk.why() == Why::node_unreachable);
    Wish wish;
    wish.exclude = {0};
    desk.resume(wish);
    CHECK(desk.running() == "p:a:n2");
    CHECK(desk.lane(0, 0).steps[0].status == StepStatus::uncertain);
    desk.finish();
    CHECK(desk.state.ending == Ending::done);
    CHECK(desk.lane(1, 0).steps[0].performs == 0);
    SECTION("a rollback leaves it alone, and says that something is left") {
        desk.resume(back());
        desk.finish();
        CHECK(desk.state.ending == Ending::partly_rolled_back);
        CHECK(desk.lane(0, 0).steps[0].undos == 0);
    }
}

TEST_CASE("exclude: taken back, the node is asked how its step ended", "[engine]") {
    Desk desk(plan_of(2, {procedure("p", {step("a")}, {{0}, {1}})}));
    desk.start();
    desk.end("p:a:n0", Outcome::unreachable);
    Wish wish;
    wish.exclude = {0};
    desk.resume(wish);
    CHECK(desk.running() == "p:a:n1");
    Wish retry;
    retry.retry_excluded = true;
    desk.resume(retry);
    bool asked = false;
    for (const auto& job : desk.jobs) asked = asked || (job.step.node == 0 && job.reattach);
    CHECK(asked);
}

TEST_CASE("exclude: a node with nothing left to do is refused", "[engine]") {
    Desk desk(plan_of(2, {procedure("p", {step("a")}, {{0}, {1}})}));
    desk.start();
    desk.end("p:a:n0");
    Wish wish;
    wish.exclude = {0};
    const auto events = opening_events(desk.plan, desk.state, wish, {}, "me", desk.now);
    REQUIRE_FALSE(events);
    CHECK(events.error().code() == ErrorCode::refused);
}

}  // namespace escalator::engine::test
