// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "campaign/inventory.hpp"
#include "campaign/model.hpp"
#include "planner/plan.hpp"

namespace escalator::planner {

/// What is true now, as far as planning needs it. Later issues add the cloud.
struct Facts {
    std::set<std::string> down;  ///< node names that do not answer or are out of service
    std::map<std::string, std::string> roles;  ///< live role of a node ("master"), overrides labels
    std::string digest;
};

struct Planned {
    Plan plan;
    std::vector<std::string> warnings;  ///< for people, most important first
};

/// Pure: same input, same plan. Errors: usage (a procedure selects no node, a limit leaves no room
/// for even one node - the message names limit, nodes and remedy), refused.
Result<Planned> make_plan(const campaign::Campaign& campaign, const campaign::Inventory& inventory,
                          const Facts& facts);

/// Whether the plan's inputs are unchanged: digests of campaign (with includes) and inventory.
/// Errors: stale, naming what changed and the command that plans anew.
Status check_fresh(const Plan& plan, std::string_view campaign_digest,
                   std::string_view inventory_digest);

}  // namespace escalator::planner
