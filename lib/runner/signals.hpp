// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

namespace escalator::runner {

/// One thread that waits for SIGINT, SIGTERM and SIGHUP and hands them on. Blocks these signals in
/// the calling thread, so make it before any other thread: threads inherit the mask.
class SignalThread {
public:
    explicit SignalThread(std::function<void(int)> hand_on);
    ~SignalThread();
    SignalThread(const SignalThread&) = delete;
    SignalThread& operator=(const SignalThread&) = delete;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace escalator::runner
