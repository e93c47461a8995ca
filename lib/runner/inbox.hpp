// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "base/clock.hpp"
#include "engine/engine.hpp"

namespace escalator::runner {

/// A job came back.
struct Ended {
    engine::StepEnded event;
    bool cancelled = false;  ///< given up by us; nothing is known of it
};

/// The operator or the system sent SIGINT, SIGTERM or SIGHUP.
struct Signalled {
    int number = 0;
};

using Message = std::variant<Ended, Signalled>;

/// What workers and the signal thread tell the coordinator. Thread-safe.
class Inbox {
public:
    void put(Message message) {
        {
            const std::lock_guard lock(mutex_);
            messages_.push_back(std::move(message));
        }
        wake_.notify_one();
    }

    /// All messages there are; waits for the first, until the deadline at most.
    std::vector<Message> take(std::optional<Deadline> deadline) {
        std::unique_lock lock(mutex_);
        const auto some = [&] { return !messages_.empty(); };
        if (deadline) {
            wake_.wait_until(lock, *deadline, some);
        } else {
            wake_.wait(lock, some);
        }
        return std::exchange(messages_, {});
    }

private:
    std::mutex mutex_;
    std::condition_variable wake_;
    std::vector<Message> messages_;
};

}  // namespace escalator::runner
