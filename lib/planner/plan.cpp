// SPDX-License-Identifier: Apache-2.0
#include "planner/plan.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.hpp"
#include "base/text.hpp"

namespace escalator::planner {

std::uint32_t undone_at(const PlanProcedure& procedure, std::uint32_t position) noexcept {
    return procedure.undo_order.empty() ? procedure.first_verify - 1 - position
                                        : procedure.undo_order[position];
}

std::string step_id(const Plan& plan, const StepRef& ref) {
    const auto& procedure = plan.procedures[ref.procedure];
    return fmt::format("{}:{}:{}", procedure.name, procedure.steps[ref.step].name,
                       plan.nodes[ref.node].name);
}

Result<StepRef> find_step(const Plan& plan, std::string_view id) {
    const auto parts = split(id, ':');
    const auto unknown = [&](std::string_view what, std::string_view name,
                             const std::vector<std::string>& known) {
        const auto close = closest(name, known);
        return Error(ErrorCode::not_found, fmt::format("\"{}\": there is no {} \"{}\"",
                                                       printable(id), what, printable(name)))
            .advise(close ? fmt::format("did you mean \"{}\"?", *close)
                          : "a step is PROCEDURE:STEP:NODE");
    };
    if (parts.size() != 3) return unknown("step", id, {});
    const auto find = [&](const auto& list, std::string_view name) {
        const auto at =
            std::find_if(list.begin(), list.end(), [&](const auto& it) { return it.name == name; });
        return static_cast<std::uint32_t>(at - list.begin());
    };
    const auto names = [](const auto& list) {
        std::vector<std::string> out;
        out.reserve(list.size());
        for (const auto& it : list) out.push_back(it.name);
        return out;
    };
    StepRef ref;
    ref.procedure = find(plan.procedures, parts[0]);
    if (ref.procedure == plan.procedures.size())
        return unknown("procedure", parts[0], names(plan.procedures));
    const auto& steps = plan.procedures[ref.procedure].steps;
    ref.step = find(steps, parts[1]);
    if (ref.step == steps.size()) return unknown("step", parts[1], names(steps));
    ref.node = find(plan.nodes, parts[2]);
    if (ref.node == plan.nodes.size()) return unknown("node", parts[2], names(plan.nodes));
    return ref;
}

std::string digest_of(const Plan& plan) { return sha256_hex(to_json_text(plan)); }

}  // namespace escalator::planner
