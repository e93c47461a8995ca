// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <mutex>
#include <utility>

namespace escalator {

/// Data that can be reached only through its lock.
template <class T>
class Sync {
public:
    template <class... Args>
    explicit Sync(Args&&... args) : data_(std::forward<Args>(args)...) {}

    /// Runs `work` with the data while holding the lock; do not block inside.
    template <class Work>
    decltype(auto) with(Work&& work) {
        const std::lock_guard lock(mutex_);
        return std::forward<Work>(work)(data_);
    }

private:
    std::mutex mutex_;
    T data_;
};

}  // namespace escalator
