// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <vector>

#include "base/result.hpp"
#include "base/units.hpp"
#include "planner/plan.hpp"

namespace escalator::planner {

struct WaveRequest {
    const Plan& plan;                            ///< nodes and limits
    const std::vector<std::uint32_t>& in_force;  ///< limits that hold, indices into plan.limits
    const std::vector<NodeIndex>& nodes;         ///< to be put into waves, in the order wanted
    std::set<NodeIndex> last;                    ///< active nodes: never before a standby
    campaign::Method method = campaign::Method::rolling;
    std::optional<Amount> batch;  ///< nullopt: as many as the limits allow
    std::uint32_t canary = 0;
    bool disruptive = true;  ///< false: no node goes out of service, limits do not matter
};

/// Every node once; no wave exceeds a limit, with the nodes that are down counted in. Parallel
/// procedures get one wave (the engine keeps to the limits while it runs). Errors: usage (a limit
/// leaves no room for even one node, or not for the whole of a one-step procedure).
Result<std::vector<Wave>> make_waves(const WaveRequest& request);

}  // namespace escalator::planner
