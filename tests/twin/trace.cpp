// SPDX-License-Identifier: Apache-2.0
#include "twin/trace.hpp"

#include <fmt/format.h>

#include "engine/codec.hpp"

namespace escalator::twin {

namespace {

const char* word(campaign::Method method) {
    switch (method) {
        case campaign::Method::rolling:
            return "rolling";
        case campaign::Method::parallel:
            return "parallel";
        case campaign::Method::one_step:
            return "one_step";
    }
    return "";
}

const char* word(campaign::Remedy remedy) {
    switch (remedy) {
        case campaign::Remedy::suspend:
            return "suspend";
        case campaign::Remedy::exclude:
            return "exclude";
        case campaign::Remedy::undo_node:
            return "undo-node";
        case campaign::Remedy::undo_wave:
            return "undo-wave";
        case campaign::Remedy::undo_procedure:
            return "undo-procedure";
        case campaign::Remedy::undo_all:
            return "undo-all";
    }
    return "";
}

const char* word(action::WayBack way) {
    switch (way) {
        case action::WayBack::builtin:
            return "builtin";
        case action::WayBack::read_only:
            return "read_only";
        case action::WayBack::step:
            return "undo";
        case action::WayBack::no_return:
            return "no_return";
    }
    return "";
}

const char* word(Truth truth) {
    switch (truth) {
        case Truth::clean:
            return "clean";
        case Truth::partial:
            return "partial";
        case Truth::applied:
            return "applied";
    }
    return "";
}

double seconds(Time time) { return static_cast<double>(time.time_since_epoch().count()) / 1e3; }

std::string names(const planner::Plan& plan, const std::vector<planner::NodeIndex>& nodes) {
    std::string out;
    for (const auto node : nodes) out += (out.empty() ? "" : " ") + plan.nodes[node].name;
    return out;
}

}  // namespace

std::string plan_text(const planner::Plan& plan) {
    std::string out = fmt::format("tolerate {}", plan.tolerate);
    if (plan.window.length) out += fmt::format(", window {} ms", plan.window.length->count());
    out += '\n';
    for (const auto& node : plan.nodes) {
        if (node.down) out += fmt::format("{} is down\n", node.name);
    }
    for (std::size_t i = 0; i < plan.limits.size(); ++i) {
        const auto& limit = plan.limits[i];
        out += fmt::format("limit {}{}: {} of {}\n", limit.what,
                           i < plan.campaign_limits ? " (always)" : "", limit.most,
                           names(plan, limit.nodes));
    }
    for (const auto& procedure : plan.procedures) {
        out += fmt::format("procedure {} {}{} after", procedure.name, word(procedure.method),
                           procedure.hold_before ? " hold" : "");
        for (const auto after : procedure.after) out += ' ' + plan.procedures[after].name;
        out += '\n';
        for (std::size_t s = 0; s < procedure.steps.size(); ++s) {
            const auto& step = procedure.steps[s];
            out += fmt::format("  {} {} expect {} retry {} backoff {} then {} else {}{}{}{}{}{}\n",
                               step.name, word(step.way_back), step.expect.count(),
                               step.on_failure.retry, step.on_failure.backoff.count(),
                               word(step.on_failure.then), word(step.on_failure.otherwise),
                               step.check.empty() ? "" : " check", step.once ? " once" : "",
                               step.disruptive ? " disruptive" : "",
                               step.idempotent ? " idempotent" : "",
                               s >= procedure.first_verify ? " (verification)" : "");
        }
        for (const auto& wave : procedure.waves) {
            out += fmt::format("  wave {}{} soak {}\n", names(plan, wave.nodes),
                               wave.canary ? " canary" : "", wave.soak.count());
        }
    }
    return out;
}

std::string state_text(const planner::Plan& plan, const engine::State& state) {
    static const std::vector<const char*> lanes{"waiting", "active", "finished", "broken",
                                                "undoing", "undone", "excluded"};
    static const std::vector<const char*> steps{"pending", "running",    "done",     "already",
                                                "failed",  "uncertain",  "checking", "undoing",
                                                "undone",  "undo_failed"};
    static const std::vector<const char*> waves{"waiting", "running", "ended", "undone"};
    std::string out;
    for (const auto& lane : state.lanes) {
        const auto& wave = state.waves[lane.procedure][lane.wave];
        out += fmt::format("{} wave {} ({}) {} {}{}{}:", plan.procedures[lane.procedure].name,
                           lane.wave + 1, waves[static_cast<std::size_t>(wave.status)],
                           plan.nodes[lane.node].name, lanes[static_cast<std::size_t>(lane.status)],
                           lane.undo_asked ? " undo-asked" : "", lane.out_of_service ? " out" : "");
        for (const auto& step : lane.steps) {
            out += fmt::format(" {}{}{}", steps[static_cast<std::size_t>(step.status)],
                               step.changed ? "*" : "", step.in_flight ? "~" : "");
        }
        out += '\n';
    }
    return out;
}

std::string journal_text(const Controller& controller, const World& world) {
    const auto& records = controller.records();
    const auto& ledger = world.ledger();
    std::string out;
    std::size_t deed = 0;
    for (std::size_t i = 0; i <= records.size(); ++i) {
        for (; deed < ledger.size() && ledger[deed].journalled <= i; ++deed) {
            const auto& it = ledger[deed];
            out += fmt::format("          {:>10.3f}   node {}: step {} {} {}, {} -> {}, {}\n",
                               seconds(it.begun), it.step.node + 1, it.step.step + 1,
                               it.by_hand ? "by hand" : engine::word_of(it.phase), it.attempt,
                               word(it.before), word(it.after), engine::word_of(it.outcome));
        }
        if (i == records.size()) break;
        out += fmt::format("{:>6}    {:>10.3f} {} {}\n", i + 1, seconds(records[i].time),
                           records[i].event, records[i].data);
    }
    if (!controller.refusal().empty()) out += "refused: " + controller.refusal() + '\n';
    return out;
}

}  // namespace escalator::twin
