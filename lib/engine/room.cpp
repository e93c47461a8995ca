// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "engine/deciding.hpp"

namespace escalator::engine {

Room::Room(const planner::Plan& plan, const State& state, std::uint32_t procedure)
    : plan_(plan), state_(state) {
    groups_.resize(plan.campaign_limits);
    std::iota(groups_.begin(), groups_.end(), 0U);
    const auto& own = plan.procedures[procedure].limits;
    std::copy_if(own.begin(), own.end(), std::back_inserter(groups_),
                 [&](auto group) { return group >= plan.campaign_limits; });
}

void Room::count() {
    counted_ = true;
    used_.reserve(groups_.size());
    for (const auto group : groups_) {
        const auto& nodes = plan_.limits[group].nodes;
        const auto out = std::count_if(nodes.begin(), nodes.end(), [&](NodeIndex node) {
            return plan_.nodes[node].down || state_.node_out[node] > 0;
        });
        used_.push_back(static_cast<std::uint32_t>(out));
    }
}

bool Room::has(NodeIndex node) {
    if (plan_.nodes[node].down || state_.node_out[node] > 0 || taken_.contains(node)) return true;
    if (!counted_) count();
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        const auto& group = plan_.limits[groups_[i]];
        const bool member = std::binary_search(group.nodes.begin(), group.nodes.end(), node);
        if (member && used_[i] + 1 > group.most) return false;
    }
    return true;
}

void Room::take(NodeIndex node) {
    if (plan_.nodes[node].down || state_.node_out[node] > 0 || !taken_.insert(node).second) return;
    for (std::size_t i = 0; i < groups_.size(); ++i) {
        const auto& nodes = plan_.limits[groups_[i]].nodes;
        if (std::binary_search(nodes.begin(), nodes.end(), node)) ++used_[i];
    }
}

}  // namespace escalator::engine
