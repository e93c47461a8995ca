// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/fd.hpp"
#include "node/spawn.hpp"
#include "node/ssh_session.hpp"

namespace escalator::node {

/// A stream through a jump host: a direct-tcpip channel of its session on one side, a socket for
/// the inner session on the other. Belongs, with both sessions, to one thread.
class Tunnel final : public Carrier {
public:
    /// Asks the jump host to connect to host:port. `inner` gets the socket for the inner session.
    /// Errors: unreachable, timeout, cancelled.
    static Result<std::unique_ptr<Tunnel>> open(std::unique_ptr<SshSession> outer,
                                                std::string jump_host, const std::string& host,
                                                std::uint16_t port, Fd& inner, Deadline deadline,
                                                const std::stop_token& stop);

    void pump() override;
    void add_to(std::vector<pollfd>& descriptors) override;
    std::string trouble() override { return trouble_; }

private:
    Tunnel(std::unique_ptr<SshSession> outer, ChannelPtr channel, Fd end, std::string jump_host)
        : jump_host_(std::move(jump_host)),
          outer_(std::move(outer)),
          channel_(std::move(channel)),
          end_(std::move(end)) {}

    bool move_in();
    bool move_out();
    void fail(std::string why);

    std::string jump_host_;
    std::unique_ptr<SshSession> outer_;
    ChannelPtr channel_;  ///< of outer_: goes first
    Fd end_;
    std::string in_;   ///< read from the channel, for the inner session
    std::string out_;  ///< written by the inner session, for the channel
    bool channel_eof_ = false;
    bool inner_eof_ = false;
    std::string trouble_;
};

/// The program of ProxyCommand, which libssh talks to directly.
class ProxyProgram final : public Carrier {
public:
    explicit ProxyProgram(Child child) : child_(std::move(child)) {}
    void pump() override {}
    void add_to(std::vector<pollfd>& /*descriptors*/) override {}
    std::string trouble() override;

private:
    Child child_;
};

}  // namespace escalator::node
