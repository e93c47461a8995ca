// SPDX-License-Identifier: Apache-2.0
#include "planner/make_plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "base/units.hpp"
#include "planner/late_restart.hpp"
#include "planner/order.hpp"
#include "planner/waves.hpp"

namespace escalator::planner {

namespace {

constexpr const char* controller_name = "controller";

class Planner {
public:
    Planner(const campaign::Campaign& campaign, const campaign::Inventory& inventory,
            const Facts& facts)
        : campaign_(campaign), inventory_(inventory), facts_(facts) {}

    Result<Planned> make() {
        auto& plan = out_.plan;
        plan.campaign = campaign_.name;
        plan.campaign_digest = campaign_.digest;
        plan.inventory_digest = inventory_.digest;
        plan.facts_digest = facts_.digest;
        plan.campaign_file = campaign_.files.empty() ? "" : campaign_.files.front();
        plan.base_dir = campaign_.base_dir;
        plan.vars = campaign_.vars;
        plan.vars["campaign.name"] = campaign_.name;
        plan.budgets = campaign_.budgets;
        plan.window = campaign_.window;
        add_nodes();
        std::vector<NodeIndex> all(inventory_.nodes.size());
        for (NodeIndex i = 0; i < all.size(); ++i) all[i] = i;
        add_limits(campaign_.unavailable, all, "campaign ");
        plan.campaign_limits = static_cast<std::uint32_t>(plan.limits.size());

        auto order = order_procedures(campaign_);
        if (!order) return std::move(order).take_error();
        std::set<NodeIndex> targets;
        for (const auto index : *order) {
            auto added = add_procedure(campaign_.procedures[index], targets);
            if (!added) return std::move(added).take_error();
        }
        add_final_verify();
        plan.tolerate = campaign_.tolerate.of(static_cast<std::uint32_t>(targets.size()));
        link_after();
        predict();
        return std::move(out_);
    }

private:
    void add_nodes() {
        std::vector<std::string> down;
        for (const auto& node : inventory_.nodes) {
            const bool is_down = node.down || facts_.down.contains(node.name);
            if (is_down) down.push_back(node.name);
            out_.plan.nodes.push_back({node.name, node.labels, node.connection, is_down});
        }
        if (!down.empty()) {
            out_.warnings.push_back(
                fmt::format("left out because {} down: {}; {} against the limits",
                            down.size() == 1 ? "it is" : "they are", fold_names(down),
                            down.size() == 1 ? "it counts" : "they count"));
        }
    }

    NodeIndex controller() {
        auto& nodes = out_.plan.nodes;
        const auto at = std::find_if(nodes.begin(), nodes.end(), [](const PlanNode& it) {
            return it.connection.local && it.name == controller_name;
        });
        if (at != nodes.end()) return static_cast<NodeIndex>(at - nodes.begin());
        PlanNode node;
        node.name = controller_name;
        node.connection.address = "localhost";
        node.connection.local = true;
        nodes.push_back(std::move(node));
        return static_cast<NodeIndex>(nodes.size() - 1);
    }

    /// Adds a group for each value of each limit's label; returns their indices.
    std::vector<std::uint32_t> add_limits(const std::vector<campaign::Limit>& limits,
                                          const std::vector<NodeIndex>& nodes,
                                          std::string_view prefix) {
        std::vector<std::uint32_t> out;
        for (const auto& limit : limits) {
            std::map<std::string, std::vector<NodeIndex>> groups;
            for (const auto node : nodes) {
                const auto& labels = out_.plan.nodes[node].labels;
                if (limit.label.empty()) {
                    groups["total"].push_back(node);
                } else if (const auto found = labels.find(limit.label); found != labels.end()) {
                    groups[fmt::format("{}={}", limit.label, found->second)].push_back(node);
                }
            }
            for (auto& [what, members] : groups) {
                std::sort(members.begin(), members.end());
                const auto most =
                    std::max(1U, limit.amount.of(static_cast<std::uint32_t>(members.size())));
                out.push_back(static_cast<std::uint32_t>(out_.plan.limits.size()));
                out_.plan.limits.push_back({fmt::format("{}{}", prefix, what), most, members});
            }
        }
        return out;
    }

    bool is_active(const campaign::Procedure& procedure, NodeIndex node) const {
        if (procedure.standby_label.empty()) return false;
        const auto live = facts_.roles.find(out_.plan.nodes[node].name);
        if (live != facts_.roles.end()) return live->second == procedure.standby_value;
        const auto& labels = out_.plan.nodes[node].labels;
        const auto found = labels.find(procedure.standby_label);
        return found != labels.end() && found->second == procedure.standby_value;
    }

