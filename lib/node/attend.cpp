// SPDX-License-Identifier: Apache-2.0
#include "node/attend.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "base/text.hpp"
#include "node/output_file.hpp"

namespace escalator::node {

namespace {

using Clock = std::chrono::steady_clock;

/// A job that takes longer gets a second supervisor on the connection, for its output, the
/// connection's life and its time-out; its end is told at once all the same.
constexpr Milliseconds watch_after{1000};
constexpr Milliseconds watch_at_most_every{5000};
/// A job that another loop waits for has its end seen only by looking.
constexpr Milliseconds look_every{1000};
constexpr Milliseconds first_backoff{250};
constexpr Milliseconds longest_backoff{10'000};
/// TERM, five seconds, KILL, five seconds: what the supervisor's kill takes at most, and some more.
constexpr Milliseconds kill_patience{30'000};
/// Answers that make no sense, and refusals, until the node is given up.
constexpr int most_senseless = 3;
/// A payload may take a while on a slow line: bytes a millisecond.
constexpr std::uint64_t slowest_line = 16;

bool is_hopeless(ErrorCode code) {
    return code == ErrorCode::untrusted || code == ErrorCode::unauthorised ||
           code == ErrorCode::usage || code == ErrorCode::cancelled || code == ErrorCode::busy ||
           code == ErrorCode::io || code == ErrorCode::refused || code == ErrorCode::bug;
}

class Attendance {
public:
    Attendance(Wire& wire, const Job& job, const std::stop_token& stop)
        : wire_(wire),
          job_(job),
          stop_(stop),
          output_(job.output, wire.options().output_limit, wire.options().tail_limit),
          timeout_(Clock::now() +
                   (job.timeout > Milliseconds{0} ? job.timeout : std::chrono::hours{24 * 365})),
          give_up_(Clock::now() + wire.options().reconnect_budget),
          may_exist_(job.may_have_started),
          found_(job.may_have_started) {
        if (job.expects_reboot) give_up_ = std::max(give_up_, timeout_);
    }

    JobResult run();

private:
    bool try_again(const Error& error);
    JobResult given_up(const Error& error) const;
    JobResult result_of(JobEnd end, std::string detail) const;
    Result<Report> converse();
    Status request();
    Result<Report> ask();
    Result<Report> watch();
    Status look(Talk& talk, Report* state);
    Status fetch_rest(const Report& report);
    JobResult judge(const Report& report);
    JobResult await_reboot(JobResult result);
    Deadline soon() const { return Clock::now() + wire_.options().keepalive; }

    Wire& wire_;
    const Job& job_;
    const std::stop_token& stop_;
    OutputFile output_;
    Deadline timeout_;
    Deadline give_up_;   ///< no connection until then: unreachable
    bool may_exist_;     ///< a claim for it may be on the node
    bool found_;         ///< it was not started by this very call
    bool nail_ = false;  ///< the node declined it: it must not start any more
    bool killed_ = false;
    std::string survivors_{};  ///< pids that a KILL did not end
    std::string refusal_{};    ///< why the node declined it
    int senseless_ = 0;
    std::string boot_id_{};  ///< of the node when it began
    Milliseconds backoff_ = first_backoff;
};

JobResult Attendance::result_of(JobEnd end, std::string detail) const {
    JobResult result;
    result.end = end;
    result.tail = output_.tail();
    result.output_bytes = output_.size();
    result.detail = std::move(detail);
    result.reattached = found_;
    return result;
}

JobResult Attendance::given_up(const Error& error) const {
    if (error.code() == ErrorCode::cancelled || stop_.stop_requested()) {
        return result_of(JobEnd::cancelled, "stopped");
    }
    auto text = error.text();
    if (!error.remedy().empty()) text += fmt::format(" ({})", error.remedy());
    return result_of(may_exist_ ? JobEnd::unreachable : JobEnd::not_started, std::move(text));
}

/// Waits for another try. False: give up (or stop).
bool Attendance::try_again(const Error& error) {
    wire_.close();
    const auto next = Clock::now() + backoff_;
    if (is_hopeless(error.code()) || next > give_up_) return false;
    log::info("connection lost, trying again host={} error={}", wire_.name(), error.text());
    backoff_ = std::min(backoff_ * 2, longest_backoff);
    return wait_until(next, stop_);
}

/// Fetches what the job has written since last time; with `state`, tells how it stands.
Status Attendance::look(Talk& talk, Report* state) {
    for (;;) {
        auto chunk = talk.poll(job_.key, output_.size(), soon(), stop_);
        if (!chunk) return std::move(chunk).take_error();
        const auto size = chunk->output.size();
        if (!output_.full()) output_.add(chunk->output);
        if (state != nullptr) read_state(chunk->state, 0, *state);
        if (size < Talk::poll_chunk || output_.full()) return ok();
    }
}

/// A job of some length: its output, the connection's life and the job's end are looked after.
Result<Report> Attendance::watch() {
    auto watcher = wire_.watcher(stop_);
    if (!watcher) return std::move(watcher).take_error();
    if (Clock::now() >= timeout_ && !killed_) {
        auto left = (*watcher)->kill(job_.key, Clock::now() + kill_patience, stop_);
        if (!left) return std::move(left).take_error();
        killed_ = true;
        survivors_ = join(*left, " ");
    }
    Report state;
    if (auto looked = look(**watcher, &state); !looked) return std::move(looked).take_error();
    return state;
}

Status Attendance::request() {
    // what came of an earlier job is recorded by now: its long output need not fill the node's disk
    if (auto cut = wire_.cut_spent(stop_); !cut) return cut;
    auto patience = Clock::now() + std::max<Milliseconds>(wire_.options().keepalive,
                                                          wire_.options().connect_timeout);
    if (job_.attach_only || nail_) {
        may_exist_ = true;
        return wire_.talk().attach(job_.key, patience, stop_);
    }
    const bool known = may_exist_;
    may_exist_ = true;
    for (const auto& payload : job_.payloads) patience += Milliseconds{payload.size / slowest_line};
    auto sent = wire_.talk().start(job_, patience, stop_);
    // the whole request never left: nothing can have come of it
    if (!sent && sent.error().code() == ErrorCode::io) may_exist_ = known;
    return sent;
}

/// Asks how the job stands, of the loop that is free to answer.
Result<Report> Attendance::ask() {
    if (auto asked = wire_.talk().attach(job_.key, soon(), stop_); !asked) {
        return std::move(asked).take_error();
    }
    return wire_.talk().report(soon(), stop_);
}

/// From the request to the answer, over one connection.
Result<Report> Attendance::converse() {
    const bool known = may_exist_;
    auto sent = request();
    bool foreign = false;  // another loop started it and waits for it: nothing will be said unasked
    auto wait = watch_after;
    const auto began = Clock::now();
    while (sent) {
        auto next = Clock::now() + wait;
        if (!killed_) next = std::min(next, timeout_);
        if (!foreign) {
            auto report = wire_.talk().report(next, stop_);
            if (report && report->state != "running") return report;
            if (!report && report.error().code() != ErrorCode::timeout) {
                sent = std::move(report).take_error();
                break;
            }
            foreign = report.has_value();
        } else if (!wait_until(next, stop_)) {
            return Error(ErrorCode::cancelled, "stopped");
        }
        auto state = watch();
        if (!state) return state;
        give_up_ = std::max(give_up_, Clock::now() + wire_.options().reconnect_budget);
        if (killed_ && !survivors_.empty()) return state;
        wait = foreign ? look_every
                       : std::clamp<Milliseconds>(
                             std::chrono::duration_cast<Milliseconds>(Clock::now() - began) / 10,
                             watch_after, watch_at_most_every);
        if (state->state == "running") continue;
        if (foreign) return ask();
        // it has ended, and something it left behind holds its output open
        auto watcher = wire_.watcher(stop_);
        if (!watcher) return std::move(watcher).take_error();
        auto nudged = (*watcher)->nudge(wire_.talk(), soon(), stop_);
        if (!nudged) return std::move(nudged).take_error();
        wait = watch_after;
    }
    if (sent.error().code() == ErrorCode::refused && !known && !nail_) may_exist_ = false;
    return std::move(sent).take_error();
}

Status Attendance::fetch_rest(const Report& report) {
    if (report.output.size() > output_.size()) {
        output_.add(std::string_view(report.output).substr(output_.size()));
    }
    if (report.output.size() < Talk::report_chunk && !report.has_tail) return ok();
    if (auto looked = look(wire_.talk(), nullptr); !looked) return looked;
    wire_.spent(job_.key);
    if (!report.has_tail) return ok();
    auto tail = wire_.talk().tail(job_.key, soon(), stop_);
    if (!tail) return std::move(tail).take_error();
    output_.add_tail(*tail);
    return ok();
}

/// The script has said that it asked for a reboot: the step is done when the node is back.
JobResult Attendance::await_reboot(JobResult result) {
    auto pause = Milliseconds{1000};
    while (Clock::now() < timeout_) {
        wire_.close();
        if (!wait_until(Clock::now() + pause, stop_))
            return result_of(JobEnd::cancelled, "stopped");
        pause = std::min<Milliseconds>(pause + pause / 4, longest_backoff / 2);
        auto back = wire_.ready(stop_);
        if (back && wire_.hello().boot_id != boot_id_) {
            result.end = JobEnd::rebooted;
            return result;
        }
        if (!back && is_hopeless(back.error().code())) return given_up(back.error());
    }
    result.end = JobEnd::timed_out;
    result.detail = "the node did not come back with a new boot id in time";
    return result;
}

/// What the node's last word on the job means.
JobResult Attendance::judge(const Report& report) {
    auto result = result_of(JobEnd::finished, "");
    result.exit_status = report.exit_status;
    result.stage = report.stage;
    result.record = report.record;
    if (killed_ || report.state == "killed") {
        result.end = JobEnd::timed_out;
        result.detail = "its time was up; its process group was ended";
        if (!survivors_.empty()) {
            result.detail =
                fmt::format("its time was up, and even KILL did not end process {}", survivors_);
            wire_.close();  // the loop there still waits for it
        }
    } else if (report.state == "rc") {
        const bool asked =
            job_.expects_reboot && report.exit_status == 0 && report.stage != "already";
        if (!asked) return result;
        if (report.boot_id == wire_.hello().boot_id) return await_reboot(std::move(result));
        result.end = JobEnd::rebooted;
    } else if (report.state == "rebooted") {
        result.end = job_.expects_reboot ? JobEnd::rebooted : JobEnd::lost;
        result.detail = "the node was rebooted while the step ran";
    } else if (report.state == "gone") {
        result.end = JobEnd::lost;
        result.detail = "its process is gone and left no exit status";
    } else {
        result.end = JobEnd::not_started;
        result.detail = report.state == "nolease" ? "another run has taken the node's lease"
                        : refusal_.empty()        ? "it had never started"
                                                  : refusal_;
    }
    return result;
}

JobResult Attendance::run() {
    for (;;) {
        if (auto up = wire_.ready(stop_); !up) {
            if (try_again(up.error())) continue;
            return given_up(up.error());
        }
        if (boot_id_.empty()) boot_id_ = wire_.hello().boot_id;
        if (wire_.has_forgotten() && may_exist_) {
            if (job_.expects_reboot && wire_.hello().boot_id != boot_id_) {
                return result_of(JobEnd::rebooted, "");
            }
            return result_of(JobEnd::lost, "the node has lost what this run had on it");
        }
        const auto began = Clock::now();
        auto report = converse();
        if (report) {
            auto fetched = fetch_rest(*report);
            if (fetched) return judge(*report);
            found_ = true;
            if (try_again(fetched.error())) continue;
            return given_up(fetched.error());
        }
        found_ = true;
        const auto error = std::move(report).take_error();
        if (error.code() == ErrorCode::refused || error.code() == ErrorCode::protocol) {
            if (error.code() == ErrorCode::refused && !may_exist_) return given_up(error);
            // an earlier request may still be on its way to a start
            nail_ = error.code() == ErrorCode::refused;
            refusal_ = error.text();
            if (++senseless_ < most_senseless && try_again({ErrorCode::protocol, refusal_}))
                continue;
            return given_up(error);
        }
        if (Clock::now() - began > wire_.options().keepalive) {
            give_up_ = std::max(give_up_, Clock::now() + wire_.options().reconnect_budget);
        }
        if (!try_again(error)) return given_up(error);
    }
}

}  // namespace

JobResult attend(Wire& wire, const Job& job, const std::stop_token& stop) {
    return Attendance(wire, job, stop).run();
}

}  // namespace escalator::node
