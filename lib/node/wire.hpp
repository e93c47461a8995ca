// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "node/link.hpp"
#include "node/session.hpp"
#include "node/talk.hpp"

namespace escalator::node {

/// The way to one node across its cuts: a connection with a supervisor on it, the run's lease, and
/// a second supervisor where a long job has to be watched. For one thread at a time.
class Wire {
public:
    enum class Claim { ask, steal };

    Wire(Endpoint endpoint, Options options, std::unique_ptr<Connector> connector);

    /// Connects if there is no connection. Errors: as Session::open().
    Result<Hello> open(const std::stop_token& stop);
    /// Takes the lease, and remembers that it is wanted if the node cannot be reached now.
    Status lease(const std::string& run, const std::string& controller, Claim claim,
                 const std::stop_token& stop);
    /// Connected and leased, as before the connection went.
    Status ready(const std::stop_token& stop);
    Status release(const std::string& run, Kept kept, const std::stop_token& stop);
    void close() noexcept;

    /// The supervisor that runs the jobs; only while connected.
    Talk& talk() { return *talk_; }
    /// Another one that looks on while talk() waits for a job.
    Result<Talk*> watcher(const std::stop_token& stop);

    /// This job's output is long and has been fetched: cut_spent() empties it on the node.
    void spent(const std::string& key) { spent_.push_back(key); }
    Status cut_spent(const std::stop_token& stop);

    const std::string& run() const noexcept { return run_; }
    const Hello& hello() const noexcept { return hello_; }
    const Options& options() const noexcept { return options_; }
    const std::string& name() const noexcept { return endpoint_.name; }

    /// Whether the node has lost what this run had on it; says so once.
    bool has_forgotten() noexcept { return std::exchange(forgotten_, false); }

private:
    Result<std::unique_ptr<Talk>> start_talk(Connection& connection, Hello& hello,
                                             Deadline deadline, const std::stop_token& stop);
    Status take_lease(const std::stop_token& stop);

    Endpoint endpoint_;
    Options options_;
    std::unique_ptr<Connector> connector_;
    std::unique_ptr<Connection> connection_;
    std::unique_ptr<Connection> second_;  ///< where a server lets only one session on a connection
    std::unique_ptr<Talk> talk_;
    std::unique_ptr<Talk> watcher_;
    std::vector<std::string> spent_;
    Hello hello_;
    std::string run_;
    std::string controller_;
    Claim claim_ = Claim::ask;
    bool leased_ = false;
    bool forgotten_ = false;
    bool one_session_ = false;
};

}  // namespace escalator::node
