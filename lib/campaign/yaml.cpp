// SPDX-License-Identifier: Apache-2.0
#include "campaign/yaml.hpp"

#include <fmt/format.h>
#include <yaml-cpp/depthguard.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <array>
#include <map>
#include <sstream>

#include "base/text.hpp"

namespace escalator::campaign {

namespace {

/// What yaml-cpp says, and what a person understands.
struct Explanation {
    std::string_view begins;
    std::string_view message;
    std::string_view help;
};
constexpr std::array explanations{
    Explanation{"illegal tab", "a tab cannot indent YAML", "use spaces"},
    Explanation{"end of map flow not found", "a \"{\" is never closed", "add the missing \"}\""},
    Explanation{"end of sequence flow not found", "a \"[\" is never closed",
                "add the missing \"]\""},
    Explanation{"end of map not found", "this does not continue the map above",
                "give all keys of one map the same indentation, and each a colon and a space"},
    Explanation{"end of sequence not found", "this does not continue the list above",
                "give all dashes of one list the same indentation"},
    Explanation{"illegal map value", "a colon and a space stand where no key can be",
                "put a value that contains \": \" in quotes, and look at the indentation"},
    Explanation{"illegal block entry", "a list item stands where none can be",
                "put the list on lines of its own below its key"},
    Explanation{"illegal map key", "a key stands where none can be", "look at the indentation"},
    Explanation{"illegal flow end", "a closing bracket has no opening one",
                "take it away, or put the value in quotes"},
    Explanation{"illegal EOF in scalar", "a quote is never closed", "add the missing quote"},
    Explanation{"illegal document indicator in scalar", "a quote is never closed",
                "add the missing quote"},
    Explanation{"illegal character in scalar", "this character needs quotes here",
                "put the value in quotes"},
    Explanation{"unknown escape character", "there is no such escape in double quotes",
                "write \\\\ for a backslash, or use single quotes"},
    Explanation{"bad character found while scanning hex", "an escape needs hexadecimal digits here",
                "write \\\\ for a backslash, or use single quotes"},
    Explanation{"invalid unicode", "the escape names no character", ""},
    Explanation{"the referenced anchor is not defined", "there is no such anchor",
                "define it before with &NAME, or put a value that begins with * in quotes"},
    Explanation{"alias not found after *", "a value cannot begin with *", "put it in quotes"},
    Explanation{"anchor not found after &", "a value cannot begin with &", "put it in quotes"},
    Explanation{"illegal character found while scanning alias", "a value cannot begin with *",
                "put it in quotes"},
    Explanation{"illegal character found while scanning anchor", "a value cannot begin with &",
                "put it in quotes"},
    Explanation{"unknown token", "a value cannot begin with this character", "put it in quotes"},
    Explanation{"unexpected character in block scalar", "only |, >, + and - can stand here",
                "put the text on the next line, deeper than its key"},
    Explanation{"cannot set zero indentation", "a block of text cannot be indented by 0", ""},
    Explanation{"unexpected end of", "something is missing before the end of the file", ""},
};

Explanation explain(std::string_view message) {
    const auto* found =
        std::find_if(explanations.begin(), explanations.end(),
                     [&](const Explanation& it) { return message.starts_with(it.begins); });
    if (found != explanations.end()) return *found;
    return {"", "", "look at indentation, quotes and colons on this line and the one above"};
}

Place place_of(const YAML::Mark& mark, const std::string& file) {
    if (mark.is_null()) return {file, 0, 0};
    return {file, static_cast<std::uint32_t>(mark.line + 1),
            static_cast<std::uint32_t>(mark.column + 1)};
}

/// Notes only where documents begin.
class DocumentStarts final : public YAML::EventHandler {
public:
    const YAML::Mark& last() const { return last_; }
    void OnDocumentStart(const YAML::Mark& mark) override { last_ = mark; }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
    void OnAlias(const YAML::Mark& /*mark*/, YAML::anchor_t /*anchor*/) override {}
    void OnScalar(const YAML::Mark& /*mark*/, const std::string& /*tag*/, YAML::anchor_t /*anchor*/,
                  const std::string& /*value*/) override {}
    void OnSequenceStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                         YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark& /*mark*/, const std::string& /*tag*/,
                    YAML::anchor_t /*anchor*/, YAML::EmitterStyle::value /*style*/) override {}
    void OnMapEnd() override {}

private:
    YAML::Mark last_;
};

/// Where something stands behind the first document. YAML::Load passes over it in silence, and
/// YAML::LoadAll never ends on a lone comma.
std::optional<YAML::Mark> after_first_document(const std::string& text) {
    std::istringstream in(text);
    YAML::Parser parser(in);
    DocumentStarts starts;
    const bool second = parser.HandleNextDocument(starts) && parser.HandleNextDocument(starts);
    if (!second) return std::nullopt;
    return starts.last();
}

std::string_view line_at(std::string_view text, std::uint32_t number) {
    for (std::uint32_t i = 1; i < number; ++i) {
        const auto end = text.find('\n');
        if (end == std::string_view::npos) return {};
        text.remove_prefix(end + 1);
    }
    return text.substr(0, text.find('\n'));
}

/// What is missing at the end is missing after the last line that says something.
Place within(std::string_view text, Place place) {
    if (!trim(line_at(text, place.line)).empty()) return place;
    const auto end = text.find_last_not_of(" \t\r\n");
    if (end == std::string_view::npos) return place;
    const auto before = text.substr(0, end + 1);
    const auto start = before.rfind('\n');
    place.line = static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n') + 1);
    place.column =
        static_cast<std::uint32_t>(start == std::string_view::npos ? end + 2 : end - start + 1);
    return place;
}

/// The tab that indents the line at or before `place`, when there is one.
std::optional<Place> indenting_tab(std::string_view text, const Place& place) {
    for (auto number = place.line; number > 0 && number + 2 > place.line; --number) {
        const auto line = line_at(text, number);
        const auto content = std::min(line.find_first_not_of(" \t"), line.size());
        const auto tab = line.find('\t');
        if (tab < content) return Place{place.file, number, static_cast<std::uint32_t>(tab + 1)};
    }
    return std::nullopt;
}

}  // namespace

