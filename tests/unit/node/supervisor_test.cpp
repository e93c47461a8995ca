// SPDX-License-Identifier: Apache-2.0
// The supervisor under every shell that may be a node's /bin/sh.
#include "node/supervisor.hpp"

#include <fmt/format.h>

#include "fixture.hpp"
#include "node/talk.hpp"

using namespace escalator;
using node::JobEnd;

namespace {

void end(const std::string& pid) { ::kill(std::stoi(pid), SIGKILL); }

std::uintmax_t size_of(const std::filesystem::path& file) {
    return std::filesystem::exists(file) ? std::filesystem::file_size(file) : 0;
}

}  // namespace

TEST_CASE("supervisor: every shell tells how a script ended", "[node][shell]") {
    const auto shell = GENERATE(from_range(test::shells()));
    CAPTURE(shell);
    test::Node it(shell);
    it.lease(*it.session);
    auto job =
        it.job("first",
               "printf 'a\\0b\\n'; echo err >&2; cat \"$ESCALATOR_RECORD\"\n"
               "echo 'verify  it' >\"$ESCALATOR_STAGE\"; echo 'k '\\''x' >>\"$ESCALATOR_RECORD\"\n"
               "cat \"${ESCALATOR_FILES}f\"; pwd; read x || echo no stdin\nexit 7");
    job.record = "before 'x' \"y\"\n\n%s\\n\n";
    job.payloads.push_back({"f",
                            {},
                            std::string("x\0y\n", 4),
                            4,
                            "a7b34f8b3d5f9e10ac2fba9e26bb1b23b9f4d1f9a8b6f6a3f4cd4a5bb1a0c0ad"});
    const auto refused = it.run(job);  // the payload's digest is a lie
    CHECK(refused.end == JobEnd::not_started);
    CHECK(refused.detail.find("f arrived damaged") != std::string::npos);
    job.payloads[0].sha256 = "58f5d8f1f4ec58b9a1ea9b69a1b1a4e0e5d46c27f55b8ae3b0b7f2e7fdb4d6a8";
    job.payloads[0].sha256 = std::string(trim(test::slurp([&] {
        const auto file = it.path("sum");
        test::spill(it.path("f"), job.payloads[0].content);
        REQUIRE(std::system(("sha256sum <" + it.path("f") + " | cut -c1-64 >" + file).c_str()) ==
                0);
        return file;
    }())));
    const auto result = it.run(job);
    CHECK(result.detail == "");
    CHECK(result.end == JobEnd::finished);
    CHECK(result.exit_status == 7);
    CHECK(result.stage == "verify");
    CHECK(result.record == job.record + "k 'x\n");
    CHECK(result.tail ==
          std::string("a\0b\nerr\n", 8) + job.record + std::string("x\0y\n", 4) + "/\nno stdin\n");
    CHECK(test::slurp(job.output) == result.tail);

    CHECK(it.run(it.job("ok", "true")).exit_status == 0);
    const auto killed = it.job("sig", "read p x <\"${ESCALATOR_STAGE%.stage}.claim\"; kill -9 $p");
    CHECK(it.run(killed).end == JobEnd::lost);
    CHECK(it.run(it.job("loop", "kill -9 $$; sleep 0.2; exit 4")).exit_status == 4);
    CHECK(it.run(it.job("sub", "sh -c 'kill -9 $$'")).exit_status == 137);
    CHECK(it.run(it.job("high", "exit 255")).exit_status == 255);
    CHECK(it.run(it.job("syntax", "if then fi (")).exit_status != 0);
}

