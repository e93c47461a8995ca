// SPDX-License-Identifier: Apache-2.0
#include "node/tcp.hpp"

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <cerrno>
#include <memory>

#include "base/file.hpp"

namespace escalator::node {

namespace {

constexpr int stop_poll_ms = 100;

void set_int(int fd, int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
}

/// 0 when connected, else errno; ECANCELED when stopped.
int await_connect(int fd, Deadline deadline, const std::stop_token& stop) {
    for (;;) {
        if (stop.stop_requested()) return ECANCELED;
        const auto left =
            std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now())
                .count();
        if (left <= 0) return ETIMEDOUT;
        pollfd it{fd, POLLOUT, 0};
        if (::poll(&it, 1, static_cast<int>(std::min<std::int64_t>(left, stop_poll_ms))) <= 0)
            continue;
        int error = 0;
        socklen_t size = sizeof error;
        ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        return error;
    }
}

}  // namespace

Result<Fd> connect_tcp(const std::string& host, std::uint16_t port, Milliseconds keepalive,
                       Deadline deadline, const std::stop_token& stop) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* raw = nullptr;
    const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &raw);
    if (failed != 0) {
        return Error(ErrorCode::unreachable, fmt::format("{}: {}", host, gai_strerror(failed)));
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> addresses(raw, &freeaddrinfo);
    int error = EHOSTUNREACH;
    for (const auto* it = addresses.get(); it != nullptr; it = it->ai_next) {
        Fd fd(::socket(it->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!fd) {
            error = errno;
            continue;
        }
        set_int(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1);
        set_int(fd.get(), SOL_SOCKET, SO_KEEPALIVE, 1);
        set_int(fd.get(), IPPROTO_TCP, TCP_KEEPIDLE, 15);
        set_int(fd.get(), IPPROTO_TCP, TCP_KEEPINTVL, 5);
        set_int(fd.get(), IPPROTO_TCP, TCP_KEEPCNT, 3);
        set_int(fd.get(), IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(keepalive.count()));
        error = 0;
        if (::connect(fd.get(), it->ai_addr, it->ai_addrlen) != 0) {
            error = errno == EINPROGRESS ? await_connect(fd.get(), deadline, stop) : errno;
        }
        if (error == 0) return fd;
        if (error == ECANCELED) return Error(ErrorCode::cancelled, "stopped");
    }
    return Error(error == ETIMEDOUT ? ErrorCode::timeout : ErrorCode::unreachable,
                 fmt::format("{}:{}: {}", host, port, errno_text(error)));
}

}  // namespace escalator::node
