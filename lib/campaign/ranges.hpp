// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace escalator::campaign {

/// "web[01:20]x[a:c]" as names, in order; a name without brackets is itself. As Ansible: numbers
/// keep their zero padding, [01:20:2] steps. Errors: usage.
Result<std::vector<std::string>> expand_ranges(std::string_view pattern);

}  // namespace escalator::campaign
