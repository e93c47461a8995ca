// SPDX-License-Identifier: Apache-2.0
#include "twin/generate.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "planner/waves.hpp"

namespace escalator::twin {

namespace {

using campaign::Method;
using campaign::Remedy;

Remedy random_remedy(Dice& dice) {
    static const std::vector<Remedy> all{
        Remedy::suspend,   Remedy::suspend,        Remedy::exclude, Remedy::undo_node,
        Remedy::undo_wave, Remedy::undo_procedure, Remedy::undo_all};
    return dice.one_of(all);
}

campaign::Step random_step(Dice& dice, std::uint32_t index, bool verify) {
    campaign::Step step;
    step.name = fmt::format("{}{}", verify ? "look" : "step", index + 1);
    step.action = "command";
    step.expect = Milliseconds{dice.between(1, 60) * 1'000};
    step.timeout = step.expect * 5;
    if (dice.chance(50)) step.check = "check";
    if (dice.chance(30)) step.verify = "verify";
    step.idempotent = dice.chance(25);
    step.once = !verify && dice.chance(8);
    step.disruptive = !verify && dice.chance(70);
    const auto way = dice.under(100);
    if (verify || way < 10) {
        step.way_back = action::WayBack::read_only;
        if (verify) step.disruptive = false;
    } else if (way < 18) {
        step.way_back = action::WayBack::no_return;
    } else if (way < 55) {
        step.way_back = action::WayBack::builtin;
        step.check = "check";
    } else {
        step.way_back = action::WayBack::step;
        step.undo = "undo";
    }
    step.on_failure.retry = dice.chance(50) ? 0 : dice.between(1, 2);
    step.on_failure.backoff = Milliseconds{dice.between(0, 5) * 1'000};
    step.on_failure.then = random_remedy(dice);
    step.on_failure.otherwise = random_remedy(dice);
    return step;
}

/// Limits by a label and in total over some nodes; returns their indices.
std::vector<std::uint32_t> add_limits(planner::Plan& plan, Dice& dice,
                                      const std::vector<planner::NodeIndex>& nodes,
                                      const std::string& prefix) {
    std::vector<std::uint32_t> out;
    const auto add = [&](std::string what, std::vector<planner::NodeIndex> members) {
        if (members.empty()) return;
        const auto size = static_cast<std::uint32_t>(members.size());
        out.push_back(static_cast<std::uint32_t>(plan.limits.size()));
        plan.limits.push_back({prefix + std::move(what), dice.between(1, size), members});
    };
    if (dice.chance(50)) add("total", nodes);
    if (dice.chance(40)) {
        for (const char* rack : {"r1", "r2"}) {
            std::vector<planner::NodeIndex> members;
            std::copy_if(nodes.begin(), nodes.end(), std::back_inserter(members),
                         [&](auto node) { return plan.nodes[node].labels.at("rack") == rack; });
            add(fmt::format("rack={}", rack), std::move(members));
        }
    }
    return out;
}

bool add_procedure(planner::Plan& plan, Dice& dice, std::uint32_t index) {
    planner::PlanProcedure out;
    out.name = fmt::format("p{}", index + 1);
    for (std::uint32_t other = 0; other < index; ++other) {
        if (dice.chance(40)) out.after.push_back(other);
    }
    const auto method = dice.under(100);
    out.method = method < 60 ? Method::rolling : method < 80 ? Method::parallel : Method::one_step;
    out.hold_before = dice.chance(5);
    const auto steps = dice.between(1, 4);
    for (std::uint32_t s = 0; s < steps; ++s) out.steps.push_back(random_step(dice, s, false));
    out.first_verify = steps;
    if (dice.chance(30)) out.steps.push_back(random_step(dice, 0, true));

    std::vector<planner::NodeIndex> targets;
    std::vector<planner::NodeIndex> able;
    for (planner::NodeIndex n = 0; n < plan.nodes.size(); ++n) {
        if (!dice.chance(75)) continue;
        targets.push_back(n);
        if (!plan.nodes[n].down) able.push_back(n);
    }
    if (able.empty()) return false;
    out.limits = add_limits(plan, dice, targets, out.name + " ");
    std::vector<std::uint32_t> in_force(plan.campaign_limits);
    std::iota(in_force.begin(), in_force.end(), 0U);
    in_force.insert(in_force.end(), out.limits.begin(), out.limits.end());
    planner::WaveRequest request{plan, in_force, able, {}, out.method, {}, {}, {}};
    if (dice.chance(60)) request.batch = Amount{dice.between(1, 3), false};
    if (dice.chance(30)) request.canary = 1;
    if (dice.chance(20)) request.last.insert(able.back());
    request.disruptive = std::any_of(out.steps.begin(), out.steps.end(),
                                     [](const auto& step) { return step.disruptive; });
    auto waves = planner::make_waves(request);
    if (!waves) return false;
    out.waves = std::move(*waves);
    const Milliseconds soak{dice.chance(50) ? dice.between(1, 30) * 60'000 : 0};
    const Milliseconds pause{dice.chance(30) ? dice.between(1, 60) * 1'000 : 0};
    Milliseconds forward{0};
    Milliseconds back{0};
    for (const auto& step : out.steps) {
        forward += step.expect;
        if (step.way_back != action::WayBack::read_only) back += step.expect;
    }
    for (std::size_t w = 0; w < out.waves.size(); ++w) {
        auto& wave = out.waves[w];
        wave.soak = wave.canary ? std::max(soak, pause) : pause;
        if (w + 1 == out.waves.size()) wave.soak = Milliseconds{0};
        wave.predicted = forward;
        wave.predicted_undo = back;
        plan.predicted += forward + wave.soak;
    }
    plan.procedures.push_back(std::move(out));
    return true;
}

}  // namespace

planner::Plan random_plan(Dice& dice) {
    for (;;) {
        planner::Plan plan;
        plan.campaign = "random";
        const auto nodes = dice.between(1, 6);
        for (std::uint32_t n = 0; n < nodes; ++n) {
            planner::PlanNode node;
            node.name = fmt::format("n{}", n + 1);
            node.labels["rack"] = dice.chance(50) ? "r1" : "r2";
            node.down = dice.chance(6);
            plan.nodes.push_back(std::move(node));
        }
        std::vector<planner::NodeIndex> all(nodes);
        std::iota(all.begin(), all.end(), 0U);
        if (dice.chance(40)) add_limits(plan, dice, all, "campaign ");
        plan.campaign_limits = static_cast<std::uint32_t>(plan.limits.size());
        const auto procedures = dice.between(1, 3);
        bool good = true;
        for (std::uint32_t p = 0; p < procedures && good; ++p) good = add_procedure(plan, dice, p);
        if (!good) continue;
        plan.tolerate = dice.under(3);
        if (dice.chance(15)) {
            plan.window.length =
                Milliseconds{plan.predicted.count() * dice.between(20, 150) / 100 + 1};
        }
        return plan;
    }
}

}  // namespace escalator::twin
