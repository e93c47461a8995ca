// SPDX-License-Identifier: Apache-2.0
#include "action/vars.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
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

/// Calls `literal` for "$${" and `reference` for each reference, in order; stops at an error.
Status scan(std::string_view text, bool shell, const std::function<void(std::size_t)>& literal,
            const std::function<Status(Reference)>& reference) {
    std::size_t at = 0;
    while ((at = text.find('$', at)) != std::string_view::npos) {
        if (text.substr(at, 3) == "$${") {
            literal(at);
            at += 3;
            continue;
        }
        if (text.substr(at, 2) != "${" || (shell && !has_namespace(text, at))) {
            ++at;
            continue;
        }
        const auto close = text.find('}', at);
        if (close == std::string_view::npos) {
            return Error(ErrorCode::usage,
                         fmt::format("\"${{\" at offset {} is never closed with \"}}\"", at));
        }
        const auto name = text.substr(at + 2, close - at - 2);
        if (!is_legal(name)) {
            return Error(ErrorCode::usage,
                         fmt::format("\"${{{}}}\" at offset {} names no variable; expected "
                                     "${{namespace.name}}",
                                     printable(name), at))
                .advise("write \"$${\" for a literal \"${\"");
        }
        if (auto status = reference({at, close + 1 - at, std::string(name)}); !status) {
            return status;
        }
        at = close + 1;
    }
    return ok();
}

Result<std::string> value_of(const Reference& reference, const Scope& scope) {
    const auto found = scope.find(reference.name);
    if (found != scope.end()) return found->second;
    std::vector<std::string> names;
    names.reserve(scope.size());
    for (const auto& [name, value] : scope) names.push_back(name);
    auto message = fmt::format("unknown variable \"{}\"", reference.name);
    if (const auto near = closest(reference.name, names)) {
        message += fmt::format("; did you mean \"{}\"?", *near);
    }
    return Error(ErrorCode::usage, std::move(message));
}

}  // namespace

Result<std::vector<Reference>> references_in(std::string_view text, bool shell) {
    std::vector<Reference> found;
    auto status = scan(
        text, shell, [](std::size_t) {},
        [&](Reference reference) {
            found.push_back(std::move(reference));
            return ok();
        });
    if (!status) return std::move(status).take_error();
    return found;
}

Result<std::string> expand_text(std::string_view text, const Scope& scope) {
    std::string out;
    std::size_t done = 0;
    auto status = scan(
        text, false,
        [&](std::size_t at) {
            out.append(text, done, at - done);
            done = at + 1;  // "${" itself follows as it is
        },
        [&](const Reference& reference) -> Status {
            auto value = value_of(reference, scope);
            if (!value) return std::move(value).take_error();
            out.append(text, done, reference.offset - done);
            out += *value;
            done = reference.offset + reference.length;
            return ok();
        });
    if (!status) return std::move(status).take_error();
    return out.append(text, done, text.size() - done);
}

Result<std::string> expand_shell(std::string_view text, const Scope& scope) {
    std::string out;
    std::size_t done = 0;
    std::optional<ShellContext> context;  // made for the first reference: most texts have none
    auto status = scan(
        text, true,
        [&](std::size_t at) {
            out.append(text, done, at - done);
            done = at + 1;
        },
        [&](const Reference& reference) -> Status {
            auto value = value_of(reference, scope);
            if (!value) return std::move(value).take_error();
            if (value->find('\0') != std::string::npos) {
                return Error(ErrorCode::usage, fmt::format("the value of \"{}\" has a NUL byte, "
                                                           "which no shell can pass on",
                                                           reference.name));
            }
            if (!context) context.emplace(text);
            const auto place = context->at(reference.offset);
            if (!place.empty()) {
                return Error(ErrorCode::usage,
                             fmt::format("\"${{{0}}}\" at offset {1} stands {2}, where its value "
                                         "cannot be quoted safely",
                                         reference.name, reference.offset, place))
                    .advise(fmt::format("write it bare, as a word or part of one: "
                                        "--name=${{{}}}; it is quoted for you",
                                        reference.name));
            }
            out.append(text, done, reference.offset - done);
            out += shell_quote(*value);
            done = reference.offset + reference.length;
            return ok();
        });
    if (!status) return std::move(status).take_error();
    return out.append(text, done, text.size() - done);
}

}  // namespace escalator::action
