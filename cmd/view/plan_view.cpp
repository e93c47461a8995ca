// SPDX-License-Identifier: Apache-2.0
#include "cmd/view/plan_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "base/units.hpp"

namespace escalator::cmd::view {

namespace {

constexpr std::size_t columns = 80;
constexpr std::size_t longest_args = 60;

std::string way_back(const campaign::Step& step) {
    switch (step.way_back) {
        case action::WayBack::builtin:
        case action::WayBack::step:
            return "undone";
        case action::WayBack::read_only:
            return "no change";
        case action::WayBack::no_return:
            return "NO RETURN";
    }
    return "";
}

std::string method_of(const planner::PlanProcedure& it) {
    switch (it.method) {
        case campaign::Method::rolling:
            return "rolling";
        case campaign::Method::parallel:
            return "parallel";
        case campaign::Method::one_step:
            return "in one step";
    }
    return "";
}

std::string short_of(const nlohmann::json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_array()) {
        std::vector<std::string> parts;
        for (const auto& it : value) parts.push_back(short_of(it));
        return join(parts, " ");
    }
    if (value.is_object()) {
        std::vector<std::string> parts;
        for (const auto& [key, it] : value.items()) parts.push_back(key + "=" + short_of(it));
        return join(parts, " ");
    }
    return value.dump();
}

/// The steps as a table that fits a terminal: what does not fit of their arguments is cut off.
std::string step_table(const planner::PlanProcedure& procedure) {
    std::size_t widest = 0;
    for (const auto& step : procedure.steps) widest = std::max(widest, step.name.size());
    std::string out;
    for (std::size_t s = 0; s < procedure.steps.size(); ++s) {
        const auto& step = procedure.steps[s];
        const bool check = s >= procedure.first_verify;
        auto line =
            fmt::format("  {} {:<{}}  {:<7} {:<9}  ", check ? "verify" : "step  ", step.name,
                        widest, humane_duration(step.expect), check ? "" : way_back(step));
        line += (step.once ? "(once) " : "") + step_line(step);
        if (line.size() > columns) {
            auto end = columns - 3;
            while ((static_cast<unsigned char>(line[end]) & 0xC0U) == 0x80U)
                --end;  // whole letters
            line = line.substr(0, end) + "...";
        }
        out += line + "\n";
    }
    return out;
}

}  // namespace

std::string folded(const planner::Plan& plan, const std::vector<planner::NodeIndex>& nodes) {
    std::vector<std::string> names;
    names.reserve(nodes.size());
    for (const auto node : nodes) names.push_back(plan.nodes[node].name);
    return fold_names(names);
}

std::string step_line(const campaign::Step& step) {
    const auto args = nlohmann::json::parse(step.args, nullptr, false);
    std::string out = step.action;
    for (const auto& [key, value] : args.items()) {
        if (key == "content") {
            out += " content=...";
        } else {
            out += fmt::format(" {}={}", key, short_of(value));
        }
    }
    std::replace(out.begin(), out.end(), '\n', ' ');
    if (out.size() > longest_args) out = out.substr(0, longest_args - 3) + "...";
    return printable(out);
}

std::string plan_text(const planner::Plan& plan, const std::vector<std::string>& warnings) {
    std::string out = fmt::format("Campaign {}\n", plan.campaign);
    for (const auto& procedure : plan.procedures) {
        std::size_t nodes = 0;
        for (const auto& wave : procedure.waves) nodes += wave.nodes.size();
        out += fmt::format("\n{}  {}, {} in {}{}\n", procedure.name, method_of(procedure),
                           counted(nodes, "node"), counted(procedure.waves.size(), "wave"),
                           procedure.hold_before ? ", held until resumed" : "");
        for (std::size_t w = 0; w < procedure.waves.size(); ++w) {
            const auto& wave = procedure.waves[w];
            out +=
                fmt::format("  wave {:<3} {:<8} {}{}{}\n", w + 1, humane_duration(wave.predicted),
                            folded(plan, wave.nodes), wave.canary ? "  canary" : "",
                            wave.soak > Milliseconds{0}
                                ? fmt::format("  then {} of waiting", humane_duration(wave.soak))
                                : "");
        }
        out += step_table(procedure);
        for (const auto limit : procedure.limits) {
            out += fmt::format("  limit  {}: at most {} of {} out of service\n",
                               plan.limits[limit].what, plan.limits[limit].most,
                               plan.limits[limit].nodes.size());
        }
    }
    for (std::uint32_t i = 0; i < plan.campaign_limits; ++i) {
        const auto& limit = plan.limits[i];
        out += fmt::format("\nlimit {}: at most {} of {} out of service", limit.what, limit.most,
                           limit.nodes.size());
    }
    out += fmt::format("\nPredicted: {} forward, {} back.", humane_duration(plan.predicted),
                       humane_duration(plan.predicted_rollback));
    if (plan.tolerate > 0)
        out += fmt::format(" At most {} may be given up.", counted(plan.tolerate, "node"));
    out += '\n';
    for (const auto& warning : warnings) out += fmt::format("warning: {}\n", warning);
    return out;
}

}  // namespace escalator::cmd::view
