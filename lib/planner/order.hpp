// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.hpp"
#include "campaign/model.hpp"

namespace escalator::planner {

/// Indices of the campaign's procedures in an order that respects `after` and the modules' needs;
/// file order breaks ties. A procedure belongs to a module when one of its steps names the module's
/// package or its version. Errors: usage (a circle).
Result<std::vector<std::uint32_t>> order_procedures(const campaign::Campaign& campaign);

}  // namespace escalator::planner
