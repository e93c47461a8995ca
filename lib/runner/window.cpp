// SPDX-License-Identifier: Apache-2.0
#include "runner/window.hpp"

#include <algorithm>
#include <ctime>

namespace escalator::runner {

namespace {

constexpr std::uint32_t minutes_a_day = 24 * 60;

/// The moment `minutes` after the local midnight of `now`'s day.
Time at_minute(Time now, std::uint32_t minutes) {
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    std::tm local{};
    localtime_r(&seconds, &local);
    local.tm_hour = static_cast<int>(minutes / 60);
    local.tm_min = static_cast<int>(minutes % 60);
    local.tm_sec = 0;
    local.tm_isdst = -1;  // a change of summer time may lie between midnight and then
    return std::chrono::time_point_cast<Milliseconds>(
        std::chrono::system_clock::from_time_t(std::mktime(&local)));
}

std::optional<Time> daily_end(std::uint32_t start, std::uint32_t end, Time now) {
    const auto opens = at_minute(now, start);
    const auto closes = at_minute(now, end);
    if (start < end) return now >= opens && now < closes ? closes : now;
    if (now < closes) return closes;  // over midnight, the later part of it
    if (now >= opens) return at_minute(now, minutes_a_day + end);
    return now;
}

}  // namespace

std::optional<Time> window_end(const campaign::Window& window, Time started, Time now) {
    std::optional<Time> end;
    if (window.length) end = started + *window.length;
    if (window.start_minute && window.end_minute) {
        const auto daily = daily_end(*window.start_minute, *window.end_minute, now);
        end = end ? std::min(end, daily) : daily;
    }
    return end;
}

}  // namespace escalator::runner
