// SPDX-License-Identifier: Apache-2.0
#include "campaign/load.hpp"

#include <catch2/catch.hpp>

#include "support/temp.hpp"

using namespace escalator;
using namespace escalator::campaign;

namespace {

Loaded load(const test::TempDir& dir, std::string_view text) {
    test::spill(dir / "c.yaml", text);
    auto out = load_campaign(dir / "c.yaml");
    REQUIRE(out);
    return std::move(*out);
}

Campaign good(const test::TempDir& dir, std::string_view text) {
    auto out = load(dir, text);
    for (const auto& it : out.diagnostics) INFO(format_diagnostic(it));
    CHECK(out.diagnostics.empty());
    return std::move(out.campaign);
}

std::vector<Node> nodes(const test::TempDir& dir, std::string_view text) {
    test::spill(dir / "hosts", text);
    auto out = load_inventory(dir / "hosts");
    REQUIRE(out);
    for (const auto& it : out->diagnostics) UNSCOPED_INFO(format_diagnostic(it));
    CHECK(out->diagnostics.empty());
    return std::move(out->nodes);
}

const std::string head = "escalator: 1\ncampaign: demo\n";

}  // namespace

TEST_CASE("load: everything of a campaign reaches the model", "[campaign][load]") {
    const test::TempDir dir;
    const auto it = good(dir, head + R"(
vars: { a: b, n: 5 }
budgets: { upgrade: 2h, interruption: 1s }
window: { from: "22:30", to: "05:00", length: 4h }
tolerate: 5%
unavailable: { rack: 1, total: 20% }
on_failure: { retry: 2, backoff: 5s, then: undo-node, else: undo-wave }
modules:
  nova: { on: role=x, package: nova-api, to: "2:1.2-3", from: "1.0" }
procedures:
  - name: first
    on: "@controller"
    steps:
      - local: "true"
        read_only: true
        expect: 1s
  - name: second
    on: role=x, !spare
    after: first
    rolling: { batch: 25%, canary: 1, soak: 10m, pause: 5s, unavailable: { total: 3 } }
    order: { standby-first: state=master }
    hold: yes
    steps:
      - command: echo ${vars.a} ${versions.nova.to}
        name: talk
        undo: echo
        as: nova
        expect: 2s
        timeout: 1m
        once: true
        retry: 1
      - package: { upgrade: [ nova-api ] }
        expect: 1m
    verify:
      - wait: { port: "localhost:80" }
verify_on: role=x
verify:
  - command: "true"
)");
    CHECK(it.name == "demo");
    CHECK(it.vars.at("vars.n") == "5");
    CHECK(it.vars.at("versions.nova.from") == "1.0");
    CHECK(it.budgets.upgrade == Milliseconds{7'200'000});
    CHECK(it.window.start_minute == 22U * 60 + 30);
    CHECK(it.tolerate == Amount{5, true});
    REQUIRE(it.unavailable.size() == 2);
    CHECK(it.unavailable[0] == Limit{"rack", {1, false}, {}});
    CHECK(it.unavailable[1] == Limit{"", {20, true}, {}});
    REQUIRE(it.procedures.size() == 2);
    CHECK(it.procedures[0].on_controller);
    const auto& second = it.procedures[1];
    CHECK(second.after == std::vector<std::string>{"first"});
    CHECK(second.batch == Amount{25, true});
    CHECK(second.canary == Amount{1, false});
    CHECK(second.soak == Milliseconds{600'000});
    CHECK(second.standby_value == "master");
    CHECK(second.hold_before);
    CHECK(second.on_failure.then == Remedy::undo_node);
    REQUIRE(second.steps.size() == 2);
    const auto& talk = second.steps[0];
    CHECK(talk.name == "talk");
    CHECK(talk.run_as == "nova");
    CHECK(talk.once);
    CHECK(talk.on_failure.retry == 1);
    CHECK(talk.on_failure.otherwise == Remedy::undo_wave);
    CHECK(talk.timeout == Milliseconds{60'000});
    CHECK(talk.way_back == action::WayBack::step);
    CHECK(second.steps[1].timeout == Milliseconds{300'000});
    CHECK(second.steps[1].way_back == action::WayBack::builtin);
    CHECK(second.verify.size() == 1);
    CHECK_FALSE(it.verify_on_controller);
    CHECK(it.files.size() == 1);
}

TEST_CASE("load: places are where things are written", "[campaign][load]") {
    const test::TempDir dir;
    const auto it =
        load(dir, head +
                      "procedures:\n  - name: p\n    on: \"*\"\n    after: [q]\n    steps:\n"
                      "      - command: |\n          true\n          echo \"${node.name}\"\n"
                      "        read_only: true\n        expect: 1s\n");
    REQUIRE(it.diagnostics.size() == 2);
    CHECK(it.diagnostics[0].id == "unknown-procedure");
    CHECK(it.diagnostics[0].place.line == 6);
    CHECK(it.diagnostics[0].place.column == 13);
    CHECK(it.diagnostics[1].id == "bad-variable");
    CHECK(it.diagnostics[1].place.line == 10);
    CHECK(it.diagnostics[1].place.column == 17);
    CHECK(it.diagnostics[1].length == 12);
    CHECK(it.diagnostics[1].source_line == "          echo \"${node.name}\"");
}

TEST_CASE("load: an include with other parameters is another procedure", "[campaign][include]") {
    const test::TempDir dir;
    test::spill(
        dir / "sub" / "p.yaml",
        "escalator_procedures: 1\nparameters: { name:, after: \"\", text: hi }\nprocedures:\n"
        "  - name: up-${param.name}\n    on: role=${param.name}\n    after: [ \"${param.after}\" "
        "]\n"
        "    steps:\n      - command: echo ${param.text}\n        read_only: true\n        expect: "
        "1s\n");
    const auto it =
        good(dir, head +
                      "include:\n  - { file: sub/p.yaml, with: { name: a } }\n"
                      "  - { file: sub/p.yaml, with: { name: b, after: up-a, text: \"it's\" } }\n");
    REQUIRE(it.procedures.size() == 2);
    CHECK(it.procedures[0].name == "up-a");
    CHECK(it.procedures[0].after.empty());
    CHECK(it.procedures[1].name == "up-b");
    CHECK(it.procedures[1].on.text() == "role=b");
    CHECK(it.procedures[1].after == std::vector<std::string>{"up-a"});
    CHECK(it.procedures[1].steps[0].params.at("param.text") == "it's");
    CHECK(it.files.size() == 2);
}

TEST_CASE("load: the digest changes with any file read", "[campaign][include]") {
    const test::TempDir dir;
    const auto text = head + "include: [ p.yaml ]\n";
    const std::string procedures =
        "escalator_procedures: 1\nprocedures:\n  - name: a\n    on: x\n    steps:\n"
        "      - wait: { file: /x }\n";
    test::spill(dir / "p.yaml", procedures);
    const auto first = good(dir, text).digest;
    CHECK(good(dir, text).digest == first);
    test::spill(dir / "p.yaml", procedures + "# more\n");
    CHECK(good(dir, text).digest != first);
}

TEST_CASE("load: a chain as long as a file, and a deep group, need no stack", "[campaign][load]") {
    const test::TempDir dir;
    std::string text = head + "procedures:\n";
    for (int i = 0; i < 3000; ++i) {
        text += "  - { name: p" + std::to_string(i) + ", on: x, after: [p" + std::to_string(i + 1) +
                "], steps: [{ wait: { file: /x } }] }\n";
    }
    text += "  - { name: p3000, on: x, steps: [{ wait: { file: /x } }] }\n";
    CHECK(good(dir, text).procedures.size() == 3001);
    std::string ini = "[g0]\nh1\n";
    for (int i = 1; i < 3000; ++i)
        ini += "[g" + std::to_string(i) + ":children]\ng" + std::to_string(i - 1) + "\n";
    CHECK(nodes(dir, ini).front().labels.size() == 3000);
}

TEST_CASE("inventory: groups in diamonds take no exponential time", "[campaign][inventory]") {
    const test::TempDir dir;
    std::string ini = "[a0]\nh1\n";
    for (int i = 1; i < 60; ++i) {
        const auto below = std::to_string(i - 1);
        const auto me = std::to_string(i);
        ini += "[l" + me + ":children]\na" + below + "\n[r" + me + ":children]\na" + below +
               "\n[a" + me + ":children]\nl" + me + "\nr" + me + "\n";
    }
    CHECK(nodes(dir, ini).size() == 1);
}

TEST_CASE("inventory: escalator's own YAML", "[campaign][inventory]") {
    const test::TempDir dir;
    const auto it =
        nodes(dir,
              "defaults: { user: cloud, port: 2222, labels: { role: web } }\nnodes:\n"
              "  \"web[01:02]\": { labels: { rack: r1 } }\n"
              "  db: { address: 10.0.0.9, port: 22, become: true, down: true, groups: [back], "
              "labels: { role: db } }\n");
    REQUIRE(it.size() == 3);
    CHECK(it[0].name == "web01");
    CHECK(it[0].connection.address == "web01");
    CHECK(it[0].connection.port == 2222);
    CHECK(it[0].connection.user == "cloud");
    CHECK(it[0].labels == Labels{{"role", "web"}, {"rack", "r1"}});
    CHECK(it[2].connection.address == "10.0.0.9");
    CHECK(it[2].connection.become);
    CHECK(it[2].down);
    CHECK(it[2].labels == Labels{{"role", "db"}, {"back", "true"}});
}

TEST_CASE("diagnostics: shown with line and caret, whatever the line holds",
          "[campaign][diagnostic]") {
    Diagnostic it;
    it.place = {"c.yaml", 3, 5};
    it.source_line = "\tab\xc3\xa9 wrong";
    it.message = "bad";
    it.help = "do";
    it.length = 1;
    it.place.column = 7;
    CHECK(format_diagnostic(it) ==
          "c.yaml:3:7: error: bad\n    3 |  ab\xc3\xa9 wrong\n      |      ^\n      = do\n");
    it.place.column = 500;  // beyond the end
    CHECK(format_diagnostic(it).find("^") != std::string::npos);
    it.source_line = std::string(300, 'a') + "HERE" + std::string(300, 'b');
    it.place.column = 301;
    it.length = 4;
    const auto text = format_diagnostic(it);
    CHECK(text.find("...a") != std::string::npos);
    CHECK(text.find("b...") != std::string::npos);
    CHECK(text.find("^~~~\n") != std::string::npos);
}
