// SPDX-License-Identifier: Apache-2.0
// The local transport under a real sh: the same supervisor and protocol as over SSH.
#include "node/session.hpp"

#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "node/remote.hpp"
#include "support/temp.hpp"

using namespace escalator;

namespace {

struct Node {
    test::TempDir dir;
    std::unique_ptr<node::Session> session;
    std::stop_source source;

    Node() { session = make(); }
    std::unique_ptr<node::Session> make() {
        node::Endpoint endpoint;
        endpoint.name = "here";
        endpoint.local = true;
        node::Options options;
        options.node_dir = dir / "node";
        options.reconnect_budget = Milliseconds{2000};
        return node::make_session(endpoint, options);
    }
    std::stop_token stop() { return source.get_token(); }
    void lease(node::Session& it, const std::string& run = "run1") {
        const auto got = it.lease(run, "controller", stop());
        INFO((got ? std::string() : got.error().text()));
        REQUIRE(got);
    }
    node::Job job(std::string key, std::string script) {
        node::Job out;
        out.key = std::move(key);
        out.script = std::move(script);
        out.output = dir / (out.key + ".log");
        return out;
    }
};

}  // namespace

TEST_CASE("session: a job's status, stage, record and output come back", "[node]") {
    Node it;
    const auto hello = it.session->open(it.stop());
    REQUIRE(hello);
    CHECK(hello->boot_id.size() == 36);
    it.lease(*it.session);
    auto job = it.job("p.s.n.perform.1",
                      "echo out; echo err >&2; echo verify >\"$ESCALATOR_STAGE\"\n"
                      "cat \"$ESCALATOR_RECORD\"; echo kept >>\"$ESCALATOR_RECORD\"\ncat "
                      "\"${ESCALATOR_FILES}f\"\nexit 7");
    job.record = "before\n";
    job.payloads.push_back({"f",
                            {},
                            std::string("x\0y\n", 4),
                            4,
                            "e28cb08f8b1b8c9ed0cc0a1e5ed4ba0da9d5d5b9e4e8e0fa4a1f1b6d5f0d3f9f"});
    auto bad = it.session->run(job, it.stop());
    CHECK(bad.end != node::JobEnd::finished);  // the payload's digest is a lie
    job.key = "p.s.n.perform.2";
    job.payloads.clear();
    job.script =
        "echo out; echo err >&2; echo verify >\"$ESCALATOR_STAGE\"; cat \"$ESCALATOR_RECORD\"; "
        "echo kept >>\"$ESCALATOR_RECORD\"; exit 7";
    const auto result = it.session->run(job, it.stop());
    CHECK(result.detail == "");
    CHECK(result.end == node::JobEnd::finished);
    CHECK(result.exit_status == 7);
    CHECK(result.stage == "verify");
    CHECK(result.record == "before\nkept\n");
    CHECK(result.tail == "out\nerr\nbefore\n");
    CHECK(test::slurp(job.output) == result.tail);
}

TEST_CASE("session: a key is started once, whoever asks", "[node]") {
    Node it;
    it.lease(*it.session);
    const auto log = (it.dir / "log").string();
    auto job = it.job("once", "echo ran >>" + log);
    CHECK(it.session->run(job, it.stop()).end == node::JobEnd::finished);
    auto other = it.make();
    it.lease(*other);
    job.may_have_started = true;
    const auto again = other->run(job, it.stop());
    CHECK(again.end == node::JobEnd::finished);
    CHECK(again.reattached);
    CHECK(test::slurp(log) == "ran\n");
}

TEST_CASE("session: attach_only keeps a job from ever starting", "[node]") {
    Node it;
    it.lease(*it.session);
    const auto log = (it.dir / "log").string();
    CHECK(it.session->run(it.job("before", "true"), it.stop()).end == node::JobEnd::finished);
    auto job = it.job("never", "echo ran >>" + log);
    job.may_have_started = true;
    job.attach_only = true;
    CHECK(it.session->run(job, it.stop()).end == node::JobEnd::not_started);
    job.attach_only = false;
    CHECK(it.session->run(job, it.stop()).end == node::JobEnd::not_started);
    CHECK_FALSE(std::filesystem::exists(log));
}

TEST_CASE("session: a timeout ends the whole process group", "[node]") {
    Node it;
    it.lease(*it.session);
    auto job = it.job("slow",
                      "sleep 1000 & sleep 1000 & echo $! >" + (it.dir / "pid").string() + "; wait");
    job.timeout = Milliseconds{1500};
    const auto result = it.session->run(job, it.stop());
    CHECK(result.end == node::JobEnd::timed_out);
    const auto pid = std::stoi(test::slurp(it.dir / "pid"));
    CHECK(::kill(pid, 0) != 0);
}

TEST_CASE("session: a second run is kept away, and can take the lease only openly", "[node]") {
    Node it;
    it.lease(*it.session);
    auto other = it.make();
    const auto refused = other->lease("run2", "elsewhere", it.stop());
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == ErrorCode::busy);
    CHECK(refused.error().message().find("run1") != std::string::npos);
    REQUIRE(other->steal_lease("run2", "elsewhere", it.stop()));
    CHECK(it.session->run(it.job("k", "true"), it.stop()).end == node::JobEnd::not_started);
    REQUIRE(other->release("run2", it.stop()));
    it.lease(*it.session);
}

TEST_CASE("session: a job goes on when its session is given up, and is found again", "[node]") {
    Node it;
    it.lease(*it.session);
    const auto log = (it.dir / "log").string();
    const auto gate = (it.dir / "gate").string();
    auto job = it.job("long", "echo begun >>" + log + "; while ! [ -e " + gate +
                                  " ]; do sleep 0.1; done; echo ended >>" + log);
    std::jthread giver([&] {
        while (!std::filesystem::exists(log)) std::this_thread::yield();
        it.source.request_stop();
    });
    CHECK(it.session->run(job, it.stop()).end == node::JobEnd::cancelled);
    giver.join();
    it.session.reset();
    test::spill(gate, "");
    it.source = std::stop_source();
    auto other = it.make();
    it.lease(*other);
    job.may_have_started = true;
    const auto result = other->run(job, it.stop());
    CHECK(result.end == node::JobEnd::finished);
    CHECK(test::slurp(log) == "begun\nended\n");
}
