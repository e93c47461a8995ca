// SPDX-License-Identifier: Apache-2.0
#include "node/session.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/digest.hpp"
#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "node/local.hpp"
#include "node/remote.hpp"
#include "node/ssh.hpp"
#include "node/supervisor.hpp"
#include "node/talk.hpp"

namespace escalator::node {

namespace {

using Clock = std::chrono::steady_clock;

/// A job that takes longer gets a second supervisor on the connection, for its output and its end.
constexpr Milliseconds watch_after{1000};
constexpr Milliseconds watch_every{1000};
constexpr Milliseconds first_backoff{250};
constexpr Milliseconds longest_backoff{10'000};
/// TERM, five seconds, KILL: what the supervisor's kill takes at most, and some more.
constexpr Milliseconds kill_patience{15'000};

/// The local copy of a job's output.
class OutputFile {
public:
    OutputFile(const std::filesystem::path& path, std::size_t tail_limit)
        : tail_limit_(tail_limit),
          fd_(path.empty() ? -1
                           : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) {
    }

    void add(std::string_view bytes) {
        size_ += bytes.size();
        tail_.append(bytes.substr(bytes.size() - std::min(bytes.size(), tail_limit_)));
        if (tail_.size() > tail_limit_) tail_.erase(0, tail_.size() - tail_limit_);
        while (fd_ && !bytes.empty()) {
            const auto written = ::write(fd_.get(), bytes.data(), bytes.size());
            if (written <= 0)
                return;  // the copy is a convenience: a full disk stops the journal, not this
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
    }
    std::uint64_t size() const { return size_; }
    const std::string& tail() const { return tail_; }

private:
    std::size_t tail_limit_;
    Fd fd_;
    std::uint64_t size_ = 0;
    std::string tail_;
};

class RemoteSession final : public Session {
public:
    RemoteSession(Endpoint endpoint, Options options, std::unique_ptr<Connector> connector)
        : endpoint_(std::move(endpoint)),
          options_(std::move(options)),
          connector_(std::move(connector)) {
        if (!connector_) {
            connector_ =
                endpoint_.local ? make_local_connector() : make_ssh_connector(endpoint_, options_);
        }
    }

    Result<Hello> open(const std::stop_token& stop) override {
        if (talk_) return hello_;
        return connect(Clock::now() + options_.connect_timeout, stop);
    }

    Status lease(const std::string& run, const std::string& controller,
                 const std::stop_token& stop) override {
        return take_lease(run, controller, false, stop);
    }

    Status steal_lease(const std::string& run, const std::string& controller,
                       const std::stop_token& stop) override {
        return take_lease(run, controller, true, stop);
    }

    JobResult run(const Job& job, const std::stop_token& stop) override;

    Status release(const std::string& run, const std::stop_token& stop) override {
        if (!talk_) return ok();
        auto released = talk_->release(run, Clock::now() + options_.connect_timeout, stop);
        if (!released) close();
        run_.clear();
        return released;
    }

    void close() noexcept override {
        watcher_.reset();
        talk_.reset();
        connection_.reset();
    }

private:
    /// One job on its way: what is known of it across connections.
    struct Progress {
        const Job& job;
        OutputFile output;
        Deadline timeout;
        Deadline give_up;  ///< no connection until then: unreachable
        bool may_exist;    ///< a claim for it may be on the node
        bool found;        ///< it was not started by this very call
        bool killed = false;
        std::string boot_id{};  ///< of the node when it began
        Milliseconds backoff = first_backoff;
        std::string trouble{};  ///< why the last connection went
    };

    Result<Hello> connect(Deadline deadline, const std::stop_token& stop);
    Result<std::unique_ptr<Talk>> start_talk(Hello& hello, Deadline deadline,
                                             const std::stop_token& stop);
    Status take_lease(const std::string& run, const std::string& controller, bool steal,
                      const std::stop_token& stop);
    Status ready(const std::stop_token& stop);
    bool wait_before_retry(Progress& progress, const Error& error, const std::stop_token& stop);
    Result<Report> converse(Progress& progress, const std::stop_token& stop);
    Result<Report> watch(Progress& progress, const std::stop_token& stop);
    Status look(Talk& talk, Progress& progress, Report* state, const std::stop_token& stop);
    Status fetch_rest(Progress& progress, const Report& report, const std::stop_token& stop);
    JobResult await_reboot(Progress& progress, JobResult result, const std::stop_token& stop);
    static JobResult result_of(const Progress& progress, JobEnd end, std::string detail);

    Endpoint endpoint_;
    Options options_;
    std::unique_ptr<Connector> connector_;
    std::unique_ptr<Connection> connection_;
    std::unique_ptr<Talk> talk_;
    std::unique_ptr<Talk> watcher_;
    Hello hello_;
    std::string run_;
    std::string controller_;
    bool forgetful_ = false;  ///< the node has lost what this run had on it
};

Result<std::unique_ptr<Talk>> RemoteSession::start_talk(Hello& hello, Deadline deadline,
                                                        const std::stop_token& stop) {
    const auto nonce = random_hex(12);
    auto link = connection_->exec(
        supervisor_command(nonce, options_.node_dir.string(), endpoint_.become), deadline, stop);
    if (!link) return std::move(link).take_error();
    auto talk = std::make_unique<Talk>(std::move(*link), nonce);
    auto said = talk->hello(deadline, stop);
    if (!said) return std::move(said).take_error();
    hello = std::move(*said);
    return talk;
}

Result<Hello> RemoteSession::connect(Deadline deadline, const std::stop_token& stop) {
    close();
    auto connection = connector_->connect(deadline, stop);
    if (!connection) return std::move(connection).take_error();
    connection_ = std::move(*connection);
    auto talk = start_talk(hello_, deadline, stop);
    if (!talk) {
        close();
        return std::move(talk).take_error();
    }
    talk_ = std::move(*talk);
    return hello_;
}

Status RemoteSession::take_lease(const std::string& run, const std::string& controller, bool steal,
                                 const std::stop_token& stop) {
    if (auto opened = open(stop); !opened) return std::move(opened).take_error();
    const auto deadline = Clock::now() + options_.connect_timeout;
    auto said =
        talk_->lease(run, controller, format_utc(SystemClock().now()), steal, deadline, stop);
    if (!said) {
        close();
        return std::move(said).take_error();
    }
    const auto& words = *said;
    if (words[1] != run) {
        return Error(ErrorCode::busy,
                     fmt::format("run {} holds the node, from controller {} since {}", words[1],
                                 words[2], words[3]))
            .advise(
                "wait for that run, or end it there; if its controller is lost for good: "
                "--steal-lease");
    }
    if (words[0] == "new") forgetful_ = true;
    run_ = run;
    controller_ = controller;
    return ok();
}

/// Connected and leased, as before the connection went.
Status RemoteSession::ready(const std::stop_token& stop) {
    if (talk_) return ok();
    if (auto opened = open(stop); !opened) return std::move(opened).take_error();
    if (run_.empty()) return Error(ErrorCode::bug, "a job without a lease");
    return take_lease(run_, controller_, false, stop);
}

JobResult RemoteSession::result_of(const Progress& progress, JobEnd end, std::string detail) {
    JobResult result;
    result.end = end;
    result.tail = progress.output.tail();
    result.output_bytes = progress.output.size();
    result.detail = std::move(detail);
    result.reattached = progress.found;
    return result;
}

/// Whether another try is due. False: give up (or stop).
bool RemoteSession::wait_before_retry(Progress& progress, const Error& error,
                                      const std::stop_token& stop) {
    progress.trouble = error.text();
    close();
    const bool hopeless =
        error.code() == ErrorCode::untrusted || error.code() == ErrorCode::unauthorised ||
        error.code() == ErrorCode::usage || error.code() == ErrorCode::cancelled ||
        error.code() == ErrorCode::busy || error.code() == ErrorCode::io;
    const auto next = Clock::now() + progress.backoff;
    if (hopeless || next > progress.give_up) return false;
    log::info("connection lost, trying again host={} error={}", endpoint_.name, progress.trouble);
    progress.backoff = std::min(progress.backoff * 2, longest_backoff);
    return wait_until(next, stop);
}

/// Fetches what the job has written since last time; with `state`, tells how it stands.
Status RemoteSession::look(Talk& talk, Progress& progress, Report* state,
                           const std::stop_token& stop) {
    for (;;) {
        const auto deadline = Clock::now() + options_.keepalive;
        auto chunk = talk.poll(progress.job.key, progress.output.size(), deadline, stop);
        if (!chunk) return std::move(chunk).take_error();
        const auto size = chunk->output.size();
        const auto before = progress.output.size();
        if (before < options_.output_limit) progress.output.add(chunk->output);
        if (state != nullptr) read_state(chunk->state, 0, *state);
        if (size < Talk::output_chunk || progress.output.size() >= options_.output_limit)
            return ok();
    }
}

/// A job of some length: its output, the connection's life and the job's end are looked after.
Result<Report> RemoteSession::watch(Progress& progress, const std::stop_token& stop) {
    if (!watcher_) {
        Hello ignored;
        auto talk = start_talk(ignored, Clock::now() + options_.keepalive, stop);
        if (!talk) return std::move(talk).take_error();
        watcher_ = std::move(*talk);
        auto used = watcher_->use(run_, Clock::now() + options_.keepalive, stop);
        if (!used) return std::move(used).take_error();
    }
    if (progress.job.timeout > Milliseconds{0} && Clock::now() >= progress.timeout &&
        !progress.killed) {
        auto killed = watcher_->kill(progress.job.key, Clock::now() + kill_patience, stop);
        if (!killed) return std::move(killed).take_error();
        progress.killed = true;
    }
    Report state;
    if (auto looked = look(*watcher_, progress, &state, stop); !looked) {
        return std::move(looked).take_error();
    }
    return state;
}

/// From the request to the answer, over one connection.
Result<Report> RemoteSession::converse(Progress& progress, const std::stop_token& stop) {
    const auto& job = progress.job;
    const auto patience =
        Clock::now() + std::max<Milliseconds>(options_.keepalive, options_.connect_timeout);
    auto sent = ok();
    if (job.attach_only) {
        progress.may_exist = true;
        sent = talk_->attach(job.key, patience, stop);
    } else {
        const bool known = progress.may_exist;
        progress.may_exist = true;
        // every payload byte may take a while on a slow line; the line itself must not stand still
        auto patient = patience;
        for (const auto& payload : job.payloads) patient += Milliseconds{payload.size / 16'384};
        sent = talk_->start(job, patient, stop);
        if (!sent && sent.error().code() == ErrorCode::io && !known) progress.may_exist = false;
    }
    if (!sent) return std::move(sent).take_error();
    bool foreign = false;  // another loop started it and waits for it: nothing will be said unasked
    for (auto wait = watch_after;; wait = watch_every) {
        auto next = Clock::now() + wait;
        if (job.timeout > Milliseconds{0} && !progress.killed)
            next = std::min(next, progress.timeout);
        if (!foreign) {
            auto report = talk_->report(next, stop);
            if (report && report->state != "running") return report;
            if (!report && report.error().code() != ErrorCode::timeout) return report;
            foreign = report.has_value();
        } else if (!wait_until(next, stop)) {
            return Error(ErrorCode::cancelled, "stopped");
        }
        auto state = watch(progress, stop);
        if (!state) return state;
        if (!foreign || state->state == "running") continue;
        const auto deadline = Clock::now() + options_.keepalive;
        if (auto asked = talk_->attach(job.key, deadline, stop); !asked)
            return std::move(asked).take_error();
        return talk_->report(deadline, stop);
    }
}

Status RemoteSession::fetch_rest(Progress& progress, const Report& report,
                                 const std::stop_token& stop) {
    if (progress.output.size() == 0) {
        progress.output.add(report.output);
        if (report.output.size() < Talk::output_chunk) return ok();
    }
    if (auto used = talk_->use(run_, Clock::now() + options_.keepalive, stop); !used) return used;
    return look(*talk_, progress, nullptr, stop);
}

/// The script has said that it asked for a reboot: the step is done when the node is back.
JobResult RemoteSession::await_reboot(Progress& progress, JobResult result,
                                      const std::stop_token& stop) {
    while (Clock::now() < progress.timeout) {
        close();
        if (!wait_until(Clock::now() + longest_backoff / 10, stop)) {
            return result_of(progress, JobEnd::cancelled, "stopped");
        }
        if (auto back = ready(stop); back && hello_.boot_id != progress.boot_id) {
            result.end = JobEnd::rebooted;
            return result;
        }
    }
    result.end = JobEnd::timed_out;
    result.detail = "the node did not come back with a new boot id in time";
    return result;
}

JobResult RemoteSession::run(const Job& job, const std::stop_token& stop) {
    const auto now = Clock::now();
    const auto endless = now + std::chrono::hours{24 * 365};
    Progress progress{job,
                      OutputFile(job.output, options_.tail_limit),
                      job.timeout > Milliseconds{0} ? now + job.timeout : endless,
                      now + options_.reconnect_budget,
                      job.may_have_started,
                      job.may_have_started};
    if (job.expects_reboot) progress.give_up = std::max(progress.give_up, progress.timeout);
    const auto given_up = [&](const Error& error) {
        if (error.code() == ErrorCode::cancelled || stop.stop_requested()) {
            return result_of(progress, JobEnd::cancelled, "stopped");
        }
        return result_of(progress, progress.may_exist ? JobEnd::unreachable : JobEnd::not_started,
                         error.text());
    };
    for (;;) {
        if (auto up = ready(stop); !up) {
            if (wait_before_retry(progress, up.error(), stop)) continue;
            return given_up(up.error());
        }
        if (progress.boot_id.empty()) progress.boot_id = hello_.boot_id;
        if (progress.may_exist && forgetful_) {
            if (job.expects_reboot && hello_.boot_id != progress.boot_id) {
                return result_of(progress, JobEnd::rebooted, "");
            }
            return result_of(progress, JobEnd::lost, "the node has lost what this run had on it");
        }
        forgetful_ = false;
        auto report = converse(progress, stop);
        if (!report) {
            progress.found = true;
            if (wait_before_retry(progress, report.error(), stop)) {
                progress.give_up =
                    std::max(progress.give_up, Clock::now() + options_.reconnect_budget);
                continue;
            }
            return given_up(report.error());
        }
        if (auto fetched = fetch_rest(progress, *report, stop); !fetched) {
            if (wait_before_retry(progress, fetched.error(), stop)) continue;
            return given_up(fetched.error());
        }
        auto result = result_of(progress, JobEnd::finished, "");
        result.exit_status = report->exit_status;
        result.stage = report->stage;
        result.record = report->record;
        if (progress.killed) {
            result.end = JobEnd::timed_out;
            result.detail = "its time was up; its process group was ended";
        } else if (report->state == "rc") {
            const bool asked =
                job.expects_reboot && report->exit_status == 0 && report->stage != "already";
            if (asked && report->boot_id != hello_.boot_id) {
                result.end = JobEnd::rebooted;
                return result;
            }
            if (asked) return await_reboot(progress, std::move(result), stop);
        } else if (report->state == "rebooted") {
            result.end = job.expects_reboot ? JobEnd::rebooted : JobEnd::lost;
            result.detail = "the node was rebooted while the step ran";
        } else if (report->state == "gone") {
            result.end = JobEnd::lost;
            result.detail = "its process is gone and left no exit status";
        } else {
            result.end = JobEnd::not_started;
            result.detail = report->state == "nolease" ? "another run has taken the node's lease"
                                                       : "it had never started";
        }
        return result;
    }
}

}  // namespace

std::string_view name_of(JobEnd end) noexcept {
    switch (end) {
        case JobEnd::finished:
            return "finished";
        case JobEnd::rebooted:
            return "rebooted";
        case JobEnd::timed_out:
            return "timed_out";
        case JobEnd::lost:
            return "lost";
        case JobEnd::unreachable:
            return "unreachable";
        case JobEnd::not_started:
            return "not_started";
        case JobEnd::cancelled:
            return "cancelled";
    }
    return "unknown";
}

std::unique_ptr<Session> make_session(Endpoint endpoint, Options options) {
    return make_session(std::move(endpoint), std::move(options), nullptr);
}

std::unique_ptr<Session> make_session(Endpoint endpoint, Options options,
                                      std::unique_ptr<Connector> connector) {
    return std::make_unique<RemoteSession>(std::move(endpoint), std::move(options),
                                           std::move(connector));
}

}  // namespace escalator::node
