// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace escalator::node {

/// The part of the agent protocol (draft-miller-ssh-agent) that logging in needs.
class Agent {
public:
    /// A key as it is offered to a node. `signer` is the key that the agent has: the same, or the
    /// plain key of a certificate.
    struct Offer {
        std::string blob;  ///< bytes, not base64
        std::string comment;
        std::string signer;
    };

    /// Errors: unreachable, timeout, cancelled.
    static Result<Agent> connect(const std::string& socket, Deadline deadline,
                                 const std::stop_token& stop);

    /// All keys it has. Errors: unreachable, protocol, timeout, cancelled.
    Result<std::vector<Offer>> keys(Deadline deadline, const std::stop_token& stop);

private:
    friend class AgentGate;
    explicit Agent(Fd fd) : fd_(std::move(fd)) {}
    Fd fd_;
};

/// What libssh takes for an agent: it has the offered keys only, in that order, and hangs up at the
/// deadline or when stop is requested, because libssh would wait for an answer for ever. Serves on
/// a thread of its own until it goes.
class AgentGate {
public:
    AgentGate(Agent agent, std::vector<Agent::Offer> offers, Deadline deadline,
              std::stop_token stop);
    ~AgentGate();
    AgentGate(const AgentGate&) = delete;
    AgentGate& operator=(const AgentGate&) = delete;

    /// The socket for libssh; stays ours. -1 when there is none.
    int socket() const noexcept { return theirs_.get(); }

private:
    void serve(Deadline deadline, const std::stop_token& stop);
    bool answer(const std::string& request, Deadline deadline, const std::stop_token& stop);
    std::string sign_request(const std::string& request) const;

    Agent agent_;
    std::vector<Agent::Offer> offers_;
    Fd ours_;
    Fd theirs_;
    std::jthread thread_;
};

}  // namespace escalator::node
