// SPDX-License-Identifier: Apache-2.0
#include "node/talk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

namespace escalator::node {

namespace {

constexpr std::size_t longest_line = 4096;
constexpr std::size_t longest_record = 16'384;
/// Bytes of a payload read and sent at once.
constexpr std::size_t payload_chunk = 65'536;
/// Bytes of a script that the supervisor reads line by line; a longer one comes as a file.
constexpr std::size_t longest_in_line = 8192;
/// Time for a word that the node has said already.
constexpr Milliseconds moment{2000};

/// `sudo -n` refuses in several ways, and each has its own cure.
Error refused_by_sudo(const std::string& said, const Error& error) {
    const auto has = [&](std::string_view words) { return said.find(words) != std::string::npos; };
    Error out(ErrorCode::unauthorised, error.message());
    if (has("not found") || has("No such file")) {
        return std::move(out).advise(
            "there is no sudo on the node: install it, or connect as root and leave become out");
    }
    if (has("not in the sudoers") || has("not allowed")) {
        return std::move(out).advise(
            "sudo lets this user do nothing, or not this: give it a line like "
            "\"USER ALL=(ALL) NOPASSWD: ALL\" in /etc/sudoers.d/ on the node");
    }
    if (has("password")) {
        return std::move(out).advise(
            "become works without a password only: give this user a line like "
            "\"USER ALL=(ALL) NOPASSWD: ALL\" in /etc/sudoers.d/ on the node");
    }
    if (has("tty")) {
        return std::move(out).advise(
            "become has no terminal: put \"Defaults:USER !requiretty\" into /etc/sudoers.d/ on "
            "the node");
    }
    return std::move(out).advise("try on the node: sudo -n -- sh -c id");
}

Error senseless(std::string_view said) {
    return {ErrorCode::protocol,
            fmt::format("the node's supervisor said something senseless: \"{}\"",
                        printable(said.substr(0, 80)))};
}

Error late() {
    return {ErrorCode::timeout, "the node came to this request too late, and declined it"};
}

Words words_of(std::string_view text) {
    Words out;
    std::istringstream in{std::string(text)};
    for (std::string word; in >> word;) out.push_back(word);
    return out;
}

}  // namespace

void read_state(const Words& words, std::size_t from, Report& into) {
    into.state = words.size() > from ? words[from] : "none";
    if (into.state == "rc" && words.size() > from + 1) {
        const auto& number = words[from + 1];
        std::from_chars(number.data(), number.data() + number.size(), into.exit_status);
    }
}

Talk::Talk(std::unique_ptr<Link> link, std::string_view nonce)
    : link_(std::move(link)), mark_(fmt::format("@@{} ", nonce)) {}

Status Talk::fill(Deadline deadline, const std::stop_token& stop) {
    auto more = link_->receive(buffer_, deadline, stop);
    if (!more) return std::move(more).take_error();
    if (*more) return ok();
    const auto complaint = printable(trim(link_->complaint()));
    return Error(ErrorCode::unreachable, complaint.empty()
                                             ? std::string("the supervisor on the node ended")
                                             : fmt::format("the node says: {}", complaint));
}

Status Talk::say(std::string text, Deadline deadline, const std::stop_token& stop) {
    text += '\n';
    return link_->send(text, deadline, stop);
}

Result<std::string> Talk::line(Deadline deadline, const std::stop_token& stop) {
    for (;;) {
        const auto end = buffer_.find('\n');
        if (end != std::string::npos) {
            auto out = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            return out;
        }
        if (buffer_.size() > longest_line) return senseless(buffer_);
        if (auto more = fill(deadline, stop); !more) return std::move(more).take_error();
    }
}

Result<Words> Talk::answer(std::string_view verb, Deadline deadline, const std::stop_token& stop) {
    auto said = line(deadline, stop);
    if (!said) return std::move(said).take_error();
    if (!said->starts_with(mark_)) return senseless(*said);
    auto words = words_of(std::string_view(*said).substr(mark_.size()));
    if (!words.empty() && words[0] == "error") {
        return Error(ErrorCode::refused,
                     fmt::format("the node says: {}", printable(said->substr(mark_.size() + 6))));
    }
    if (words.empty() || (!verb.empty() && words[0] != verb)) return senseless(*said);
    return words;
}

Result<std::string> Talk::body(std::string_view end, std::size_t limit, Words* rest,
                               Deadline deadline, const std::stop_token& stop) {
    const auto marker = fmt::format("\n{}{}", mark_, end);
    for (std::size_t seen = 0;;) {
        const auto at = buffer_.find(marker, seen);
        const auto close = at == std::string::npos ? at : buffer_.find('\n', at + marker.size());
        if (close != std::string::npos) {
            auto out = buffer_.substr(0, at);
            if (rest != nullptr) {
                *rest = words_of(std::string_view(buffer_).substr(at + marker.size(),
                                                                  close - at - marker.size()));
            }
            buffer_.erase(0, close + 1);
            return out;
        }
        if (buffer_.size() > limit + longest_line) return senseless("an endless answer");
        seen =
            at != std::string::npos ? at : buffer_.size() - std::min(buffer_.size(), marker.size());
        if (auto more = fill(deadline, stop); !more) return std::move(more).take_error();
    }
}

Result<Hello> Talk::hello(std::string_view program, Deadline deadline,
                          const std::stop_token& stop) {
    // a cut shows below, with what the node had to say
    auto sent = link_->send(program, deadline, stop);
    if (!sent && sent.error().code() != ErrorCode::unreachable) {
        return std::move(sent).take_error();
    }
    // the files that a login shell reads may say something first
    auto at = buffer_.find(mark_);
    while (at == std::string::npos) {
        if (buffer_.size() > most_noise) {
            return Error(ErrorCode::protocol, fmt::format("the login shell talks endlessly: \"{}\"",
                                                          printable(buffer_.substr(0, 80))))
                .advise(
                    "silence what the account's shell runs at its start when it has no terminal");
        }
        if (auto more = fill(deadline, stop); !more) {
            auto silent = std::move(more).take_error();
            const auto said = printable(trim(buffer_)).substr(0, 200);
            if (silent.code() != ErrorCode::unreachable) return silent;
            if (silent.message().find("sudo") != std::string::npos) {
                return refused_by_sudo(silent.message(), silent);
            }
            if (said.empty()) return silent;
            return Error(ErrorCode::refused,
                         fmt::format("{}; before that, it said: {}", silent.message(), said))
                .advise("the account needs a shell that runs commands: try ssh NODE id");
        }
        at = buffer_.find(mark_);
    }
    buffer_.erase(0, at);
    auto words = answer("hello", deadline, stop);
    if (!words) return std::move(words).take_error();
    if (words->size() != 9) return senseless(join(*words, " "));
    const auto& w = *words;
    pid_ = w[7];
    heard_ = std::chrono::steady_clock::now();
    std::from_chars(w[8].data(), w[8].data() + w[8].size(), uptime_s_);
    return Hello{w[1], w[2], w[3], w[5] == "-" ? w[4] : w[4] + " " + w[5], w[6], 0};
}

/// The deadline in seconds of the node's uptime, which no clock jump touches.
std::int64_t Talk::node_time(Deadline deadline) const {
    return uptime_s_ + std::chrono::duration_cast<std::chrono::seconds>(deadline - heard_).count() +
           1;
}

Result<Words> Talk::lease(const std::string& run, const std::string& controller,
                          std::string_view since, bool steal, Deadline deadline,
                          const std::stop_token& stop) {
    auto said = say(fmt::format("lease {} {} {} {} {}", run, controller, since,
                                steal ? "steal" : "-", node_time(deadline)),
                    deadline, stop);
    if (!said) return std::move(said).take_error();
    auto words = answer("", deadline, stop);
    if (words && words->front() == "late") return late();
    if (words && (words->front() != "leased" || words->size() != 5))
        return senseless(join(*words, " "));
    if (words) words->erase(words->begin());
    return words;
}

Status Talk::use(const std::string& run, Deadline deadline, const std::stop_token& stop) {
    return say("use " + run, deadline, stop);
}

Error Talk::reason(Error cut, const std::stop_token& stop) {
    if (cut.code() != ErrorCode::unreachable) return cut;
    auto said = answer("", std::chrono::steady_clock::now() + moment, stop);
    if (!said && said.error().code() == ErrorCode::refused) return std::move(said).take_error();
    return cut;
}

Status Talk::send_payload(const std::string& key, const Payload& payload, Deadline deadline,
                          const std::stop_token& stop) {
    auto head = say(fmt::format("put {} {} {} {}", key, payload.name, payload.size, payload.sha256),
                    deadline, stop);
    if (!head) return head;
    if (payload.source.empty()) return link_->send(payload.content, deadline, stop);
    std::ifstream in(payload.source, std::ios::binary);
    std::string bytes(payload_chunk, '\0');
    std::uint64_t left = payload.size;
    while (left > 0) {
        const auto want = std::min<std::uint64_t>(left, payload_chunk);
        in.read(bytes.data(), static_cast<std::streamsize>(want));
        if (static_cast<std::uint64_t>(in.gcount()) != want) {
            return Error(ErrorCode::io, fmt::format("{} changed or cannot be read any more",
                                                    payload.source.string()));
        }
        auto sent = link_->send(std::string_view(bytes).substr(0, want), deadline, stop);
        if (!sent) return sent;
        left -= want;
    }
    return ok();
}

Status Talk::send_job(const Job& job, Deadline deadline, const std::stop_token& stop) {
    for (const auto& payload : job.payloads) {
        auto sent = send_payload(job.key, payload, deadline, stop);
        if (!sent) return sent;
    }
    std::string_view script = job.script;
    if (script.size() > longest_in_line) {
        const Payload file{
            "whole-script", {}, job.script, job.script.size(), sha256_hex(job.script)};
        auto sent = send_payload(job.key, file, deadline, stop);
        if (!sent) return sent;
        script = R"(. "${ESCALATOR_FILES}whole-script")";
    }
    auto text = fmt::format("run {} {} {}\n{}\n", job.key, job.run_as.value_or("-"),
                            job.keep.empty() ? "-" : job.keep, script);
    if (!job.record.empty()) {
        text += fmt::format("{}record\n{}", mark_, job.record);
        if (!text.ends_with('\n')) text += '\n';
    }
    return say(std::move(text) + mark_ + "end", deadline, stop);
}

Status Talk::start(const Job& job, Deadline deadline, const std::stop_token& stop) {
    stage_of_report_ = 0;
    auto sent = send_job(job, deadline, stop);
    if (!sent) return reason(std::move(sent).take_error(), stop);
    return ok();
}

Status Talk::attach(const std::string& key, Deadline deadline, const std::stop_token& stop) {
    stage_of_report_ = 0;
    return say("attach " + key, deadline, stop);
}

Result<Report> Talk::report(Deadline deadline, const std::stop_token& stop) {
    if (stage_of_report_ == 0) {
        auto words = answer("", deadline, stop);
        if (!words) return std::move(words).take_error();
        partial_ = Report{};
        if ((*words)[0] == "nolease") {
            partial_.state = "nolease";
            return partial_;
        }
        if ((*words)[0] != "job" || words->size() < 4) return senseless(join(*words, " "));
        partial_.stage = (*words)[1] == "-" ? "" : (*words)[1];
        partial_.boot_id = (*words)[2];
        read_state(*words, 3, partial_);
        stage_of_report_ = 1;
    }
    if (stage_of_report_ == 1) {
        auto record = body("record", longest_record, nullptr, deadline, stop);
        if (!record) return std::move(record).take_error();
        partial_.record = std::move(*record);
        stage_of_report_ = 2;
    }
    Words rest;
    auto output = body("end", report_chunk, &rest, deadline, stop);
    if (!output) return std::move(output).take_error();
    partial_.output = std::move(*output);
    partial_.has_tail = !rest.empty() && rest.front() == "tail";
    stage_of_report_ = 0;
    return partial_;
}

Result<Talk::Chunk> Talk::poll(const std::string& key, std::uint64_t offset, Deadline deadline,
                               const std::stop_token& stop) {
    auto said = say(fmt::format("poll {} {} {}", key, offset, poll_chunk), deadline, stop);
    if (!said) return std::move(said).take_error();
    auto words = answer("chunk", deadline, stop);
    if (!words) return std::move(words).take_error();
    Chunk out;
    auto output = body("end", poll_chunk, &out.state, deadline, stop);
    if (!output) return std::move(output).take_error();
    out.output = std::move(*output);
    return out;
}

Status Talk::cut_output(const std::string& key, Deadline deadline, const std::stop_token& stop) {
    return say("cut " + key, deadline, stop);
}

Result<std::string> Talk::tail(const std::string& key, Deadline deadline,
                               const std::stop_token& stop) {
    auto said = say("tail " + key, deadline, stop);
    if (!said) return std::move(said).take_error();
    auto words = answer("chunk", deadline, stop);
    if (!words) return std::move(words).take_error();
    return body("end", poll_chunk, nullptr, deadline, stop);
}

Result<Words> Talk::kill(const std::string& key, Deadline deadline, const std::stop_token& stop) {
    auto said = say("kill " + key, deadline, stop);
    if (!said) return std::move(said).take_error();
    auto words = answer("killed", deadline, stop);
    if (!words) return words;
    // "killed rc 7" or "killed running PID ..."
    if (words->size() < 3 || (*words)[1] != "running") return Words{};
    words->erase(words->begin(), words->begin() + 2);
    return words;
}

Status Talk::nudge(const Talk& other, Deadline deadline, const std::stop_token& stop) {
    return say("nudge " + other.pid_, deadline, stop);
}

Status Talk::release(const std::string& run, Kept kept, Deadline deadline,
                     const std::stop_token& stop) {
    auto said = say(fmt::format("release {} {} {}", run, node_time(deadline),
                                kept == Kept::for_rollback ? "keep" : "-"),
                    deadline, stop);
    if (!said) return said;
    auto words = answer("", deadline, stop);
    if (!words) return std::move(words).take_error();
    if (words->front() == "late") return late();
    if (words->front() != "released") return senseless(join(*words, " "));
    return ok();
}

}  // namespace escalator::node
