// SPDX-License-Identifier: Apache-2.0
#include "campaign/needs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace escalator::campaign {

namespace {

bool is_comparison(std::string_view word) {
    return word == ">=" || word == "<=" || word == ">" || word == "<" || word == "==";
}

bool is_operand(std::string_view word) {
    const auto first = word.front();
    const bool letter = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z');
    if (letter || first == '_') return is_plain_name(word);
    return first >= '0' && first <= '9' && word.find_first_of("<>=()\"'") == std::string_view::npos;
}

/// "nova-conductor" of "nova-conductor.major"; module names have no dots of their own there.
std::string_view module_of(std::string_view word) {
    for (const std::string_view part : {".major", ".minor", ".patch"}) {
        if (word.ends_with(part)) return word.substr(0, word.size() - part.size());
    }
    return word;
}

Error wrong(std::string_view need, std::string_view what) {
    return Error(ErrorCode::usage, fmt::format("\"{}\" is no need: {}", need, what))
        .advise(
            "write it like \"nova-conductor >= this\" or "
            "\"nova-conductor.major - this.major <= 1\", with blanks between all");
}

}  // namespace

Result<std::vector<NeededModule>> modules_needed(std::string_view need) {
    std::vector<NeededModule> out;
    bool operand_next = true;
    int comparisons = 0;
    for (std::size_t at = 0; (at = need.find_first_not_of(" \t", at)) != std::string_view::npos;) {
        const auto end = std::min(need.find_first_of(" \t", at), need.size());
        const auto word = need.substr(at, end - at);
        if (operand_next) {
            if (!is_operand(word))
                return wrong(need, fmt::format("expected a module, this or a version instead of "
                                               "\"{}\"",
                                               word));
            const auto module = module_of(word);
            const bool version = word.front() >= '0' && word.front() <= '9';
            if (!version && module != "this") out.push_back({std::string(module), at});
        } else if (is_comparison(word)) {
            ++comparisons;
        } else if (word != "+" && word != "-") {
            return wrong(need,
                         fmt::format("expected >=, <=, >, <, ==, + or - instead of \"{}\"", word));
        }
        operand_next = !operand_next;
        at = end;
    }
    if (operand_next) return wrong(need, "something is missing at its end");
    if (comparisons != 1) return wrong(need, "it must compare once, with >=, <=, >, < or ==");
    return out;
}

}  // namespace escalator::campaign
