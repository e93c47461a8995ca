// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace escalator::cmd {

/// Prints what the last of `words` (without the program's name) can be completed to, one a line.
/// Prints nothing where the shell should offer files. The shells' completions call it as
/// `__complete`.
int complete(const std::vector<std::string>& words, std::ostream& out);

}  // namespace escalator::cmd