    Status add_procedure(const campaign::Procedure& procedure, std::set<NodeIndex>& targets) {
        PlanProcedure out;
        out.name = procedure.name;
        out.method = procedure.method;
        out.hold_before = procedure.hold_before;
        out.steps = procedure.steps;
        out.first_verify = static_cast<std::uint32_t>(procedure.steps.size());
        out.steps.insert(out.steps.end(), procedure.verify.begin(), procedure.verify.end());
        out.undo_order = undo_order(procedure.steps);
        std::vector<NodeIndex> selected;
        if (procedure.on_controller) {
            selected.push_back(controller());
        } else {
            for (NodeIndex i = 0; i < inventory_.nodes.size(); ++i) {
                if (procedure.on.matches(inventory_.nodes[i].labels)) selected.push_back(i);
            }
        }
        std::vector<NodeIndex> able;
        std::copy_if(selected.begin(), selected.end(), std::back_inserter(able),
                     [&](NodeIndex node) { return !out_.plan.nodes[node].down; });
        if (able.empty()) {
            return Error(ErrorCode::usage,
                         fmt::format(
                             "procedure {} has no node to work on: {}", procedure.name,
                             selected.empty() ? "its selector fits none" : "all of them are down"))
                .advise("mend the selector or the inventory");
        }
        targets.insert(able.begin(), able.end());
        std::stable_partition(able.begin(), able.end(),
                              [&](NodeIndex node) { return !is_active(procedure, node); });
        out.limits = add_limits(procedure.unavailable, selected, procedure.name + " ");

        std::vector<std::uint32_t> in_force(out_.plan.campaign_limits);
        for (std::uint32_t i = 0; i < in_force.size(); ++i) in_force[i] = i;
        in_force.insert(in_force.end(), out.limits.begin(), out.limits.end());
        WaveRequest request{out_.plan,
                            in_force,
                            able,
                            {},
                            procedure.method,
                            procedure.batch,
                            procedure.canary.of(static_cast<std::uint32_t>(able.size())),
                            {}};
        for (const auto node : able) {
            if (is_active(procedure, node)) request.last.insert(node);
        }
        request.disruptive =
            std::any_of(procedure.steps.begin(), procedure.steps.end(),
                        [](const campaign::Step& step) { return step.disruptive; });
        auto waves = make_waves(request);
        if (!waves) return std::move(waves).fail("procedure " + procedure.name);
        out.waves = std::move(*waves);
        for (std::size_t w = 0; w < out.waves.size(); ++w) {
            auto& wave = out.waves[w];
            wave.soak = procedure.pause;
            if (wave.canary) wave.soak = std::max(wave.soak, procedure.soak);
            if (w + 1 == out.waves.size()) wave.soak = Milliseconds{0};
        }
        out_.plan.procedures.push_back(std::move(out));
        return ok();
    }

    /// The campaign's own verification: a last procedure that only looks.
    void add_final_verify() {
        if (campaign_.verify.empty()) return;
        PlanProcedure out;
        const auto taken = [&](const std::string& name) {
            return std::any_of(out_.plan.procedures.begin(), out_.plan.procedures.end(),
                               [&](const PlanProcedure& it) { return it.name == name; });
        };
        out.name = taken("verify") ? "campaign-verify" : "verify";
        out.method = campaign::Method::parallel;
        out.steps = campaign_.verify;
        out.first_verify = 0;
        Wave wave;
        if (campaign_.verify_on_controller) {
            wave.nodes.push_back(controller());
        } else {
            for (NodeIndex i = 0; i < inventory_.nodes.size(); ++i) {
                const bool fits = campaign_.verify_on.matches(inventory_.nodes[i].labels);
                if (fits && !out_.plan.nodes[i].down) wave.nodes.push_back(i);
            }
        }
        if (wave.nodes.empty()) {
            out_.warnings.emplace_back(
                "the campaign's verify_on selects no node: nothing is verified at the end");
            return;
        }
        out.waves.push_back(std::move(wave));
        out_.plan.procedures.push_back(std::move(out));
    }

    void link_after() {
        auto& procedures = out_.plan.procedures;
        for (auto& procedure : procedures) {
            const auto source = std::find_if(
                campaign_.procedures.begin(), campaign_.procedures.end(),
                [&](const campaign::Procedure& it) { return it.name == procedure.name; });
            if (source == campaign_.procedures.end()) continue;
            for (std::uint32_t i = 0; i < procedures.size(); ++i) {
                const auto& names = source->after;
                if (std::find(names.begin(), names.end(), procedures[i].name) != names.end())
                    procedure.after.push_back(i);
            }
        }
    }

