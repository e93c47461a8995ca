// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/text.hpp"
#include "campaign/loader.hpp"

namespace escalator::campaign {

namespace {

void read_rolling(Procedure& out, const Value& value) {
    static const std::vector<std::string> known{"batch", "canary", "soak", "pause", "unavailable"};
    for (const auto& entry : value.entries("rolling")) {
        if (entry.key == "batch") {
            if (entry.value.is_scalar() && entry.value.scalar() == "auto") continue;
            out.batch = read_amount(entry.value, "batch");
            if (out.batch && out.batch->value == 0) {
                entry.value.error(
                    "impossible-limit", "a batch of 0 nodes never gets anywhere",
                    "the least that works is 1; auto takes as many as the limits allow");
            }
        } else if (entry.key == "canary") {
            out.canary = read_amount(entry.value, "canary").value_or(Amount{});
        } else if (entry.key == "soak") {
            out.soak = read_duration(entry.value, "soak", {});
        } else if (entry.key == "pause") {
            out.pause = read_duration(entry.value, "pause", {});
        } else if (entry.key == "unavailable") {
            out.unavailable = read_limits(entry.value);
        } else {
            complain_unknown(entry, "rolling", known);
        }
    }
    if (out.soak > Milliseconds{0} && out.canary.value == 0) {
        value.warning("soak-without-canary",
                      "soak is the wait after the canary wave, and there is none",
                      "add canary: 1, or use pause for a wait after every wave");
    }
}

void read_at_once(Procedure& out, const Value& value, std::string_view what) {
    static const std::vector<std::string> known{"unavailable"};
    if (value.is_scalar() && value.boolean(what, true)) return;
    for (const auto& entry : value.entries(what)) {
        if (entry.key == "unavailable") {
            out.unavailable = read_limits(entry.value);
        } else {
            complain_unknown(entry, what, known);
        }
    }
}

void read_order(Procedure& out, const Value& value) {
    static const std::vector<std::string> known{"standby-first"};
    for (const auto& entry : value.entries("order")) {
        if (entry.key != "standby-first") {
            complain_unknown(entry, "order", known);
            continue;
        }
        const auto text = entry.value.text("standby-first");
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0 || equals + 1 == text.size()) {
            entry.value.error("bad-order", "standby-first names the label that the active node has",
                              "write it like: order: { standby-first: state=master }");
            continue;
        }
        out.standby_label = trim(text.substr(0, equals));
        out.standby_value = trim(text.substr(equals + 1));
    }
}

}  // namespace

Procedure read_procedure(const Value& value, const FailurePolicy& policy, const Names& names) {
    static const std::vector<std::string> known{"name",       "on",       "after", "rolling",
                                                "parallel",   "one_step", "order", "hold",
                                                "on_failure", "steps",    "verify"};
    Procedure out;
    out.place = value.place();
    out.on_failure = policy;
    const auto entries = value.entries("a procedure");
    if (!value.is_map()) return out;
    std::vector<std::string> methods;
    std::optional<Value> steps;
    std::optional<Value> verify;
    bool has_on = false;
    bool has_name = false;
    for (const auto& entry : entries) {
        const auto& [key, name, it] = entry;
        if (key == "name") {
            has_name = true;
            out.name = read_name(it, "name", names);
            const bool told = out.name.empty() && (!it.is_scalar() || !it.scalar().empty());
            if (!told && !is_plain_name(out.name)) {
                it.error("bad-name", fmt::format("\"{}\" is no name for a procedure", out.name),
                         "letters, digits, dots, dashes and underscores");
            }
        } else if (key == "on") {
            has_on = true;
            out.on_place = it.place();
            out.on_controller = it.is_scalar() && it.scalar() == "@controller";
            if (!out.on_controller) out.on = read_selector(it, "on", names);
        } else if (key == "after") {
            for (const auto& item : it.is_scalar() ? std::vector{it} : it.items("after")) {
                auto before = read_name(item, "after", names);
                if (before.empty()) continue;  // a parameter may leave it empty
                out.after.push_back(std::move(before));
                out.after_places.push_back(item.place());
            }
        } else if (key == "rolling" || key == "parallel" || key == "one_step") {
            methods.push_back(key);
            if (key == "rolling") read_rolling(out, it);
            if (key == "parallel") out.method = Method::parallel;
            if (key == "one_step") out.method = Method::one_step;
            if (key != "rolling") read_at_once(out, it, key);
        } else if (key == "order") {
            read_order(out, it);
        } else if (key == "hold") {
            out.hold_before = it.boolean("hold", false);
        } else if (key == "on_failure") {
            read_policy(it, out.on_failure, nullptr);
        } else if (key == "steps") {
            steps = it;
        } else if (key == "verify") {
            verify = it;
        } else {
            complain_unknown(entry, "a procedure", known);
        }
    }
    if (methods.size() > 1) {
        value.error("two-methods",
                    fmt::format("a procedure has one method; this has {}", join(methods, " and ")),
                    "keep rolling (waves), parallel (each node at its pace) or one_step (in "
                    "lockstep)");
    }
    if (!has_name) value.error("missing-field", "a procedure needs a name", "add name: NAME");
    if (!has_on) {
        value.error(
            "missing-field",
            fmt::format("the procedure \"{}\" does not say on which nodes it works", out.name),
            "add on: SELECTOR, like on: role=compute");
    }
    if (steps) out.steps = read_steps(*steps, StepKind::procedure, out.on_failure, names);
    if (verify) out.verify = read_steps(*verify, StepKind::verify, out.on_failure, names);
    if (out.steps.empty() && (!steps || steps->is_null() || steps->is_list())) {
        value.error("no-steps", fmt::format("the procedure \"{}\" has no steps", out.name),
                    "add steps: with at least one action");
    }
    for (const auto& check : out.verify) {
        for (const auto& step : out.steps) {
            if (step.name == check.name && check.name != check.action) {
                value.error(
                    "duplicate-name",
                    fmt::format("a step and a verification are both called \"{}\"", step.name));
            }
        }
    }
    // steps and verifications share one list in the plan
    for (auto& check : out.verify) {
        if (check.name.starts_with(check.action)) check.name = "verify-" + check.name;
    }
    return out;
}

}  // namespace escalator::campaign
