// SPDX-License-Identifier: Apache-2.0
#include "campaign/findings.hpp"

#include <algorithm>

namespace escalator::campaign {

namespace {

/// Nobody reads more, and a file of nonsense must not fill the memory.
constexpr std::size_t most_findings = 10'000;
constexpr std::size_t longest_line = 4000;
/// The first findings show their line even where it is very long.
constexpr std::size_t generous_findings = 200;
constexpr std::size_t generous_line = 1U << 16U;

}  // namespace

void Findings::add_file(std::string name, std::string text) {
    auto file = std::make_unique<File>();
    file->name = std::move(name);
    file->text = std::move(text);
    file->line_starts.push_back(0);
    for (auto at = file->text.find('\n'); at != std::string::npos;
         at = file->text.find('\n', at + 1)) {
        file->line_starts.push_back(at + 1);
    }
    values_left_ += file->text.size();
    files_.push_back(std::move(file));
}

const Findings::File* Findings::file_of(const std::string& name) const {
    const auto found = std::find_if(files_.begin(), files_.end(),
                                    [&](const auto& it) { return it->name == name; });
    return found == files_.end() ? nullptr : found->get();
}

void Findings::add(Severity severity, std::string id, Place place, std::string message,
                   std::string help, std::uint32_t length) {
    if (severity == Severity::error) ++errors_;
    if (found_.size() >= most_findings) return;
    Diagnostic out;
    out.severity = severity;
    out.id = std::move(id);
    out.length = std::max(1U, length);
    const auto* file = file_of(place.file);
    if (file != nullptr && place.line > 0 && place.line <= file->line_starts.size()) {
        const auto from = file->line_starts[place.line - 1];
        const auto end = std::min(file->text.find('\n', from), file->text.size());
        const auto most = found_.size() < generous_findings ? generous_line : longest_line;
        if (place.column <= most)
            out.source_line = file->text.substr(from, std::min(end - from, most));
        if (out.source_line.ends_with('\r')) out.source_line.pop_back();
    }
    out.place = std::move(place);
    out.message = std::move(message);
    out.help = std::move(help);
    found_.push_back(std::move(out));
}

void Findings::error(std::string id, Place place, std::string message, std::string help,
                     std::uint32_t length) {
    add(Severity::error, std::move(id), std::move(place), std::move(message), std::move(help),
        length);
}

void Findings::warning(std::string id, Place place, std::string message, std::string help,
                       std::uint32_t length) {
    add(Severity::warning, std::move(id), std::move(place), std::move(message), std::move(help),
        length);
}

std::vector<Diagnostic> Findings::take() && {
    arrange(found_);
    return std::move(found_);
}

Place Findings::inside(const Place& begin, std::string_view scalar, std::size_t offset) const {
    const auto* file = file_of(begin.file);
    if (file == nullptr || begin.line == 0 || begin.line > file->line_starts.size()) return begin;
    const auto start = file->line_starts[begin.line - 1] + begin.column - 1;
    if (start > file->text.size()) return begin;
    // the line of the value that has the offset, as it stands somewhere behind the beginning
    offset = std::min(offset, scalar.size());
    const auto before = scalar.rfind('\n', offset == 0 ? 0 : offset - 1);
    const auto line_start = before == std::string_view::npos || before >= offset ? 0 : before + 1;
    const auto line = scalar.substr(line_start, scalar.find('\n', line_start) - line_start);
    const auto nearby =
        std::string_view(file->text).substr(start, scalar.size() * 2 + longest_line);
    const auto at = nearby.find(line);
    if (line.empty() || at == std::string_view::npos) return begin;
    const auto absolute = start + at + (offset - line_start);
    const auto next =
        std::upper_bound(file->line_starts.begin(), file->line_starts.end(), absolute);
    const auto number = static_cast<std::size_t>(next - file->line_starts.begin());
    return {begin.file, static_cast<std::uint32_t>(number),
            static_cast<std::uint32_t>(absolute - file->line_starts[number - 1] + 1)};
}

bool Findings::may_read(const Place& place) {
    if (values_left_ > 0) {
        --values_left_;
        return true;
    }
    if (!too_many_told_) {
        error("too-many-values", place,
              "the aliases (*name) of this file multiply into too many values",
              "write out what is meant, or move it to a file that is included");
        too_many_told_ = true;
    }
    return false;
}

}  // namespace escalator::campaign
