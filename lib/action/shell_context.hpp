// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

namespace escalator::action {

/// Tells for places in a POSIX shell text whether a quoted word may be put there. Follows quotes,
/// escapes, comments, here-documents and substitutions; where shells differ or the text gets too
/// involved to be sure, every later place is refused: wrong guesses would let values become code.
class ShellContext {
public:
    /// `text` must outlive the object. "$${" counts as "${" (see vars.hpp).
    explicit ShellContext(std::string_view text);

    /// Empty when a quoted word is safe at `offset`, else where it is: "inside double quotes".
    /// Offsets must be the starts of references.
    std::string_view at(std::size_t offset) const;

private:
    /// From `begin` on (up to the next stretch) `place` holds.
    struct Stretch {
        std::size_t begin;
        std::string_view place;
    };

    class Scanner;
    std::vector<Stretch> stretches_;
};

}  // namespace escalator::action