    /// How many times the nodes of a wave have to take turns because of a limit: a parallel
    /// procedure has one wave, and the limits hold within it.
    std::uint32_t turns_of(const PlanProcedure& procedure, const Wave& wave) const {
        const bool disruptive =
            std::any_of(procedure.steps.begin(), procedure.steps.begin() + procedure.first_verify,
                        [](const campaign::Step& step) { return step.disruptive; });
        std::uint32_t turns = 1;
        if (!disruptive) return turns;
        for (std::uint32_t i = 0; i < out_.plan.limits.size(); ++i) {
            const bool own = std::find(procedure.limits.begin(), procedure.limits.end(), i) !=
                             procedure.limits.end();
            if (i >= out_.plan.campaign_limits && !own) continue;
            const auto& limit = out_.plan.limits[i];
            const auto is_down = [&](NodeIndex node) { return out_.plan.nodes[node].down; };
            const auto down = static_cast<std::uint32_t>(
                std::count_if(limit.nodes.begin(), limit.nodes.end(), is_down));
            const auto members = static_cast<std::uint32_t>(
                std::count_if(wave.nodes.begin(), wave.nodes.end(), [&](NodeIndex node) {
                    return std::binary_search(limit.nodes.begin(), limit.nodes.end(), node);
                }));
            const auto most = std::max(1U, limit.most - std::min(limit.most, down));
            turns = std::max(turns, (members + most - 1) / most);
        }
        return turns;
    }

    void predict() {
        auto& plan = out_.plan;
        bool past = false;
        for (auto& procedure : plan.procedures) {
            Milliseconds forward{0};
            Milliseconds back{0};
            for (std::size_t s = 0; s < procedure.steps.size(); ++s) {
                const auto& step = procedure.steps[s];
                forward += step.expect;
                const bool undone = step.way_back == action::WayBack::builtin ||
                                    step.way_back == action::WayBack::step;
                if (s < procedure.first_verify && undone) back += step.expect;
                if (step.way_back == action::WayBack::no_return && !past) {
                    past = true;
                    out_.warnings.push_back(fmt::format(
                        "after {} in {} there is no complete way back", step.name, procedure.name));
                }
            }
            for (auto& wave : procedure.waves) {
                const auto turns = turns_of(procedure, wave);
                wave.predicted = forward * turns;
                wave.predicted_undo = back * turns;
                plan.predicted += wave.predicted + wave.soak;
                plan.predicted_rollback += wave.predicted_undo;
            }
        }
        const auto over = [&](const char* what, const std::optional<Milliseconds>& budget,
                              Milliseconds predicted) {
            if (!budget || predicted <= *budget) return;
            out_.warnings.push_back(fmt::format("the {} is predicted to take {}, its budget is {}",
                                                what, humane_duration(predicted),
                                                humane_duration(*budget)));
        };
        over("upgrade", plan.budgets.upgrade, plan.predicted);
        over("rollback", plan.budgets.rollback, plan.predicted_rollback);
        if (plan.window.length && plan.predicted > *plan.window.length) {
            out_.warnings.push_back(
                fmt::format("the upgrade is predicted to take {}, longer than its window of {}",
                            humane_duration(plan.predicted), humane_duration(*plan.window.length)));
        }
    }

    const campaign::Campaign& campaign_;
    const campaign::Inventory& inventory_;
    const Facts& facts_;
    Planned out_;
};

}  // namespace

Result<Planned> make_plan(const campaign::Campaign& campaign, const campaign::Inventory& inventory,
                          const Facts& facts) {
    return Planner(campaign, inventory, facts).make();
}

Status check_fresh(const Plan& plan, std::string_view campaign_digest,
                   std::string_view inventory_digest) {
    std::vector<std::string> changed;
    if (plan.campaign_digest != campaign_digest) changed.push_back(plan.campaign_file);
    if (plan.inventory_digest != inventory_digest) changed.push_back(plan.inventory_file);
    if (changed.empty()) return ok();
    return Error(ErrorCode::stale,
                 fmt::format("{} changed since the plan was made", join(changed, " and ")))
        .advise(fmt::format("plan anew: escalator plan {} --inventory {} -o plan.json",
                            plan.campaign_file, plan.inventory_file));
}

}  // namespace escalator::planner
