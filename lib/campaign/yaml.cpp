// SPDX-License-Identifier: Apache-2.0
#include "campaign/yaml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/file.hpp"
#include "base/text.hpp"

namespace escalator::campaign {

namespace {

constexpr std::size_t largest_file = 64U << 20U;
/// yaml-cpp recurses once a level; the default stack holds some thousands.
constexpr std::size_t deepest = 200;

/// Nesting that the text can reach at most: brackets open at once, or indents that grow.
std::size_t depth_of(std::string_view text) {
    std::size_t brackets = 0;
    std::size_t most = 0;
    std::size_t dashes = 0;
    std::vector<std::size_t> indents{0};
    bool line_start = true;
    std::size_t indent = 0;
    for (const char c : text) {
        if (c == '\n') {
            line_start = true;
            indent = 0;
            dashes = 0;
            continue;
        }
        if (line_start && c == ' ') {
            ++indent;
            continue;
        }
        if (line_start) {
            line_start = false;
            while (indents.size() > 1 && indents.back() >= indent) indents.pop_back();
            if (indent > indents.back()) indents.push_back(indent);
        }
        if (c == '-') ++dashes;
        if (c == '[' || c == '{') ++brackets;
        if ((c == ']' || c == '}') && brackets > 0) --brackets;
        most = std::max(most, brackets + indents.size() + std::min<std::size_t>(dashes, 1));
    }
    return most;
}

}  // namespace

void Findings::add_file(std::string name, std::string text) {
    auto file = std::make_unique<File>();
    file->name = std::move(name);
    file->text = std::move(text);
    file->line_starts.push_back(0);
    for (std::size_t i = 0; i < file->text.size(); ++i) {
        if (file->text[i] == '\n') file->line_starts.push_back(i + 1);
    }
    files_.push_back(std::move(file));
}

void Findings::add(Severity severity, std::string id, Place place, std::string message,
                   std::string help, std::uint32_t length) {
    Diagnostic out;
    out.severity = severity;
    out.id = std::move(id);
    out.length = std::max(1U, length);
    for (const auto& file : files_) {
        if (file->name != place.file || place.line == 0 || place.line > file->line_starts.size())
            continue;
        const auto from = file->line_starts[place.line - 1];
        const auto end = std::min(file->text.find('\n', from), file->text.size());
        out.source_line = file->text.substr(from, std::min<std::size_t>(end - from, 4000));
        if (out.source_line.ends_with('\r')) out.source_line.pop_back();
    }
    out.place = std::move(place);
    out.message = std::move(message);
    out.help = std::move(help);
    if (severity == Severity::error) ++errors_;
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
    const auto file_rank = [&](const std::string& name) {
        const auto at = std::find_if(files_.begin(), files_.end(),
                                     [&](const auto& it) { return it->name == name; });
        return at - files_.begin();
    };
    std::stable_sort(found_.begin(), found_.end(), [&](const Diagnostic& a, const Diagnostic& b) {
        return std::tuple(file_rank(a.place.file), a.place.line, a.place.column) <
               std::tuple(file_rank(b.place.file), b.place.line, b.place.column);
    });
    return std::move(found_);
}

Result<std::optional<YAML::Node>> parse_yaml(const std::filesystem::path& path,
                                             const std::string& shown_name, Findings& findings,
                                             std::string* text_out) {
    auto text = read_file(path, largest_file);
    if (!text) return std::move(text).take_error();
    findings.add_file(shown_name, *text);
    if (text_out != nullptr) *text_out = *text;
    const auto odd = std::find_if(text->begin(), text->end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t' && c != '\r';
    });
    if (odd != text->end()) {
        const auto line = std::count(text->begin(), odd, '\n') + 1;
        findings.error("not-text", {shown_name, static_cast<std::uint32_t>(line), 1},
                       "the file has control characters: it is no YAML text");
        return std::optional<YAML::Node>{};
    }
    if (depth_of(*text) > deepest) {
        findings.error("too-deep", {shown_name, 1, 1},
                       fmt::format("the file is nested more than {} levels deep", deepest));
        return std::optional<YAML::Node>{};
    }
    try {
        return std::optional(YAML::Load(*text));
    } catch (const YAML::Exception& bad) {
        const auto line = bad.mark.is_null() ? 1 : bad.mark.line + 1;
        const auto column = bad.mark.is_null() ? 1 : bad.mark.column + 1;
        findings.error(
            "yaml-syntax",
            {shown_name, static_cast<std::uint32_t>(line), static_cast<std::uint32_t>(column)},
            fmt::format("this is no YAML: {}", bad.msg),
            "look at indentation, quotes and colons on this line and the one above");
        return std::optional<YAML::Node>{};
    }
}

