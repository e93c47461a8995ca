// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "unit/planner/planned.hpp"

namespace escalator::test {

namespace {

std::vector<std::string> order_of(const planner::Plan& plan) {
    std::vector<std::string> out;
    for (const auto& procedure : plan.procedures) out.push_back(procedure.name);
    return out;
}

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("plan: procedures go in the order of after, then of the file", "[planner]") {
    const auto made = planned("procedures:\n" + procedure("c", "    after: [b]\n") +
                                  procedure("a", "") + procedure("b", ""),
                              nodes(1));
    CHECK(order_of(made.plan) == Names{"a", "b", "c"});
    CHECK(made.plan.procedures[2].after == std::vector<std::uint32_t>{1});
}

TEST_CASE("plan: what a module needs goes before it", "[planner]") {
    const auto step = [](const std::string& name, const std::string& package) {
        return "  - name: " + name + "\n    on: role=web\n    steps:\n      - package: { upgrade: [" +
               package + "] }\n        expect: 1m\n";
    };
    const auto made = planned(
        "modules:\n"
        "  compute: { on: role=web, package: nova-compute, to: \"2\", needs: [ \"conductor >= this\" ] }\n"
        "  conductor: { on: role=web, package: nova-conductor, to: \"2\" }\n"
        "procedures:\n" +
            step("computes", "nova-compute") + step("controllers", "nova-conductor"),
        nodes(1));
    CHECK(order_of(made.plan) == Names{"controllers", "computes"});
}

TEST_CASE("plan: the same input makes the same bytes", "[planner]") {
    const TempDir dir;
    const auto in = inputs(dir, "procedures:\n" + procedure("up", "    rolling: { batch: 2 }\n"),
                           nodes(7, 3));
    const auto first = planner::make_plan(in.campaign, in.inventory, {});
    const auto second = planner::make_plan(in.campaign, in.inventory, {});
    REQUIRE(first);
    REQUIRE(second);
    CHECK(planner::to_json_text(first->plan) == planner::to_json_text(second->plan));
    CHECK(planner::digest_of(first->plan) == planner::digest_of(second->plan));
}

TEST_CASE("plan: JSON and back loses nothing", "[planner]") {
    const auto made = planned(
        "budgets: { upgrade: 2h, rollback: 1h, interruption: 1s }\n"
        "window: { from: \"22:00\", to: \"04:30\" }\n"
        "tolerate: 50%\n"
        "vars: { greeting: hello }\n"
        "procedures:\n" +
            procedure("up",
                      "    rolling: { batch: auto, canary: 1, soak: 5m, unavailable: { rack: 1 } }\n"
                      "    on_failure: { retry: 2, backoff: 3s, then: undo-node, else: undo-all }\n") +
            "verify:\n  - command: \"true\"\n    expect: 1s\n",
        nodes(4, 2));
    const auto text = planner::to_json_text(made.plan);

    const auto back = planner::plan_from_json_text(text);

    REQUIRE(back);
    CHECK(planner::to_json_text(*back) == text);
    CHECK(back->tolerate == 2);
    CHECK(back->procedures.size() == 2);
}

TEST_CASE("plan: a damaged plan is refused, never followed", "[planner]") {
    const auto text = planner::to_json_text(
        planned("procedures:\n" + procedure("up", "    rolling: { unavailable: { total: 1 } }\n"),
                nodes(2))
            .plan);
    REQUIRE(planner::plan_from_json_text(text));
    // cut at every length
    for (std::size_t kept = 0; kept + 3 < text.size(); ++kept) {
        CAPTURE(kept);
        const auto plan = planner::plan_from_json_text(text.substr(0, kept));
        REQUIRE_FALSE(plan);
        CHECK_FALSE(plan.error().message().empty());
    }
    const auto without = [&](std::string what, const std::string& with) {
        auto changed = text;
        const auto at = changed.find(what);
        REQUIRE(at != std::string::npos);
        changed.replace(at, what.size(), with);
        return planner::plan_from_json_text(changed);
    };
    CHECK_FALSE(without("escalator-plan/1", "escalator-plan/9"));
    CHECK(without("escalator-plan/1", "escalator-plan/9").error().code() == ErrorCode::stale);
    CHECK_FALSE(without("\"rolling\"", "\"rollling\""));
    CHECK_FALSE(without("\"first_verify\": 1", "\"first_verify\": 9"));
    CHECK_FALSE(without("\"campaign_limits\": 0", "\"campaign_limits\": 7"));
}

TEST_CASE("plan: changed inputs are named", "[planner]") {
    auto made = planned("procedures:\n" + procedure("up", ""), nodes(1));
    auto& plan = made.plan;
    plan.campaign_file = "/c.yaml";
    plan.inventory_file = "/i.yaml";
    CHECK(planner::check_fresh(plan, plan.campaign_digest, plan.inventory_digest));

    const auto stale = planner::check_fresh(plan, plan.campaign_digest, "other");

    REQUIRE_FALSE(stale);
    CHECK(stale.error().code() == ErrorCode::stale);
    CHECK_THAT(stale.error().text(), Catch::Contains("/i.yaml") && !Catch::Contains("/c.yaml"));
    CHECK_THAT(stale.error().remedy(), Catch::Contains("escalator plan /c.yaml"));
}

TEST_CASE("plan: times add up over waves, soak included", "[planner]") {
    const auto made =
        planned("procedures:\n" + procedure("up", "    rolling: { batch: 1, pause: 1m }\n", "30s"),
                nodes(3));
    CHECK(made.plan.predicted == Milliseconds{3 * 30'000 + 2 * 60'000});
    CHECK(made.plan.predicted_rollback == Milliseconds{3 * 30'000});
}

TEST_CASE("plan: nodes of one wave that have to take turns take their time", "[planner]") {
    const auto made = planned(
        "unavailable: { total: 2 }\nprocedures:\n" + procedure("up", "    parallel: true\n", "30s"),
        nodes(5));
    CHECK(made.plan.predicted == Milliseconds{3 * 30'000});
    CHECK(made.plan.predicted_rollback == Milliseconds{3 * 30'000});
}

TEST_CASE("plan: a budget or window that is too short is warned of", "[planner]") {
    const auto made = planned("budgets: { upgrade: 10s, rollback: 1h }\nprocedures:\n" +
                                  procedure("up", "", "5m"),
                              nodes(1));
    REQUIRE(made.warnings.size() == 1);
    CHECK_THAT(made.warnings[0], Catch::Contains("upgrade") && Catch::Contains("5m"));
}

TEST_CASE("plan: the point of no return is warned of, once", "[planner]") {
    const auto made = planned(
        "procedures:\n  - name: up\n    on: role=web\n    steps:\n"
        "      - name: contract\n        command: \"true\"\n        no_return: true\n        expect: 1s\n"
        "      - name: drop\n        command: \"true\"\n        no_return: true\n        expect: 1s\n",
        nodes(1));
    REQUIRE(made.warnings.size() == 1);
    CHECK_THAT(made.warnings[0], Catch::Contains("contract"));
}

TEST_CASE("plan: a procedure whose nodes are all down is refused", "[planner]") {
    planner::Facts facts;
    facts.down = {"n01"};
    const auto made = make("procedures:\n" + procedure("up", ""), nodes(1), facts);
    REQUIRE_FALSE(made);
    CHECK_THAT(made.error().text(), Catch::Contains("all of them are down"));
}

TEST_CASE("plan: steps are found by their names", "[planner]") {
    const auto made = planned("procedures:\n" + procedure("up", ""), nodes(2));
    const auto ref = planner::find_step(made.plan, "up:change:n02");
    REQUIRE(ref);
    CHECK(planner::step_id(made.plan, *ref) == "up:change:n02");
    const auto wrong = planner::find_step(made.plan, "up:chnage:n02");
    REQUIRE_FALSE(wrong);
    CHECK_THAT(wrong.error().remedy(), Catch::Contains("change"));
    CHECK_FALSE(planner::find_step(made.plan, "up"));
    CHECK_FALSE(planner::find_step(made.plan, "up:change:n02:x"));
}

}  // namespace escalator::test
