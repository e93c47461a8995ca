// SPDX-License-Identifier: Apache-2.0
#include "campaign/ranges.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/text.hpp"

namespace escalator::campaign {

namespace {

constexpr std::size_t most_names = 100'000;

Result<std::vector<std::string>> one_range(std::string_view inside) {
    const auto wrong = [&] {
        return Error(
            ErrorCode::usage,
            fmt::format("\"[{}]\" is no range; write it like [01:20], [a:f] or [1:9:2]", inside));
    };
    const auto parts = split(inside, ':');
    if (parts.size() < 2 || parts.size() > 3) return wrong();
    const auto number = [](std::string_view text, std::uint32_t& value) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        return error == std::errc{} && end == text.data() + text.size();
    };
    std::uint32_t step = 1;
    if (parts.size() == 3 && (!number(parts[2], step) || step == 0)) return wrong();
    std::vector<std::string> out;
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    if (number(parts[0], from) && number(parts[1], to)) {
        if (to < from || (to - from) / step > most_names) return wrong();
        const auto width = parts[0].size() > 1 && parts[0].front() == '0' ? parts[0].size() : 1;
        for (std::uint32_t i = from; i <= to; i += step)
            out.push_back(fmt::format("{:0{}}", i, width));
        return out;
    }
    const bool letters = parts[0].size() == 1 && parts[1].size() == 1 && parts[0][0] <= parts[1][0];
    if (!letters) return wrong();
    for (int c = parts[0][0]; c <= parts[1][0]; c += static_cast<int>(step))
        out.emplace_back(1, static_cast<char>(c));
    return out;
}

}  // namespace

Result<std::vector<std::string>> expand_ranges(std::string_view pattern) {
    const auto open = pattern.find('[');
    const auto close = pattern.find(']', open == std::string_view::npos ? 0 : open);
    if (open == std::string_view::npos || close == std::string_view::npos) {
        return std::vector<std::string>{std::string(pattern)};
    }
    auto middle = one_range(pattern.substr(open + 1, close - open - 1));
    if (!middle) return std::move(middle).take_error();
    auto tails = expand_ranges(pattern.substr(close + 1));
    if (!tails) return std::move(tails).take_error();
    if (middle->size() * tails->size() > most_names) {
        return Error(ErrorCode::usage,
                     fmt::format("\"{}\" stands for more than {} names", pattern, most_names));
    }
    std::vector<std::string> out;
    for (const auto& m : *middle) {
        for (const auto& tail : *tails)
            out.push_back(fmt::format("{}{}{}", pattern.substr(0, open), m, tail));
    }
    return out;
}

}  // namespace escalator::campaign
