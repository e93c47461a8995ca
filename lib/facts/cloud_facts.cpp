// SPDX-License-Identifier: Apache-2.0
#include "facts/cloud_facts.hpp"

#include <algorithm>

namespace escalator::facts {

std::int64_t Resource::free() const {
    const auto usable = static_cast<double>(total - reserved) * ratio;
    return std::max<std::int64_t>(static_cast<std::int64_t>(usable) - used, 0);
}

}  // namespace escalator::facts
