// SPDX-License-Identifier: Apache-2.0
#include "action/vars.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "action/shell_context.hpp"
#include "base/text.hpp"

namespace escalator::action {

namespace {

bool is_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool in_first_part(char c) { return is_alnum(c) || c == '_' || c == '-'; }

bool in_name(char c) { return in_first_part(c) || c == '.' || c == '/'; }

/// In shell text: is the "${" at `at` one of ours, or the shell's own?
bool has_namespace(std::string_view text, std::size_t at) {
    std::size_t i = at + 2;
    while (i < text.size() && in_first_part(text[i])) ++i;
    return i > at + 2 && i < text.size() && text[i] == '.';
}

bool is_legal(std::string_view name) {
    const auto parts = split(name, '.');
    return parts.size() >= 2 && std::all_of(name.begin(), name.end(), in_name) &&
           std::none_of(parts.begin(), parts.end(), [](auto part) { return part.empty(); });
}

/// A text taken apart: what is not listed stands for itself.
struct Parts {
    std::vector<std::size_t> dollars;  ///< offsets of "$${"
    std::vector<Reference> references;
    std::vector<Mistake> malformed;
};

Parts take_apart(std::string_view text, bool shell) {
    Parts out;
    std::size_t at = 0;
    while ((at = text.find('$', at)) != std::string_view::npos) {
        if (text.substr(at, 3) == "$${") {
            out.dollars.push_back(at);
            at += 3;
            continue;
        }
        if (text.substr(at, 2) != "${" || (shell && !has_namespace(text, at))) {
            ++at;
            continue;
        }
        const auto close = text.find('}', at);
        const auto line_end = std::min(text.find('\n', at), text.size());
        if (close == std::string_view::npos || close > line_end) {
            out.malformed.push_back({at, line_end - at, "\"${\" is never closed with \"}\"",
                                     "variables look like ${node.name}; $${ writes a literal ${"});
            at += 2;
            continue;
        }
        const auto name = text.substr(at + 2, close - at - 2);
        const auto length = close + 1 - at;
        if (is_legal(name)) {
            out.references.push_back({at, length, std::string(name)});
        } else {
            out.malformed.push_back({at, length,
                                     fmt::format("\"${{{}}}\" names no variable", printable(name)),
                                     "variables look like ${node.name}; $${ writes a literal ${"});
        }
        at = close + 1;
    }
    return out;
}

Mistake unknown(const Reference& reference, const Scope& scope) {
    std::vector<std::string> names;
    names.reserve(scope.size());
    for (const auto& [name, value] : scope) names.push_back(name);
    Mistake out{reference.offset,
                reference.length,
                fmt::format("unknown variable \"{}\"", reference.name),
                {}};
    const auto space = reference.name.substr(0, reference.name.find('.') + 1);
    if (const auto near = closest(reference.name, names)) {
        out.message += fmt::format("; did you mean \"{}\"?", *near);
    } else if (space == "vars.") {
        out.remedy = fmt::format("define it: vars: {{ {}: VALUE }}", reference.name.substr(5));
    } else if (space == "param.") {
        out.remedy = "a file of procedures names its parameters under parameters:";
    } else if (space == "versions.") {
        out.remedy = "versions.MODULE.to and .from come from the modules of the campaign";
    } else {
        out.remedy =
            "there are node.name, node.address, node.label.X, vars.X, versions.MODULE.to, "
            "versions.MODULE.from, param.X, campaign.name and run.id";
    }
    return out;
}

/// The text as the shell gets it, with holes for the values, and whether each may be filled.
std::vector<std::string_view> places_of(std::string_view text, const Parts& parts) {
    std::string seen;
    std::vector<std::size_t> holes;
    std::size_t done = 0;
    auto dollar = parts.dollars.begin();
    const auto copy_to = [&](std::size_t end) {
        for (; dollar != parts.dollars.end() && *dollar < end; ++dollar) {
            seen.append(text, done, *dollar - done);
            done = *dollar + 1;
        }
        seen.append(text, done, end - done);
    };
    for (const auto& reference : parts.references) {
        copy_to(reference.offset);
        holes.push_back(seen.size());
        done = reference.offset + reference.length;
    }
    copy_to(text.size());
    return places_of_holes(seen, holes);
}

Mistake unsafe(const Reference& reference, std::string_view place) {
    return {reference.offset, reference.length,
            fmt::format("\"${{{}}}\" stands {}, where its value cannot be quoted safely",
                        reference.name, place),
            fmt::format("write it bare, as a word or part of one, and it is quoted for you; "
                        "elsewhere use a variable of the shell: x=${{{}}} and then \"$x\"",
                        reference.name)};
}

Error refusal(const Mistake& mistake) {
    Error out(ErrorCode::usage, fmt::format("{} (at offset {})", mistake.message, mistake.offset));
    if (mistake.remedy.empty()) return out;
    return std::move(out).advise(mistake.remedy);
}

Result<std::string> expand(std::string_view text, bool shell, const Scope& scope) {
    if (text.find('$') == std::string_view::npos) return std::string(text);
    const auto parts = take_apart(text, shell);
    if (!parts.malformed.empty()) return refusal(parts.malformed.front());
    std::vector<std::string_view> places;
    if (shell && !parts.references.empty()) places = places_of(text, parts);
    std::string out;
    std::size_t done = 0;
    auto dollar = parts.dollars.begin();
    const auto copy_to = [&](std::size_t end) {
        for (; dollar != parts.dollars.end() && *dollar < end; ++dollar) {
            out.append(text, done, *dollar - done);
            done = *dollar + 1;  // "${" itself follows as it is
        }
        out.append(text, done, end - done);
    };
    for (std::size_t i = 0; i < parts.references.size(); ++i) {
        const auto& reference = parts.references[i];
        const auto value = scope.find(reference.name);
        if (value == scope.end()) return refusal(unknown(reference, scope));
        copy_to(reference.offset);
        done = reference.offset + reference.length;
        if (!shell) {
            out += value->second;
            continue;
        }
        if (!places[i].empty()) return refusal(unsafe(reference, places[i]));
        if (value->second.find('\0') != std::string::npos) {
            return Error(ErrorCode::usage,
                         fmt::format("the value of \"{}\" has a NUL byte, which no shell can pass "
                                     "on",
                                     reference.name));
        }
        out += shell_quote(value->second);
    }
    copy_to(text.size());
    return out;
}

}  // namespace

std::vector<Reference> references_in(std::string_view text, bool shell) {
    return take_apart(text, shell).references;
}

std::vector<Mistake> mistakes_in(std::string_view text, bool shell, const Scope& known) {
    if (text.find("${") == std::string_view::npos) return {};
    auto parts = take_apart(text, shell);
    auto out = std::move(parts.malformed);
    std::vector<std::string_view> places(parts.references.size());
    if (shell && !parts.references.empty()) places = places_of(text, parts);
    for (std::size_t i = 0; i < parts.references.size(); ++i) {
        const auto& reference = parts.references[i];
        if (!reference.name.starts_with("node.label.") && !known.contains(reference.name)) {
            out.push_back(unknown(reference, known));
        } else if (!places[i].empty()) {
            out.push_back(unsafe(reference, places[i]));
        }
    }
    std::sort(out.begin(), out.end(),
              [](const Mistake& a, const Mistake& b) { return a.offset < b.offset; });
    return out;
}

Result<std::string> expand_text(std::string_view text, const Scope& scope) {
    return expand(text, false, scope);
}

Result<std::string> expand_shell(std::string_view text, const Scope& scope) {
    return expand(text, true, scope);
}

}  // namespace escalator::action
