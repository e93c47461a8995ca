// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace escalator {

/// Reads "90s", "1h30m", "250ms", "2d"; units ms, s, m, h, d, in falling order, no fractions, no
/// bare numbers except "0". Errors: usage.
Result<Milliseconds> parse_duration(std::string_view text);
/// The shortest text that parse_duration reads back: "1h30m", "0s".
std::string format_duration(Milliseconds duration);
/// For people: at most two units, "1h 30m", "4.2s" below ten seconds.
std::string humane_duration(Milliseconds duration);

/// Reads "512", "64KiB", "2GiB", "1MB" (KiB = 1024, KB = 1000) as bytes. Errors: usage.
Result<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

/// A count, or a share of some whole.
struct Amount {
    std::uint32_t value = 0;
    bool percent = false;

    /// Of `whole`; percentages round down, but a share above 0 % of something gives at least one.
    std::uint32_t of(std::uint32_t whole) const noexcept;
    bool operator==(const Amount&) const = default;
};

/// Reads "3" or "20%" (at most 100%). Errors: usage.
Result<Amount> parse_amount(std::string_view text);
std::string format_amount(const Amount& amount);

}  // namespace escalator
