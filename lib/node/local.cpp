// SPDX-License-Identifier: Apache-2.0
#include "node/local.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/fd.hpp"
#include "base/file.hpp"

extern "C" char** environ;

namespace escalator::node {

namespace {

/// How often a wait looks whether it should stop.
constexpr int stop_poll_ms = 100;

/// Waits for `events` on the descriptor. Errors: timeout, cancelled.
Status await(int fd, short events, Deadline deadline, const std::stop_token& stop) {
    for (;;) {
        if (stop.stop_requested()) return Error(ErrorCode::cancelled, "stopped");
        const auto left =
            std::chrono::duration_cast<Milliseconds>(deadline - std::chrono::steady_clock::now())
                .count();
        if (left <= 0) return Error(ErrorCode::timeout, "no answer in time");
        pollfd it{fd, events, 0};
        const int got =
            ::poll(&it, 1, static_cast<int>(std::min<std::int64_t>(left, stop_poll_ms)));
        if (got > 0) return ok();
    }
}

class LocalLink final : public Link {
public:
    LocalLink(Fd fd, pid_t child) : fd_(std::move(fd)), child_(child) {}
    ~LocalLink() override {
        fd_.reset();  // the supervisor's loop ends with its stdin; it waits for a running job first
        int status = 0;
        if (::waitpid(child_, &status, WNOHANG) == 0) {
            ::kill(child_, SIGKILL);
            ::waitpid(child_, &status, 0);
        }
    }
    LocalLink(const LocalLink&) = delete;
    LocalLink& operator=(const LocalLink&) = delete;

    Status send(std::string_view bytes, Deadline deadline, const std::stop_token& stop) override {
        while (!bytes.empty()) {
            const auto sent =
                ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (sent > 0) {
                bytes.remove_prefix(static_cast<std::size_t>(sent));
            } else if (errno == EAGAIN || errno == EINTR) {
                if (auto ready = await(fd_.get(), POLLOUT, deadline, stop); !ready) return ready;
            } else {
                return Error(ErrorCode::unreachable, "the local supervisor is gone");
            }
        }
        return ok();
    }

    Result<bool> receive(std::string& buffer, Deadline deadline,
                         const std::stop_token& stop) override {
        for (;;) {
            std::array<char, 65536> bytes{};
            const auto got = ::recv(fd_.get(), bytes.data(), bytes.size(), MSG_DONTWAIT);
            if (got > 0) {
                buffer.append(bytes.data(), static_cast<std::size_t>(got));
                return true;
            }
            if (got == 0) return false;
            if (errno != EAGAIN && errno != EINTR) {
                return Error(ErrorCode::unreachable, "the local supervisor is gone");
            }
            if (auto ready = await(fd_.get(), POLLIN, deadline, stop); !ready) {
                return std::move(ready).take_error();
            }
        }
    }

    std::string complaint() override { return {}; }

private:
    Fd fd_;
    pid_t child_;
};

class LocalConnection final : public Connection {
public:
    Result<std::unique_ptr<Link>> exec(const std::string& command, Deadline /*deadline*/,
                                       const std::stop_token& /*stop*/) override {
        std::array<int, 2> pair{};
        if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
            return Error(ErrorCode::unreachable,
                         fmt::format("no socket pair: {}", errno_text(errno)));
        }
        Fd mine(pair[0]);
        const Fd theirs(pair[1]);
        posix_spawn_file_actions_t actions{};
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, theirs.get(), 0);
        posix_spawn_file_actions_adddup2(&actions, theirs.get(), 1);
        posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
        posix_spawnattr_t attributes{};
        posix_spawnattr_init(&attributes);
        // Ctrl-C on the terminal is for escalator, which decides what becomes of its steps
        posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        sigset_t none{};
        sigemptyset(&none);
        posix_spawnattr_setsigmask(&attributes, &none);
        sigset_t defaults{};
        sigemptyset(&defaults);
        sigaddset(&defaults, SIGPIPE);
        posix_spawnattr_setsigdefault(&attributes, &defaults);
        std::string shell = "/bin/sh";
        std::string flag = "-c";
        std::string line = command;
        std::array<char*, 4> argv{shell.data(), flag.data(), line.data(), nullptr};
        pid_t child = 0;
        const int failed =
            posix_spawn(&child, "/bin/sh", &actions, &attributes, argv.data(), environ);
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
        if (failed != 0) {
            return Error(ErrorCode::unreachable,
                         fmt::format("cannot start sh: {}", errno_text(failed)));
        }
        return std::unique_ptr<Link>(std::make_unique<LocalLink>(std::move(mine), child));
    }
};

class LocalConnector final : public Connector {
public:
    Result<std::unique_ptr<Connection>> connect(Deadline /*deadline*/,
                                                const std::stop_token& /*stop*/) override {
        return std::unique_ptr<Connection>(std::make_unique<LocalConnection>());
    }
};

}  // namespace

std::unique_ptr<Connector> make_local_connector() { return std::make_unique<LocalConnector>(); }

}  // namespace escalator::node
