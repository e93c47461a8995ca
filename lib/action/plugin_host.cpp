// SPDX-License-Identifier: Apache-2.0
#include "action/plugin_host.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

namespace escalator::action {

namespace {

using nlohmann::json;

constexpr int protocol = 1;
constexpr int deepest_answer = 64;

/// The JSON object that a text is. Errors: protocol.
Result<json> object_of(const std::string& text) {
    if (trim(text).empty()) return Error(ErrorCode::protocol, "it answered nothing");
    bool too_deep = false;
    auto out = json::parse(
        text,
        [&](int depth, json::parse_event_t, json&) {
            too_deep = too_deep || depth > deepest_answer;
            return !too_deep;
        },
        false);
    if (too_deep) return Error(ErrorCode::protocol, "its answer is nested too deeply");
    if (!out.is_object()) {
        return Error(ErrorCode::protocol, fmt::format("its answer is no JSON object: {}",
                                                      printable(text.substr(0, 200))));
    }
    return out;
}

/// A field that must be a string if it is there.
Result<std::string> text_in(const json& answer, const char* key) {
    const auto it = answer.find(key);
    if (it == answer.end() || it->is_null()) return std::string();
    if (!it->is_string())
        return Error(ErrorCode::protocol, fmt::format("\"{}\" in its answer is no text", key));
    return it->get<std::string>();
}

struct Description {
    std::vector<std::string> verbs;
    json args;

    bool has(std::string_view verb) const {
        return std::find(verbs.begin(), verbs.end(), verb) != verbs.end();
    }
};

class Host {
public:
    explicit Host(const PluginStep& step) : step_(step) {}

    /// Describes itself, and has its arguments checked by that.
    Result<Description> describe() {
        request_ = json::parse(step_.request, nullptr, false);
        if (!request_.is_object()) return Error(ErrorCode::bug, "the request is no JSON object");
        if (!request_.contains("args")) request_["args"] = json::object();
        request_["protocol"] = protocol;
        request_["record"] = nullptr;
        if (!step_.record.empty()) {
            request_["record"] = json::parse(step_.record, nullptr, false);
            if (request_["record"].is_discarded())
                return within("undo", Error(ErrorCode::corrupt, "its record is no JSON"));
        }
        auto answer = ask("describe", describe_limit);
        if (!answer) return std::move(answer).take_error();
        auto described = read(*answer);
        if (!described) return within("describe", std::move(described).take_error());
        const auto wrong = misfit(described->args, request_["args"]);
        if (!wrong.empty()) return within("args", Error(ErrorCode::usage, wrong));
        return described;
    }

    /// One verb, with all that may go wrong with it.
    Result<json> ask(const std::string& verb, Milliseconds limit = Milliseconds{0}) {
        request_["verb"] = verb;
        auto said = run_plugin(step_.program, verb, request_.dump() + "\n", limit);
        if (!said) return within(verb, std::move(said).take_error());
        auto answer = object_of(said->out);
        if (said->status != 0) {
            // a plugin that fails in good order says why in its answer
            if (answer) {
                if (auto why = text_in(*answer, "error"); why && !why->empty())
                    return failed(verb, *answer, *why);
            }
            return within(verb, Error(ErrorCode::refused,
                                      said->status > 128
                                          ? fmt::format("ended by signal {}", said->status - 128)
                                          : fmt::format("exit status {}", said->status)));
        }
        if (!answer) return within(verb, std::move(answer).take_error());
        auto why = text_in(*answer, "error");
        if (!why) return within(verb, std::move(why).take_error());
        if (!why->empty()) return failed(verb, *answer, *why);
        auto message = text_in(*answer, "message");
        if (!message) return within(verb, std::move(message).take_error());
        if (!message->empty()) step_.tell(*message);
        return answer;
    }

    /// check or verify: the answer has "done".
    Result<bool> look(const std::string& verb) {
        auto answer = ask(verb);
        if (!answer) return std::move(answer).take_error();
        const auto done = answer->find("done");
        if (done == answer->end() || !done->is_boolean())
            return within(verb, Error(ErrorCode::protocol,
                                      "its answer lacks \"done\", which is true or false"));
        return done->get<bool>();
    }

    Status act() {
        auto answer = ask("do");
        // what a do that failed has left must be known to the undo, too
        if (auto kept = keep(answer ? *answer : failure_); !kept) return kept;
        if (!answer) return std::move(answer).take_error();
        return ok();
    }

    Error within(std::string_view verb, Error error) const {
        return std::move(error).within(
            fmt::format("plugin {}: {}", step_.program.filename().string(), verb));
    }

private:
    static Result<Description> read(const json& answer) {
        const auto version = answer.find("protocol");
        if (version == answer.end() || *version != protocol) {
            return Error(ErrorCode::protocol,
                         fmt::format("it does not say \"protocol\": {}", protocol));
        }
        Description out;
        const auto verbs = answer.find("verbs");
        const bool fine = verbs != answer.end() && verbs->is_array() &&
                          std::all_of(verbs->begin(), verbs->end(),
                                      [](const json& verb) { return verb.is_string(); });
        if (!fine) return Error(ErrorCode::protocol, "its \"verbs\" are no list of words");
        out.verbs = verbs->get<std::vector<std::string>>();
        out.args = answer.value("args", json::object());
        const bool described =
            out.args.is_object() && std::all_of(out.args.begin(), out.args.end(),
                                                [](const json& arg) { return arg.is_object(); });
        if (!described) return Error(ErrorCode::protocol, "its \"args\" are no map of maps");
        return out;
    }