TEST_CASE("supervisor: a script finds nothing of the supervisor in its shell", "[node][shell]") {
    const auto shell = GENERATE(from_range(test::shells()));
    CAPTURE(shell);
    test::Node it(shell);
    it.lease(*it.session);
    const auto tells = [&](const std::string& key, const std::string& script) {
        return it.run(it.job(key, script)).tail;
    };
    CHECK(tells("shell", "echo \"$0 $# $?\"; x=1; f() { echo mine; }; f") ==
          "escalator-step 0 0\nmine\n");
    CHECK(tells("next", "echo \"${x-unset}\"; type f >/dev/null 2>&1 || echo no f") ==
          "unset\nno f\n");
    CHECK(
        tells(
            "names",
            "for v in a b c d e f g h i k l m n o p q r s t u v w x y z kb kc ks B D E G L M N O P "
            "S\ndo [ \"$v\" = v ] || eval \"[ -z \\\"\\${$v+x}\\\" ] || echo $v\"; done\n"
            "for f in say bye full nap late alive members st drained rep drain plain job; do\n"
            "case $(type $f 2>&1) in *function*) echo $f;; esac; done") == "");
    CHECK(tells("files",
                "for f in 3 4 5 6 7 8 9; do [ -e /proc/self/fd/$f ] && echo $f; done\n"
                "sh -c 'kill $$; sleep 1000' 2>/dev/null; echo $?")
              .ends_with("143\n"));
}

TEST_CASE("supervisor: a signal to its own process group hurts only the step", "[node][shell]") {
    const auto shell = GENERATE(from_range(test::shells()));
    CAPTURE(shell);
    test::Node it(shell);
    it.lease(*it.session);
    for (const auto* signal : {"TERM", "HUP"}) {
        CAPTURE(signal);
        const auto job = it.job(
            signal, "sleep 1000 & echo started; kill -" + std::string(signal) + " 0; sleep 1000");
        const auto result = it.run(job);
        CHECK(result.end == JobEnd::finished);
        CHECK(result.exit_status == 128 + (std::string(signal) == "TERM" ? SIGTERM : SIGHUP));
        CHECK(result.tail.starts_with("started\n"));
    }
    CHECK(it.run(it.job("trap", "trap 'trap - TERM; kill 0' EXIT; exit 3")).exit_status != 0);
    CHECK(it.run(it.job("plain", "sh -c kill\\ 0")).exit_status == 143);
    CHECK(it.run(it.job("next", "true")).exit_status == 0);
}

TEST_CASE("supervisor: a script of plain words is what it would be in a shell", "[node][shell]") {
    const auto shell = GENERATE(from_range(test::shells()));
    CAPTURE(shell);
    test::Node it(shell);
    it.lease(*it.session);
    int count = 0;
    const auto ends = [&](const std::string& script) {
        const auto result = it.run(it.job("s" + std::to_string(++count), script));
        CHECK(result.end == JobEnd::finished);
        return fmt::format("{} {}", result.exit_status, result.tail);
    };
    const auto program = it.path("program");
    test::spill(program, "#!/bin/sh\n[ -e /proc/$$/fd/4 ] && echo has 4\necho \"$# $2\"\nexit 9\n");
    std::filesystem::permissions(program, std::filesystem::perms::owner_all);
    CHECK(ends("true") == "0 ");
    CHECK(ends("false") == "1 ");
    CHECK(ends("echo  a  b=c") == "0 a b=c\n");
    CHECK(ends(program + " --x=1 y") == "9 2 y\n");
    CHECK(ends("env " + program + "  --x y") == "9 2 y\n");
    CHECK(ends("exit 3") == "3 ");
    CHECK(ends("exec false") == "1 ");
    CHECK(ends("return 5").substr(0, 2) != "0 ");
    CHECK(ends("continue").substr(0, 2) == "0 ");
    CHECK(ends("p=7 true") == "0 ");
    CHECK(ends("read p") == "1 ");
    CHECK(ends("ulimit -f 0") == "0 ");
    CHECK(ends("unset k") == "0 ");
    CHECK(ends("no-such-program x").substr(0, 4) == "127 ");
    CHECK(ends("if x").substr(0, 2) != "0 ");
}

