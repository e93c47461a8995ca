// SPDX-License-Identifier: Apache-2.0
#include "action/compile.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "support/temp.hpp"

namespace escalator::action {

namespace {

using nlohmann::json;

/// A value that a careless script would run, split or lose.
constexpr const char* hostile = "a'b\"c $(touch /tmp/oops) `id` ;&|<>\\ *?[x] -e\n#!~ ${HOME} é";

struct Case {
    const char* action;
    json args;
};

/// Every action, with every way it can be used.
std::vector<Case> all_cases() {
    const json env = {{"VALUE", "${vars.v}"}};
    return {
        {"command", {{"run", "printf %s ${vars.v}"}, {"dir", "${vars.v}"}, {"env", env}}},
        {"command", {{"run", {"printf", "${vars.v}", "x"}}}},
        {"local", {{"run", "printf %s ${vars.v}"}, {"env", env}}},
        {"script", {{"src", "script"}, {"args", {"${vars.v}"}}, {"interpreter", {"sh", "-e"}}}},
        {"script", {{"src", "script"}, {"dir", "${vars.v}"}, {"env", env}}},
        {"file",
         {{"dest", "/${vars.v}"},
          {"content", "${vars.v}"},
          {"mode", "0640"},
          {"owner", "${vars.v}"},
          {"group", "${vars.v}"},
          {"backup", true},
          {"follow", true}}},
        {"file", {{"dest", "/etc/x"}, {"src", "script"}}},
        {"file", {{"dest", "/etc/x"}, {"template", "template"}}},
        {"file", {{"dest", "/${vars.v}"}, {"state", "absent"}}},
        {"package", {{"upgrade", {{"nova", "2:1.0-1~$x(y)"}}}}},
        {"package",
         {{"install", {"a=1", "b"}},
          {"refresh", true},
          {"allow_downgrade", true},
          {"allow_remove", true},
          {"allow_no_way_back", true},
          {"lock_wait", 1000}}},
        {"package", {{"remove", {"a"}}, {"manager", "apt"}}},
        {"package", {{"hold", {"a", "b"}}, {"manager", "dnf"}}},
        {"package", {{"unhold", "a"}, {"manager", "yum"}}},
        {"service", {{"name", {"a", "b@c.service"}}, {"state", "started"}, {"enabled", true}}},
        {"service", {{"name", "a"}, {"state", "stopped"}, {"masked", true}, {"enabled", false}}},
        {"service", {{"name", "a$(id)'b"}, {"state", "restarted"}, {"daemon_reload", true}}},
        {"service", {{"name", "a"}, {"state", "reloaded"}, {"masked", false}}},
        {"reboot", json::object()},
        {"reboot",
         {{"when", "kernel-changed"}, {"command", "reboot ${vars.v}"}, {"go_down", 60000}}},
        {"reboot", {{"when", "required"}, {"command", {"reboot", "${vars.v}"}}}},
        {"wait", {{"port", "${vars.h}:80"}, {"absent", true}, {"timeout", 5000}}},
        {"wait", {{"http", "http://h/${vars.v}"}, {"status", 204}, {"contains", "${vars.v}"}}},
        {"wait", {{"command", "test -e ${vars.v}"}, {"interval", 100}}},
        {"wait", {{"file", "${vars.v}"}, {"from", "controller"}}},
        {"plugin",
         {{"name", "helper"}, {"args", {{"text", "${vars.v}"}, {"list", {"${vars.v}", 1, true}}}}}},
    };
}

struct Place {
    test::TempDir dir;

    Place() {
        std::ofstream(dir / "script") << "#!/bin/sh -e\n";
        std::ofstream(dir / "template") << "x=${vars.v}\n";
        std::ofstream(dir / "helper") << "#!/bin/sh\n";
        std::filesystem::permissions(dir / "helper", std::filesystem::perms::owner_all);
    }

    Result<Compiled> compile(const char* action, const json& args, const char* check = "",
                             const char* verify = "", const char* undo = "") const {
        const auto text = args.dump();
        Request request;
        request.action = action;
        request.args = text;
        request.check = check;
        request.verify = verify;
        request.undo = undo;
        request.base_dir = dir.path();
        request.plugin_path = {dir.path()};
        return action::compile(request, {{"vars.v", hostile},
                                         {"vars.h", "host name"},
                                         {"node.name", "node01"},
                                         {"run.id", "r1"}});
    }

