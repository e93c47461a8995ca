// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

// The lexical side of ssh_config(5): lines, patterns and tokens.
namespace escalator::node {

/// "Key value ...", "Key=value" or a comment, cut into words as ssh does: blanks, "double" and
/// 'single' quotes, backslash before a quote or a backslash; # begins a comment. The keyword is in
/// lower case; empty for a line that says nothing. Errors: usage (open quote).
struct ConfigLine {
    std::string keyword;
    std::vector<std::string> words;
    std::string rest{};  ///< the words as written, for a shell
};
Result<ConfigLine> cut_line(std::string_view line);

/// Whether the text fits one pattern of ssh's (* and ?), case ignored.
bool fits_pattern(std::string_view pattern, std::string_view text);

/// Whether the text fits a list of patterns: some fits, and none that begins with ! does.
bool fits_patterns(const std::vector<std::string>& patterns, std::string_view text);

/// What stands behind the tokens of ssh_config(5), TOKENS.
struct Tokens {
    std::string host;      ///< %h: where the connection goes
    std::string original;  ///< %n: what was asked for
    std::string alias;     ///< %k: HostKeyAlias, else %n
    std::string jump;      ///< %j
    std::string port;      ///< %p
    std::string user;      ///< %r
};

/// Replaces %h and its like; %d %i %l %L %u are of this machine and account. Errors: usage (an
/// unknown token).
Result<std::string> expand_tokens(std::string_view text, const Tokens& tokens);

/// The same for a file name: ~ and ~/ at the start, and ${VARIABLE}, too. Errors: usage.
Result<std::string> expand_path(std::string_view text, const Tokens& tokens);

/// ~ and ~/ only.
std::string expand_home(std::string_view text);

}  // namespace escalator::node
