// SPDX-License-Identifier: Apache-2.0
#include "action/plugin_run.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/units.hpp"

namespace escalator::action {

namespace {

/// How often it is looked whether the program has ended: a child of it may keep stdout open.
constexpr int look_ms = 50;

volatile sig_atomic_t group = 0;

extern "C" void end_with_plugin(int signal) {
    if (group > 0) ::kill(-group, SIGKILL);
    ::_exit(128 + signal);
}

class Running {
public:
    Running(pid_t pid, Fd in, Fd out) : pid_(pid), in_(std::move(in)), out_(std::move(out)) {
        group = pid;
    }
    ~Running() {
        ::kill(-pid_, SIGKILL);
        if (!ended_) ::waitpid(pid_, nullptr, 0);
        group = 0;
    }
    Running(const Running&) = delete;
    Running& operator=(const Running&) = delete;

    Result<PluginAnswer> answer(std::string_view request, Milliseconds limit) {
        const auto end = std::chrono::steady_clock::now() + limit;
        PluginAnswer said;
        for (;;) {
            send(request);
            const bool more = receive(said.out);
            if (said.out.size() > longest_answer) {
                return Error(ErrorCode::protocol,
                             fmt::format("its answer is longer than {} bytes", longest_answer));
            }
            if (!more && ended_) break;  // what it said before it ended has been read
            int status = 0;
            if (!ended_ && ::waitpid(pid_, &status, WNOHANG) == pid_) {
                ended_ = true;
                said.status = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
                continue;
            }
            if (limit.count() > 0 && std::chrono::steady_clock::now() > end) {
                return Error(ErrorCode::timeout,
                             fmt::format("it did not answer within {}", format_duration(limit)));
            }
            if (!more) rest(!request.empty());
        }
        return said;
    }

private:
    void send(std::string_view& request) {
        if (!in_) return;
        while (!request.empty()) {
            const auto sent = ::write(in_.get(), request.data(), request.size());
            if (sent < 0 && errno == EINTR) continue;
            if (sent < 0 && errno == EAGAIN) return;
            if (sent < 0) break;  // it does not care to read
            request.remove_prefix(static_cast<std::size_t>(sent));
        }
        request = {};
        in_.reset();
    }

    /// Reads what there is, a piece of it; false when there is nothing at the moment.
    bool receive(std::string& out) {
        if (!out_) return false;
        std::array<char, 65536> bytes{};
        const auto got = ::read(out_.get(), bytes.data(), bytes.size());
        if (got > 0) out.append(bytes.data(), static_cast<std::size_t>(got));
        if (got == 0) out_.reset();
        return got > 0;
    }

    void rest(bool to_send) const {
        std::array<pollfd, 2> wait{
            {{out_.get(), POLLIN, 0}, {to_send ? in_.get() : -1, POLLOUT, 0}}};
        ::poll(wait.data(), wait.size(), look_ms);
    }

    pid_t pid_;
    Fd in_;
    Fd out_;
    bool ended_ = false;
};

}  // namespace

Result<PluginAnswer> run_plugin(const std::filesystem::path& program, const std::string& verb,
                                const std::string& request, Milliseconds limit) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0) {
        return Error(ErrorCode::io, fmt::format("no pipe: {}", errno_text(errno)));
    }
    const Fd its_in(in[0]);
    Fd our_in(in[1]);
    if (::pipe2(out.data(), O_CLOEXEC) != 0) {
        return Error(ErrorCode::io, fmt::format("no pipe: {}", errno_text(errno)));
    }
    Fd our_out(out[0]);
    const Fd its_out(out[1]);
    ::fcntl(our_in.get(), F_SETFL, O_NONBLOCK);
    ::fcntl(our_out.get(), F_SETFL, O_NONBLOCK);
    struct sigaction handler {};
    handler.sa_handler = end_with_plugin;
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaction(signal, &handler, nullptr);
    ::signal(SIGPIPE, SIG_IGN);
    const auto parent = ::getpid();
    const auto pid = ::fork();
    if (pid < 0) return Error(ErrorCode::io, fmt::format("no process: {}", errno_text(errno)));
    if (pid == 0) {
        ::setpgid(0, 0);
        ::prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (::getppid() != parent) ::_exit(127);
        ::signal(SIGPIPE, SIG_DFL);
        ::dup2(its_in.get(), 0);
        ::dup2(its_out.get(), 1);
        ::execl(program.c_str(), program.c_str(), verb.c_str(), static_cast<char*>(nullptr));
        ::dprintf(2, "cannot start %s: %s\n", program.c_str(), errno_text(errno).c_str());
        ::_exit(127);
    }
    ::setpgid(pid, pid);
    Running running(pid, std::move(our_in), std::move(our_out));
    return running.answer(request, limit);
}

}  // namespace escalator::action
