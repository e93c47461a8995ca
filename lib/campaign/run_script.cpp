// SPDX-License-Identifier: Apache-2.0
#include "campaign/run_script.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

extern "C" char** environ;

namespace escalator::campaign {

namespace {

constexpr std::chrono::seconds patience{60};
constexpr std::size_t most_output = 64U << 20U;
constexpr std::size_t most_complaint = 2000;

}  // namespace

Result<std::string> run_script(const std::filesystem::path& path) {
    std::array<int, 2> out_pipe{};
    std::array<int, 2> err_pipe{};
    if (::pipe2(out_pipe.data(), O_CLOEXEC) != 0) return Error(ErrorCode::io, errno_text(errno));
    Fd out_read(out_pipe[0]);
    Fd out_write(out_pipe[1]);
    if (::pipe2(err_pipe.data(), O_CLOEXEC) != 0) return Error(ErrorCode::io, errno_text(errno));
    Fd err_read(err_pipe[0]);
    Fd err_write(err_pipe[1]);
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, out_write.get(), 1);
    posix_spawn_file_actions_adddup2(&actions, err_write.get(), 2);
    posix_spawnattr_t attributes{};
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
    std::error_code ignored;
    auto program = std::filesystem::absolute(path, ignored).string();
    std::string flag = "--list";
    std::array<char*, 3> argv{program.data(), flag.data(), nullptr};
    pid_t child = 0;
    const int failed =
        posix_spawn(&child, program.c_str(), &actions, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0) {
        return Error(ErrorCode::io, fmt::format("cannot run {}: {}", program, errno_text(failed)));
    }
    out_write.reset();
    err_write.reset();

    std::string out;
    std::string complaint;
    const auto deadline = std::chrono::steady_clock::now() + patience;
    bool late = false;
    std::array<pollfd, 2> both{pollfd{out_read.get(), POLLIN, 0},
                               pollfd{err_read.get(), POLLIN, 0}};
    while ((both[0].fd >= 0 || both[1].fd >= 0) && out.size() <= most_output && !late) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                              deadline - std::chrono::steady_clock::now())
                              .count();
        if (left <= 0 || ::poll(both.data(), 2, static_cast<int>(left)) == 0) {
            late = true;
            break;
        }
        for (std::size_t i = 0; i < 2; ++i) {
            if (both[i].fd < 0 || both[i].revents == 0) continue;
            std::array<char, 65536> bytes{};
            const auto got = ::read(both[i].fd, bytes.data(), bytes.size());
            if (got <= 0) {
                both[i].fd = -1;
            } else if (i == 0) {
                out.append(bytes.data(), static_cast<std::size_t>(got));
            } else if (complaint.size() < most_complaint) {
                complaint.append(bytes.data(), static_cast<std::size_t>(got));
            }
        }
    }
    const bool too_much = out.size() > most_output;
    if (late || too_much) ::kill(-child, SIGKILL);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (late)
        return Error(ErrorCode::timeout, fmt::format("{} --list gave no end within 60 s", program));
    if (too_much)
        return Error(ErrorCode::refused,
                     fmt::format("{} --list printed more than 64 MiB", program));
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        const auto how = WIFEXITED(status) ? fmt::format("exit status {}", WEXITSTATUS(status))
                                           : fmt::format("signal {}", WTERMSIG(status));
        const auto why = trim(complaint).empty() ? "" : ": " + printable(trim(complaint));
        return Error(ErrorCode::io, fmt::format("{} --list failed with {}{}", program, how, why));
    }
    return out;
}

}  // namespace escalator::campaign