    /// What a shell says to a script; "" when it accepts it.
    std::string refusal(const std::string& shell, const std::string& script) const {
        std::ofstream(dir / "it.sh") << script;
        const auto line = shell + " -n '" + (dir / "it.sh").string() + "' >'" +
                          (dir / "said").string() + "' 2>&1";
        if (std::system(line.c_str()) == 0) return {};
        std::ifstream said(dir / "said");
        return {std::istreambuf_iterator<char>(said), {}};
    }
};

std::vector<std::string> shells() {
    std::vector<std::string> out;
    for (const auto* it : {"dash", "busybox sh", "bash --posix"}) {
        const auto line = std::string(it) + " -c : >/dev/null 2>&1";
        if (std::system(line.c_str()) == 0) out.emplace_back(it);
    }
    return out;
}

}  // namespace

TEST_CASE("compile: every phase of every action is a script that shells accept", "[compile]") {
    const Place place;
    const auto with = shells();
    REQUIRE_FALSE(with.empty());
    for (const auto& it : all_cases()) {
        for (const bool own : {false, true}) {
            CAPTURE(it.action, it.args.dump(), own);
            const auto compiled =
                own ? place.compile(it.action, it.args, "test -e ${vars.v}",
                                    "if test -e ${vars.v}; then exit 0; fi\nexit 1",
                                    "rm ${vars.v} # gone")
                    : place.compile(it.action, it.args);
            if (!compiled) FAIL(compiled.error().text());
            REQUIRE_FALSE(compiled->perform.empty());
            for (const auto& shell : with) {
                CAPTURE(shell);
                CHECK(place.refusal(shell, compiled->perform) == "");
                CHECK(place.refusal(shell, compiled->check) == "");
                CHECK(place.refusal(shell, compiled->undo) == "");
            }
        }
    }
}

TEST_CASE("compile: a hostile value arrives as one argument, whole", "[compile]") {
    const Place place;
    const auto out = (place.dir / "out").string();
    const json words = {"sh", "-c", "printf '%s|' \"$@\" >\"$0\"", out, "${vars.v}", "last"};
    const std::vector<json> ways{
        {{"run", words}},
        {{"run", "sh -c 'printf \"%s|\" \"$@\" >\"$0\"' " + shell_quote(out) + " ${vars.v} last"}},
        {{"run", "printf '%s|' \"$V\" last >" + shell_quote(out)}, {"env", {{"V", "${vars.v}"}}}}};
    for (const auto& args : ways) {
        const auto compiled = place.compile("command", args);
        REQUIRE(compiled);
        std::ofstream(place.dir / "run.sh") << compiled->perform;
        REQUIRE(std::system(("sh '" + (place.dir / "run.sh").string() + "'").c_str()) == 0);
        std::ifstream file(out);
        const std::string said{std::istreambuf_iterator<char>(file), {}};
        CHECK(said == std::string(hostile) + "|last|");
    }
}

TEST_CASE("compile: what the author says stands in for the action's own", "[compile]") {
    const Place place;
    const json args = {{"dest", "/etc/x"}, {"content", "y"}};
    const auto own = place.compile("file", args);
    const auto theirs = place.compile("file", args, "their-check", "their-verify", "their-undo");
    REQUIRE(own);
    REQUIRE(theirs);
    CHECK(theirs->check.find("their-check") != std::string::npos);
    CHECK(theirs->undo.find("their-undo") != std::string::npos);
    CHECK(theirs->undo.size() < own->undo.size());
    // a verification is one more, never one less
    CHECK(theirs->perform.find("their-verify") != std::string::npos);
    CHECK(theirs->perform.find("not as it was written") != std::string::npos);
}

TEST_CASE("compile: where it runs, what it uploads, what it expects", "[compile]") {
    const Place place;
    CHECK(place.compile("local", {{"run", "x"}})->where == Where::controller);
    CHECK(place.compile("plugin", {{"name", "helper"}})->where == Where::controller);
    CHECK(place.compile("wait", {{"file", "/x"}, {"from", "controller"}})->where ==
          Where::controller);
    CHECK(place.compile("wait", {{"file", "/x"}})->where == Where::node);
    CHECK(place.compile("reboot", json::object())->expects_reboot);
    const auto file = place.compile("file", {{"dest", "/etc/x"}, {"template", "template"}});
    REQUIRE(file);
    REQUIRE(file->uploads.size() == 1);
    CHECK(file->uploads[0].content == std::string("x=") + hostile + "\n");
    const auto script = place.compile("script", {{"src", "script"}});
    REQUIRE(script);
    CHECK(script->perform.find("/bin/sh' '-e'") != std::string::npos);  // its #! line
    CHECK(script->uploads[0].source == place.dir / "script");
}

TEST_CASE("compile: arguments that make no sense are refused in words", "[compile]") {
    const Place place;
    const auto refused = [&](const char* action, const json& args) {
        const auto compiled = place.compile(action, args);
        return compiled ? std::string("accepted") : compiled.error().text();
    };
    using Catch::Contains;
    CHECK_THAT(refused("file", {{"dest", "etc/x"}, {"content", ""}}), Contains("absolute path"));
    CHECK_THAT(refused("file", {{"dest", "/etc/"}, {"content", ""}}), Contains("absolute path"));
    CHECK_THAT(refused("file", {{"dest", "/x"}, {"src", "none"}}), Contains("none"));
    CHECK_THAT(refused("file", {{"dest", "/x"}, {"content", "${vars.w}"}}), Contains("vars.w"));
    CHECK_THAT(refused("package", {{"install", {"-x"}}}), Contains("no package name"));
    CHECK_THAT(refused("package", {{"install", {"a b"}}}), Contains("no package name"));
    CHECK_THAT(refused("service", {{"name", "a/b"}, {"state", "started"}}),
               Contains("no service name"));
    CHECK_THAT(refused("service", {{"name", "a"}}), Contains("nothing to do"));
    CHECK_THAT(refused("wait", {{"port", "http"}}), Contains("host:port"));
    CHECK_THAT(refused("wait", {{"http", "ftp://x"}}), Contains("http or https"));
    CHECK_THAT(refused("wait", {{"http", "http://x"}, {"absent", true}}), Contains("absent"));
    CHECK_THAT(refused("plugin", {{"name", "../x"}}), Contains("no plugin name"));
    CHECK_THAT(refused("plugin", {{"name", "other"}}), Contains("no plugin \"other\""));
    CHECK_THAT(refused("nonsense", json::object()), Contains("no action"));
}

}  // namespace escalator::action
