// SPDX-License-Identifier: Apache-2.0
// The local transport under a real sh: the same supervisor and protocol as over SSH.
#include "node/session.hpp"

#include "fixture.hpp"

using namespace escalator;
using test::Node;

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
    REQUIRE(other->release("run2", node::Kept::nothing, it.stop()));
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
