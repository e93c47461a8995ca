// SPDX-License-Identifier: Apache-2.0
#include "base/clock.hpp"

#include <fmt/format.h>

#include <atomic>
#include <cstdio>

namespace escalator {

namespace {
std::atomic<std::int64_t> last_now_ms{0};

/// Days since 1970-01-01 of a proleptic Gregorian date; Howard Hinnant's days_from_civil.
constexpr std::int64_t days_of(std::int64_t year, unsigned month, unsigned day) {
    using namespace std::chrono;
    return sys_days{std::chrono::year{static_cast<int>(year)} / std::chrono::month{month} /
                    std::chrono::day{day}}
        .time_since_epoch()
        .count();
}
}  // namespace

Time SystemClock::now() const {
    const auto now = std::chrono::time_point_cast<Milliseconds>(std::chrono::system_clock::now());
    auto seen = last_now_ms.load();
    const auto mine = now.time_since_epoch().count();
    while (mine > seen && !last_now_ms.compare_exchange_weak(seen, mine)) {
    }
    return Time{Milliseconds{std::max(mine, seen)}};
}

std::string format_utc(Time time) {
    using namespace std::chrono;
    const auto day = floor<days>(time);
    const year_month_day date{day};
    const hh_mm_ss<Milliseconds> clock{time - day};
    return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                       clock.hours().count(), clock.minutes().count(), clock.seconds().count(),
                       clock.subseconds().count());
}

std::optional<Time> parse_utc(std::string_view text) {
    constexpr std::string_view shape = "dddd-dd-ddTdd:dd:dd.dddZ";
    if (text.size() != shape.size()) return std::nullopt;
    for (std::size_t i = 0; i < shape.size(); ++i) {
        const bool digit = text[i] >= '0' && text[i] <= '9';
        if (shape[i] == 'd' ? !digit : text[i] != shape[i]) return std::nullopt;
    }
    const auto number = [&](std::size_t from, std::size_t count) {
        std::int64_t value = 0;
        for (const char c : text.substr(from, count)) value = value * 10 + (c - '0');
        return value;
    };
    const auto month = static_cast<unsigned>(number(5, 2));
    const auto day = static_cast<unsigned>(number(8, 2));
    if (month < 1 || month > 12 || day < 1 || day > 31) return std::nullopt;
    if (number(11, 2) > 23 || number(14, 2) > 59 || number(17, 2) > 59) return std::nullopt;
    const auto seconds =
        ((days_of(number(0, 4), month, day) * 24 + number(11, 2)) * 60 + number(14, 2)) * 60 +
        number(17, 2);
    const Time out{Milliseconds{seconds * 1000 + number(20, 3)}};
    // a day that the month has not would come out as one of the next month
    if (format_utc(out) != text) return std::nullopt;
    return out;
}

bool wait_until(Deadline deadline, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    wake.wait_until(lock, stop, deadline, [] { return false; });
    return !stop.stop_requested();
}

}  // namespace escalator
