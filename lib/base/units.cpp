// SPDX-License-Identifier: Apache-2.0
#include "base/units.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace escalator {

namespace {

struct TimeUnit {
    std::string_view name;
    std::int64_t milliseconds;
};
constexpr std::array time_units{TimeUnit{"d", 86'400'000}, TimeUnit{"h", 3'600'000},
                                TimeUnit{"m", 60'000}, TimeUnit{"s", 1000}, TimeUnit{"ms", 1}};

struct SizeUnit {
    std::string_view name;
    std::uint64_t bytes;
};
constexpr std::array size_units{SizeUnit{"", 1},
                                SizeUnit{"B", 1},
                                SizeUnit{"KiB", 1ULL << 10},
                                SizeUnit{"MiB", 1ULL << 20},
                                SizeUnit{"GiB", 1ULL << 30},
                                SizeUnit{"TiB", 1ULL << 40},
                                SizeUnit{"KB", 1000},
                                SizeUnit{"MB", 1000'000},
                                SizeUnit{"GB", 1000'000'000},
                                SizeUnit{"TB", 1000'000'000'000}};

/// Cuts leading digits off `text`; false when there is none or the number is over a year in ms.
bool take_number(std::string_view& text, std::uint64_t& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end == text.data()) return false;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return true;
}

}  // namespace

Result<Milliseconds> parse_duration(std::string_view text) {
    const auto whole = text;
    const auto refuse = [&] {
        return Error(ErrorCode::usage, fmt::format("\"{}\" is not a duration", whole))
            .advise("write it like 90s, 5m, 1h30m or 250ms; units are d, h, m, s, ms");
    };
    const auto too_long = [&] {
        return Error(ErrorCode::usage, fmt::format("\"{}\" is longer than ten years", whole));
    };
    if (text == "0") return Milliseconds{0};
    if (text.empty()) return refuse();
    constexpr std::int64_t longest = 10LL * 365 * 86'400'000;
    std::int64_t total = 0;
    std::size_t next_unit = 0;
    while (!text.empty()) {
        std::uint64_t value = 0;
        if (!take_number(text, value)) return refuse();
        const auto letters = std::min(text.find_first_of("0123456789"), text.size());
        const auto name = text.substr(0, letters);
        const auto* unit = std::find_if(time_units.begin() + next_unit, time_units.end(),
                                        [&](const TimeUnit& u) { return u.name == name; });
        if (unit == time_units.end()) return refuse();
        next_unit = static_cast<std::size_t>(unit - time_units.begin()) + 1;
        if (value > static_cast<std::uint64_t>(longest / unit->milliseconds)) return too_long();
        total += static_cast<std::int64_t>(value) * unit->milliseconds;
        text.remove_prefix(letters);
    }
    if (total > longest) return too_long();
    return Milliseconds{total};
}

std::string format_duration(Milliseconds duration) {
    auto left = duration.count();
    if (left <= 0) return "0s";
    std::string out;
    for (const auto& unit : time_units) {
        if (left >= unit.milliseconds) {
            out += fmt::format("{}{}", left / unit.milliseconds, unit.name);
            left %= unit.milliseconds;
        }
    }
    return out;
}

std::string humane_duration(Milliseconds duration) {
    const auto ms = std::max<std::int64_t>(duration.count(), 0);
    if (ms < 1000) return fmt::format("{}ms", ms);
    if (ms < 10'000) return fmt::format("{}.{}s", ms / 1000, ms % 1000 / 100);
    const auto s = (ms + 500) / 1000;
    if (s < 60) return fmt::format("{}s", s);
    if (s < 3600)
        return s % 60 == 0 ? fmt::format("{}m", s / 60) : fmt::format("{}m {}s", s / 60, s % 60);
    const auto m = s / 60;
    if (m < 1440)
        return m % 60 == 0 ? fmt::format("{}h", m / 60) : fmt::format("{}h {}m", m / 60, m % 60);
    return fmt::format("{}d {}h", m / 1440, m % 1440 / 60);
}

Result<std::uint64_t> parse_size(std::string_view text) {
    const auto whole = text;
    const auto refuse = [&] {
        return Error(ErrorCode::usage, fmt::format("\"{}\" is not a size", whole))
            .advise("write it like 512, 64KiB, 2GiB or 1MB");
    };
    std::uint64_t value = 0;
    if (!take_number(text, value)) return refuse();
    const auto* unit = std::find_if(size_units.begin(), size_units.end(),
                                    [&](const SizeUnit& u) { return u.name == text; });
    if (unit == size_units.end()) return refuse();
    if (value > std::numeric_limits<std::uint64_t>::max() / unit->bytes) return refuse();
    return value * unit->bytes;
}

std::string format_size(std::uint64_t bytes) {
    for (const auto* name : {"TiB", "GiB", "MiB", "KiB"}) {
        const auto* unit = std::find_if(size_units.begin(), size_units.end(),
                                        [&](const SizeUnit& u) { return u.name == name; });
        if (bytes >= unit->bytes && bytes % unit->bytes == 0)
            return fmt::format("{}{}", bytes / unit->bytes, name);
    }
    return fmt::format("{}", bytes);
}

std::uint32_t Amount::of(std::uint32_t whole) const noexcept {
    if (!percent) return value;
    const auto share = static_cast<std::uint32_t>(std::uint64_t{whole} * value / 100);
    return share == 0 && value > 0 && whole > 0 ? 1 : share;
}

Result<Amount> parse_amount(std::string_view text) {
    const auto whole = text;
    Amount amount;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount.value);
    const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    amount.percent = rest == "%";
    const bool fits = error == std::errc{} && (rest.empty() || amount.percent) &&
                      (!amount.percent || amount.value <= 100);
    if (!fits) {
        return Error(ErrorCode::usage,
                     fmt::format("\"{}\" is neither a count nor a percentage up to 100%", whole))
            .advise("write it like 3 or 20%");
    }
    return amount;
}

std::string format_amount(const Amount& amount) {
    return fmt::format("{}{}", amount.value, amount.percent ? "%" : "");
}

}  // namespace escalator
