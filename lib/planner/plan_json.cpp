// SPDX-License-Identifier: Apache-2.0
// A plan as JSON text and back; the format is man/escalator-plan.5.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"
#include "planner/plan.hpp"

namespace escalator::planner {

namespace {

using nlohmann::json;

constexpr const char* format_name = "escalator-plan/1";

/// One table for both directions.
template <class Enum>
struct Words {
    Enum value;
    const char* word;
};
constexpr Words<campaign::Remedy> remedies[] = {
    {campaign::Remedy::suspend, "suspend"},
    {campaign::Remedy::exclude, "exclude"},
    {campaign::Remedy::undo_node, "undo-node"},
    {campaign::Remedy::undo_wave, "undo-wave"},
    {campaign::Remedy::undo_procedure, "undo-procedure"},
    {campaign::Remedy::undo_all, "undo-all"}};
constexpr Words<campaign::Method> methods[] = {{campaign::Method::rolling, "rolling"},
                                               {campaign::Method::parallel, "parallel"},
                                               {campaign::Method::one_step, "one_step"}};
constexpr Words<action::WayBack> ways[] = {{action::WayBack::builtin, "builtin"},
                                           {action::WayBack::read_only, "read_only"},
                                           {action::WayBack::step, "step"},
                                           {action::WayBack::no_return, "no_return"}};

template <class Enum, std::size_t Size>
std::string word_of(const Words<Enum> (&words)[Size], Enum value) {
    for (const auto& it : words) {
        if (it.value == value) return it.word;
    }
    return "";
}

template <class Enum, std::size_t Size>
Enum value_of(const Words<Enum> (&words)[Size], const json& word) {
    for (const auto& it : words) {
        if (word.get<std::string>() == it.word) return it.value;
    }
    throw std::invalid_argument(word.dump() + " is no known word");
}

json optional_ms(const std::optional<Milliseconds>& it) {
    return it ? json(it->count()) : json(nullptr);
}
std::optional<Milliseconds> optional_ms(const json& it) {
    if (it.is_null()) return std::nullopt;
    return Milliseconds{it.get<std::int64_t>()};
}
template <class T>
json optional_json(const std::optional<T>& it) {
    return it ? json(*it) : json(nullptr);
}
template <class T>
std::optional<T> optional_of(const json& it) {
    if (it.is_null()) return std::nullopt;
    return it.get<T>();
}
Milliseconds ms(const json& it) { return Milliseconds{it.get<std::int64_t>()}; }

json to_json(const PlanNode& node) {
    const auto& c = node.connection;
    return {{"name", node.name},
            {"labels", std::map<std::string, std::string>(node.labels.begin(), node.labels.end())},
            {"address", c.address},
            {"port", optional_json(c.port)},
            {"user", optional_json(c.user)},
            {"identity_files", c.identity_files},
            {"become", c.become},
            {"local", c.local},
            {"down", node.down}};
}

PlanNode node_of(const json& in) {
    PlanNode out;
    out.name = in.at("name");
    for (const auto& [key, value] : in.at("labels").items())
        out.labels[key] = value.get<std::string>();
    out.connection.address = in.at("address");
    out.connection.port = optional_of<std::uint16_t>(in.at("port"));
    out.connection.user = optional_of<std::string>(in.at("user"));
    out.connection.identity_files = in.at("identity_files").get<std::vector<std::string>>();
    out.connection.become = in.at("become");
    out.connection.local = in.at("local");
    out.down = in.at("down");
    return out;
}

json to_json(const campaign::Step& step) {
    const auto& policy = step.on_failure;
    return {{"name", step.name},
            {"action", step.action},
            {"args", json::parse(step.args)},
            {"check", step.check},
            {"verify", step.verify},
            {"undo", step.undo},
            {"as", step.run_as},
            {"expect_ms", step.expect.count()},
            {"timeout_ms", step.timeout.count()},
            {"on_failure",
             {{"retry", policy.retry},
              {"backoff_ms", policy.backoff.count()},
              {"then", word_of(remedies, policy.then)},
              {"else", word_of(remedies, policy.otherwise)}}},
            {"idempotent", step.idempotent},
            {"once", step.once},
            {"disruptive", step.disruptive},
            {"params", step.params},
            {"way_back", word_of(ways, step.way_back)}};
}

campaign::Step step_of(const json& in) {
    campaign::Step out;
    out.name = in.at("name");
    out.action = in.at("action");
    out.args = in.at("args").dump();
    out.check = in.at("check");
    out.verify = in.at("verify");
    out.undo = in.at("undo");
    out.run_as = in.at("as");
    out.expect = ms(in.at("expect_ms"));
    out.timeout = ms(in.at("timeout_ms"));
    const auto& policy = in.at("on_failure");
    out.on_failure.retry = policy.at("retry");
    out.on_failure.backoff = ms(policy.at("backoff_ms"));
    out.on_failure.then = value_of(remedies, policy.at("then"));
    out.on_failure.otherwise = value_of(remedies, policy.at("else"));
    out.idempotent = in.at("idempotent");
    out.once = in.at("once");
    out.disruptive = in.at("disruptive");
    out.params = in.at("params").get<std::map<std::string, std::string>>();
    out.way_back = value_of(ways, in.at("way_back"));
    return out;
}

json to_json(const PlanProcedure& procedure) {
    auto steps = json::array();
    for (const auto& step : procedure.steps) steps.push_back(to_json(step));
    auto waves = json::array();
    for (const auto& wave : procedure.waves) {
        waves.push_back({{"nodes", wave.nodes},
                         {"canary", wave.canary},
                         {"soak_ms", wave.soak.count()},
                         {"predicted_ms", wave.predicted.count()},
                         {"predicted_undo_ms", wave.predicted_undo.count()}});
    }
    return {{"name", procedure.name},
            {"after", procedure.after},
            {"method", word_of(methods, procedure.method)},
            {"hold_before", procedure.hold_before},
            {"steps", steps},
            {"first_verify", procedure.first_verify},
            {"undo_order", procedure.undo_order},
            {"waves", waves},
            {"limits", procedure.limits}};
}

PlanProcedure procedure_of(const json& in) {
    PlanProcedure out;
    out.name = in.at("name");
    out.after = in.at("after").get<std::vector<std::uint32_t>>();
    out.method = value_of(methods, in.at("method"));
    out.hold_before = in.at("hold_before");
    for (const auto& step : in.at("steps")) out.steps.push_back(step_of(step));
    out.first_verify = in.at("first_verify");
    out.undo_order = in.at("undo_order").get<std::vector<std::uint32_t>>();
    for (const auto& it : in.at("waves")) {
        Wave wave;
        wave.nodes = it.at("nodes").get<std::vector<NodeIndex>>();
        wave.canary = it.at("canary");
        wave.soak = ms(it.at("soak_ms"));
        wave.predicted = ms(it.at("predicted_ms"));
        wave.predicted_undo = ms(it.at("predicted_undo_ms"));
        out.waves.push_back(std::move(wave));
    }
    out.limits = in.at("limits").get<std::vector<std::uint32_t>>();
    return out;
}

/// Indices that the engine will follow blindly.
void check_indices(const Plan& plan) {
    const auto need = [](bool fits, const char* what) {
        if (!fits) throw std::out_of_range(fmt::format("{} points outside the plan", what));
    };
    for (const auto& limit : plan.limits) {
        need(std::is_sorted(limit.nodes.begin(), limit.nodes.end()), "an unsorted limit");
        for (const auto node : limit.nodes) need(node < plan.nodes.size(), "a limit");
    }
    need(plan.campaign_limits <= plan.limits.size(), "campaign_limits");
    for (std::size_t p = 0; p < plan.procedures.size(); ++p) {
        const auto& procedure = plan.procedures[p];
        need(procedure.first_verify <= procedure.steps.size(), "first_verify");
        auto undone = procedure.undo_order;
        std::sort(undone.begin(), undone.end());
        for (std::uint32_t i = 0; i < undone.size(); ++i)
            need(undone[i] == i && undone.size() == procedure.first_verify, "undo_order");
        for (const auto before : procedure.after) need(before < p, "after");
        for (const auto limit : procedure.limits)
            need(limit < plan.limits.size(), "a procedure's limit");
        for (const auto& wave : procedure.waves) {
            for (const auto node : wave.nodes) need(node < plan.nodes.size(), "a wave");
        }
    }
}

Plan plan_of(const json& in) {
    Plan plan;
    plan.campaign = in.at("campaign");
    plan.campaign_digest = in.at("campaign_digest");
    plan.inventory_digest = in.at("inventory_digest");
    plan.facts_digest = in.at("facts_digest");
    plan.campaign_file = in.at("campaign_file");
    plan.inventory_file = in.at("inventory_file");
    plan.base_dir = in.at("base_dir").get<std::string>();
    plan.tolerate = in.at("tolerate");
    plan.vars = in.at("vars").get<std::map<std::string, std::string>>();
    const auto& budgets = in.at("budgets");
    plan.budgets.upgrade = optional_ms(budgets.at("upgrade_ms"));
    plan.budgets.rollback = optional_ms(budgets.at("rollback_ms"));
    plan.budgets.interruption = optional_ms(budgets.at("interruption_ms"));
    plan.budgets.outage = optional_ms(budgets.at("outage_ms"));
    const auto& window = in.at("window");
    plan.window.start_minute = optional_of<std::uint32_t>(window.at("start_minute"));
    plan.window.end_minute = optional_of<std::uint32_t>(window.at("end_minute"));
    plan.window.length = optional_ms(window.at("length_ms"));
    plan.predicted = ms(in.at("predicted_ms"));
    plan.predicted_rollback = ms(in.at("predicted_rollback_ms"));
    plan.campaign_limits = in.at("campaign_limits");
    for (const auto& it : in.at("nodes")) plan.nodes.push_back(node_of(it));
    for (const auto& it : in.at("limits")) {
        plan.limits.push_back(
            {it.at("what"), it.at("most"), it.at("nodes").get<std::vector<NodeIndex>>()});
    }
    for (const auto& it : in.at("procedures")) plan.procedures.push_back(procedure_of(it));
    check_indices(plan);
    return plan;
}

std::string text_of(const json& plan) {
    return plan.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

/// What a plan says in "digest": SHA-256 of the same text without that field.
std::string digest_without_itself(json plan) {
    plan.erase("digest");
    return sha256_hex(text_of(plan));
}

}  // namespace

std::string to_json_text(const Plan& plan) {
    auto nodes = json::array();
    for (const auto& node : plan.nodes) nodes.push_back(to_json(node));
    auto limits = json::array();
    for (const auto& it : plan.limits)
        limits.push_back({{"what", it.what}, {"most", it.most}, {"nodes", it.nodes}});
    auto procedures = json::array();
    for (const auto& it : plan.procedures) procedures.push_back(to_json(it));
    const auto& budgets = plan.budgets;
    const auto& window = plan.window;
    json out = {{"format", format_name},
                {"campaign", plan.campaign},
                {"campaign_digest", plan.campaign_digest},
                {"inventory_digest", plan.inventory_digest},
                {"facts_digest", plan.facts_digest},
                {"campaign_file", plan.campaign_file},
                {"inventory_file", plan.inventory_file},
                {"base_dir", plan.base_dir.string()},
                {"tolerate", plan.tolerate},
                {"vars", plan.vars},
                {"budgets",
                 {{"upgrade_ms", optional_ms(budgets.upgrade)},
                  {"rollback_ms", optional_ms(budgets.rollback)},
                  {"interruption_ms", optional_ms(budgets.interruption)},
                  {"outage_ms", optional_ms(budgets.outage)}}},
                {"window",
                 {{"start_minute", optional_json(window.start_minute)},
                  {"end_minute", optional_json(window.end_minute)},
                  {"length_ms", optional_ms(window.length)}}},
                {"predicted_ms", plan.predicted.count()},
                {"predicted_rollback_ms", plan.predicted_rollback.count()},
                {"nodes", nodes},
                {"limits", limits},
                {"campaign_limits", plan.campaign_limits},
                {"procedures", procedures}};
    out["digest"] = digest_without_itself(out);
    return text_of(out);
}

Result<Plan> plan_from_json_text(std::string_view text) {
    const auto in = json::parse(text, nullptr, false);
    if (!in.is_object()) {
        return Error(ErrorCode::corrupt, "this is no plan: no JSON object")
            .advise("escalator plan CAMPAIGN -o FILE makes one");
    }
    const auto format = in.value("format", json());
    if (!format.is_string())
        return Error(ErrorCode::corrupt, "this is no plan: it names no format");
    if (format != format_name) {
        return Error(ErrorCode::stale,
                     fmt::format("this plan is in the format {}; this escalator reads {}",
                                 format.get<std::string>(), format_name))
            .advise("make it anew with escalator plan");
    }
    if (in.value("digest", json()) != digest_without_itself(in)) {
        return Error(ErrorCode::stale, "the plan was changed after it was made")
            .advise(
                "to change what is done, change the campaign, and make the plan anew with "
                "escalator plan");
    }
    try {
        return plan_of(in);
    } catch (const std::exception& bad) {
        return Error(ErrorCode::corrupt, fmt::format("the plan is damaged: {}", bad.what()))
            .advise("make it anew with escalator plan");
    }
}

}  // namespace escalator::planner
