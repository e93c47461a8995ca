// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "campaign/load.hpp"
#include "planner/make_plan.hpp"
#include "support/temp.hpp"

// From the texts that people write to a plan.
namespace escalator::test {

struct Inputs {
    campaign::Campaign campaign;
    campaign::Inventory inventory;
};

inline Inputs inputs(const TempDir& dir, const std::string& campaign, const std::string& inventory) {
    spill(dir / "campaign.yaml", "escalator: 1\ncampaign: test\n" + campaign);
    spill(dir / "inventory.yaml", inventory);
    auto loaded = campaign::load_campaign(dir / "campaign.yaml");
    if (!loaded) throw std::runtime_error(loaded.error().text());
    for (const auto& it : loaded->diagnostics) {
        if (it.severity == campaign::Severity::error)
            throw std::runtime_error(campaign::format_diagnostic(it));
    }
    auto nodes = campaign::load_inventory(dir / "inventory.yaml");
    if (!nodes) throw std::runtime_error(nodes.error().text());
    for (const auto& it : nodes->diagnostics) {
        if (it.severity == campaign::Severity::error)
            throw std::runtime_error(campaign::format_diagnostic(it));
    }
    return {std::move(loaded->campaign), std::move(*nodes)};
}

inline Result<planner::Planned> make(const std::string& campaign, const std::string& inventory,
                                     const planner::Facts& facts = {}) {
    const TempDir dir;
    const auto in = inputs(dir, campaign, inventory);
    return planner::make_plan(in.campaign, in.inventory, facts);
}

inline planner::Planned planned(const std::string& campaign, const std::string& inventory,
                                const planner::Facts& facts = {}) {
    auto out = make(campaign, inventory, facts);
    if (!out) throw std::runtime_error(out.error().text());
    return std::move(*out);
}

/// `count` nodes "n01" ... in `racks` racks in turn, with the given further labels.
inline std::string nodes(unsigned count, unsigned racks = 1, const std::string& labels = "role: web") {
    std::string out = "nodes:\n";
    for (unsigned i = 0; i < count; ++i) {
        out += fmt::format("  n{:02}: {{ address: 127.0.0.1, labels: {{ {}, rack: r{} }} }}\n", i + 1,
                           labels, i % racks + 1);
    }
    return out;
}

/// A procedure with one step that takes its node out of service for `expect`.
inline std::string procedure(const std::string& name, const std::string& keys,
                             const std::string& expect = "10s") {
    return fmt::format(
        "  - name: {}\n    on: role=web\n{}    steps:\n      - name: change\n        command: "
        "\"true\"\n        undo: \"true\"\n        expect: {}\n",
        name, keys, expect);
}

/// The names of each wave's nodes: {"n01 n02", "n03"}.
inline std::vector<std::string> waves_of(const planner::Plan& plan, std::size_t procedure = 0) {
    std::vector<std::string> out;
    for (const auto& wave : plan.procedures.at(procedure).waves) {
        std::string names;
        for (const auto node : wave.nodes) names += (names.empty() ? "" : " ") + plan.nodes[node].name;
        out.push_back(names);
    }
    return out;
}

}  // namespace escalator::test
