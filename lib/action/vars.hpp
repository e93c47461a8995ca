// SPDX-License-Identifier: Apache-2.0
#pragma once

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

/// Errors: usage (unclosed "${", illegal name; the message says at which offset).
Result<std::vector<Reference>> references_in(std::string_view text, bool shell);

/// Replaces every reference. Errors: usage (unknown name, with the closest known one).
Result<std::string> expand_text(std::string_view text, const Scope& scope);

/// Replaces every reference with one quoted shell word, so that no value can become code. A
/// reference inside quotes, backticks, $( ), a here-document or a comment is refused (usage):
/// quoting there cannot be made safe; the message says to write it bare ("--name=${vars.x}").
Result<std::string> expand_shell(std::string_view text, const Scope& scope);

}  // namespace escalator::action