bool take_text(std::string& text, const std::string& shown_name, Findings& findings) {
    if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
    findings.add_file(shown_name, text);
    const std::string_view view(text);
    const auto place_at = [&](std::size_t at) {
        const auto line =
            std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n');
        const auto start = at == 0 ? std::string::npos : view.rfind('\n', at - 1);
        const auto column = start == std::string::npos ? at : at - start - 1;
        return Place{shown_name, static_cast<std::uint32_t>(line + 1),
                     static_cast<std::uint32_t>(column + 1)};
    };
    if (view.starts_with("\xFF\xFE") || view.starts_with("\xFE\xFF")) {
        findings.error("not-text", {shown_name, 0, 0}, "the file is in UTF-16", "save it in UTF-8");
        return false;
    }
    const auto odd = std::find_if(text.begin(), text.end(), [](char c) {
        const auto byte = static_cast<unsigned char>(c);
        return (byte < 0x20 && c != '\n' && c != '\t' && c != '\r') || byte == 0x7F;
    });
    if (odd != text.end()) {
        const auto byte = static_cast<unsigned>(static_cast<unsigned char>(*odd));
        findings.error(
            "not-text", place_at(static_cast<std::size_t>(odd - text.begin())),
            fmt::format("the file has a control character (byte 0x{:02x}): it is no text", byte),
            "is it the right file?");
        return false;
    }
    const auto valid = valid_utf8(text);
    if (valid < text.size()) {
        const auto byte = static_cast<unsigned>(static_cast<unsigned char>(text[valid]));
        findings.error("not-text", place_at(valid),
                       fmt::format("the byte 0x{:02x} is not valid UTF-8", byte),
                       "save the file in UTF-8");
        return false;
    }
    return true;
}

