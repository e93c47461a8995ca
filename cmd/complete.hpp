// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace escalator::cmd {

/// Prints what the last of `words` (without the program's name) can be completed to: lines of a
/// candidate and, after a tab, what it means. A line ":files" or ":dirs" asks the shell to offer
/// files or directories too. The shells' completions call it as `__complete`.
int complete(const std::vector<std::string>& words, std::ostream& out);

}  // namespace escalator::cmd
