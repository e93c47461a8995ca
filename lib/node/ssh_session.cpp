// SPDX-License-Identifier: Apache-2.0
#include "node/ssh_session.hpp"

#include <fmt/format.h>
#include <libssh/libssh.h>

#include <algorithm>

#include "base/text.hpp"
#include "node/ready.hpp"

namespace escalator::node {

namespace {

/// libssh may have read ahead; it is asked again after this long in any case.
constexpr Milliseconds ask_again{1000};

}  // namespace

bool SshSession::write_pending() const noexcept {
    return (ssh_get_poll_flags(session_.get()) & SSH_WRITE_PENDING) != 0;
}

void SshSession::add_to(std::vector<pollfd>& descriptors) {
    const int events = POLLIN | (write_pending() ? POLLOUT : 0);
    descriptors.push_back({ssh_get_fd(session_.get()), static_cast<short>(events), 0});
    if (carrier_) carrier_->add_to(descriptors);
}

Status SshSession::await(Deadline deadline, const std::stop_token& stop) {
    const auto until = std::min(deadline, std::chrono::steady_clock::now() + ask_again);
    for (;;) {
        if (ssh_get_fd(session_.get()) == SSH_INVALID_SOCKET) return cut();
        pump();
        waits_.clear();
        add_to(waits_);
        auto ready = await_any(waits_, until, stop);
        if (!ready) return std::move(ready).take_error();
        if (!*ready && until == deadline) return Error(ErrorCode::timeout, "no answer in time");
        if (!*ready || waits_.front().revents != 0) return ok();
    }
}

std::string SshSession::why() const {
    if (carrier_) {
        if (auto trouble = carrier_->trouble(); !trouble.empty()) return trouble;
    }
    return printable(trim(ssh_get_error(session_.get())));
}

Error SshSession::cut() const {
    const auto reason = why();
    return {ErrorCode::unreachable,
            fmt::format("the connection was cut{}{}", reason.empty() ? "" : ": ", reason)};
}

}  // namespace escalator::node