std::optional<YAML::Node> parse_yaml(const std::string& text, const std::string& shown_name,
                                     Findings& findings) {
    try {
        // yaml-cpp takes the end of the file for the end of an open quote; a document's end it does
        // not
        const auto ended = text + (text.ends_with('\n') ? "...\n" : "\n...\n");
        auto root = YAML::Load(ended);
        if (const auto rest = after_first_document(ended)) {
            const auto place = place_of(*rest, shown_name);
            if (line_at(text, place.line).starts_with("---")) {
                findings.error("two-documents", place,
                               "a second YAML document begins here, and only one is read",
                               "take the \"---\" away, or make two files of it");
            } else {
                findings.error("yaml-syntax", within(text, place),
                               "this belongs to nothing that stands above",
                               "look at indentation, quotes and brackets here");
            }
            return std::nullopt;
        }
        // an empty document's place would be the end that was added
        return root.IsNull() ? YAML::Node() : root;
    } catch (const YAML::DeepRecursion& deep) {
        findings.error("too-deep", within(text, place_of(deep.mark, shown_name)),
                       fmt::format("the file is nested more than {} levels deep", deep.depth()),
                       "a campaign needs about ten");
    } catch (const YAML::Exception& bad) {
        auto place = place_of(bad.mark, shown_name);
        if (place.line == 0) place.line = place.column = 1;
        place = within(text, std::move(place));
        const auto tab = indenting_tab(text, place);
        const auto explanation = tab ? explanations.front() : explain(bad.msg);
        findings.error("yaml-syntax", tab.value_or(place),
                       explanation.message.empty() ? fmt::format("this is no YAML: {}", bad.msg)
                                                   : std::string(explanation.message),
                       std::string(explanation.help));
    }
    return std::nullopt;
}

Place Value::place() const {
    if (is_null() && key_.line > 0) return key_;
    return place_of(node_.Mark(), *file_);
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

void Value::error_at(std::string id, std::size_t offset, std::size_t length, std::string message,
                     std::string help) const {
    findings_->error(std::move(id), findings_->inside(place(), node_.Scalar(), offset),
                     std::move(message), std::move(help), static_cast<std::uint32_t>(length));
}

std::vector<Value::Entry> Value::entries(std::string_view what) const {
    std::vector<Entry> out;
    if (is_null()) return out;
    if (!is_map()) {
        error("wrong-type", fmt::format("{} must be a map of keys and values", what));
        return out;
    }
    std::map<std::string, std::uint32_t> seen;
    for (const auto& pair : node_) {
        Value name(pair.first, *file_, *findings_);
        const auto key_place = name.place();
        if (!findings_->may_read(key_place)) return out;
        if (!pair.first.IsScalar()) {
            name.error("wrong-type", fmt::format("a key of {} must be plain text", what));
            continue;
        }
        auto key = pair.first.Scalar();
        const auto [first, fresh] = seen.emplace(key, key_place.line);
        if (!fresh) {
            name.error(
                "duplicate-key", fmt::format("the key \"{}\" is given twice", key),
                fmt::format("it is there already on line {}; keep one of the two", first->second));
            continue;
        }
        out.push_back(
            {std::move(key), std::move(name), Value(pair.second, *file_, *findings_, key_place)});
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
    for (const auto& item : node_) {
        out.emplace_back(item, *file_, *findings_);
        if (!findings_->may_read(out.back().place())) break;
    }
    return out;
}

std::string Value::text(std::string_view what) const {
    if (is_scalar()) return node_.Scalar();
    if (is_null()) {
        error("no-value", fmt::format("{} has no value", what));
    } else {
        error("wrong-type",
              fmt::format("{} must be one text, not a {}", what, is_map() ? "map" : "list"));
    }
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
