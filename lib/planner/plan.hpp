// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "campaign/inventory.hpp"
#include "campaign/model.hpp"

namespace escalator::planner {

/// Index of a node in Plan::nodes. The controller itself, where it is a target, is one of them.
using NodeIndex = std::uint32_t;

struct PlanNode {
    std::string name;
    campaign::Labels labels;
    campaign::Connection connection;
    bool down = false;
};

/// Nodes that count together against a limit.
struct LimitGroup {
    std::string what;              ///< "rack=r01", "total", "campaign rack=r01"
    std::uint32_t most = 0;        ///< how many may be out of service at once; at least 1
    std::vector<NodeIndex> nodes;  ///< ascending
};

struct Wave {
    std::vector<NodeIndex> nodes;  ///< in the order they start
    bool canary = false;
    Milliseconds soak{0};       ///< wait after it, before the next wave of the procedure
    Milliseconds predicted{0};  ///< without soak; counts the turns that limits make nodes take
    Milliseconds predicted_undo{0};
};

/// One procedure over its nodes. A step of the plan is (procedure, node, step): each node of each
/// wave goes through `steps` in order; those from `first_verify` on are verifications.
struct PlanProcedure {
    std::string name;
    std::vector<std::uint32_t> after;  ///< indices of procedures that must be complete before
    campaign::Method method = campaign::Method::rolling;
    bool hold_before = false;
    std::vector<campaign::Step> steps;
    std::uint32_t first_verify = 0;     ///< index into steps
    /// Steps before first_verify in the order in which they are undone; empty: the exact reverse.
    std::vector<std::uint32_t> undo_order;
    std::vector<Wave> waves;            ///< every target node once
    std::vector<std::uint32_t> limits;  ///< indices into Plan::limits that hold while it runs
};

/// What a run carries out: a value, saved as plan.json (format in man/escalator-plan.5). The same
/// input makes the same bytes. Procedures are in an order that respects `after`.
struct Plan {
    std::string campaign;
    std::string campaign_digest;
    std::string inventory_digest;
    std::string facts_digest;   ///< "" when the plan was made without live facts
    std::string campaign_file;  ///< absolute paths, to check the digests again
    std::string inventory_file;
    std::vector<PlanNode> nodes;
    std::vector<LimitGroup> limits;     ///< campaign-wide ones first
    std::uint32_t campaign_limits = 0;  ///< how many of `limits` are campaign-wide (always hold)
    std::vector<PlanProcedure> procedures;
    std::uint32_t tolerate = 0;               ///< nodes that may end excluded
    std::map<std::string, std::string> vars;  ///< "vars.x", "versions.m.to"
    campaign::Budgets budgets;
    campaign::Window window;
    Milliseconds predicted{0};
    Milliseconds predicted_rollback{0};
    std::filesystem::path base_dir;
};

/// The step that is undone at `position` of the way back through a node, 0 .. first_verify - 1.
std::uint32_t undone_at(const PlanProcedure& procedure, std::uint32_t position) noexcept;

/// Names one step on one node.
struct StepRef {
    std::uint32_t procedure = 0;
    NodeIndex node = 0;
    std::uint32_t step = 0;
    auto operator<=>(const StepRef&) const = default;
};

/// "computes:package:compute07"; plain names joined by ':'.
std::string step_id(const Plan& plan, const StepRef& ref);
/// Errors: not_found (with the closest id).
Result<StepRef> find_step(const Plan& plan, std::string_view id);

/// The JSON text of a plan, and back; bytes are deterministic. Errors: corrupt, stale (other
/// format).
std::string to_json_text(const Plan& plan);
Result<Plan> plan_from_json_text(std::string_view text);
/// SHA-256 of to_json_text: what a run is bound to.
std::string digest_of(const Plan& plan);

}  // namespace escalator::planner
