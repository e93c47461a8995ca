// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "node/link.hpp"
#include "node/session.hpp"

namespace escalator::node {

/// The words of one answer line of the supervisor.
using Words = std::vector<std::string>;

/// What a job's state is on the node; see supervisor.cpp.
struct Report {
    std::string state;  ///< none, void, running, gone, killed, rebooted, rc, nolease
    int exit_status = 0;
    std::string stage;
    std::string boot_id;  ///< of the boot the job was started in
    std::string record;
    std::string output;     ///< its first 64 KiB
    bool has_tail = false;  ///< there was more output than the node keeps: see Talk::tail()
};

/// The controller's half of the supervisor's protocol, over any Link. Whatever the other side says,
/// it ends in a value or an Error(protocol), with bounded memory.
class Talk {
public:
    static constexpr std::size_t report_chunk = 65'536;
    static constexpr std::size_t poll_chunk = 1U << 20U;
    /// What a login shell may say on stdout before the supervisor does, in bytes.
    static constexpr std::size_t most_noise = 65'536;

    Talk(std::unique_ptr<Link> link, std::string_view nonce);

    /// Sends the supervisor's program and waits for its first words.
    Result<Hello> hello(std::string_view program, Deadline deadline, const std::stop_token& stop);
    /// "new" or "again", then the holder's run, controller and since. The node declines a request
    /// that it comes to see only after the deadline, as release() does: Error(timeout).
    Result<Words> lease(const std::string& run, const std::string& controller,
                        std::string_view since, bool steal, Deadline deadline,
                        const std::stop_token& stop);
    Status use(const std::string& run, Deadline deadline, const std::stop_token& stop);
    /// Sends a job with its payloads; the answer comes when the job has ended.
    Status start(const Job& job, Deadline deadline, const std::stop_token& stop);
    Status attach(const std::string& key, Deadline deadline, const std::stop_token& stop);
    /// The answer to start() or attach(). Errors: timeout leaves the talk usable, it can be asked
    /// again.
    Result<Report> report(Deadline deadline, const std::stop_token& stop);

    struct Chunk {
        std::string output;
        Words state;
    };
    /// Output from `offset`, and how the job stands.
    Result<Chunk> poll(const std::string& key, std::uint64_t offset, Deadline deadline,
                       const std::stop_token& stop);
    /// Empties the job's output file; it goes on writing to it.
    Status cut_output(const std::string& key, Deadline deadline, const std::stop_token& stop);
    /// The last bytes of an output that was too long to be kept whole.
    Result<std::string> tail(const std::string& key, Deadline deadline,
                             const std::stop_token& stop);
    /// Ends what lives of the job's session: TERM, KILL after 5 s. The pids that even that did not
    /// end.
    Result<Words> kill(const std::string& key, Deadline deadline, const std::stop_token& stop);
    /// Makes the other supervisor answer although somebody still holds its job's output open.
    Status nudge(const Talk& other, Deadline deadline, const std::stop_token& stop);
    Status release(const std::string& run, Kept kept, Deadline deadline,
                   const std::stop_token& stop);

private:
    Result<std::string> line(Deadline deadline, const std::stop_token& stop);
    Result<Words> answer(std::string_view verb, Deadline deadline, const std::stop_token& stop);
    Result<std::string> body(std::string_view end, std::size_t limit, Words* rest,
                             Deadline deadline, const std::stop_token& stop);
    Status fill(Deadline deadline, const std::stop_token& stop);
    Status say(std::string text, Deadline deadline, const std::stop_token& stop);
    Status send_payload(const std::string& key, const Payload& payload, Deadline deadline,
                        const std::stop_token& stop);
    Status send_job(const Job& job, Deadline deadline, const std::stop_token& stop);
    /// What made sending fail: the node's own word, if it left one.
    Error reason(Error cut, const std::stop_token& stop);
    std::int64_t node_time(Deadline deadline) const;

    std::unique_ptr<Link> link_;
    std::string mark_;  ///< "@@nonce "
    std::string buffer_;
    Report partial_;
    int stage_of_report_ = 0;
    std::string pid_;
    std::int64_t uptime_s_ = 0;  ///< the node's, at heard_
    Deadline heard_;
};

/// "RC N" and friends as the last words of a line.
void read_state(const Words& words, std::size_t from, Report& into);

}  // namespace escalator::node
