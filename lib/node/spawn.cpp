// SPDX-License-Identifier: Apache-2.0
#include "node/spawn.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/file.hpp"

extern "C" char** environ;

namespace escalator::node {

namespace {

/// posix_spawn's two helpers, freed together.
struct SpawnSetup {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};

    SpawnSetup() {
        posix_spawn_file_actions_init(&actions);
        posix_spawnattr_init(&attributes);
        posix_spawnattr_setflags(
            &attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
        sigset_t set{};
        sigemptyset(&set);
        posix_spawnattr_setsigmask(&attributes, &set);
        sigaddset(&set, SIGPIPE);
        posix_spawnattr_setsigdefault(&attributes, &set);
    }
    ~SpawnSetup() {
        posix_spawn_file_actions_destroy(&actions);
        posix_spawnattr_destroy(&attributes);
    }
    SpawnSetup(const SpawnSetup&) = delete;
    SpawnSetup& operator=(const SpawnSetup&) = delete;
};

}  // namespace

Result<Child> Child::start(const std::string& command) {
    const auto failed = [](std::string_view what, int number) {
        return Error(ErrorCode::unreachable, fmt::format("{}: {}", what, errno_text(number)));
    };
    std::array<int, 2> pair{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
        return failed("no socket pair", errno);
    }
    Fd mine(pair[0]);
    const Fd theirs(pair[1]);
    ::fcntl(mine.get(), F_SETFL, O_NONBLOCK);
    Fd errors(::memfd_create("stderr", MFD_CLOEXEC));
    if (!errors) return failed("no file in memory", errno);
    ::fcntl(errors.get(), F_SETFL, O_APPEND);
    SpawnSetup setup;
    posix_spawn_file_actions_adddup2(&setup.actions, theirs.get(), 0);
    posix_spawn_file_actions_adddup2(&setup.actions, theirs.get(), 1);
    posix_spawn_file_actions_adddup2(&setup.actions, errors.get(), 2);
    std::string shell = "/bin/sh";
    std::string flag = "-c";
    std::string line = command;
    std::array<char*, 4> argv{shell.data(), flag.data(), line.data(), nullptr};
    pid_t pid = 0;
    const int error =
        posix_spawn(&pid, shell.c_str(), &setup.actions, &setup.attributes, argv.data(), environ);
    if (error != 0) return failed("cannot start sh", error);
    return Child(std::move(mine), std::move(errors), pid);
}

Child::Child(Child&& other) noexcept
    : stream_(std::move(other.stream_)),
      errors_(std::move(other.errors_)),
      pid_(std::exchange(other.pid_, 0)) {}

Child::~Child() {
    stream_.reset();
    if (pid_ <= 0) return;
    int status = 0;
    if (::waitpid(pid_, &status, WNOHANG) == 0) {
        ::kill(pid_, SIGKILL);
        while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
        }
    }
}

std::string Child::complaint() const {
    std::string out(4096, '\0');
    const auto got = ::pread(errors_.get(), out.data(), out.size(), 0);
    out.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
    return out;
}

}  // namespace escalator::node
