// SPDX-License-Identifier: Apache-2.0
#include "cmd/view/run_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cmd/view/plan_view.hpp"
#include "engine/codec.hpp"

namespace escalator::cmd::view {

namespace {

using namespace engine;

std::string_view word_of_lane(LaneStatus status) {
    switch (status) {
        case LaneStatus::waiting:
            return "waiting";
        case LaneStatus::active:
            return "active";
        case LaneStatus::finished:
            return "finished";
        case LaneStatus::broken:
            return "broken";
        case LaneStatus::undoing:
            return "undoing";
        case LaneStatus::undone:
            return "undone";
        case LaneStatus::excluded:
            return "excluded";
    }
    return "";
}

std::string_view word_of_step(const StepState& step) {
    switch (step.status) {
        case StepStatus::pending:
            return "pending";
        case StepStatus::running:
            return "running";
        case StepStatus::done:
            return "done";
        case StepStatus::already:
            return "already";
        case StepStatus::failed:
            return "failed";
        case StepStatus::uncertain:
            return "uncertain";
        case StepStatus::checking:
            return "checking";
        case StepStatus::undoing:
            return "undoing";
        case StepStatus::undone:
            return "undone";
        case StepStatus::undo_failed:
            return "undo_failed";
    }
    return "";
}

std::string scope_text(const planner::Plan& plan, const Scope& scope) {
    switch (scope.kind) {
        case Scope::Kind::all:
            return "everything";
        case Scope::Kind::procedure:
            return plan.procedures[scope.procedure].name;
        case Scope::Kind::wave:
            return fmt::format("{} wave {}", plan.procedures[scope.procedure].name, scope.wave + 1);
        case Scope::Kind::node:
            return plan.nodes[scope.node].name;
        case Scope::Kind::lane:
            return fmt::format("{} on {}", plan.procedures[scope.procedure].name,
                               plan.nodes[scope.node].name);
    }
    return "";
}

struct Teller {
    const planner::Plan& plan;

