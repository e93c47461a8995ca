// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <random>

#include "unit/planner/planned.hpp"

namespace escalator::test {

namespace {

using Names = std::vector<std::string>;

Names waves(const std::string& keys, const std::string& inventory, const std::string& more = "") {
    return waves_of(planned(more + "procedures:\n" + procedure("up", keys), inventory).plan);
}

}  // namespace

TEST_CASE("waves: a batch is a number, a share, or as many as the limits allow", "[planner]") {
    CHECK(waves("    rolling: { batch: 2 }\n", nodes(5)) == Names{"n01 n02", "n03 n04", "n05"});
    CHECK(waves("    rolling: { batch: 40% }\n", nodes(5)) == Names{"n01 n02", "n03 n04", "n05"});
    CHECK(waves("    rolling: { batch: 1% }\n", nodes(2)) == Names{"n01", "n02"});
    CHECK(waves("    rolling: { batch: auto, unavailable: { total: 3 } }\n", nodes(5)) ==
          Names{"n01 n02 n03", "n04 n05"});
}

TEST_CASE("waves: a canary goes first and is waited for", "[planner]") {
    const auto made = planned("procedures:\n" + procedure("up",
                                                          "    rolling: { batch: 2, canary: 1, soak: "
                                                          "10m, pause: 1m }\n"),
                              nodes(5));
    const auto& waves = made.plan.procedures[0].waves;
    REQUIRE(waves_of(made.plan) == Names{"n01", "n02 n03", "n04 n05"});
    CHECK(waves[0].canary);
    CHECK_FALSE(waves[1].canary);
    CHECK(waves[0].soak == Milliseconds{600'000});
    CHECK(waves[1].soak == Milliseconds{60'000});
    CHECK(waves[2].soak == Milliseconds{0});
}

TEST_CASE("waves: no label value loses more than its limit", "[planner]") {
    CHECK(waves("    rolling: { batch: auto, unavailable: { rack: 1 } }\n", nodes(6, 3)) ==
          Names{"n01 n02 n03", "n04 n05 n06"});
    CHECK(waves("    rolling: { batch: auto, unavailable: { rack: 1, total: 2 } }\n", nodes(6, 3)) ==
          Names{"n01 n02", "n03 n04", "n05 n06"});
}

TEST_CASE("waves: crowded label values go first, or they would need waves of their own",
          "[planner]") {
    // rack r1 has four of six nodes: with one a rack at a time it needs four waves, and no more
    const std::string inventory =
        "nodes:\n"
        "  a1: { address: h, labels: { role: web, rack: r2 } }\n"
        "  a2: { address: h, labels: { role: web, rack: r3 } }\n"
        "  b1: { address: h, labels: { role: web, rack: r1 } }\n"
        "  b2: { address: h, labels: { role: web, rack: r1 } }\n"
        "  b3: { address: h, labels: { role: web, rack: r1 } }\n"
        "  b4: { address: h, labels: { role: web, rack: r1 } }\n";
    CHECK(waves("    rolling: { batch: auto, unavailable: { rack: 1, total: 2 } }\n", inventory)
              .size() == 4);
}

TEST_CASE("waves: nodes that are down count against the limits and are left out", "[planner]") {
    const std::string keys = "    rolling: { batch: auto, unavailable: { total: 2 } }\n";
    planner::Facts facts;
    facts.down = {"n02"};
    const auto made = planned("procedures:\n" + procedure("up", keys), nodes(4), facts);
    CHECK(waves_of(made.plan) == Names{"n01", "n03", "n04"});
    REQUIRE(made.warnings.size() == 1);
    CHECK_THAT(made.warnings[0], Catch::Contains("n02"));
}

TEST_CASE("waves: a limit that the nodes which are down use up is told", "[planner]") {
    planner::Facts facts;
    facts.down = {"n02"};
    const auto made =
        make("procedures:\n" +
                 procedure("up", "    rolling: { batch: auto, unavailable: { total: 1 } }\n"),
             nodes(4), facts);
    REQUIRE_FALSE(made);
    CHECK(made.error().code() == ErrorCode::usage);
    CHECK_THAT(made.error().text(), Catch::Contains("total") && Catch::Contains("n01"));
    CHECK_FALSE(made.error().remedy().empty());
}

TEST_CASE("waves: the campaign's own limits hold in every procedure", "[planner]") {
    CHECK(waves("    rolling: { batch: auto }\n", nodes(4), "unavailable: { total: 25% }\n") ==
          Names{"n01", "n02", "n03", "n04"});
}

TEST_CASE("waves: standby nodes come before the active one", "[planner]") {
    const std::string inventory =
        "nodes:\n"
        "  db1: { address: h, labels: { role: web, state: active } }\n"
        "  db2: { address: h, labels: { role: web, state: standby } }\n"
        "  db3: { address: h, labels: { role: web, state: standby } }\n";
    const std::string keys = "    order: { standby-first: state=active }\n    rolling: { batch: 2 }\n";
    SECTION("by its label") {
        CHECK(waves(keys, inventory) == Names{"db2 db3", "db1"});
    }
    SECTION("by its live role, which wins over the label") {
        planner::Facts facts;
        facts.roles = {{"db1", "standby"}, {"db2", "active"}, {"db3", "standby"}};
        const auto made = planned("procedures:\n" + procedure("up", keys), inventory, facts);
        CHECK(waves_of(made.plan) == Names{"db1 db3", "db2"});
    }
}

TEST_CASE("waves: parallel and one-step procedures have one wave", "[planner]") {
    CHECK(waves("    parallel: true\n", nodes(3)) == Names{"n01 n02 n03"});
    CHECK(waves("    one_step: true\n", nodes(3)) == Names{"n01 n02 n03"});
}

TEST_CASE("waves: a one-step procedure does not break a limit", "[planner]") {
    const auto made = make("unavailable: { total: 2 }\nprocedures:\n" +
                               procedure("up", "    one_step: true\n"),
                           nodes(3));
    REQUIRE_FALSE(made);
    CHECK_THAT(made.error().text(), Catch::Contains("one_step") && Catch::Contains("2"));
}

TEST_CASE("waves: every node once and no limit exceeded, whatever the labels", "[planner]") {
    std::mt19937 dice(7);
    const auto roll = [&](unsigned most) {
        return std::uniform_int_distribution<unsigned>(1, most)(dice);
    };
    for (int round = 0; round < 60; ++round) {
        CAPTURE(round);
        const auto count = roll(30);
        const auto racks = roll(6);
        const auto total = roll(10);
        const auto per_rack = roll(3);
        const auto made = planned(
            "procedures:\n" +
                procedure("up", fmt::format("    rolling: {{ batch: auto, unavailable: {{ rack: {}, "
                                            "total: {} }} }}\n",
                                            per_rack, total)),
            nodes(count, racks));
        std::set<planner::NodeIndex> seen;
        for (const auto& wave : made.plan.procedures[0].waves) {
            std::map<std::string, unsigned> out;
            for (const auto node : wave.nodes) {
                CHECK(seen.insert(node).second);
                ++out[made.plan.nodes[node].labels.at("rack")];
            }
            CHECK(wave.nodes.size() <= total);
            for (const auto& [rack, number] : out) CHECK(number <= per_rack);
        }
        CHECK(seen.size() == count);
    }
}

}  // namespace escalator::test