TEST_CASE("supervisor: it makes a session of its own where it is given none", "[node][shell]") {
    const auto shell = GENERATE(from_range(test::shells()));
    CAPTURE(shell);
    test::Node it(shell);
    it.nested = true;
    it.session = it.make();
    it.lease(*it.session);
    CHECK(it.run(it.job("ids", "read -r s </proc/$$/stat; set -- ${s##*) }; [ $4 = $$ ]"))
              .exit_status == 0);
    auto slow = it.job("slow", "sleep 1000 & wait");
    slow.timeout = Milliseconds{500};
    CHECK(it.run(slow).end == JobEnd::timed_out);
}

TEST_CASE("supervisor: of many who start a key at once one does", "[node][shell]") {
    const auto shell = GENERATE(from_range(test::shells()));
    CAPTURE(shell);
    test::Node it(shell);
    it.lease(*it.session);
    auto job = it.job("once", "echo ran >>" + it.path("log") + "; sleep 0.3; exit 3");
    job.output.clear();
    std::vector<node::JobResult> results(4);
    {
        std::vector<std::jthread> threads;
        for (auto& result : results) {
            threads.emplace_back([&] {
                auto own = it.make();
                if (own->lease("run1", "controller", it.stop())) result = own->run(job, it.stop());
            });
        }
    }
    for (const auto& result : results) {
        CHECK(result.detail == "");
        CHECK(result.end == JobEnd::finished);
        CHECK(result.exit_status == 3);
    }
    CHECK(test::slurp(it.path("log")) == "ran\n");
}

TEST_CASE("supervisor: a time-out ends the step's session and nothing else", "[node][shell]") {
    const auto shell = GENERATE(from_range(test::shells()));
    CAPTURE(shell);
    test::Node it(shell);
    it.lease(*it.session);
    // left by an earlier step, in its process group
    CHECK(it.run(it.job("earlier", "sleep 1000 >/dev/null 2>&1 & echo $! >" + it.path("daemon")))
              .end == JobEnd::finished);
    const auto odd = it.path("x) S 1 (y\n z");
    std::filesystem::copy_file(std::filesystem::canonical(test::which("sleep")), odd);
    const auto note = [&](const std::string& pid, const std::string& name) {
        return "echo " + pid + " >" + it.path(name);
    };
    const bool patient = shell == "dash";  // for one shell only: KILL comes after 5 s
    const auto job = [&] {
        auto out = it.job("slow", "");
        out.script = "sleep 1000 & " + note("$!", "child") + "\n";
        if (patient) {
            out.script += "sh -c 'trap \"\" TERM; " + note("$$", "stubborn") +
                          "; while :; do sleep 1; done' &\n";
        }
        out.script += "sh -c 'set -m; sleep 1000 & " + note("$!", "own") + "; wait' &\n" +
                      "setsid sh -c '" + note("$$", "apart") +
                      "; exec sleep 1000' >/dev/null 2>&1 &\n'" + odd + "' 1000 & " +
                      note("$!", "odd") + "\nwait";
        out.timeout = Milliseconds{2500};
        return out;
    }();
    const auto result = it.run(job);
    CHECK(result.end == JobEnd::timed_out);
    for (const auto* name : {"child", "own", "odd", "stubborn"}) {
        CAPTURE(name);
        if (!patient && std::string(name) == "stubborn") continue;
        const auto pid = test::pid_in(it.path(name));
        CHECK_FALSE(test::lives(pid));
    }
    for (const auto* name : {"apart", "daemon"}) {
        CAPTURE(name);
        const auto pid = test::pid_in(it.path(name));
        CHECK(test::lives(pid));
        end(pid);
    }
    // a controller that asks later is told the same
    auto other = it.make();
    it.lease(*other);
    auto again = job;
    again.may_have_started = true;
    CHECK(other->run(again, it.stop()).end == JobEnd::timed_out);
    CHECK(it.run(it.job("next", "true")).end == JobEnd::finished);
}

