// SPDX-License-Identifier: Apache-2.0
#include "runner/event_log.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "base/log.hpp"
#include "engine/codec.hpp"

namespace escalator::runner {

namespace {

using nlohmann::json;
using namespace engine;

/// What an event is about, as a log tells it.
struct Subject {
    const planner::Plan& plan;
    const std::string& run;
    json out = json::object();

    void step(const StepRef& ref, const char* level, const std::string& message) {
        const auto& spec = plan.procedures[ref.procedure].steps[ref.step];
        tell(level, plan.nodes[ref.node].name, spec.action, message);
        out["step"] = planner::step_id(plan, ref);
    }
    void wave(std::uint32_t procedure, std::uint32_t wave, const char* action) {
        tell("info", fmt::format("{}:{}", plan.procedures[procedure].name, wave + 1), action, "");
    }
    void tell(const char* level, const std::string& object, std::string_view action,
              const std::string& message) {
        out["level"] = level;
        out["object"] = object;
        out["action"] = action;
        out["message"] = message.empty() ? json(nullptr) : json(message);
    }

    /// Events without a subject of their own.
    template <class Other>
    void operator()(const Other& /*e*/) {
        tell("info", run, "run", "");
    }
    void operator()(const RunStarted& e) { tell("info", run, "run", "started by " + e.by); }
    void operator()(const ControllerStarted& e) {
        tell("info", run, "control", fmt::format("process {} on {}", e.pid, e.host));
    }
    void operator()(const WaveStarted& e) { wave(e.procedure, e.wave, "wave"); }
    void operator()(const WaveEnded& e) { wave(e.procedure, e.wave, "wave"); }
    void operator()(const StepStarted& e) {
        step(e.step, "info", "");
        out["phase"] = word_of(e.phase);
    }
    void operator()(const StepEnded& e) {
        const bool fine = e.outcome == Outcome::done || e.outcome == Outcome::already ||
                          e.outcome == Outcome::not_done;
        step(e.step, fine ? "info" : "error", e.message);
        out["phase"] = word_of(e.phase);
        out["outcome"] = word_of(e.outcome);
        if (!fine) out["error"] = word_of(e.outcome);
        out["exit_status"] = e.exit_status;
    }
    void operator()(const StepLate& e) {
        step(e.step, "warning", "takes longer than usual");
        out["phase"] = word_of(e.phase);
        out["error"] = "late";
    }
    void operator()(const NodeExcluded& e) {
        tell("error", plan.nodes[e.node].name, "exclude", e.reason);
        out["error"] = "excluded";
    }
    void operator()(const NodeGivenUp& e) {
        tell("warning", plan.nodes[e.node].name, "exclude", "left out by " + e.by);
        out["error"] = "excluded";
    }
    void operator()(const RollbackStarted& e) { tell("warning", run, "rollback", e.reason); }
    void operator()(const RollbackEnded& e) {
        tell(e.complete ? "info" : "error", run, "rollback", "");
        if (!e.complete) out["error"] = "incomplete";
    }
    void operator()(const SuspendRequested& e) { tell("warning", run, "suspend", e.by); }
    void operator()(const Suspended& e) {
        if (e.step) {
            step(*e.step, "warning", e.reason);
        } else {
            tell("warning", run, "suspend", e.reason);
        }
        out["error"] = word_of(e.why);
    }
    void operator()(const Resumed& /*e*/) { tell("info", run, "resume", ""); }
    void operator()(const Answered& e) {
        step(e.step, "info", fmt::format("{} says {}", e.by, word_of(e.answer)));
    }
    void operator()(const RunEnded& e) {
        tell(e.ending == Ending::done ? "info" : "warning", run, "run",
             std::string(word_of(e.ending)));
    }
};

}  // namespace

std::string log_line(const planner::Plan& plan, const std::string& run,
                     const engine::Event& event) {
    Subject subject{plan, run};
    subject.out["error"] = nullptr;
    std::visit(subject, event.body);
    const auto record = to_record(plan, event);
    subject.out["time"] = format_utc(event.time);
    subject.out["event"] = record.event;
    subject.out["run"] = run;
    return subject.out.dump(-1, ' ', false, json::error_handler_t::replace);
}

EventLog::EventLog(const planner::Plan& plan, const std::filesystem::path& dir)
    : plan_(plan),
      run_(dir.filename().string()),
      file_(::open((dir / "log.jsonl").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600)) {}

void EventLog::write(const engine::Event& event) {
    const auto line = log_line(plan_, run_, event) + "\n";
    const auto size = static_cast<ssize_t>(line.size());
    if (file_ && ::write(file_.get(), line.data(), line.size()) == size) return;
    if (!complained_)
        log::warn("log.jsonl cannot be written run={} error={}", run_, errno_text(errno));
    complained_ = true;
}

}  // namespace escalator::runner