Place Value::place() const {
    const auto mark = node_.Mark();
    if (mark.is_null()) return {*file_, 0, 0};
    return {*file_, static_cast<std::uint32_t>(mark.line + 1),
            static_cast<std::uint32_t>(mark.column + 1)};
}

std::uint32_t Value::length() const {
    if (!node_.IsScalar()) return 1;
    const auto size = std::min(node_.Scalar().size(), node_.Scalar().find('\n'));
    return static_cast<std::uint32_t>(std::min<std::size_t>(size, 80));
}

void Value::error(std::string id, std::string message, std::string help) const {
    findings_->error(std::move(id), place(), std::move(message), std::move(help), length());
}

void Value::warning(std::string id, std::string message, std::string help) const {
    findings_->warning(std::move(id), place(), std::move(message), std::move(help), length());
}

std::vector<Value::Entry> Value::entries(std::string_view what) const {
    std::vector<Entry> out;
    if (is_null()) return out;
    if (!is_map()) {
        error("wrong-type", fmt::format("{} must be a map of keys and values", what));
        return out;
    }
    std::set<std::string> seen;
    for (const auto& pair : node_) {
        Value name(pair.first, *file_, *findings_);
        if (!pair.first.IsScalar()) {
            name.error("wrong-type", fmt::format("a key of {} must be plain text", what));
            continue;
        }
        auto key = pair.first.Scalar();
        if (!seen.insert(key).second) {
            name.error("duplicate-key", fmt::format("the key \"{}\" is given twice", key),
                       "keep one of the two");
            continue;
        }
        out.push_back({std::move(key), std::move(name), Value(pair.second, *file_, *findings_)});
    }
    return out;
}

std::vector<Value> Value::items(std::string_view what) const {
    std::vector<Value> out;
    if (is_null()) return out;
    if (!is_list()) {
        error("wrong-type", fmt::format("{} must be a list", what));
        return out;
    }
    for (const auto& item : node_) out.emplace_back(item, *file_, *findings_);
    return out;
}

std::string Value::text(std::string_view what) const {
    if (is_scalar()) return node_.Scalar();
    error("wrong-type", fmt::format("{} must be one text", what));
    return {};
}

bool Value::boolean(std::string_view what, bool otherwise) const {
    const auto word = is_scalar() ? node_.Scalar() : std::string();
    if (word == "true" || word == "yes" || word == "on") return true;
    if (word == "false" || word == "no" || word == "off") return false;
    error("wrong-type", fmt::format("{} must be true or false", what));
    return otherwise;
}

void complain_unknown(const Value::Entry& entry, std::string_view where,
                      std::span<const std::string> known) {
    const auto close = closest(entry.key, known);
    entry.name.error("unknown-key",
                     close ? fmt::format("unknown key \"{}\" in {}; did you mean \"{}\"?",
                                         entry.key, where, *close)
                           : fmt::format("unknown key \"{}\" in {}", entry.key, where),
                     close ? std::string() : fmt::format("known keys: {}", join(known, ", ")));
}

}  // namespace escalator::campaign
