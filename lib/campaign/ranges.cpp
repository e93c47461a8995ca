// SPDX-License-Identifier: Apache-2.0
#include "campaign/ranges.hpp"

#include <fmt/format.h>

#include <charconv>

#include "base/text.hpp"

namespace escalator::campaign {

namespace {

constexpr std::size_t most_names = 100'000;

constexpr const char* like = "write ranges like [01:20], [a:f] or [1:9:2]";

Error wrong(std::string_view inside, std::string_view why) {
    return Error(ErrorCode::usage, fmt::format("\"[{}]\" is no range: {}", inside, why))
        .advise(like);
}

Result<std::vector<std::string>> one_range(std::string_view inside) {
    const auto parts = split(inside, ':');
    if (parts.size() < 2 || parts.size() > 3) return wrong(inside, "it needs a first and a last");
    const auto number = [](std::string_view text, std::uint32_t& value) {
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        return error == std::errc{} && end == text.data() + text.size();
    };
    std::uint32_t step = 1;
    if (parts.size() == 3 && (!number(parts[2], step) || step == 0))
        return wrong(inside, "the step must be a number above 0");
    std::vector<std::string> out;
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    if (number(parts[0], from) && number(parts[1], to)) {
        if (to < from) return wrong(inside, "it runs backwards");
        if ((to - from) / step >= most_names)
            return wrong(inside, fmt::format("it has more than {} names", most_names));
        const bool padded = parts[0].size() > 1 && parts[0].front() == '0';
        if (padded && parts[0].size() != parts[1].size())
            return wrong(inside, "the first and the last must have as many digits");
        const auto width = padded ? parts[0].size() : 1;
        for (std::uint64_t i = from; i <= to; i += step)
            out.push_back(fmt::format("{:0{}}", i, width));
        return out;
    }
    const auto letter = [](std::string_view text) {
        return text.size() == 1 &&
               ((text[0] >= 'a' && text[0] <= 'z') || (text[0] >= 'A' && text[0] <= 'Z'));
    };
    if (!letter(parts[0]) || !letter(parts[1]))
        return wrong(inside, "the ends must be two numbers or two letters");
    const bool upper = parts[0][0] <= 'Z';
    if (upper != (parts[1][0] <= 'Z') || parts[0][0] > parts[1][0])
        return wrong(inside, "it runs backwards");
    for (std::uint64_t c = static_cast<unsigned char>(parts[0][0]);
         c <= static_cast<unsigned char>(parts[1][0]); c += step)
        out.emplace_back(1, static_cast<char>(c));
    return out;
}

}  // namespace

Result<std::vector<std::string>> expand_ranges(std::string_view pattern) {
    std::vector<std::string> out{""};
    auto rest = pattern;
    while (!rest.empty()) {
        const auto open = rest.find('[');
        const auto close = rest.find(']', open == std::string_view::npos ? 0 : open);
        if ((open == std::string_view::npos) != (close == std::string_view::npos)) {
            return Error(ErrorCode::usage,
                         fmt::format("\"{}\" has a bracket without its other half", pattern))
                .advise(like);
        }
        std::vector<std::string> middle{""};
        if (open != std::string_view::npos) {
            auto range = one_range(rest.substr(open + 1, close - open - 1));
            if (!range) return std::move(range).take_error();
            middle = std::move(*range);
        }
        if (out.size() * middle.size() > most_names) {
            return Error(ErrorCode::usage,
                         fmt::format("\"{}\" stands for more than {} names", pattern, most_names));
        }
        std::vector<std::string> longer;
        longer.reserve(out.size() * middle.size());
        for (const auto& head : out) {
            for (const auto& part : middle)
                longer.push_back(fmt::format("{}{}{}", head, rest.substr(0, open), part));
        }
        out = std::move(longer);
        rest = close == std::string_view::npos ? std::string_view{} : rest.substr(close + 1);
    }
    return out;
}

}  // namespace escalator::campaign
