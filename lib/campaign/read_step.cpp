// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "campaign/loader.hpp"

namespace escalator::campaign {

namespace {

using nlohmann::json;

constexpr Milliseconds least_timeout{60'000};
/// A step that takes five times its usual time is not going to end well.
constexpr int timeout_factor = 5;
constexpr Milliseconds usual_check{30'000};
constexpr Milliseconds usual_wait{300'000};
constexpr std::size_t most_values = 100'000;

/// Any YAML as JSON, for a plugin's own arguments.
json read_free(const Value& value, const Names& names, std::size_t& left, int depth = 0) {
    if (left == 0 || left > most_values) return nullptr;
    --left;
    if (depth > deepest) {
        value.error("too-deep", "args are nested too deeply here",
                    "an alias (*name) must not be inside what it stands for");
        left = most_values + 1;  // told; end soon
        return nullptr;
    }
    if (value.is_map()) {
        auto out = json::object();
        for (const auto& entry : value.entries("args"))
            out[entry.key] = read_free(entry.value, names, left, depth + 1);
        return out;
    }
    if (value.is_list()) {
        auto out = json::array();
        for (const auto& item : value.items("args"))
            out.push_back(read_free(item, names, left, depth + 1));
        return out;
    }
    if (value.is_null()) return nullptr;
    const auto text = value.scalar();
    if (text == "true" || text == "false") return text == "true";
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc{} && end == text.data() + text.size()) return number;
    check_text(value, text, false, names);
    return text;
}

json read_list(const Value& value, const std::string& what, const Names& names) {
    auto out = json::array();
    if (value.is_scalar()) {
        check_text(value, value.scalar(), false, names);
        out.push_back(value.scalar());
        return out;
    }
    for (const auto& item : value.items(what)) {
        const auto text = item.text(what);
        check_text(item, text, false, names);
        out.push_back(text);
    }
    if (out.empty()) value.error("empty-list", fmt::format("{} must not be empty", what));
    return out;
}

json read_map(const Value& value, const std::string& what, const Names& names) {
    auto out = json::object();
    for (const auto& entry : value.entries(what)) {
        const auto text = entry.value.text(what);
        check_text(entry.name, entry.key, false, names);
        check_text(entry.value, text, false, names);
        out[entry.key] = text;
    }
    return out;
}

json read_field(const Value& value, const action::Field& field, const Names& names) {
    using action::FieldKind;
    const std::string what(field.name);
    const auto text_of = [&](bool shell) {
        auto text = value.text(what);
        check_text(value, text, shell, names);
        return text;
    };
    switch (field.kind) {
        case FieldKind::text:
            return text_of(false);
        case FieldKind::shell:
            return text_of(true);
        case FieldKind::argv:
            if (value.is_list()) return read_list(value, what, names);
            return text_of(true);
        case FieldKind::list:
            return read_list(value, what, names);
        case FieldKind::map:
            return read_map(value, what, names);
        case FieldKind::list_or_map:
            return value.is_map() ? read_map(value, what, names) : read_list(value, what, names);
        case FieldKind::number: {
            const auto text = value.text(what);
            std::uint32_t number = 0;
            const auto [end, error] =
                std::from_chars(text.data(), text.data() + text.size(), number);
            if (value.is_scalar() && (error != std::errc{} || end != text.data() + text.size())) {
                value.error("bad-number", fmt::format("{}: \"{}\" is no whole number", what, text));
            }
            return number;
        }
        case FieldKind::boolean:
            return value.boolean(what, false);
        case FieldKind::duration:
            return read_duration(value, what, Milliseconds{0}).count();
        case FieldKind::size: {
            const auto size = parse_size(value.text(what));
            if (!size && value.is_scalar())
                value.error("bad-size", fmt::format("{}: {}", what, size.error().message()),
                            size.error().remedy());
            return size ? *size : 0;
        }
        case FieldKind::mode: {
            const auto text = value.text(what);
            const bool octal = text.size() >= 3 && text.size() <= 4 &&
                               text.find_first_not_of("01234567") == std::string::npos;
            if (!octal && value.is_scalar()) {
                value.error("bad-mode", fmt::format("\"{}\" is no file mode", text),
                            "write it like \"0640\"");
            }
            return text;
        }
        case FieldKind::choice: {
            const auto text = value.text(what);
            std::vector<std::string> choices;
            for (const auto it : split(field.choices, '|')) choices.emplace_back(it);
            if (value.is_scalar() &&
                std::find(choices.begin(), choices.end(), text) == choices.end()) {
                const auto close = closest(text, choices);
                value.error("bad-choice",
                            fmt::format("{} cannot be \"{}\"{}", what, text,
                                        close ? fmt::format("; did you mean \"{}\"?", *close) : ""),
                            fmt::format("one of: {}", join(choices, ", ")));
            }
            return text;
        }
        case FieldKind::free: {
            std::size_t left = most_values;
            auto out = read_free(value, names, left);
            if (left == 0 && !value.is_null())
                value.error("too-big", fmt::format("{} has more than {} values", what, most_values),
                            "aliases (*name) multiply what they stand for");
            return out;
        }
    }
    return nullptr;
}

struct Reading {
    Step step;
    std::optional<Value> action_value;
    const action::Schema* schema = nullptr;
    bool read_only = false;
    bool no_return = false;
    bool has_expect = false;
    bool has_timeout = false;
    bool idempotent_given = false;
    std::optional<Value> expect;
    std::optional<Value> timeout;
    bool misspelt_expect = false;  ///< told already, so it is not missing as well
    bool misspelt_action = false;  ///< what is unknown may be meant as the action
};

std::vector<std::string> step_keys() {
    return {"name",       "check", "verify",     "undo", "as",         "expect",    "timeout",
            "on_failure", "retry", "idempotent", "once", "disruptive", "read_only", "no_return"};
}

std::string read_shell(const Value& value, std::string_view what, const Names& names) {
    auto text = value.text(what);
    if (value.is_scalar() && trim(text).empty())
        value.error("empty-text", fmt::format("{} is empty", what));
    check_text(value, text, true, names);
    return text;
}

void read_key(Reading& out, const Value::Entry& entry, const Names& names) {
    auto& step = out.step;
    const auto& [key, name, value] = entry;
    if (key == "name") {
        step.name = value.text("name");
        if (value.is_scalar() && !is_plain_name(step.name)) {
            value.error("bad-name", fmt::format("\"{}\" is no name", step.name),
                        "letters, digits, dots, dashes and underscores");
        }
    } else if (key == "check") {
        step.check = read_shell(value, "check", names);
    } else if (key == "verify") {
        step.verify = read_shell(value, "verify", names);
    } else if (key == "undo") {
        step.undo = read_shell(value, "undo", names);
    } else if (key == "as") {
        step.run_as = value.text("as");
        if (value.is_scalar() && !is_plain_name(step.run_as)) {
            value.error("bad-name", fmt::format("\"{}\" is no user name", step.run_as),
                        "write a user of the node, like as: postgres");
        }
    } else if (key == "expect") {
        step.expect = read_duration(value, "expect", Milliseconds{1000});
        out.has_expect = true;
        out.expect = value;
        if (value.is_scalar() && trim(value.scalar()) != "" && step.expect == Milliseconds{0})
            value.error("bad-duration", "expect must be longer than nothing",
                        "write how long the step usually takes, like 90s");
    } else if (key == "timeout") {
        step.timeout = read_duration(value, "timeout", least_timeout);
        out.has_timeout = true;
        out.timeout = value;
    } else if (key == "on_failure") {
        read_policy(value, step.on_failure, nullptr);
    } else if (key == "retry") {
        step.on_failure.retry = read_count(value, "retry");
    } else if (key == "idempotent") {
        step.idempotent = value.boolean("idempotent", false);
        out.idempotent_given = true;
    } else if (key == "once") {
        step.once = value.boolean("once", false);
    } else if (key == "disruptive") {
        step.disruptive = value.boolean("disruptive", true);
    } else if (key == "read_only") {
        out.read_only = value.boolean("read_only", false);
    } else if (key == "no_return") {
        out.no_return = value.boolean("no_return", false);
    }
}

void settle_way_back(Reading& out, const Value& value) {
    auto& step = out.step;
    const int ways =
        (step.undo.empty() ? 0 : 1) + (out.read_only ? 1 : 0) + (out.no_return ? 1 : 0);
    if (ways > 1) {
        value.error("two-ways-back", "a step has one way back: undo, read_only or no_return",
                    "keep the one that is true");
    }
    step.way_back = !step.undo.empty() ? action::WayBack::step
                    : out.read_only    ? action::WayBack::read_only
                    : out.no_return    ? action::WayBack::no_return
                                       : out.schema->way_back;
    if (step.way_back == action::WayBack::step && step.undo.empty()) {
        value.error("no-way-back",
                    fmt::format("the {} step \"{}\" has no way back", step.action, step.name),
                    "give it undo: COMMAND, or say read_only: true (it changes nothing) or "
                    "no_return: true (it "
                    "cannot be undone)");
    }
}

void settle_times(Reading& out, const Value& value, StepKind kind) {
    auto& step = out.step;
    if (!out.has_expect) {
        if (kind == StepKind::verify || step.action == "wait") {
            step.expect = usual_check;
        } else if (!out.misspelt_expect) {
            value.error("missing-expect",
                        fmt::format("the {} step \"{}\" does not say how long it usually takes",
                                    step.action, step.name),
                        "add expect: DURATION, like expect: 90s; without it a hanging step cannot "
                        "be told from a "
                        "slow one");
        }
        if (step.expect == Milliseconds{0}) step.expect = Milliseconds{1000};
    }
    auto usual = std::max(least_timeout, step.expect * timeout_factor);
    if (step.action == "wait") {
        const auto args = json::parse(step.args, nullptr, false);
        const auto own = args.is_object() && args.contains("timeout")
                             ? Milliseconds{args["timeout"].get<std::int64_t>()}
                             : usual_wait;
        usual = own + least_timeout;
    }
    if (!out.has_timeout) step.timeout = usual;
    if (step.timeout < step.expect) {
        (out.timeout  ? *out.timeout
         : out.expect ? *out.expect
                      : value)
            .error("impossible-timeout",
                   fmt::format("the timeout {} is shorter than the usual time {}",
                               format_duration(step.timeout), format_duration(step.expect)),
                   "a timeout is the time after which the step is ended by force");
    }
}

Step read_step(const Value& value, StepKind kind, const FailurePolicy& policy, const Names& names) {
    Reading out;
    out.step.place = value.place();
    out.step.on_failure = policy;
    out.step.params = names.params;
    const auto own_keys = step_keys();
    std::vector<std::string> actions;
    for (const auto& schema : action::schemas()) actions.emplace_back(schema.action);
    auto known = own_keys;
    known.insert(known.end(), actions.begin(), actions.end());
    const auto entries = value.entries("a step");
    if (!value.is_map()) return out.step;
    for (const auto& entry : entries) {
        if (std::find(own_keys.begin(), own_keys.end(), entry.key) != own_keys.end()) {
            read_key(out, entry, names);
        } else if (const auto* schema = action::find_schema(entry.key)) {
            if (out.schema != nullptr) {
                entry.name.error("two-actions",
                                 fmt::format("this step has two actions, {} and {}",
                                             out.schema->action, entry.key),
                                 "make two steps of it");
                continue;
            }
            out.schema = schema;
            out.action_value = entry.value;
        } else {
            const auto close = closest(entry.key, known);
            out.misspelt_expect = out.misspelt_expect || close == "expect";
            out.misspelt_action = true;
            entry.name.error(
                "unknown-key",
                close ? fmt::format("there is no action or step key \"{}\"; did you mean \"{}\"?",
                                    entry.key, *close)
                      : fmt::format("there is no action or step key \"{}\"", entry.key),
                close ? "" : fmt::format("actions: {}", join(actions, ", ")));
        }
    }
    auto& step = out.step;
    if (out.schema == nullptr) {
        if (out.misspelt_action) return step;
        value.error("no-action", "this step has no action",
                    fmt::format("a step needs one of: {}", join(actions, ", ")));
        return step;
    }
    step.action = out.schema->action;
    if (step.name.empty()) step.name = step.action;
    if (!out.idempotent_given) step.idempotent = out.schema->idempotent;
    step.args = read_args(*out.action_value, *out.schema, names);
    if (kind == StepKind::verify) {
        if (!step.undo.empty() || out.no_return) {
            value.error("verify-changes",
                        "what verifies changes nothing, so it has nothing to undo",
                        "take undo and no_return away");
        }
        const bool changes = out.schema->way_back == action::WayBack::builtin;
        if (changes) {
            value.error("verify-changes",
                        fmt::format("{} changes the node; a verification only looks", step.action),
                        "use command, script, local or wait");
        }
        out.read_only = true;
        step.undo.clear();
        out.no_return = false;
        step.disruptive = false;
        step.idempotent = true;
    }
    settle_way_back(out, value);
    if (step.way_back == action::WayBack::read_only &&
        out.schema->way_back != action::WayBack::builtin) {
        step.disruptive = step.disruptive && kind == StepKind::procedure && !out.read_only;
        step.idempotent = true;
    }
    settle_times(out, value, kind);
    const bool blind_retry = step.on_failure.retry > 0 && !step.idempotent && step.check.empty() &&
                             out.schema->way_back == action::WayBack::step;
    if (blind_retry && step.on_failure.retry > policy.retry) {
        value.warning(
            "blind-retry",
            fmt::format("the step \"{}\" is retried, but nothing says that running it twice is "
                        "harmless",
                        step.name),
            "give it check: COMMAND, or say idempotent: true");
    }
    return step;
}

}  // namespace

std::string read_args(const Value& value, const action::Schema& schema, const Names& names) {
    auto out = json::object();
    std::vector<std::string> known;
    for (const auto& field : schema.fields) known.emplace_back(field.name);
    if (!value.is_map()) {
        const auto shorthand =
            std::find_if(schema.fields.begin(), schema.fields.end(),
                         [&](const action::Field& it) { return it.name == schema.shorthand; });
        if (value.is_null() && schema.shorthand.empty()) {
            value.error("missing-field",
                        fmt::format("{} needs its fields: {}", schema.action, join(known, ", ")));
        } else if (shorthand == schema.fields.end()) {
            value.error("wrong-type", fmt::format("{} must be a map", schema.action),
                        fmt::format("fields: {}", join(known, ", ")));
        } else if (!value.is_null()) {
            out[std::string(shorthand->name)] = read_field(value, *shorthand, names);
            check_argument(value, schema.action, shorthand->name, names.base_dir);
        }
    } else {
        const auto where = std::string(schema.action);
        for (const auto& entry : value.entries(where)) {
            const auto field =
                std::find_if(schema.fields.begin(), schema.fields.end(),
                             [&](const action::Field& it) { return it.name == entry.key; });
            if (field == schema.fields.end()) {
                complain_unknown(entry, where, known);
            } else {
                out[entry.key] = read_field(entry.value, *field, names);
                check_argument(entry.value, schema.action, field->name, names.base_dir);
            }
        }
    }
    for (const auto& field : schema.fields) {
        const bool missing = field.required && !out.contains(std::string(field.name));
        if (missing && (value.is_map() || (value.is_null() && !schema.shorthand.empty()))) {
            value.error("missing-field",
                        fmt::format("{} needs \"{}\": {}", schema.action, field.name, field.help));
        }
    }
    if (!schema.one_of.empty() && value.is_map()) {
        std::vector<std::string> given;
        std::vector<std::string> all;
        for (const auto it : split(schema.one_of, '|')) {
            all.emplace_back(it);
            if (out.contains(all.back())) given.push_back(all.back());
        }
        if (given.size() != 1) {
            value.error(
                given.empty() ? "missing-field" : "conflicting-fields",
                fmt::format("{} needs exactly one of {}; this has {}", schema.action,
                            join(all, ", "), given.empty() ? "none" : join(given, " and ")));
        }
    }
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::vector<Step> read_steps(const Value& list, StepKind kind, const FailurePolicy& policy,
                             const Names& names) {
    std::vector<Step> steps;
    std::map<std::string, int> seen;
    for (const auto& item : list.items(kind == StepKind::verify ? "verify" : "steps")) {
        auto step = read_step(item, kind, policy, names);
        const bool given = step.name != step.action;
        const auto times = ++seen[step.name];
        if (times > 1 && given) {
            item.error("duplicate-name", fmt::format("two steps are called \"{}\"", step.name),
                       "give each its own name");
        } else if (times > 1) {
            step.name += fmt::format("-{}", times);
        }
        steps.push_back(std::move(step));
    }
    return steps;
}

}  // namespace escalator::campaign
