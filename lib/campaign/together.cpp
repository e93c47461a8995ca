// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <set>

#include "action/vars.hpp"
#include "base/text.hpp"
#include "campaign/load.hpp"

namespace escalator::campaign {

namespace {

/// The files were read a moment ago and let go; only what is wrong needs its line again.
std::string line_of(const Place& place) {
    std::ifstream file(place.file);
    std::string line;
    for (std::uint32_t i = 0; i < place.line && file; ++i) std::getline(file, line);
    return place.line == 0 ? "" : line;
}

Diagnostic finding(Severity severity, std::string id, const Place& place, std::string message,
                   std::string help = {}, std::size_t length = 1) {
    Diagnostic out;
    out.severity = severity;
    out.id = std::move(id);
    out.place = place;
    out.message = std::move(message);
    out.help = std::move(help);
    out.length = static_cast<std::uint32_t>(length);
    out.source_line = line_of(place);
    return out;
}

/// Why no node fits: labels or values that none has.
std::string why_none(const Selector& selector, const Inventory& inventory) {
    for (const auto& term : selector.terms()) {
        std::set<std::string> keys;
        std::set<std::string> values;
        for (const auto& node : inventory.nodes) {
            for (const auto& [key, value] : node.labels) keys.insert(key);
            if (const auto found = node.labels.find(term.key); found != node.labels.end())
                values.insert(found->second);
        }
        const auto near = [](const std::string& word, const std::set<std::string>& known) {
            const auto close = closest(word, std::vector(known.begin(), known.end()));
            return close ? fmt::format("; did you mean \"{}\"?", *close) : std::string();
        };
        const bool needs = term.op == Selector::Operator::equals ||
                           term.op == Selector::Operator::in ||
                           term.op == Selector::Operator::exists;
        if (!needs) continue;
        if (values.empty())
            return fmt::format("no node has the label \"{}\"{}", term.key, near(term.key, keys));
        const bool some =
            term.values.empty() || std::any_of(term.values.begin(), term.values.end(),
                                               [&](const auto& it) { return values.contains(it); });
        if (!some) {
            return fmt::format("no node has {}={}{}", term.key, join(term.values, " or "),
                               near(term.values.front(), values));
        }
    }
    return "nodes have each of these labels, but none has all of them";
}

void check_limits(const std::vector<Limit>& limits, const std::vector<const Node*>& nodes,
                  const std::string& whose, std::vector<Diagnostic>& out) {
    for (const auto& limit : limits) {
        const auto& place = limit.place;
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
                fmt::format("give each a label {} in the inventory", limit.label),
                limit.label.size()));
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

/// All nodes at once cannot be fewer at once.
void check_one_step(const Procedure& procedure, const std::vector<Limit>& limits,
                    const std::vector<const Node*>& nodes, const std::vector<const Node*>& all,
                    std::vector<Diagnostic>& out) {
    const bool disruptive = std::any_of(procedure.steps.begin(), procedure.steps.end(),
                                        [](const Step& step) { return step.disruptive; });
    if (procedure.method != Method::one_step || !disruptive) return;
    for (const auto& limit : limits) {
        std::map<std::string, std::uint32_t> wanted;
        std::map<std::string, std::uint32_t> whole;
        const auto count = [&](const std::vector<const Node*>& some, auto& into) {
            for (const auto* node : some) {
                const auto found = node->labels.find(limit.label);
                if (limit.label.empty()) ++into[""];
                if (!limit.label.empty() && found != node->labels.end()) ++into[found->second];
            }
        };
        count(nodes, wanted);
        count(all, whole);
        for (const auto& [value, number] : wanted) {
            const auto most = limit.amount.of(whole[value]);
            if (number <= most) continue;
            out.push_back(finding(
                Severity::error, "impossible-limit", procedure.place,
                fmt::format("procedure \"{}\" takes {} nodes{} out of service in one step, and the "
                            "limit allows {}",
                            procedure.name, number,
                            value.empty() ? "" : fmt::format(" with {}={}", limit.label, value),
                            most),
                fmt::format("use rolling, or allow more in unavailable ({} line {})",
                            limit.place.file, limit.place.line)));
        }
    }
}

/// Labels that steps name as variables and that some of their nodes lack.
void check_labels_used(const Procedure& procedure, const std::vector<const Node*>& nodes,
                       std::vector<Diagnostic>& out) {
    for (const auto* steps : {&procedure.steps, &procedure.verify}) {
        for (const auto& step : *steps) {
            std::set<std::string> names;
            for (const auto* text : {&step.args, &step.check, &step.verify, &step.undo}) {
                for (const auto& it : action::references_in(*text, true)) {
                    if (it.name.starts_with("node.label.")) names.insert(it.name.substr(11));
                }
            }
            for (const auto& name : names) {
                std::vector<std::string> without;
                for (const auto* node : nodes) {
                    if (!node->labels.contains(name)) without.push_back(node->name);
                }
                if (without.empty()) continue;
                out.push_back(finding(
                    Severity::error, "missing-label", step.place,
                    fmt::format("the step \"{}\" needs ${{node.label.{}}}, but these nodes have no "
                                "label {}: {}",
                                step.name, name, name, fold_names(without)),
                    fmt::format("give each a label {} in the inventory", name)));
            }
        }
    }
}

}  // namespace

std::vector<Diagnostic> check_together(const Campaign& campaign, const Inventory& inventory) {
    std::vector<Diagnostic> out;
    std::vector<const Node*> all;
    for (const auto& node : inventory.nodes) all.push_back(&node);
    check_limits(campaign.unavailable, all, "the campaign", out);
    const auto nothing = [&](const std::string& what, const Selector& on, const Place& place) {
        out.push_back(finding(Severity::error, "no-targets", place,
                              fmt::format("{} selects no node: none fits \"{}\"", what, on.text()),
                              why_none(on, inventory), on.text().size()));
    };
    for (const auto& procedure : campaign.procedures) {
        if (procedure.on_controller) continue;
        std::vector<const Node*> nodes;
        for (const auto* node : all) {
            if (procedure.on.matches(node->labels)) nodes.push_back(node);
        }
        const auto whose = fmt::format("procedure \"{}\"", procedure.name);
        if (nodes.empty()) {
            nothing(whose, procedure.on, procedure.on_place);
            continue;
        }
        check_limits(procedure.unavailable, nodes, whose, out);
        check_one_step(procedure, campaign.unavailable, nodes, all, out);
        check_one_step(procedure, procedure.unavailable, nodes, nodes, out);
        check_labels_used(procedure, nodes, out);
        if (procedure.standby_label.empty()) continue;
        const bool active = std::any_of(nodes.begin(), nodes.end(), [&](const Node* node) {
            const auto found = node->labels.find(procedure.standby_label);
            return found != node->labels.end() && found->second == procedure.standby_value;
        });
        if (!active) {
            out.push_back(
                finding(Severity::warning, "no-active-node", procedure.place,
                        fmt::format("{} puts {}={} last, but no node has that label", whose,
                                    procedure.standby_label, procedure.standby_value),
                        "the order makes no difference then"));
        }
    }
    const bool verifies_nodes = !campaign.verify.empty() && !campaign.verify_on_controller;
    const bool some = std::any_of(all.begin(), all.end(), [&](const Node* node) {
        return campaign.verify_on.matches(node->labels);
    });
    if (verifies_nodes && !some) nothing("verify_on", campaign.verify_on, campaign.verify_on_place);
    return out;
}

}  // namespace escalator::campaign
