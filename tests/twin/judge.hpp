// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/event.hpp"
#include "planner/plan.hpp"
#include "twin/controller.hpp"
#include "twin/world.hpp"

namespace escalator::twin {

/// All that is looked at: what was planned, what the journal says, what the nodes' own ledgers say.
/// Nothing here asks the engine what it believes.
struct Evidence {
    const planner::Plan& plan;
    const std::vector<engine::Event>& journal;
    const std::vector<Deed>& ledger;
    const std::vector<Part>& parts;
};

/// The first broken promise, with the number of the record at which it shows; nullopt for none.
std::optional<std::string> judge(const Evidence& evidence);

}  // namespace escalator::twin
