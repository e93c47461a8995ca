// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

namespace escalator {

using Milliseconds = std::chrono::milliseconds;
/// Wall-clock UTC, milliseconds since 1970: what the journal records and the engine reasons about.
using Time = std::chrono::time_point<std::chrono::system_clock, Milliseconds>;
/// For deadlines inside one process.
using Deadline = std::chrono::steady_clock::time_point;

/// Where time comes from. Implementations are thread-safe.
class Clock {
public:
    virtual ~Clock() = default;
    virtual Time now() const = 0;
};

/// The machine's own clock; never goes backwards within one process (it repeats the last value
/// when the machine's clock is set back), so that journal times are ordered.
class SystemClock final : public Clock {
public:
    Time now() const override;
};

/// "2026-11-23T03:00:00.125Z".
std::string format_utc(Time time);
/// Reads what format_utc writes; nullopt for anything else.
std::optional<Time> parse_utc(std::string_view text);

/// Waits until the deadline or until stop is requested; false when stopped.
bool wait_until(Deadline deadline, const std::stop_token& stop);

}  // namespace escalator
