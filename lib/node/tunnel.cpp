// SPDX-License-Identifier: Apache-2.0
#include "node/tunnel.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <libssh/libssh.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/file.hpp"
#include "base/text.hpp"

namespace escalator::node {

namespace {

/// Bytes moved at once; as much as one channel packet takes.
constexpr std::size_t piece = 32'768;

}  // namespace

Result<std::unique_ptr<Tunnel>> Tunnel::open(std::unique_ptr<SshSession> outer,
                                             std::string jump_host, const std::string& host,
                                             std::uint16_t port, Fd& inner, Deadline deadline,
                                             const std::stop_token& stop) {
    ChannelPtr channel(ssh_channel_new(outer->get()));
    if (!channel) return outer->cut();
    auto opened = outer->repeat(SSH_AGAIN, deadline, stop, [&] {
        return ssh_channel_open_forward(channel.get(), host.c_str(), port, "127.0.0.1", 0);
    });
    if (!opened) return std::move(opened).fail("jump host " + jump_host);
    if (*opened != SSH_OK) {
        return Error(ErrorCode::unreachable, fmt::format("jump host {}: it makes no connection to "
                                                         "{}:{}: {}",
                                                         jump_host, host, port, outer->why()))
            .advise(
                "is the node up, does the jump host know that name, and does its sshd allow "
                "AllowTcpForwarding?");
    }
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) != 0) {
        return Error(ErrorCode::unreachable, fmt::format("no socket pair: {}", errno_text(errno)));
    }
    inner = Fd(pair[1]);
    return std::unique_ptr<Tunnel>(
        new Tunnel(std::move(outer), std::move(channel), Fd(pair[0]), std::move(jump_host)));
}

void Tunnel::fail(std::string why) {
    if (trouble_.empty()) trouble_ = fmt::format("jump host {}: {}", jump_host_, why);
    end_.reset();  // the inner session reads the end of its stream
}

/// From the channel to the inner session; whether anything moved.
bool Tunnel::move_in() {
    if (in_.empty() && !channel_eof_) {
        in_.resize(piece);
        const int got = ssh_channel_read_nonblocking(channel_.get(), in_.data(), piece, 0);
        in_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        channel_eof_ = ssh_channel_is_eof(channel_.get()) != 0 && in_.empty();
        if (got == SSH_ERROR) {
            fail(outer_->cut().message());
            return false;
        }
    }
    if (in_.empty()) {
        if (channel_eof_) fail("the node closed the connection");
        return false;
    }
    const auto sent = ::send(end_.get(), in_.data(), in_.size(), MSG_NOSIGNAL);
    if (sent > 0) in_.erase(0, static_cast<std::size_t>(sent));
    return sent > 0;
}

/// From the inner session to the channel; whether anything moved.
bool Tunnel::move_out() {
    if (out_.empty() && !inner_eof_ && !outer_->write_pending()) {
        out_.resize(piece);
        const auto got = ::recv(end_.get(), out_.data(), piece, 0);
        out_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
        if (got == 0) {
            inner_eof_ = true;
            ssh_channel_send_eof(channel_.get());
        }
    }
    if (out_.empty()) return false;
    const int sent =
        ssh_channel_write(channel_.get(), out_.data(), static_cast<std::uint32_t>(out_.size()));
    if (sent == SSH_ERROR) {
        fail(outer_->cut().message());
        return false;
    }
    // 0: the window is full, and the jump host's next packet makes room
    out_.erase(0, static_cast<std::size_t>(sent));
    return sent > 0;
}

void Tunnel::pump() {
    outer_->pump();
    bool moved = true;
    while (end_ && moved) {
        moved = move_in();
        if (end_) moved = move_out() || moved;
    }
    outer_->pump();
}

void Tunnel::add_to(std::vector<pollfd>& descriptors) {
    if (!end_) return;
    int events = 0;
    if (out_.empty() && !inner_eof_ && !outer_->write_pending()) events |= POLLIN;
    if (!in_.empty()) events |= POLLOUT;
    if (events != 0) descriptors.push_back({end_.get(), static_cast<short>(events), 0});
    outer_->add_to(descriptors);
}

std::string ProxyProgram::trouble() {
    const auto said = printable(trim(child_.complaint()));
    return said.empty() ? said : fmt::format("ProxyCommand says: {}", said);
}

}  // namespace escalator::node