    Error failed(const std::string& verb, const json& answer, const std::string& why) {
        failure_ = answer;
        const auto remedy = text_in(answer, "remedy");
        Error error(ErrorCode::refused, printable(why));
        if (!remedy || remedy->empty()) return within(verb, std::move(error));
        return within(verb, std::move(error).advise(printable(*remedy)));
    }

    Status keep(const json& answer) const {
        const auto record = answer.is_object() ? answer.find("record") : answer.end();
        if (!answer.is_object() || record == answer.end() || record->is_null()) return ok();
        const auto text = record->dump();
        if (text.size() > longest_record) {
            return within("do",
                          Error(ErrorCode::protocol,
                                fmt::format("its record is longer than {} bytes", longest_record)));
        }
        return step_.keep(text);
    }

    const PluginStep& step_;
    json request_;
    json failure_;
};

bool fits(std::string_view type, const json& value) {
    if (type == "text") return value.is_string() || value.is_number();
    if (type == "number") return value.is_number();
    if (type == "boolean") return value.is_boolean();
    if (type == "list") return value.is_array();
    if (type == "map") return value.is_object();
    return true;
}

std::string word(const json& spec, const char* key) {
    const auto it = spec.find(key);
    return it != spec.end() && it->is_string() ? it->get<std::string>() : std::string();
}

}  // namespace

std::string misfit(const json& described, const json& args) {
    if (!args.is_object()) return "they must be a map of names and values";
    std::vector<std::string> known;
    for (const auto& [name, spec] : described.items()) known.push_back(name);
    for (const auto& [name, value] : args.items()) {
        const auto spec = described.find(name);
        if (spec == described.end()) {
            const auto close = closest(name, known);
            if (close)
                return fmt::format("there is no \"{}\"; did you mean \"{}\"?", printable(name),
                                   *close);
            return fmt::format("there is no \"{}\"; there are: {}", printable(name),
                               join(known, ", "));
        }
        const auto type = word(*spec, "type");
        if (!fits(type, value)) return fmt::format("\"{}\" must be a {}", name, type);
        const auto choices = spec->find("choices");
        if (choices != spec->end() && choices->is_array() &&
            std::find(choices->begin(), choices->end(), value) == choices->end()) {
            return fmt::format("\"{}\" must be one of {}", name, choices->dump());
        }
    }
    for (const auto& [name, spec] : described.items()) {
        const auto required = spec.find("required");
        if (required != spec.end() && *required == true && !args.contains(name)) {
            const auto help = word(spec, "help");
            return fmt::format("\"{}\" is needed{}{}", name, help.empty() ? "" : ": ", help);
        }
    }
    return {};
}

Status perform_plugin(const PluginStep& step) {
    Host host(step);
    if (auto at = step.at_stage("check"); !at) return at;
    auto described = host.describe();
    if (!described) return std::move(described).take_error();
    if (!described->has("do"))
        return host.within("do", Error(ErrorCode::protocol, "it has no verb \"do\""));
    if (step.needs_undo && !described->has("undo")) {
        return host.within("do", Error(ErrorCode::usage, "it cannot undo what it does")
                                     .advise("say how in the step (undo: COMMAND), or no_return: "
                                             "true or read_only: true"));
    }
    if (described->has("check")) {
        auto done = host.look("check");
        if (!done) return std::move(done).take_error();
        if (*done) return step.at_stage("already");
    }
    if (auto at = step.at_stage("do"); !at) return at;
    if (auto acted = host.act(); !acted) return acted;
    if (!described->has("verify")) return ok();
    if (auto at = step.at_stage("verify"); !at) return at;
    auto right = host.look("verify");
    if (!right) return std::move(right).take_error();
    if (!*right)
        return host.within("verify", Error(ErrorCode::refused, "the work is not as it should be"));
    return ok();
}

Result<bool> check_plugin(const PluginStep& step) {
    Host host(step);
    auto described = host.describe();
    if (!described) return std::move(described).take_error();
    if (!described->has("check"))
        return host.within("check", Error(ErrorCode::refused, "it has no check"));
    return host.look("check");
}

Status undo_plugin(const PluginStep& step) {
    Host host(step);
    auto described = host.describe();
    if (!described) return std::move(described).take_error();
    if (!described->has("undo"))
        return host.within("undo", Error(ErrorCode::refused, "it cannot undo what it does"));
    auto answer = host.ask("undo");
    if (!answer) return std::move(answer).take_error();
    return ok();
}

}  // namespace escalator::action
