// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>

#include "planner/late_restart.hpp"
#include "unit/planner/planned.hpp"

namespace escalator::test {

namespace {

/// The names of a procedure's steps in the order in which they are undone.
std::string way_back(const std::string& steps) {
    const auto made = planned("procedures:\n  - name: up\n    on: role=web\n    steps:\n" + steps, nodes(1));
    const auto& procedure = made.plan.procedures[0];
    std::string out;
    for (std::uint32_t i = 0; i < procedure.first_verify; ++i) {
        out += (out.empty() ? "" : " ") + procedure.steps[planner::undone_at(procedure, i)].name;
    }
    return out;
}

std::string file(const std::string& name) {
    return "      - name: " + name + "\n        file: { dest: /etc/" + name +
           ", content: x }\n        expect: 1s\n";
}
std::string service(const std::string& name, const std::string& state) {
    return "      - name: " + name + "\n        service: { name: nginx, state: " + state +
           " }\n        expect: 1s\n";
}
std::string contract(const std::string& name) {
    return "      - name: " + name + "\n        command: \"true\"\n        no_return: true\n        expect: 1s\n";
}

}  // namespace

TEST_CASE("late restart: without one, steps are undone in the exact reverse", "[planner]") {
    CHECK(way_back(file("a") + file("b") + service("start", "started")) == "start b a");
}

TEST_CASE("late restart: a service restarts after the files in front of it are back", "[planner]") {
    CHECK(way_back(file("a") + file("b") + service("restart", "restarted")) == "b a restart");
    CHECK(way_back(file("a") + service("reload", "reloaded") + file("b")) == "b a reload");
}

TEST_CASE("late restart: each restart waits for what is in front of it", "[planner]") {
    CHECK(way_back(file("a") + service("one", "restarted") + file("b") + service("two", "restarted")) ==
          "b a two one");
}

TEST_CASE("late restart: a restart with nothing in front keeps its place", "[planner]") {
    CHECK(way_back(service("restart", "restarted") + file("a")) == "a restart");
}

TEST_CASE("late restart: none moves past a step without return", "[planner]") {
    CHECK(way_back(file("a") + contract("contract") + file("b") + service("restart", "restarted")) ==
          "b restart contract a");
}

TEST_CASE("late restart: the order survives the saved plan", "[planner]") {
    const auto made =
        planned("procedures:\n  - name: up\n    on: role=web\n    steps:\n" + file("a") +
                    service("restart", "restarted"),
                nodes(1));
    const auto back = planner::plan_from_json_text(planner::to_json_text(made.plan));
    REQUIRE(back);
    CHECK(back->procedures[0].undo_order == std::vector<std::uint32_t>{0, 1});
}

}  // namespace escalator::test
