// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch.hpp>
#include <cstdlib>

#include "runner/window.hpp"

namespace escalator::test {

namespace {

/// The process in a time zone, for one test.
class InZone {
public:
    explicit InZone(const char* zone) {
        setenv("TZ", zone, 1);
        tzset();
    }
    ~InZone() {
        unsetenv("TZ");
        tzset();
    }
    InZone(const InZone&) = delete;
    InZone& operator=(const InZone&) = delete;
};

Time at(const char* text) { return *parse_utc(text); }

campaign::Window daily(std::uint32_t start_hour, std::uint32_t end_hour) {
    campaign::Window window;
    window.start_minute = start_hour * 60;
    window.end_minute = end_hour * 60;
    return window;
}

}  // namespace

TEST_CASE("window: a campaign without one is never bound", "[window]") {
    CHECK_FALSE(runner::window_end({}, at("2026-11-23T03:00:00.000Z"), at("2026-11-23T03:00:00.000Z")));
}

TEST_CASE("window: a length counts from the start of the run", "[window]") {
    campaign::Window window;
    window.length = Milliseconds{7'200'000};
    CHECK(runner::window_end(window, at("2026-11-23T03:00:00.000Z"), at("2026-11-23T04:00:00.000Z")) ==
          at("2026-11-23T05:00:00.000Z"));
}

TEST_CASE("window: hours of the day", "[window]") {
    const InZone utc("UTC");
    const auto window = daily(1, 5);
    const auto end = [&](const char* now) { return *runner::window_end(window, at(now), at(now)); };
    CHECK(end("2026-11-23T03:00:00.000Z") == at("2026-11-23T05:00:00.000Z"));
    CHECK(end("2026-11-23T00:59:00.000Z") == at("2026-11-23T00:59:00.000Z"));  // closed
    CHECK(end("2026-11-23T05:00:00.000Z") == at("2026-11-23T05:00:00.000Z"));  // closed
}

TEST_CASE("window: hours over midnight", "[window]") {
    const InZone utc("UTC");
    const auto window = daily(22, 4);
    const auto end = [&](const char* now) { return *runner::window_end(window, at(now), at(now)); };
    CHECK(end("2026-11-23T23:00:00.000Z") == at("2026-11-24T04:00:00.000Z"));
    CHECK(end("2026-11-24T03:00:00.000Z") == at("2026-11-24T04:00:00.000Z"));
    CHECK(end("2026-11-24T12:00:00.000Z") == at("2026-11-24T12:00:00.000Z"));  // closed
}

TEST_CASE("window: hours are the controller's, summer time included", "[window]") {
    const InZone vienna("CET-1CEST,M3.5.0,M10.5.0/3");
    // in the night of 25 October 2026 the clock goes from 3:00 CEST back to 2:00 CET
    CHECK(*runner::window_end(daily(22, 4), at("2026-10-24T21:00:00.000Z"),
                              at("2026-10-24T21:00:00.000Z")) == at("2026-10-25T03:00:00.000Z"));
    CHECK(*runner::window_end(daily(22, 4), at("2026-07-24T21:00:00.000Z"),
                              at("2026-07-24T21:00:00.000Z")) == at("2026-07-25T02:00:00.000Z"));
}

TEST_CASE("window: the earlier of length and hours ends it", "[window]") {
    const InZone utc("UTC");
    auto window = daily(1, 5);
    window.length = Milliseconds{3'600'000};
    CHECK(*runner::window_end(window, at("2026-11-23T02:00:00.000Z"), at("2026-11-23T02:30:00.000Z")) ==
          at("2026-11-23T03:00:00.000Z"));
    CHECK(*runner::window_end(window, at("2026-11-23T04:30:00.000Z"), at("2026-11-23T04:30:00.000Z")) ==
          at("2026-11-23T05:00:00.000Z"));
}

}  // namespace escalator::test
