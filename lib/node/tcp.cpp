// SPDX-License-Identifier: Apache-2.0
#include "node/tcp.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "base/file.hpp"
#include "node/ready.hpp"

namespace escalator::node {

namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

Result<Addresses> resolve(const std::string& host, std::uint16_t port, Family family) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_family = family == Family::inet    ? AF_INET
                      : family == Family::inet6 ? AF_INET6
                                                : AF_UNSPEC;
    in_addr four{};
    in6_addr six{};
    const bool numeric = ::inet_pton(AF_INET, host.c_str(), &four) == 1 ||
                         ::inet_pton(AF_INET6, host.c_str(), &six) == 1;
    // an address needs no resolver, and no look at this machine's own addresses
    hints.ai_flags = AI_NUMERICSERV | (numeric ? AI_NUMERICHOST : AI_ADDRCONFIG);
    addrinfo* found = nullptr;
    const int failed = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found);
    if (failed != 0) {
        return Error(ErrorCode::unreachable, fmt::format("{}: {}", host, gai_strerror(failed)))
            .advise("is the name spelled right, and known to this machine (getent hosts NAME)?");
    }
    return Addresses(found, &freeaddrinfo);
}

void set_int(int fd, int level, int name, int value) {
    ::setsockopt(fd, level, name, &value, sizeof value);
}

void set_options(int fd, Milliseconds keepalive) {
    // the first probe after a third of what a dead connection may go unnoticed, and two more
    const int probe = std::max(1, static_cast<int>(keepalive.count() / 3000));
    set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_int(fd, IPPROTO_TCP, TCP_KEEPIDLE, probe);
    set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL, probe);
    set_int(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    set_int(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(keepalive.count()));
}

/// 0 when connected, else errno.
Result<int> connect_one(int fd, const addrinfo& address, Deadline deadline,
                        const std::stop_token& stop) {
    if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
    if (errno != EINPROGRESS && errno != EINTR) return errno;
    if (auto ready = await(fd, POLLOUT, deadline, stop); !ready) {
        if (ready.error().code() == ErrorCode::timeout) return ETIMEDOUT;
        return std::move(ready).take_error();
    }
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
    return error;
}

}  // namespace

Result<Fd> connect_tcp(const std::string& host, std::uint16_t port, Family family,
                       Milliseconds keepalive, Deadline deadline, const std::stop_token& stop) {
    auto addresses = resolve(host, port, family);
    if (!addresses) return std::move(addresses).take_error();
    int error = EHOSTUNREACH;
    int left = 0;
    for (const auto* it = addresses->get(); it != nullptr; it = it->ai_next) ++left;
    for (const auto* it = addresses->get(); it != nullptr; it = it->ai_next, --left) {
        // an address that says nothing must not take the time of those behind it
        const auto now = std::chrono::steady_clock::now();
        const auto share = now + (deadline - now) / left;
        Fd fd(::socket(it->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
        if (!fd) {
            error = errno;
            continue;
        }
        set_options(fd.get(), keepalive);
        auto connected = connect_one(fd.get(), *it, share, stop);
        if (!connected) return std::move(connected).take_error();
        error = *connected;
        if (error == 0) return fd;
    }
    return Error(error == ETIMEDOUT ? ErrorCode::timeout : ErrorCode::unreachable,
                 fmt::format("{}:{}: {}", host, port, errno_text(error)));
}

}  // namespace escalator::node
