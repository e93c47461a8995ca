// SPDX-License-Identifier: Apache-2.0
#include "campaign/graph.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "base/text.hpp"
#include "campaign/needs.hpp"

namespace escalator::campaign {

namespace {

std::string choice(const std::string& word, const std::vector<std::string>& known) {
    const auto close = closest(word, known);
    return close ? fmt::format("; did you mean \"{}\"?", *close) : "";
}

using Edges = std::map<std::string, std::vector<std::string>>;

/// A circle in `edges`, as names in order with the first again at the end; empty when there is
/// none. Not recursive: chains can be as long as a file.
std::vector<std::string> find_circle(const Edges& edges) {
    enum class Mark { on_path, done };
    std::map<std::string_view, Mark> marks;
    struct Visit {
        Edges::const_iterator node;
        std::size_t next = 0;
    };
    for (auto root = edges.begin(); root != edges.end(); ++root) {
        if (marks.contains(root->first)) continue;
        std::vector<Visit> path{{root}};
        marks[root->first] = Mark::on_path;
        while (!path.empty()) {
            auto& at = path.back();
            if (at.next == at.node->second.size()) {
                marks[at.node->first] = Mark::done;
                path.pop_back();
                continue;
            }
            const auto child = edges.find(at.node->second[at.next++]);
            if (child == edges.end()) continue;
            const auto [mark, fresh] = marks.emplace(child->first, Mark::on_path);
            if (fresh) {
                path.push_back({child});
            } else if (mark->second == Mark::on_path) {
                std::vector<std::string> circle;
                const auto first = std::find_if(path.begin(), path.end(),
                                                [&](const auto& it) { return it.node == child; });
                for (auto it = first; it != path.end(); ++it) circle.push_back(it->node->first);
                circle.push_back(child->first);
                return circle;
            }
        }
    }
    return {};
}

/// "a after b after c"; the middle of a very long circle is left out.
std::string tell(std::vector<std::string> circle, std::string_view between) {
    if (circle.size() > 12) {
        circle.erase(circle.begin() + 6, circle.end() - 5);
        circle.insert(circle.begin() + 6, "...");
    }
    return join(circle, between);
}

}  // namespace

void check_graph(const Campaign& campaign, Findings& findings) {
    std::vector<std::string> names;
    Edges edges;
    std::map<std::string_view, const Procedure*> procedures;
    for (const auto& procedure : campaign.procedures) {
        if (procedure.name.empty()) continue;
        const auto [first, fresh] = procedures.emplace(procedure.name, &procedure);
        if (!fresh) {
            findings.error("duplicate-name", procedure.place,
                           fmt::format("two procedures are called \"{}\"", procedure.name),
                           fmt::format("the first is in {} on line {}; give each its own name",
                                       first->second->place.file, first->second->place.line));
            continue;
        }
        names.push_back(procedure.name);
        edges[procedure.name] = procedure.after;
    }
    for (const auto& procedure : campaign.procedures) {
        for (std::size_t i = 0; i < procedure.after.size(); ++i) {
            const auto& before = procedure.after[i];
            if (edges.contains(before) || before.empty()) continue;
            findings.error(
                "unknown-procedure", procedure.after_places[i],
                fmt::format("\"{}\" comes after \"{}\", but there is no such procedure{}",
                            procedure.name, before, choice(before, names)),
                {}, static_cast<std::uint32_t>(before.size()));
        }
    }
    if (const auto circle = find_circle(edges); !circle.empty()) {
        const auto& first = *procedures.at(circle.front());
        const auto at = std::find(first.after.begin(), first.after.end(), circle[1]);
        findings.error(
            "cycle", first.after_places[static_cast<std::size_t>(at - first.after.begin())],
            fmt::format("these procedures wait for each other: {}", tell(circle, " after ")),
            "take one of the after keys away", static_cast<std::uint32_t>(circle[1].size()));
    }

    std::vector<std::string> modules;
    Edges needs;
    for (const auto& module : campaign.modules) modules.push_back(module.name);
    for (const auto& module : campaign.modules) needs[module.name];
    for (const auto& module : campaign.modules) {
        for (std::size_t i = 0; i < module.needs.size(); ++i) {
            const auto needed = modules_needed(module.needs[i]);
            if (!needed) continue;  // told already
            for (const auto& [name, offset] : *needed) {
                if (name == module.name) continue;
                if (needs.contains(name)) {
                    needs[module.name].push_back(name);
                    continue;
                }
                auto place = findings.inside(module.need_places[i], module.needs[i], offset);
                findings.error(
                    "unknown-module", std::move(place),
                    fmt::format("the module \"{}\" needs \"{}\", but there is no such module{}",
                                module.name, name, choice(name, modules)),
                    {}, static_cast<std::uint32_t>(name.size()));
            }
        }
    }
    if (const auto circle = find_circle(needs); !circle.empty()) {
        const auto first =
            std::find_if(campaign.modules.begin(), campaign.modules.end(),
                         [&](const Module& it) { return it.name == circle.front(); });
        findings.error("cycle", first->place,
                       fmt::format("these modules need each other: {}", tell(circle, " needs ")),
                       "modules that change together need no order: take one of the needs away",
                       static_cast<std::uint32_t>(first->name.size()));
    }
}

}  // namespace escalator::campaign
