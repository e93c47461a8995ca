// SPDX-License-Identifier: Apache-2.0
#include "planner/waves.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace escalator::planner {

namespace {

/// Room left in the limits for one wave.
class Packing {
public:
    explicit Packing(const WaveRequest& request) : request_(request) {
        groups_of_.resize(request.plan.nodes.size());
        if (!request.disruptive) return;
        for (std::size_t i = 0; i < request.in_force.size(); ++i) {
            const auto& limit = request.plan.limits[request.in_force[i]];
            std::uint32_t down = 0;
            for (const auto node : limit.nodes) {
                groups_of_[node].push_back(i);
                if (request.plan.nodes[node].down) ++down;
            }
            most_.push_back(limit.most > down ? limit.most - down : 0);
        }
        left_ = most_;
    }

    void begin_wave() { left_ = most_; }

    bool fits(NodeIndex node) const {
        return std::all_of(groups_of_[node].begin(), groups_of_[node].end(),
                           [&](std::size_t group) { return left_[group] > 0; });
    }
    void take(NodeIndex node) {
        for (const auto group : groups_of_[node]) --left_[group];
    }
    /// The limit that keeps a node from ever fitting.
    const LimitGroup* blocking(NodeIndex node) const {
        for (const auto group : groups_of_[node]) {
            if (most_[group] == 0) return &request_.plan.limits[request_.in_force[group]];
        }
        return nullptr;
    }
    /// How many waves this node's most crowded group needs for what is left of it: nodes of crowded
    /// groups go first, or they would need waves of their own at the end.
    double pressure(NodeIndex node, const std::vector<std::uint32_t>& waiting) const {
        double most = 0;
        for (const auto group : groups_of_[node]) {
            most = std::max(most, static_cast<double>(waiting[group]) / std::max(1U, most_[group]));
        }
        return most;
    }
    std::vector<std::uint32_t> waiting(const std::vector<NodeIndex>& nodes) const {
        std::vector<std::uint32_t> out(most_.size());
        for (const auto node : nodes) {
            for (const auto group : groups_of_[node]) ++out[group];
        }
        return out;
    }

private:
    const WaveRequest& request_;
    std::vector<std::vector<std::size_t>> groups_of_;
    std::vector<std::uint32_t> most_;
    std::vector<std::uint32_t> left_;
};

Error no_room(const WaveRequest& request, NodeIndex node, const LimitGroup& limit) {
    return Error(ErrorCode::usage,
                 fmt::format("{} can never be taken out of service: the limit \"{}\" allows {} and "
                             "that many nodes are "
                             "down already",
                             request.plan.nodes[node].name, limit.what, limit.most))
        .advise("mend the nodes that are down, or allow more in unavailable");
}

Wave one_wave(std::vector<NodeIndex>& left, Packing& packing, std::size_t most, bool spread) {
    packing.begin_wave();
    Wave wave;
    const auto candidates = left;
    auto order = candidates;
    if (spread) {
        const auto waiting = packing.waiting(candidates);
        std::stable_sort(order.begin(), order.end(), [&](NodeIndex a, NodeIndex b) {
            return packing.pressure(a, waiting) > packing.pressure(b, waiting);
        });
    }
    std::set<NodeIndex> taken;
    for (const auto node : order) {
        if (taken.size() == most) break;
        if (!packing.fits(node)) continue;
        packing.take(node);
        taken.insert(node);
    }
    for (const auto node : candidates) {
        if (taken.contains(node)) wave.nodes.push_back(node);
    }
    std::erase_if(left, [&](NodeIndex node) { return taken.contains(node); });
    return wave;
}

}  // namespace

Result<std::vector<Wave>> make_waves(const WaveRequest& request) {
    Packing packing(request);
    for (const auto node : request.nodes) {
        if (const auto* limit = packing.blocking(node)) return no_room(request, node, *limit);
    }
    std::vector<Wave> waves;
    if (request.method != campaign::Method::rolling) {
        auto left = request.nodes;
        if (request.method == campaign::Method::one_step) {
            auto wave = one_wave(left, packing, left.size(), false);
            if (!left.empty()) {
                return Error(ErrorCode::usage,
                             fmt::format("a one_step procedure takes all {} nodes out of service "
                                         "at once, and the limits "
                                         "allow {}",
                                         request.nodes.size(), wave.nodes.size()))
                    .advise("use rolling, or allow more in unavailable");
            }
        }
        Wave wave;
        wave.nodes = request.nodes;
        waves.push_back(std::move(wave));
        return waves;
    }
    // standby nodes first, the active ones in waves of their own after them
    std::vector<NodeIndex> first;
    std::vector<NodeIndex> last;
    for (const auto node : request.nodes)
        (request.last.contains(node) ? last : first).push_back(node);
    const auto batch =
        request.batch
            ? std::max(1U, request.batch->of(static_cast<std::uint32_t>(request.nodes.size())))
            : static_cast<std::uint32_t>(request.nodes.size());
    auto canary = request.canary;
    for (auto* part : {&first, &last}) {
        while (!part->empty()) {
            const auto most = canary > 0 ? canary : batch;
            auto wave = one_wave(*part, packing, most, !request.batch.has_value());
            wave.canary = canary > 0;
            canary = 0;
            waves.push_back(std::move(wave));
        }
    }
    return waves;
}

}  // namespace escalator::planner
