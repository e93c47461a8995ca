// SPDX-License-Identifier: Apache-2.0
#pragma once

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
    std::string state;  ///< none, void, running, gone, rebooted, rc, nolease
    int exit_status = 0;
    std::string stage;
    std::string boot_id;  ///< of the boot the job was started in
    std::string record;
    std::string output;  ///< its first 64 KiB
};

/// The controller's half of the supervisor's protocol, over any Link. Whatever the other side says,
/// it ends in a value or an Error(protocol), with bounded memory.
class Talk {
public:
    static constexpr std::size_t output_chunk = 65'536;

    Talk(std::unique_ptr<Link> link, std::string nonce);

    Result<Hello> hello(Deadline deadline, const std::stop_token& stop);
    /// "new" or "again", then the holder's run, controller and since.
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
    /// Ends the job's process group: TERM, KILL after 5 s.
    Result<Words> kill(const std::string& key, Deadline deadline, const std::stop_token& stop);
    Status release(const std::string& run, Deadline deadline, const std::stop_token& stop);

private:
    Result<std::string> line(Deadline deadline, const std::stop_token& stop);
    Result<Words> answer(std::string_view verb, Deadline deadline, const std::stop_token& stop);
    Result<std::string> body(std::string_view end, std::size_t limit, Words* rest,
                             Deadline deadline, const std::stop_token& stop);
    Status fill(Deadline deadline, const std::stop_token& stop);
    Status say(std::string text, Deadline deadline, const std::stop_token& stop);

    std::unique_ptr<Link> link_;
    std::string mark_;  ///< "@@nonce "
    std::string buffer_;
    Report partial_;
    int stage_of_report_ = 0;
};

/// "RC N" and friends as the last words of a line.
void read_state(const Words& words, std::size_t from, Report& into);

}  // namespace escalator::node
