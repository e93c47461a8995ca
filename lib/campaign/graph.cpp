// SPDX-License-Identifier: Apache-2.0
#include "campaign/graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "base/text.hpp"

namespace escalator::campaign {

namespace {

std::string choice(const std::string& word, const std::vector<std::string>& known) {
    const auto close = closest(word, known);
    return close ? fmt::format("; did you mean \"{}\"?", *close) : "";
}

/// A circle in `edges`, as names in order with the first again at the end; empty when there is
/// none.
std::vector<std::string> find_circle(const std::map<std::string, std::vector<std::string>>& edges) {
    std::set<std::string> done;
    std::vector<std::string> path;
    std::vector<std::string> circle;
    const std::function<void(const std::string&)> visit = [&](const std::string& name) {
        if (!circle.empty() || done.contains(name)) return;
        const auto on_path = std::find(path.begin(), path.end(), name);
        if (on_path != path.end()) {
            circle.assign(on_path, path.end());
            circle.push_back(name);
            return;
        }
        path.push_back(name);
        if (const auto found = edges.find(name); found != edges.end()) {
            for (const auto& next : found->second) visit(next);
        }
        path.pop_back();
        done.insert(name);
    };
    for (const auto& [name, ignored] : edges) visit(name);
    return circle;
}

}  // namespace

void check_graph(const Campaign& campaign, Findings& findings, const std::string& file) {
    std::vector<std::string> names;
    std::map<std::string, std::vector<std::string>> edges;
    for (const auto& procedure : campaign.procedures) {
        if (procedure.name.empty()) continue;
        if (edges.contains(procedure.name)) {
            findings.error("duplicate-name", procedure.place,
                           fmt::format("two procedures are called \"{}\"", procedure.name));
        }
        names.push_back(procedure.name);
        edges[procedure.name] = procedure.after;
    }
    for (const auto& procedure : campaign.procedures) {
        for (const auto& before : procedure.after) {
            if (edges.contains(before)) continue;
            findings.error(
                "unknown-procedure", procedure.place,
                fmt::format("\"{}\" comes after \"{}\", but there is no such procedure{}",
                            procedure.name, before, choice(before, names)));
        }
    }
    if (const auto circle = find_circle(edges); !circle.empty()) {
        const auto first =
            std::find_if(campaign.procedures.begin(), campaign.procedures.end(),
                         [&](const Procedure& it) { return it.name == circle.front(); });
        findings.error(
            "cycle", first->place,
            fmt::format("these procedures wait for each other: {}", join(circle, " after ")),
            "take one of the after keys away");
    }

    std::vector<std::string> modules;
    std::map<std::string, std::vector<std::string>> needs;
    for (const auto& module : campaign.modules) modules.push_back(module.name);
    for (const auto& module : campaign.modules) {
        for (const auto& need : module.needs) {
            const auto end = need.find_first_of(" .<>=");
            const auto name = need.substr(0, end);
            if (std::find(modules.begin(), modules.end(), name) == modules.end()) {
                findings.error(
                    "unknown-module", module.place,
                    fmt::format("the module \"{}\" needs \"{}\", but there is no such module{}",
                                module.name, name, choice(name, modules)));
            } else if (name != module.name) {
                needs[module.name].push_back(name);
            }
        }
    }
    if (const auto circle = find_circle(needs); !circle.empty()) {
        const auto first =
            std::find_if(campaign.modules.begin(), campaign.modules.end(),
                         [&](const Module& it) { return it.name == circle.front(); });
        findings.error("cycle", first == campaign.modules.end() ? Place{file, 0, 0} : first->place,
                       fmt::format("these modules need each other: {}", join(circle, " needs ")));
    }
}

}  // namespace escalator::campaign
