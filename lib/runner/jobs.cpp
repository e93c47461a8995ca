// SPDX-License-Identifier: Apache-2.0
#include "runner/jobs.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.hpp"
#include "base/text.hpp"
#include "engine/codec.hpp"

namespace escalator::runner {

namespace {

using engine::Outcome;
using engine::Phase;

/// Journal messages are for people; the whole output is in the step's log file.
constexpr std::size_t longest_message = 2048;
/// Node-side file names: longer keys are cut and made unique by a digest.
constexpr std::size_t longest_key = 120;

std::string last_lines(std::string_view text) {
    text = trim(text);
    if (text.size() > longest_message / 2) {
        text.remove_prefix(text.size() - longest_message / 2);
        const auto line = text.find('\n');
        if (line != std::string_view::npos && line < 200) text.remove_prefix(line + 1);
    }
    return printable(text);
}

Outcome outcome_of(Phase phase, const node::JobResult& result) {
    switch (result.end) {
        case node::JobEnd::rebooted:
            return Outcome::done;
        case node::JobEnd::timed_out:
            return Outcome::timed_out;
        case node::JobEnd::lost:
            return Outcome::lost;
        case node::JobEnd::unreachable:
            return Outcome::unreachable;
        case node::JobEnd::not_started:
        case node::JobEnd::cancelled:
            return Outcome::not_started;
        case node::JobEnd::finished:
            break;
    }
    if (result.exit_status == 0) {
        return phase == Phase::perform && result.stage == "already" ? Outcome::already
                                                                    : Outcome::done;
    }
    return phase == Phase::check && result.exit_status == 1 ? Outcome::not_done : Outcome::failed;
}

engine::StepEnded event_of(const engine::JobIntent& intent) {
    engine::StepEnded event;
    event.step = intent.step;
    event.phase = intent.phase;
    event.attempt = intent.attempt;
    return event;
}

}  // namespace

Jobs::Jobs(const planner::Plan& plan, std::string run,
           std::vector<std::filesystem::path> plugin_path)
    : plan_(plan), run_(std::move(run)), plugin_path_(std::move(plugin_path)) {}

const campaign::Step& Jobs::spec(const engine::StepRef& step) const {
    return plan_.procedures[step.procedure].steps[step.step];
}

action::Scope Jobs::scope_of(const engine::StepRef& step) const {
    const auto& node = plan_.nodes[step.node];
    action::Scope scope(plan_.vars.begin(), plan_.vars.end());
    for (const auto& [key, value] : spec(step).params) scope[key] = value;
    scope["campaign.name"] = plan_.campaign;
    scope["run.id"] = run_;
    scope["node.name"] = node.name;
    scope["node.address"] = node.connection.address;
    for (const auto& [key, value] : node.labels) scope["node.label." + key] = value;
    return scope;
}

Result<action::Compiled> Jobs::compile(const engine::StepRef& ref) const {
    const auto& step = spec(ref);
    action::Request request;
    request.action = step.action;
    request.args = step.args;
    request.check = step.check;
    request.verify = step.verify;
    request.undo = step.undo;
    request.run_as = step.run_as;
    request.needs_undo = step.way_back == action::WayBack::builtin;
    request.base_dir = plan_.base_dir;
    request.plugin_path = plugin_path_;
    auto compiled = action::compile(request, scope_of(ref));
    if (!compiled) return std::move(compiled).fail(planner::step_id(plan_, ref));
    return compiled;
}

std::string Jobs::key(const engine::JobIntent& intent) const {
    const auto& procedure = plan_.procedures[intent.step.procedure];
    auto key = fmt::format("{}.{}.{}.{}.{}", procedure.name, spec(intent.step).name,
                           plan_.nodes[intent.step.node].name, engine::word_of(intent.phase),
                           intent.attempt);
    if (key.size() <= longest_key && is_plain_name(key)) return key;
    return fmt::format("step-{}", sha256_hex(key).substr(0, 40));
}

Result<std::optional<Placed>> Jobs::job(const engine::JobIntent& intent, const std::string& record,
                                        const std::filesystem::path& output) const {
    auto compiled = compile(intent.step);
    if (!compiled) return std::move(compiled).take_error();
    const auto& step = spec(intent.step);
    node::Job job;
    switch (intent.phase) {
        case Phase::perform:
            job.script = std::move(compiled->perform);
            job.expects_reboot = compiled->expects_reboot;
            for (auto& upload : compiled->uploads) {
                job.payloads.push_back({std::move(upload.name), std::move(upload.source),
                                        std::move(upload.content), upload.size,
                                        std::move(upload.sha256)});
            }
            break;
        case Phase::check:
            job.script = std::move(compiled->check);
            break;
        case Phase::undo:
            job.script = std::move(compiled->undo);
            job.record = record;
            break;
    }
    if (job.script.empty()) return std::optional<Placed>{};
    job.key = key(intent);
    // a place to keep things costs a node some work: only for scripts that use it, or may
    if (compiled->where == action::Where::controller || !job.payloads.empty() ||
        job.script.find("ESCALATOR_KEEP") != std::string::npos) {
        job.keep = fmt::format("{}.{}", plan_.procedures[intent.step.procedure].name, step.name);
        if (job.keep.size() > longest_key) job.keep = sha256_hex(job.keep).substr(0, 40);
    }
    job.run_as = std::move(compiled->run_as);
    job.timeout = step.timeout;
    job.may_have_started = intent.reattach;
    job.attach_only = intent.reattach && !intent.may_start;
    job.output = output;
    return std::optional(Placed{std::move(job), compiled->where == action::Where::controller});
}

engine::StepEnded Jobs::ended(const engine::JobIntent& intent,
                              const node::JobResult& result) const {
    auto event = event_of(intent);
    event.outcome = outcome_of(intent.phase, result);
    event.exit_status = result.exit_status;
    event.stage = result.stage;
    event.record = result.record;
    event.reattached = result.reattached;
    const bool fine = event.outcome == Outcome::done || event.outcome == Outcome::already ||
                      event.outcome == Outcome::not_done;
    if (fine) return event;
    event.message = printable(result.detail);
    if (event.outcome == Outcome::failed) {
        event.message = fmt::format("exit status {}{}", result.exit_status,
                                    result.stage == "verify" ? " of its verification" : "");
    }
    const auto tail = last_lines(result.tail);
    if (!tail.empty()) event.message += ": " + tail;
    if (event.message.size() > longest_message) event.message.resize(longest_message);
    return event;
}

engine::StepEnded Jobs::without_script(const engine::JobIntent& intent) {
    auto event = event_of(intent);
    if (intent.phase == Phase::check) {
        event.outcome = Outcome::failed;
        event.message = "the step has no check that could tell how it ended";
    } else {
        event.outcome = Outcome::already;
    }
    return event;
}

engine::StepEnded Jobs::refused(const engine::JobIntent& intent, const Error& error) {
    auto event = event_of(intent);
    event.outcome = Outcome::failed;
    event.stage = "check";
    event.message = error.text();
    return event;
}

}  // namespace escalator::runner
