// SPDX-License-Identifier: Apache-2.0
#include "runner/signals.hpp"

#include <pthread.h>

#include <atomic>
#include <csignal>
#include <thread>

namespace escalator::runner {

struct SignalThread::Impl {
    sigset_t set{};
    sigset_t before{};
    std::function<void(int)> hand_on;
    std::atomic<bool> ending{false};
    std::thread thread;

    void wait() {
        for (;;) {
            int number = 0;
            if (sigwait(&set, &number) != 0) continue;
            if (ending) return;
            if (number != SIGUSR1) hand_on(number);
        }
    }
};

SignalThread::SignalThread(std::function<void(int)> hand_on) : impl_(std::make_unique<Impl>()) {
    impl_->hand_on = std::move(hand_on);
    sigemptyset(&impl_->set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGUSR1}) sigaddset(&impl_->set, number);
    pthread_sigmask(SIG_BLOCK, &impl_->set, &impl_->before);
    impl_->thread = std::thread([impl = impl_.get()] { impl->wait(); });
}

SignalThread::~SignalThread() {
    impl_->ending = true;
    pthread_kill(impl_->thread.native_handle(), SIGUSR1);
    impl_->thread.join();
    pthread_sigmask(SIG_SETMASK, &impl_->before, nullptr);
}

}  // namespace escalator::runner
