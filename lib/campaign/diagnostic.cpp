// SPDX-License-Identifier: Apache-2.0
#include "campaign/diagnostic.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace escalator::campaign {

namespace {

/// Longest part of a source line that is shown.
constexpr std::size_t window = 100;

std::string excerpt(const Diagnostic& it) {
    const auto column = it.place.column == 0 ? 1 : it.place.column;
    std::size_t from = 0;
    if (it.source_line.size() > window && column > window / 2) from = column - window / 2;
    if (from > it.source_line.size()) from = 0;
    // tabs and odd bytes would move the caret away from what it points to
    std::string shown;
    for (const char c : it.source_line.substr(from, window)) {
        const auto byte = static_cast<unsigned char>(c);
        shown += byte < 0x20 || byte == 0x7F ? ' ' : c;
    }
    const auto number = std::to_string(it.place.line);
    const auto pad = std::string(std::max<std::size_t>(5, number.size()) - number.size(), ' ');
    const auto room = shown.size() > column - 1 - from ? shown.size() - (column - 1 - from) : 1;
    const auto length = std::clamp<std::size_t>(it.length, 1, std::max<std::size_t>(1, room));
    return fmt::format("{}{} | {}\n{} | {}^{}\n", pad, number, printable(shown),
                       std::string(std::max<std::size_t>(5, number.size()), ' '),
                       std::string(column - 1 - from, ' '), std::string(length - 1, '~'));
}

}  // namespace

bool has_errors(const std::vector<Diagnostic>& diagnostics) {
    return std::any_of(diagnostics.begin(), diagnostics.end(),
                       [](const Diagnostic& it) { return it.severity == Severity::error; });
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
