// SPDX-License-Identifier: Apache-2.0
#include "campaign/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/text.hpp"

namespace escalator::campaign {

namespace {

/// Longest part of a source line that is shown.
constexpr std::size_t window = 100;

/// Columns that a terminal needs for it: continuation bytes of UTF-8 take none.
std::size_t width_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
    }));
}

bool continues(const std::string& text, std::size_t at) {
    return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80U;
}

std::string excerpt(const Diagnostic& it) {
    // a place beyond the line's end is where something is missing
    const auto& line = it.source_line;
    const auto at =
        std::min<std::size_t>(it.place.column == 0 ? 0 : it.place.column - 1, line.size());
    std::size_t from = 0;
    if (line.size() > window && at > window / 2)
        from = std::min(at - window / 2, line.size() - window);
    while (from > 0 && continues(line, from)) --from;
    auto end = std::min(line.size(), from + window);
    while (continues(line, end)) ++end;
    const auto clean = [](std::string_view part) {
        // tabs would move the caret away from what it points to, odd bytes the terminal
        std::string out(part);
        std::replace_if(
            out.begin(), out.end(),
            [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; }, ' ');
        return printable(out);
    };
    const auto view = std::string_view(line);
    const auto before = clean(view.substr(from, at - from));
    const auto rest = clean(view.substr(at, end - at));
    const auto marked = clean(view.substr(at, std::min<std::size_t>(it.length, end - at)));
    const auto* dots = "...";
    const auto head = from > 0 ? dots + before : before;
    const auto number = std::to_string(it.place.line);
    const auto margin = std::string(std::max<std::size_t>(5, number.size()), ' ');
    return fmt::format("{}{} | {}{}{}\n{} | {}^{}\n", margin.substr(number.size()), number, head,
                       rest, end < line.size() ? dots : "", margin,
                       std::string(width_of(head), ' '),
                       std::string(std::max<std::size_t>(1, width_of(marked)) - 1, '~'));
}

}  // namespace

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
    return std::any_of(diagnostics.begin(), diagnostics.end(),
                       [](const Diagnostic& it) { return it.severity == Severity::error; });
}

void arrange(std::vector<Diagnostic>& diagnostics) {
    std::map<std::string, std::size_t> ranks;
    for (const auto& it : diagnostics) ranks.emplace(it.place.file, ranks.size());
    const auto key = [&](const Diagnostic& it) {
        return std::tuple(ranks.at(it.place.file), it.place.line, it.place.column);
    };
    std::stable_sort(diagnostics.begin(), diagnostics.end(),
                     [&](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
    std::set<std::tuple<std::string, std::uint32_t, std::uint32_t, std::string>> seen;
    std::erase_if(diagnostics, [&](const Diagnostic& it) {
        const auto& at = it.place;
        return !seen.emplace(at.file, at.line, at.column, it.message).second;
    });
}

std::string_view name_of(Severity severity) noexcept {
    switch (severity) {
        case Severity::error:
            return "error";
        case Severity::warning:
            return "warning";
        case Severity::note:
            return "note";
    }
    return "error";
}

std::string format_diagnostic(const Diagnostic& it) {
    auto out = printable(it.place.file);
    if (it.place.line > 0) out += fmt::format(":{}:{}", it.place.line, it.place.column);
    out += fmt::format(": {}: {}\n", name_of(it.severity), printable(it.message));
    if (it.place.line > 0 && !it.source_line.empty()) out += excerpt(it);
    if (!it.help.empty()) out += fmt::format("      = {}\n", printable(it.help));
    return out;
}

}  // namespace escalator::campaign
