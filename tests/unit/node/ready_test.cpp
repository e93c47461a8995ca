// SPDX-License-Identifier: Apache-2.0
#include "node/ready.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <latch>
#include <thread>

#include "base/fd.hpp"

using namespace escalator;

namespace {

struct Pair {
    Fd a;
    Fd b;
    Pair() {
        std::array<int, 2> both{};
        REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both.data()) == 0);
        a = Fd(both[0]);
        b = Fd(both[1]);
    }
};

Deadline in(Milliseconds wait) { return std::chrono::steady_clock::now() + wait; }

/// Longer than any test may take: only a stop can end such a wait in time.
constexpr Milliseconds ages{600'000};

}  // namespace

TEST_CASE("ready: what is ready already is told at once", "[node][ready]") {
    Pair it;
    CHECK(node::await(it.a.get(), POLLOUT, in(ages), {}));
    REQUIRE(::write(it.b.get(), "x", 1) == 1);
    CHECK(node::await(it.a.get(), POLLIN, in(ages), {}));
    it.b.reset();
    CHECK(node::await(it.a.get(), POLLIN, in(ages), {}));
}

TEST_CASE("ready: a deadline ends the wait", "[node][ready]") {
    Pair it;
    const auto late = node::await(it.a.get(), POLLIN, in(Milliseconds{5}), {});
    REQUIRE_FALSE(late);
    CHECK(late.error().code() == ErrorCode::timeout);
    const auto past = node::await(it.a.get(), POLLIN, in(Milliseconds{-5}), {});
    REQUIRE_FALSE(past);
    CHECK(past.error().code() == ErrorCode::timeout);
}

TEST_CASE("ready: a stop wakes every waiting thread", "[node][ready]") {
    std::stop_source source;
    std::latch waiting(8);
    std::atomic<int> cancelled{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 8; ++i) {
            threads.emplace_back([&] {
                Pair it;
                waiting.count_down();
                const auto got = node::await(it.a.get(), POLLIN, in(ages), source.get_token());
                if (!got && got.error().code() == ErrorCode::cancelled) ++cancelled;
            });
        }
        waiting.wait();
        source.request_stop();
    }
    CHECK(cancelled == 8);
}

TEST_CASE("ready: a stop does not linger for the next one's wait", "[node][ready]") {
    Pair it;
    std::stop_source source;
    source.request_stop();
    for (int i = 0; i < 3; ++i) {
        const auto got = node::await(it.a.get(), POLLIN, in(ages), source.get_token());
        REQUIRE_FALSE(got);
        CHECK(got.error().code() == ErrorCode::cancelled);
        const std::stop_source other;
        const auto late = node::await(it.a.get(), POLLIN, in(Milliseconds{2}), other.get_token());
        REQUIRE_FALSE(late);
        CHECK(late.error().code() == ErrorCode::timeout);
    }
}
