// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string_view>
#include <vector>

namespace escalator::action {

/// Tells for places in a POSIX shell text whether a quoted word may be put there, so that its value
/// arrives as one literal piece of a word whatever it holds. `text` is what the shell will see, a
/// program that begins at the start of a line, without the words; `holes` are the ascending offsets
/// where they go. For each hole: empty when it is safe, else where it is: "inside double quotes".
///
/// Follows quotes, escapes, comments, here-documents and substitutions as dash, bash, busybox and
/// ksh agree on them. Where they differ, or the text gets too involved to be sure, every later hole
/// is refused: a wrong guess would let values become code. What the program then does with the word
/// (eval, sh -c) is its author's business.
std::vector<std::string_view> places_of_holes(std::string_view text,
                                              std::span<const std::size_t> holes);

}  // namespace escalator::action
