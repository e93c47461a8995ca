// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "campaign/load.hpp"

namespace escalator::campaign {

namespace {

Diagnostic finding(Severity severity, std::string id, const Place& place, std::string message,
                   std::string help = {}) {
    Diagnostic out;
    out.severity = severity;
    out.id = std::move(id);
    out.place = place;
    out.message = std::move(message);
    out.help = std::move(help);
    return out;
}

/// Labels whose names the selector uses and no node has.
std::string unknown_labels(const Selector& selector, const Inventory& inventory) {
    std::vector<std::string> out;
    for (const auto& term : selector.terms()) {
        const bool known =
            std::any_of(inventory.nodes.begin(), inventory.nodes.end(),
                        [&](const Node& node) { return node.labels.contains(term.key); });
        if (!known) out.push_back(term.key);
    }
    return join(out, ", ");
}

void check_limits(const std::vector<Limit>& limits, const std::vector<const Node*>& nodes,
                  const Place& place, const std::string& whose, std::vector<Diagnostic>& out) {
    for (const auto& limit : limits) {
        std::map<std::string, std::vector<const Node*>> groups;
        std::vector<std::string> without;
        for (const auto* node : nodes) {
            const auto found = node->labels.find(limit.label);
            if (limit.label.empty()) {
                groups[""].push_back(node);
            } else if (found == node->labels.end()) {
                without.push_back(node->name);
            } else {
                groups[found->second].push_back(node);
            }
        }
        if (!without.empty()) {
            out.push_back(finding(
                Severity::error, "missing-label", place,
                fmt::format(
                    "{} limits the unavailable nodes of each {}, but these nodes have no such "
                    "label: {}",
                    whose, limit.label, fold_names(without)),
                fmt::format("give each a label {} in the inventory", limit.label)));
        }
        for (const auto& [value, members] : groups) {
            const auto most = limit.amount.of(static_cast<std::uint32_t>(members.size()));
            const auto down = std::count_if(members.begin(), members.end(),
                                            [](const Node* node) { return node->down; });
            const bool all_down = down == static_cast<std::ptrdiff_t>(members.size());
            if (all_down || static_cast<std::ptrdiff_t>(most) > down) continue;
            const auto name = limit.label.empty() ? std::string("in all")
                                                  : fmt::format("in {}={}", limit.label, value);
            out.push_back(finding(
                Severity::error, "impossible-limit", place,
                fmt::format("{} allows {} unavailable {}, and {} of its {} nodes {} down already",
                            whose, most, name, down, members.size(), down == 1 ? "is" : "are"),
                "mend the nodes that are down, or allow more"));
        }
    }
}

}  // namespace

std::vector<Diagnostic> check_together(const Campaign& campaign, const Inventory& inventory) {
    std::vector<Diagnostic> out;
    std::vector<const Node*> all;
    for (const auto& node : inventory.nodes) all.push_back(&node);
    const Place top{campaign.files.empty() ? "" : campaign.files.front(), 0, 0};
    check_limits(campaign.unavailable, all, top, "the campaign", out);
    for (const auto& procedure : campaign.procedures) {
        if (procedure.on_controller) continue;
        std::vector<const Node*> nodes;
        for (const auto* node : all) {
            if (procedure.on.matches(node->labels)) nodes.push_back(node);
        }
        const auto whose = fmt::format("procedure \"{}\"", procedure.name);
        if (nodes.empty()) {
            const auto unknown = unknown_labels(procedure.on, inventory);
            out.push_back(finding(
                Severity::error, "no-targets", procedure.place,
                fmt::format("{} selects no node: none fits \"{}\"", whose, procedure.on.text()),
                unknown.empty() ? "" : fmt::format("no node has the label {}", unknown)));
            continue;
        }
        check_limits(procedure.unavailable, nodes, procedure.place, whose, out);
        if (procedure.standby_label.empty()) continue;
        const bool active = std::any_of(nodes.begin(), nodes.end(), [&](const Node* node) {
            const auto found = node->labels.find(procedure.standby_label);
            return found != node->labels.end() && found->second == procedure.standby_value;
        });
        if (!active) {
            out.push_back(
                finding(Severity::warning, "no-active-node", procedure.place,
                        fmt::format("{} puts {}={} last, but no node has that label", whose,
                                    procedure.standby_label, procedure.standby_value)));
        }
    }
    return out;
}

}  // namespace escalator::campaign
