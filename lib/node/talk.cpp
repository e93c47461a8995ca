// SPDX-License-Identifier: Apache-2.0
#include "node/talk.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>

#include "base/file.hpp"
#include "base/text.hpp"

namespace escalator::node {

namespace {

constexpr std::size_t longest_line = 4096;
constexpr std::size_t longest_record = 16'384;
/// Bytes of a payload read and sent at once.
constexpr std::size_t payload_chunk = 262'144;

Error senseless(std::string_view said) {
    return {ErrorCode::protocol,
            fmt::format("the node's supervisor said something senseless: \"{}\"",
                        printable(said.substr(0, 80)))};
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

Talk::Talk(std::unique_ptr<Link> link, std::string nonce)
    : link_(std::move(link)), mark_("@@" + nonce + " ") {}

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
    for (;;) {
        const auto at = buffer_.find(marker);
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
        if (auto more = fill(deadline, stop); !more) return std::move(more).take_error();
    }
}

Result<Hello> Talk::hello(Deadline deadline, const std::stop_token& stop) {
    auto words = answer("hello", deadline, stop);
    if (!words) {
        auto error = std::move(words).take_error();
        if (error.text().find("sudo") != std::string::npos) {
            return Error(ErrorCode::unauthorised, error.message())
                .advise(
                    "become needs sudo without a password (NOPASSWD) for this user on the node");
        }
        return error;
    }
    if (words->size() != 7) return senseless(join(*words, " "));
    const auto& w = *words;
    return Hello{w[1], w[2], w[3], w[5] == "-" ? w[4] : w[4] + " " + w[5], w[6], 0};
}

Result<Words> Talk::lease(const std::string& run, const std::string& controller,
                          std::string_view since, bool steal, Deadline deadline,
                          const std::stop_token& stop) {
    auto said = say(fmt::format("lease {} {} {} {}", run, controller, since, steal ? "steal" : "-"),
                    deadline, stop);
    if (!said) return std::move(said).take_error();
    auto words = answer("leased", deadline, stop);
    if (words && words->size() != 5) return senseless(join(*words, " "));
    if (words) words->erase(words->begin());
    return words;
}

Status Talk::use(const std::string& run, Deadline deadline, const std::stop_token& stop) {
    return say("use " + run, deadline, stop);
}

Status Talk::start(const Job& job, Deadline deadline, const std::stop_token& stop) {
    for (const auto& payload : job.payloads) {
        auto head =
            say(fmt::format("put {} {} {} {}", job.key, payload.name, payload.size, payload.sha256),
                deadline, stop);
        if (!head) return head;
        if (payload.source.empty()) {
            if (auto sent = link_->send(payload.content, deadline, stop); !sent) return sent;
            continue;
        }
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
    }
    auto text = fmt::format("run {} {} {}\n{}\n", job.key, job.run_as.value_or("-"),
                            job.keep.empty() ? "-" : job.keep, job.script);
    if (!job.record.empty()) {
        text += fmt::format("{}record\n{}", mark_, job.record);
        if (!text.ends_with('\n')) text += '\n';
    }
    stage_of_report_ = 0;
    return say(std::move(text) + mark_ + "end", deadline, stop);
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
    auto output = body("end", output_chunk, nullptr, deadline, stop);
    if (!output) return std::move(output).take_error();
    partial_.output = std::move(*output);
    stage_of_report_ = 0;
    return partial_;
}

Result<Talk::Chunk> Talk::poll(const std::string& key, std::uint64_t offset, Deadline deadline,
                               const std::stop_token& stop) {
    auto said = say(fmt::format("poll {} {} {}", key, offset, output_chunk), deadline, stop);
    if (!said) return std::move(said).take_error();
    auto words = answer("chunk", deadline, stop);
    if (!words) return std::move(words).take_error();
    Chunk out;
    auto output = body("end", output_chunk, &out.state, deadline, stop);
    if (!output) return std::move(output).take_error();
    out.output = std::move(*output);
    return out;
}

Status Talk::cut_output(const std::string& key, Deadline deadline, const std::stop_token& stop) {
    return say("cut " + key, deadline, stop);
}

Result<Words> Talk::kill(const std::string& key, Deadline deadline, const std::stop_token& stop) {
    auto said = say("kill " + key, deadline, stop);
    if (!said) return std::move(said).take_error();
    return answer("killed", deadline, stop);
}

Status Talk::release(const std::string& run, Deadline deadline, const std::stop_token& stop) {
    auto said = say("release " + run, deadline, stop);
    if (!said) return said;
    auto words = answer("released", deadline, stop);
    if (!words) return std::move(words).take_error();
    return ok();
}

}  // namespace escalator::node
