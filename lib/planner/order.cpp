// SPDX-License-Identifier: Apache-2.0
#include "planner/order.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.hpp"

namespace escalator::planner {

namespace {

bool belongs_to(const campaign::Procedure& procedure, const campaign::Module& module) {
    return std::any_of(
        procedure.steps.begin(), procedure.steps.end(), [&](const campaign::Step& step) {
            const auto version = fmt::format("${{versions.{}.", module.name);
            const auto package = fmt::format("\"{}", module.package);
            const bool names_package = !module.package.empty() && step.action == "package" &&
                                       step.args.find(package) != std::string::npos;
            return names_package || step.args.find(version) != std::string::npos;
        });
}

}  // namespace

Result<std::vector<std::uint32_t>> order_procedures(const campaign::Campaign& campaign) {
    const auto& procedures = campaign.procedures;
    std::vector<std::set<std::uint32_t>> before(procedures.size());
    for (std::uint32_t i = 0; i < procedures.size(); ++i) {
        for (std::uint32_t j = 0; j < procedures.size(); ++j) {
            const auto& names = procedures[i].after;
            if (std::find(names.begin(), names.end(), procedures[j].name) != names.end())
                before[i].insert(j);
        }
    }
    for (const auto& module : campaign.modules) {
        for (const auto& need : module.needs) {
            const auto name = need.substr(0, need.find_first_of(" .<>="));
            const auto needed =
                std::find_if(campaign.modules.begin(), campaign.modules.end(),
                             [&](const campaign::Module& it) { return it.name == name; });
            if (needed == campaign.modules.end() || name == module.name) continue;
            for (std::uint32_t i = 0; i < procedures.size(); ++i) {
                for (std::uint32_t j = 0; j < procedures.size(); ++j) {
                    if (i != j && belongs_to(procedures[i], module) &&
                        belongs_to(procedures[j], *needed) && !belongs_to(procedures[i], *needed)) {
                        before[i].insert(j);
                    }
                }
            }
        }
    }
    std::vector<std::uint32_t> order;
    std::vector<bool> placed(procedures.size(), false);
    while (order.size() < procedures.size()) {
        const auto count = order.size();
        for (std::uint32_t i = 0; i < procedures.size(); ++i) {
            const bool ready =
                !placed[i] && std::all_of(before[i].begin(), before[i].end(),
                                          [&](std::uint32_t j) { return placed[j]; });
            if (!ready) continue;
            placed[i] = true;
            order.push_back(i);
            break;
        }
        if (order.size() > count) continue;
        std::vector<std::string> stuck;
        for (std::uint32_t i = 0; i < procedures.size(); ++i) {
            if (!placed[i]) stuck.push_back(procedures[i].name);
        }
        return Error(ErrorCode::usage,
                     fmt::format("these procedures wait for each other: {}", join(stuck, ", ")))
            .advise("look at their after keys and at what the modules need");
    }
    return order;
}

}  // namespace escalator::planner
