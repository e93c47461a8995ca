// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace escalator {

std::string_view trim(std::string_view text);
/// Pieces between separators; empty pieces are kept.
std::vector<std::string_view> split(std::string_view text, char separator);
std::string join(std::span<const std::string> parts, std::string_view separator);

/// With the ASCII letters in lower case.
std::string lowered(std::string_view text);

/// "1 node", "2 nodes".
std::string counted(std::size_t count, std::string_view noun);

/// One word for a POSIX shell, whatever bytes it has (NUL excluded): 'it'\''s'.
std::string shell_quote(std::string_view word);

/// The candidate a typist most likely meant: smallest edit distance (Damerau-Levenshtein, with
/// case ignored), if it is at most a third of the word's length; nullopt otherwise.
std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates);

/// "compute[01-04,07],db1" for a list of node names; keeps zero padding, sorts, drops repeats.
std::string fold_names(std::span<const std::string> names);

/// How many bytes at the start of `text` are valid UTF-8 (RFC 3629); its size when all are.
std::size_t valid_utf8(std::string_view text);

/// Valid UTF-8, printable: other bytes and control characters become escapes (\x1b), so that
/// output from a node cannot play with the operator's terminal. Keeps newlines and tabs.
std::string printable(std::string_view text);

/// Letters, digits, '.', '_', '-'; not empty, not "." or "..", at most 128: safe as a file name
/// and in ids.
bool is_plain_name(std::string_view name);

}  // namespace escalator
