// SPDX-License-Identifier: Apache-2.0
#include "node/ready.hpp"

#include <fmt/format.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <ctime>
#include <system_error>

#include "base/fd.hpp"

namespace escalator::node {

namespace {

/// Descriptors of one wait: a session and the connections it is tunnelled through.
constexpr std::size_t most_descriptors = 64;

/// What a stop request rings, so that poll(2) comes back. One for each thread.
class Bell {
public:
    Bell() : fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
        if (!fd_) throw std::system_error(errno, std::generic_category(), "eventfd");
    }
    void ring() noexcept {
        rung_ = true;
        const std::uint64_t one = 1;
        [[maybe_unused]] const auto written = ::write(fd_.get(), &one, sizeof one);
    }
    /// Only while nobody can ring.
    void silence() noexcept {
        if (!rung_.exchange(false)) return;
        std::uint64_t count = 0;
        [[maybe_unused]] const auto got = ::read(fd_.get(), &count, sizeof count);
    }
    int fd() const noexcept { return fd_.get(); }

private:
    Fd fd_;
    std::atomic<bool> rung_{false};
};

timespec left_until(Deadline until) {
    const auto left =
        std::max(until - std::chrono::steady_clock::now(), Deadline::duration::zero());
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
    const auto rest = std::chrono::duration_cast<std::chrono::nanoseconds>(left - seconds);
    return {static_cast<time_t>(seconds.count()), static_cast<long>(rest.count())};
}

}  // namespace

Result<bool> await_any(std::span<pollfd> descriptors, Deadline until, const std::stop_token& stop) {
    if (descriptors.size() >= most_descriptors) {
        return Error(ErrorCode::bug, "too many descriptors to wait for");
    }
    std::array<pollfd, most_descriptors> all;
    std::copy(descriptors.begin(), descriptors.end(), all.begin());
    thread_local Bell bell;
    all[descriptors.size()] = {bell.fd(), POLLIN, 0};
    bool some = false;
    bool stopped = false;
    {
        const std::stop_callback ring(stop, [&it = bell] { it.ring(); });
        for (;;) {
            const auto left = left_until(until);
            const int ready = ::ppoll(all.data(), descriptors.size() + 1, &left, nullptr);
            if (ready < 0 && (errno == EINTR || errno == EAGAIN)) continue;
            stopped = stop.stop_requested();
            some = ready > 0;
            break;
        }
    }
    bell.silence();  // the callback is gone: its destructor waits for one that runs
    if (stopped) return Error(ErrorCode::cancelled, "stopped");
    std::copy_n(all.begin(), descriptors.size(), descriptors.begin());
    return some;
}

Status await(int descriptor, short events, Deadline deadline, const std::stop_token& stop) {
    pollfd it{descriptor, events, 0};
    auto ready = await_any({&it, 1}, deadline, stop);
    if (!ready) return std::move(ready).take_error();
    if (!*ready) return Error(ErrorCode::timeout, "no answer in time");
    return ok();
}

}  // namespace escalator::node
