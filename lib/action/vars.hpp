// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace escalator::action {

/// Values of variables by full name: "node.name", "vars.y", "versions.nova.to", "param.x".
using Scope = std::map<std::string, std::string, std::less<>>;

/// One ${namespace.name} in a text. "$${" writes a literal "${". In shell text a "${" that is
/// not followed by letters/digits/_/- and a dot belongs to the shell (${HOME}); elsewhere it is
/// an error.
struct Reference {
    std::size_t offset = 0;  ///< byte where "${" stands
    std::size_t length = 0;
    std::string name;
};

/// Those of them that are well formed, in order.
std::vector<Reference> references_in(std::string_view text, bool shell);

/// Something about a variable that keeps a text from being expanded.
struct Mistake {
    std::size_t offset = 0;
    std::size_t length = 0;
    std::string message;
    std::string remedy;  ///< may be empty
};

/// Everything that expanding `text` would be refused for whatever the values are, in order. Of
/// `known` only the names count; node.label.* are known, since labels come with the inventory.
std::vector<Mistake> mistakes_in(std::string_view text, bool shell, const Scope& known);

/// Replaces every reference. Errors: usage (malformed, or unknown with the closest known name).
Result<std::string> expand_text(std::string_view text, const Scope& scope);

/// Replaces every reference with one quoted shell word, so that no value can become code. A
/// reference in a place where that cannot be proven (see ShellContext) is refused (usage); the
/// remedy says what to write instead.
Result<std::string> expand_shell(std::string_view text, const Scope& scope);

}  // namespace escalator::action
