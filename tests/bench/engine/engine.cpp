// SPDX-License-Identifier: Apache-2.0
// How the engine's own time grows with the number of nodes: campaigns of 10 steps, without nodes and
// without a disk. Every job ends at once, one event for each decision: the worst case for decide().
//   bench_engine [NODES ...]     prints microseconds for each event; default: 500 and 5000
//   bench_engine --ratio         fails when ten times the nodes cost more than 8 times as much an event
#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <string_view>

#include "engine/engine.hpp"

namespace {

using namespace escalator;

constexpr std::uint32_t steps = 10;
constexpr std::uint32_t wave_size = 50;

planner::Plan plan_of(std::uint32_t nodes, campaign::Method method) {
    planner::Plan plan;
    planner::PlanProcedure procedure;
    procedure.name = "upgrade";
    procedure.method = method;
    procedure.first_verify = steps;
    for (std::uint32_t s = 0; s < steps; ++s) {
        campaign::Step step;
        step.name = fmt::format("step{}", s);
        step.way_back = action::WayBack::builtin;
        procedure.steps.push_back(step);
    }
    planner::LimitGroup total{"total", method == campaign::Method::rolling ? wave_size : 200, {}};
    const auto size = method == campaign::Method::rolling ? wave_size : nodes;
    for (std::uint32_t n = 0; n < nodes; ++n) {
        plan.nodes.push_back({fmt::format("n{}", n), {}, {}, false});
        total.nodes.push_back(n);
        if (n % size == 0) procedure.waves.emplace_back();
        procedure.waves.back().nodes.push_back(n);
    }
    plan.limits.push_back(std::move(total));
    plan.campaign_limits = 1;
    plan.procedures.push_back(std::move(procedure));
    return plan;
}

/// Plays the whole run; microseconds of the engine's time for each event.
double play(const planner::Plan& plan) {
    auto state = engine::fresh_state(plan);
    Time now{};
    std::size_t events = 0;
    std::deque<engine::StepRef> flying;
    const auto take = [&](engine::EventBody body) {
        now += Milliseconds{1};
        if (!engine::apply(plan, state, {now, std::move(body)})) {
            fmt::print(stderr, "an event does not apply\n");
            std::exit(1);
        }
        ++events;
    };
    const auto began = std::chrono::steady_clock::now();
    take(engine::RunStarted{"bench", "", "", ""});
    take(engine::Resumed{});
    while (state.status == engine::RunStatus::running) {
        auto decision = engine::decide(plan, state, now, {.fanout = 200, .window_end = {}});
        for (const auto& job : decision.jobs) flying.push_back(job.step);
        const bool idle = decision.events.empty();
        for (auto& event : decision.events) take(std::move(event));
        if (!idle) continue;
        if (flying.empty()) {
            fmt::print(stderr, "nothing is left to do and the run has not ended\n");
            std::exit(1);
        }
        engine::StepEnded ended;
        ended.step = flying.front();
        flying.pop_front();
        take(ended);
    }
    const std::chrono::duration<double, std::micro> spent =
        std::chrono::steady_clock::now() - began;
    return spent.count() / static_cast<double>(events);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "--ratio") {
        for (const auto method : {campaign::Method::rolling, campaign::Method::parallel}) {
            const auto few = play(plan_of(200, method));
            const auto many = play(plan_of(2000, method));
            fmt::print("{}: {:.1f} us an event at 200 nodes, {:.1f} at 2000\n",
                       method == campaign::Method::rolling ? "rolling" : "parallel", few, many);
            if (many > 8 * few) return 1;
        }
        return 0;
    }
    std::vector<std::uint32_t> sizes;
    for (int i = 1; i < argc; ++i) sizes.push_back(static_cast<std::uint32_t>(std::atoi(argv[i])));
    if (sizes.empty()) sizes = {500, 5000};
    for (const auto nodes : sizes) {
        fmt::print("{} nodes, {} steps: rolling {:.1f} us an event, ", nodes, steps,
                   play(plan_of(nodes, campaign::Method::rolling)));
        fmt::print("parallel {:.1f}\n", play(plan_of(nodes, campaign::Method::parallel)));
    }
    return 0;
}