TEST_CASE("supervisor: what a step leaves running does not hold its end", "[node][shell]") {
    const auto shell = GENERATE(from_range(test::shells()));
    CAPTURE(shell);
    test::Node it(shell);
    it.lease(*it.session);
    const auto result =
        it.run(it.job("daemon", "sleep 1000 & echo $! >" + it.path("pid") + "; echo up"));
    const auto pid = test::pid_in(it.path("pid"));
    CHECK(test::lives(pid));
    CHECK(result.end == JobEnd::finished);
    CHECK(result.exit_status == 0);
    CHECK(result.tail == "up\n");
    CHECK(it.run(it.job("next", "echo fine")).tail == "fine\n");
    CHECK(test::lives(pid));
    end(pid);
}

TEST_CASE("supervisor: output is bounded and its last bytes are kept", "[node][shell]") {
    const auto shell = GENERATE(from_range(test::shells()));
    CAPTURE(shell);
    test::Node it(shell);
    it.options.output_limit = 204'800;
    it.session = it.make();
    it.lease(*it.session);
    const auto big = it.job("big", "head -c 3000000 /dev/zero; echo the end");
    const auto result = it.run(big);
    CHECK(result.end == JobEnd::finished);
    CHECK(result.tail.ends_with("the end\n"));
    CHECK(result.tail.size() == it.options.tail_limit);
    CHECK(test::slurp(big.output).ends_with("the end\n"));
    CHECK(size_of(big.output) > 204'800);
    CHECK(size_of(big.output) < 300'000);
    CHECK(size_of(it.on_node("big.out")) <= 204'800);
    CHECK(it.run(it.job("next", "true")).end == JobEnd::finished);
    CHECK(size_of(it.on_node("big.out")) == 0);  // fetched
    for (const auto bytes : {199'000, 204'800}) {
        CAPTURE(bytes);
        const auto some = it.job("exact" + std::to_string(bytes),
                                 "head -c " + std::to_string(bytes - 4) + " /dev/zero; echo end");
        CHECK(it.run(some).tail.ends_with("end\n"));
        CHECK(size_of(some.output) == static_cast<std::uintmax_t>(bytes));
    }
}

TEST_CASE("supervisor: output comes while the step runs", "[node][shell]") {
    const auto shell = GENERATE(from_range(test::shells()));
    CAPTURE(shell);
    test::Node it(shell);
    it.lease(*it.session);
    const auto job = it.job("slow", "echo first; while ! [ -e " + it.path("gate") +
                                        " ]; do sleep 0.1; done; echo last");
    std::jthread opener([&] {
        test::eventually([&] { return size_of(job.output) == 6; });
        test::spill(it.path("gate"), "");
    });
    const auto result = it.run(job);
    CHECK(result.end == JobEnd::finished);
    CHECK(test::slurp(job.output) == "first\nlast\n");
}

TEST_CASE("supervisor: a claim tells whose process it is", "[node]") {
    test::Node it;
    it.lease(*it.session);
    const auto claimed = [&](const std::string& key, const std::string& claim) {
        test::spill(it.on_node(key + ".claim"), claim);
        auto job = it.job(key, "echo ran >>" + it.path("log"));
        job.may_have_started = true;
        return it.run(job);
    };
    const std::string boot = "11111111-1111-1111-1111-111111111111";
    const auto me = std::to_string(::getpid());
    // this process lives, but did not begin then
    CHECK(claimed("reused", me + " 1 " + boot + " 1 ---\n").end == JobEnd::lost);
    CHECK(claimed("other-boot", me + " 1 22222222-1111-1111-1111-111111111111 1 ---\n").end ==
          JobEnd::lost);
    CHECK(claimed("done", "1 1 " + boot + " 1 007\n").exit_status == 7);
    CHECK(claimed("void", "void\n").end == JobEnd::not_started);
    // torn: by a full disk or by a power cut; nobody can say whether it ran
    CHECK(claimed("empty", "").end == JobEnd::lost);
    CHECK(claimed("torn", me + " 1").end == JobEnd::lost);
    CHECK_FALSE(std::filesystem::exists(it.path("log")));
}

TEST_CASE("supervisor: a reboot while a step runs is told from its end", "[node]") {
    test::Node it;
    it.lease(*it.session);
    auto job = it.job("cut-short", "echo $$ >" + it.path("pid") + "; sleep 1000");
    std::jthread rebooter([&] {
        const auto pid = test::pid_in(it.path("pid"));
        test::spill(it.path("boot_id"), "22222222-2222-2222-2222-222222222222\n");
        ::kill(-std::stoi(pid), SIGKILL);
    });
    CHECK(it.run(job).end == JobEnd::lost);
    rebooter.join();
    it.session = it.make();
    it.lease(*it.session);  // it has survived
    job = it.job("asked", "exit 0");
    job.expects_reboot = true;
    job.timeout = Milliseconds{60'000};
    std::jthread another([&] {
        const auto claim = it.on_node("asked.claim");
        test::eventually([&] {
            return std::filesystem::exists(claim) && test::slurp(claim).ends_with(" 000\n");
        });
        test::spill(it.path("boot_id"), "33333333-3333-3333-3333-333333333333\n");
    });
    CHECK(it.run(job).end == JobEnd::rebooted);
}

TEST_CASE("supervisor: of two controllers that race for a node one gets it", "[node]") {
    test::Node it;
    for (int round = 0; round < 5; ++round) {
        std::vector<int> won(4);
        {
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < won.size(); ++i) {
                threads.emplace_back([&, i] {
                    auto own = it.make();
                    const auto run = "run" + std::to_string(i);
                    won[i] = own->lease(run, "controller", it.stop()) ? 1 : 0;
                });
            }
        }
        CHECK(std::count(won.begin(), won.end(), 1) == 1);
        const auto winner = std::find(won.begin(), won.end(), 1) - won.begin();
        auto own = it.make();
        const auto run = "run" + std::to_string(winner);
        it.lease(*own, run);
        REQUIRE(own->release(run, node::Kept::nothing, it.stop()));
    }
    CHECK(std::filesystem::is_empty(it.dir / "node"));
}

TEST_CASE("supervisor: a request that is read too late is declined", "[node]") {
    test::Node it;
    std::stop_source source;
    const auto stop = source.get_token();
    const auto now = std::chrono::steady_clock::now();
    const auto start = node::supervisor("abcdef", it.path("node"), 1000, false);
    auto connection = it.connector()->connect(now + Milliseconds{20'000}, stop);
    REQUIRE(connection);
    auto link = (*connection)->exec(start.command, now + Milliseconds{20'000}, stop);
    REQUIRE(link);
    node::Link& wire = **link;
    REQUIRE(wire.send(start.program, now + Milliseconds{20'000}, stop));
    std::string said;
    const auto hear = [&](const std::string& what) {
        while (said.find(what) == std::string::npos) {
            auto more = wire.receive(said, now + Milliseconds{60'000}, stop);
            INFO(said);
            REQUIRE(more);
            REQUIRE(*more);
        }
        said.clear();
    };
    const auto ask = [&](const std::string& request) {
        REQUIRE(wire.send(request, now + Milliseconds{60'000}, stop));
    };
    hear("@@abcdef hello ");
    ask("lease run1 here then - 1\n");
    hear("@@abcdef late\n");
    CHECK_FALSE(std::filesystem::exists(it.dir / "node"));
    ask("lease run1 here then - 99999999999\n");
    hear("@@abcdef leased new run1 ");
    ask("release run1 1 -\n");
    hear("@@abcdef late\n");
    CHECK(std::filesystem::exists(it.dir / "node/lease"));

    // the run ends and comes back for its rollback while this supervisor is frozen
    auto other = it.make();
    it.lease(*other);
    REQUIRE(other->release("run1", node::Kept::for_rollback, it.stop()));
    it.lease(*other);
    ask("run late.1 - -\necho ran >" + it.path("log") + "\n@@abcdef end\n");
    hear("@@abcdef ");
    REQUIRE(other->release("run1", node::Kept::nothing, it.stop()));
    it.lease(*other, "run2");
    ask("run late.2 - -\necho ran >" + it.path("log") + "\n@@abcdef end\n");
    hear("@@abcdef ");
    CHECK_FALSE(std::filesystem::exists(it.path("log")));
}