    EventLine operator()(const RunStarted& e) const {
        return {fmt::format("run {} started", e.run), "1"};
    }
    EventLine operator()(const ControllerStarted& /*e*/) const { return {}; }
    EventLine operator()(const WaveStarted& e) const {
        const auto& procedure = plan.procedures[e.procedure];
        return {fmt::format("{}: wave {} of {} started: {}", procedure.name, e.wave + 1,
                            procedure.waves.size(), folded(plan, procedure.waves[e.wave].nodes)),
                "1"};
    }
    EventLine operator()(const WaveEnded& e) const {
        return {fmt::format("{}: wave {} done", plan.procedures[e.procedure].name, e.wave + 1),
                "32"};
    }
    EventLine operator()(const StepStarted& e) const {
        return {fmt::format("  {} {}{}", e.phase == Phase::perform ? "start" : word_of(e.phase),
                            planner::step_id(plan, e.step),
                            e.attempt > 1 ? fmt::format(" (attempt {})", e.attempt) : "")};
    }
    EventLine operator()(const StepEnded& e) const {
        const bool fine = e.outcome == Outcome::done || e.outcome == Outcome::already ||
                          e.outcome == Outcome::not_done;
        return {fmt::format("  {} {}{}{}{}", word_of(e.outcome),
                            e.phase == Phase::undo ? "undo of " : "",
                            planner::step_id(plan, e.step), e.reattached ? " (found again)" : "",
                            e.message.empty() ? "" : ": " + e.message),
                fine ? "" : "31"};
    }
    EventLine operator()(const StepLate& e) const {
        const auto& step = plan.procedures[e.step.procedure].steps[e.step.step];
        return {fmt::format("  LATE {}: it usually takes {}; does it hang?",
                            planner::step_id(plan, e.step), humane_duration(step.expect)),
                "33"};
    }
    EventLine operator()(const NodeExcluded& e) const {
        return {fmt::format("{} is given up: {}", plan.nodes[e.node].name, e.reason), "31"};
    }
    EventLine operator()(const NodeGivenUp& e) const {
        return {fmt::format("{} is left as it is, the run goes on without it, says {}",
                            plan.nodes[e.node].name, e.by),
                "33"};
    }
    EventLine operator()(const RollbackStarted& e) const {
        return {fmt::format("rolling back {}{}", scope_text(plan, e.scope),
                            e.reason.empty() ? "" : ": " + e.reason),
                "33"};
    }
    EventLine operator()(const RollbackEnded& e) const {
        return {fmt::format("rolled back {}{}", scope_text(plan, e.scope),
                            e.complete ? "" : ", not completely"),
                e.complete ? "32" : "31"};
    }
    EventLine operator()(const SuspendRequested& e) const {
        return {e.abandon ? "leaving at once: steps under way go on on their nodes"
                          : "stopping at the next safe point; steps under way are waited for, once "
                            "more leaves them",
                "33"};
    }
    EventLine operator()(const Suspended& e) const {
        return {fmt::format("suspended: {}", e.reason), "33"};
    }
    EventLine operator()(const Resumed& /*e*/) const { return {}; }
    EventLine operator()(const Answered& e) const {
        return {fmt::format("{} counts as {}, says {}", planner::step_id(plan, e.step),
                            word_of(e.answer), e.by)};
    }
    EventLine operator()(const RunEnded& e) const {
        return {fmt::format("run ended: {}", word_of(e.ending)),
                e.ending == Ending::done ? "1;32" : "1;33"};
    }
};

std::string state_word(const State& state) {
    switch (state.status) {
        case RunStatus::fresh:
            return "not started";
        case RunStatus::running:
            return state.rollback ? "rolling back" : "running";
        case RunStatus::suspended:
            return "suspended";
        case RunStatus::ended:
            return std::string(word_of(*state.ending));
    }
    return "";
}

/// The steps that people must hear of: failed, uncertain, not undone.
std::vector<StepRef> troubled(const State& state) {
    std::vector<StepRef> out;
    for (const auto& lane : state.lanes) {
        for (std::uint32_t s = 0; s < lane.steps.size(); ++s) {
            const auto status = lane.steps[s].status;
            const bool bad = status == StepStatus::failed || status == StepStatus::uncertain ||
                             status == StepStatus::undo_failed;
            if (bad && !lane.steps[s].in_flight) out.push_back({lane.procedure, lane.node, s});
        }
    }
    return out;
}

std::string advice(const planner::Plan& plan, const State& state) {
    if (state.status == RunStatus::ended) {
        return *state.ending == Ending::done
                   ? fmt::format("To undo it: escalator rollback {}\n", state.run)
                   : "";
    }
    std::string out;
    const auto answer = state.suspension && state.suspension->step
                            ? planner::step_id(plan, *state.suspension->step)
                            : std::string();
    if (state.suspension &&
        (state.suspension->why == Why::step_lost || state.suspension->why == Why::undo_failed)) {
        out += fmt::format(
            "Look at the node, then answer:\n  escalator run --resume {0} --answer {1}=done    (it "
            "is done)\n"
            "  escalator run --resume {0} --answer {1}=redo    (do it again)\n"
            "  escalator run --resume {0} --answer {1}=failed  (act as the campaign says)\n",
            state.run, answer);
    } else {
        out += fmt::format("To go on: escalator run --resume {}\n", state.run);
    }
    if (state.suspension && state.suspension->why == Why::node_unreachable &&
        state.suspension->step) {
        out += fmt::format("Without that node: escalator run --resume {} --exclude {}\n", state.run,
                           plan.nodes[state.suspension->step->node].name);
    }
    for (std::size_t n = 0; n < state.node_out.size(); ++n) {
        if (!state.suspension || state.suspension->why != Why::limit) break;
        if (state.node_out[n] == 0) continue;
        out += fmt::format(
            "{0} is out of service; to bring it back: escalator rollback {1} --node {0}\n",
            plan.nodes[n].name, state.run);
    }
    if (!state.rollback) out += fmt::format("To undo:  escalator rollback {}\n", state.run);
    return out;
}

}  // namespace

EventLine event_line(const planner::Plan& plan, const engine::Event& event) {
    return std::visit(Teller{plan}, event.body);
}

std::string standing_text(const planner::Plan& plan, const engine::State& state) {
    std::string out = fmt::format("Run {}: {}\n", state.run, state_word(state));
    if (state.suspension) out += fmt::format("  why: {}\n", printable(state.suspension->reason));
    for (const auto& ref : troubled(state)) {
        const auto& step = state.lanes[*state.lane_of(ref.procedure, ref.node)].steps[ref.step];
        out += fmt::format("  {} {}: {}\n", word_of_step(step), planner::step_id(plan, ref),
                           printable(step.message));
    }
    std::vector<std::string> excluded;
    for (const auto node : state.excluded) excluded.push_back(plan.nodes[node].name);
    if (!excluded.empty()) out += fmt::format("  given up: {}\n", fold_names(excluded));
    return out + advice(plan, state);
}

std::string status_text(const planner::Plan& plan, const engine::State& state, Time now) {
    auto out = fmt::format("Campaign {}, started {} by {}\n", plan.campaign,
                           format_utc(state.started), state.by);
    Milliseconds left{0};
    for (std::uint32_t p = 0; p < plan.procedures.size(); ++p) {
        const auto& procedure = plan.procedures[p];
        out += fmt::format("\n{}\n", procedure.name);
        for (std::uint32_t w = 0; w < procedure.waves.size(); ++w) {
            std::map<std::string, std::vector<std::string>> groups;
            std::string running;
            bool open = false;
            for (const auto index : state.waves[p][w].lanes) {
                const auto& lane = state.lanes[index];
                groups[std::string(word_of_lane(lane.status))].push_back(
                    plan.nodes[lane.node].name);
                open =
                    open || lane.status == LaneStatus::waiting || lane.status == LaneStatus::active;
                if (lane.flying < 0) continue;
                const auto s = static_cast<std::uint32_t>(lane.flying);
                const auto& step = lane.steps[s];
                running += fmt::format(
                    "      {} {} for {}, usually {}{}\n", word_of_step(step),
                    planner::step_id(plan, {p, lane.node, s}), humane_duration(now - step.started),
                    humane_duration(procedure.steps[s].expect), step.late ? "  LATE" : "");
            }
            std::vector<std::string> parts;
            parts.reserve(groups.size());
            for (auto& [word, names] : groups)
                parts.push_back(fmt::format("{} {}", word, fold_names(names)));
            out += fmt::format("  wave {:<3} {}\n{}", w + 1, join(parts, "; "), running);
            if (open) left += procedure.waves[w].predicted + procedure.waves[w].soak;
        }
    }
    out += '\n';
    if (state.status != RunStatus::ended)
        out += fmt::format("Predicted to be left: {}\n", humane_duration(left));
    return out + standing_text(plan, state);
}

std::string status_json(const planner::Plan& plan, const engine::State& state) {
    using nlohmann::json;
    auto procedures = json::array();
    for (std::uint32_t p = 0; p < plan.procedures.size(); ++p) {
        auto waves = json::array();
        for (std::uint32_t w = 0; w < plan.procedures[p].waves.size(); ++w) {
            auto nodes = json::array();
            for (const auto index : state.waves[p][w].lanes) {
                const auto& lane = state.lanes[index];
                auto steps = json::array();
                for (std::uint32_t s = 0; s < lane.steps.size(); ++s) {
                    const auto& step = lane.steps[s];
                    steps.push_back(
                        {{"step", planner::step_id(plan, {p, lane.node, s})},
                         {"status", word_of_step(step)},
                         {"attempts", step.performs},
                         {"late", step.late},
                         {"message", step.message.empty() ? json(nullptr) : json(step.message)}});
                }
                nodes.push_back({{"node", plan.nodes[lane.node].name},
                                 {"status", word_of_lane(lane.status)},
                                 {"steps", steps}});
            }
            waves.push_back({{"wave", w + 1}, {"nodes", nodes}});
        }
        procedures.push_back({{"procedure", plan.procedures[p].name}, {"waves", waves}});
    }
    auto suspended = json(nullptr);
    if (state.suspension) {
        suspended = {{"why", word_of(state.suspension->why)}, {"reason", state.suspension->reason}};
        suspended["step"] = state.suspension->step
                                ? json(planner::step_id(plan, *state.suspension->step))
                                : json(nullptr);
    }
    const json root = {
        {"format", "escalator-status/1"},
        {"run", state.run},
        {"campaign", plan.campaign},
        {"state", state_word(state)},
        {"started", format_utc(state.started)},
        {"ended", state.status == RunStatus::ended ? json(format_utc(state.ended)) : json(nullptr)},
        {"by", state.by},
        {"suspended", suspended},
        {"procedures", procedures}};
    return root.dump(1, ' ', false, json::error_handler_t::replace);
}

}  // namespace escalator::cmd::view
