// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "node/ssh_handle.hpp"

namespace escalator::node {

/// What carries a session's bytes when that is no plain socket: a channel of another session, or a
/// program.
class Carrier {
public:
    virtual ~Carrier() = default;
    /// Moves what can be moved without waiting.
    virtual void pump() = 0;
    /// Adds what has to be waited for before pump() can do more.
    virtual void add_to(std::vector<pollfd>& descriptors) = 0;
    /// Why the bytes stopped, when it knows; empty otherwise.
    virtual std::string trouble() = 0;
};

/// A libssh session that never blocks, and the waits around it. For one thread at a time.
class SshSession {
public:
    explicit SshSession(SessionPtr session) : session_(std::move(session)) {}

    ssh_session get() const noexcept { return session_.get(); }
    void carry_over(std::unique_ptr<Carrier> carrier) { carrier_ = std::move(carrier); }

    /// Waits until libssh may have something to do. It comes back at least once a second, so that
    /// whatever libssh has read ahead is asked for. Errors: timeout, cancelled, unreachable.
    Status await(Deadline deadline, const std::stop_token& stop);

    /// Repeats a call of libssh until it no longer says `again`. Errors: as await().
    template <class Call>
    Result<int> repeat(int again, Deadline deadline, const std::stop_token& stop, Call&& call) {
        for (;;) {
            const int rc = call();
            if (rc != again) return rc;
            if (auto ready = await(deadline, stop); !ready) return std::move(ready).take_error();
        }
    }

    /// Sends on what libssh has written, as far as that goes without waiting.
    void pump() {
        if (carrier_) carrier_->pump();
    }
    /// Whether libssh holds bytes that the other side has not taken yet.
    bool write_pending() const noexcept;
    /// For a carrier above this session, that waits for it.
    void add_to(std::vector<pollfd>& descriptors);

    /// "the connection was cut: ...", with what libssh and the carrier know.
    Error cut() const;
    /// What libssh and the carrier know about the last failure; may be empty.
    std::string why() const;

private:
    std::unique_ptr<Carrier> carrier_;  ///< outlives the session that writes into it
    SessionPtr session_;
    std::vector<pollfd> waits_;
};

}  // namespace escalator::node
