// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"

namespace escalator::campaign {

/// A module that a need speaks of, and where in its text.
struct NeededModule {
    std::string name;
    std::size_t offset = 0;
};

/// Reads "nova-conductor >= this" or "nova-conductor.major - this.major <= 1": sums of modules
/// (whole, or .major .minor .patch of them), `this` (the module that has the need) and versions,
/// compared with one of >= <= > < ==, blanks between all. Returns the modules named, without
/// `this`. Errors: usage.
Result<std::vector<NeededModule>> modules_needed(std::string_view need);

}  // namespace escalator::campaign
