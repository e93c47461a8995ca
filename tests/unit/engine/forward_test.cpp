// SPDX-License-Identifier: Apache-2.0
#include "unit/engine/desk.hpp"

namespace escalator::engine::test {

using campaign::Method;
using campaign::Remedy;

TEST_CASE("forward: the steps of a node run in order and the run ends", "[engine]") {
    Desk desk(plan_of(1, {procedure("p", {step("a"), step("b")}, {{0}})}));
    desk.start();
    CHECK(desk.running() == "p:a:n0");
    desk.end("p:a:n0");
    CHECK(desk.running() == "p:b:n0");
    desk.end("p:b:n0", Outcome::already);
    CHECK(desk.next == Next::ended);
    CHECK(desk.state.ending == Ending::done);
}

TEST_CASE("forward: a wave waits for the one in front of it", "[engine]") {
    Desk desk(plan_of(3, {procedure("p", {step("a")}, {{0, 1}, {2}})}));
    desk.start();
    CHECK(desk.running() == "p:a:n0 p:a:n1");
    desk.end("p:a:n0");
    CHECK(desk.running() == "p:a:n1");
    desk.end("p:a:n1");
    CHECK(desk.running() == "p:a:n2");
}

TEST_CASE("forward: a canary soaks before the next wave", "[engine]") {
    auto plan = plan_of(2, {procedure("p", {step("a")}, {{0}, {1}})});
    plan.procedures[0].waves[0].canary = true;
    plan.procedures[0].waves[0].soak = Milliseconds{600'000};
    Desk desk(plan);
    desk.start();
    desk.end("p:a:n0");
    CHECK(desk.jobs.empty());
    REQUIRE(desk.wake);
    CHECK(*desk.wake == desk.now + Milliseconds{600'000});
    desk.pass(Milliseconds{599'999});
    CHECK(desk.jobs.empty());
    desk.pass(Milliseconds{1});
    CHECK(desk.running() == "p:a:n1");
}

TEST_CASE("forward: a one-step procedure keeps its nodes in step", "[engine]") {
    auto plan = plan_of(2, {procedure("p", {step("a"), step("b")}, {{0, 1}})});
    plan.procedures[0].method = Method::one_step;
    Desk desk(plan);
    desk.start();
    desk.end("p:a:n0");
    CHECK(desk.running() == "p:a:n1");
    desk.end("p:a:n1");
    CHECK(desk.running() == "p:b:n0 p:b:n1");
}

TEST_CASE("forward: a parallel procedure keeps to its limits while it runs", "[engine]") {
    auto plan = plan_of(3, {procedure("p", {step("a")}, {{0, 1, 2}})});
    plan.procedures[0].method = Method::parallel;
    plan.limits.push_back({"total", 2, {0, 1, 2}});
    plan.procedures[0].limits = {0};
    Desk desk(plan);
    desk.start();
    CHECK(desk.running() == "p:a:n0 p:a:n1");
    desk.end("p:a:n1");
    CHECK(desk.running() == "p:a:n0 p:a:n2");
}

TEST_CASE("forward: nodes that are down count against a limit", "[engine]") {
    auto plan = plan_of(3, {procedure("p", {step("a")}, {{0, 1}})});
    plan.nodes[2].down = true;
    plan.limits.push_back({"total", 2, {0, 1, 2}});
    plan.campaign_limits = 1;
    Desk desk(plan);
    desk.start();
    CHECK(desk.running() == "p:a:n0");
}

TEST_CASE("forward: a step that disturbs nobody needs no room", "[engine]") {
    auto quiet = step("a");
    quiet.disruptive = false;
    auto plan = plan_of(2, {procedure("p", {quiet}, {{0, 1}})});
    plan.limits.push_back({"total", 1, {0, 1}});
    plan.campaign_limits = 1;
    Desk desk(plan);
    desk.start();
    CHECK(desk.running() == "p:a:n0 p:a:n1");
}

TEST_CASE("forward: no more jobs than the fan-out", "[engine]") {
    Desk desk(plan_of(5, {procedure("p", {step("a")}, {{0, 1, 2, 3, 4}})}));
    desk.bounds.fanout = 2;
    desk.start();
    CHECK(desk.running() == "p:a:n0 p:a:n1");
}

TEST_CASE("forward: a once step runs on the first node only, the others wait", "[engine]") {
    auto once = step("a");
    once.once = true;
    Desk desk(plan_of(3, {procedure("p", {once, step("b")}, {{0, 1}, {2}})}));
    desk.start();
    CHECK(desk.running() == "p:a:n0");
    desk.end("p:a:n0");
    CHECK(desk.running() == "p:b:n0 p:b:n1");
    desk.finish();
    CHECK(desk.state.ending == Ending::done);
    CHECK(desk.lane(0, 2).steps[0].performs == 0);
}

TEST_CASE("forward: a wave whose only step was done once for all ends at once", "[engine]") {
    auto once = step("a");
    once.once = true;
    Desk desk(plan_of(2, {procedure("p", {once}, {{0}, {1}})}));
    desk.start();
    desk.end("p:a:n0");
    CHECK(desk.state.ending == Ending::done);
}

TEST_CASE("retry: with a back-off that doubles, then the policy", "[engine]") {
    auto s = step("a");
    s.on_failure.retry = 2;
    Desk desk(plan_of(1, {procedure("p", {s}, {{0}})}));
    desk.start();
    desk.end("p:a:n0", Outcome::failed, "do");
    CHECK(desk.jobs.empty());
    CHECK(*desk.wake == desk.now + Milliseconds{1'000});
    desk.pass(Milliseconds{1'000});
    CHECK(desk.running() == "p:a:n0");
    desk.end("p:a:n0", Outcome::timed_out);
    CHECK(*desk.wake == desk.now + Milliseconds{2'000});
    desk.pass(Milliseconds{2'000});
    desk.end("p:a:n0", Outcome::failed, "do");
    CHECK(desk.why() == Why::step_failed);
}

TEST_CASE("retry: a resume gives all attempts anew", "[engine]") {
    Desk desk(plan_of(1, {procedure("p", {step("a")}, {{0}})}));
    desk.start();
    desk.end("p:a:n0", Outcome::failed, "do");
    CHECK(desk.why() == Why::step_failed);
    desk.resume();
    CHECK(desk.running() == "p:a:n0");
    desk.end("p:a:n0");
    CHECK(desk.state.ending == Ending::done);
}

TEST_CASE("late: an alarm at twice the usual time, once", "[engine]") {
    Desk desk(plan_of(1, {procedure("p", {step("a")}, {{0}})}));
    desk.start();
    CHECK(*desk.wake == desk.now + Milliseconds{20'000});
    desk.pass(Milliseconds{19'999});
    CHECK(desk.count<StepLate>() == 0);
    desk.pass(Milliseconds{1});
    CHECK(desk.count<StepLate>() == 1);
    desk.pass(Milliseconds{60'000});
    CHECK(desk.count<StepLate>() == 1);
}

TEST_CASE("window: no new wave that can't be finished or undone inside it", "[engine]") {
    Desk desk(plan_of(2, {procedure("p", {step("a")}, {{0}, {1}})}));
    desk.bounds.window_end = desk.now + Milliseconds{40'500};
    desk.start();
    CHECK(desk.running() == "p:a:n0");
    desk.end("p:a:n0");
    CHECK(desk.why() == Why::window);
    Wish wish;
    wish.ignore_window = true;
    desk.resume(wish);
    CHECK(desk.running() == "p:a:n1");
}

TEST_CASE("until: stops before a procedure and before a wave, and goes on", "[engine]") {
    Desk desk(
        plan_of(2, {procedure("p", {step("a")}, {{0}, {1}}), procedure("q", {step("a")}, {{0}})}));
    Wish wish;
    wish.until = "p:2";
    desk.start(wish);
    desk.end("p:a:n0");
    CHECK(desk.why() == Why::until);
    wish.until = "q";
    desk.resume(wish);
    desk.end("p:a:n1");
    CHECK(desk.why() == Why::until);
    desk.resume();
    CHECK(desk.running() == "q:a:n0");
}

TEST_CASE("hold: the campaign stops before a procedure, once", "[engine]") {
    auto plan = plan_of(1, {procedure("p", {step("a")}, {{0}})});
    plan.procedures[0].hold_before = true;
    Desk desk(plan);
    desk.start();
    CHECK(desk.why() == Why::until);
    desk.resume();
    CHECK(desk.running() == "p:a:n0");
}

TEST_CASE("suspend: what runs is waited for, nothing new starts", "[engine]") {
    Desk desk(plan_of(2, {procedure("p", {step("a"), step("b")}, {{0, 1}})}));
    desk.start();
    desk.put(SuspendRequested{"me", false});
    desk.turn();
    CHECK(desk.next == Next::go_on);
    desk.end("p:a:n0");
    CHECK(desk.running() == "p:a:n1");
    desk.end("p:a:n1");
    CHECK(desk.why() == Why::operator_asked);
    desk.resume();
    CHECK(desk.running() == "p:b:n0 p:b:n1");
}

TEST_CASE("lost: the step's check finds out", "[engine]") {
    Desk desk(plan_of(1, {procedure("p", {step("a")}, {{0}})}));
    desk.start();
    desk.end("p:a:n0", Outcome::lost);
    CHECK(desk.running() == "check:p:a:n0");
    SECTION("it is done") {
        desk.end("p:a:n0", Outcome::done);
        CHECK(desk.state.ending == Ending::done);
    }
    SECTION("it is not: done again") {
        desk.end("p:a:n0", Outcome::not_done);
        CHECK(desk.running() == "p:a:n0");
    }
    SECTION("nobody knows: the operator is asked, and a resume alone does not do it again") {
        desk.end("p:a:n0", Outcome::failed);
        CHECK(desk.why() == Why::step_lost);
        desk.resume();
        CHECK(desk.running() == "check:p:a:n0");
    }
}

TEST_CASE("lost: an idempotent step is done again when its check knows nothing", "[engine]") {
    auto s = step("a");
    s.idempotent = true;
    Desk desk(plan_of(1, {procedure("p", {s}, {{0}})}));
    desk.start();
    desk.end("p:a:n0", Outcome::lost);
    desk.end("p:a:n0", Outcome::failed);
    CHECK(desk.running() == "p:a:n0");
}

TEST_CASE("answer: done, redo and failed", "[engine]") {
    Desk desk(plan_of(1, {procedure("p", {step("a"), step("b")}, {{0}})}));
    desk.start();
    desk.end("p:a:n0", Outcome::lost);
    desk.end("p:a:n0", Outcome::failed);
    Wish wish;
    const auto with = [&](Answer answer) {
        wish.answers = {{StepRef{0, 0, 0}, answer}};
        desk.resume(wish);
    };
    SECTION("done") {
        with(Answer::done);
        CHECK(desk.running() == "p:b:n0");
    }
    SECTION("redo") {
        with(Answer::redo);
        CHECK(desk.running() == "p:a:n0");
    }
    SECTION("failed: the policy acts") {
        with(Answer::failed);
        CHECK(desk.why() == Why::step_failed);
    }
}

TEST_CASE("answer: one that nobody waits for is refused with a remedy", "[engine]") {
    Desk desk(plan_of(1, {procedure("p", {step("a")}, {{0}})}));
    desk.start();
    Wish wish;
    wish.answers = {{StepRef{0, 0, 0}, Answer::done}};
    const auto events = opening_events(desk.plan, desk.state, wish, {}, "me", desk.now);
    REQUIRE_FALSE(events);
    CHECK(events.error().code() == ErrorCode::refused);
    CHECK_FALSE(events.error().remedy().empty());
}

TEST_CASE("resume: what was in flight is taken up again, never started anew", "[engine]") {
    Desk desk(plan_of(1, {procedure("p", {step("a")}, {{0}})}));
    desk.start();
    desk.resume();
    REQUIRE(desk.jobs.size() == 1);
    CHECK(desk.jobs[0].reattach);
    CHECK(desk.jobs[0].attempt == 1);
}

TEST_CASE("resume: an unreachable step is asked for, the same attempt", "[engine]") {
    Desk desk(plan_of(1, {procedure("p", {step("a")}, {{0}})}));
    desk.start();
    desk.end("p:a:n0", Outcome::unreachable);
    CHECK(desk.why() == Why::node_unreachable);
    desk.resume();
    REQUIRE(desk.jobs.size() == 1);
    CHECK(desk.jobs[0].reattach);
    CHECK(desk.jobs[0].attempt == 1);
}

}  // namespace escalator::engine::test
