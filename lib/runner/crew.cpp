// SPDX-License-Identifier: Apache-2.0
#include "runner/crew.hpp"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <latch>
#include <mutex>
#include <thread>

#include "base/log.hpp"

namespace escalator::runner {

struct Crew::Impl {
    struct Slot {
        std::unique_ptr<node::Session> session;
        std::deque<Task> tasks;
        bool busy = false;
    };

    void work() {
        std::unique_lock lock(mutex);
        for (;;) {
            wake.wait(lock, [&] { return ending || !ready.empty(); });
            if (ending) return;
            const auto index = ready.front();
            ready.pop_front();
            auto& slot = slots[index];
            auto task = std::move(slot.tasks.front());
            slot.tasks.pop_front();
            slot.busy = true;
            lock.unlock();
            task(*slot.session, stopper.get_token());
            task = nullptr;
            lock.lock();
            slot.busy = false;
            if (slot.tasks.empty()) continue;
            ready.push_back(index);
            wake.notify_one();
        }
    }

    std::mutex mutex;
    std::condition_variable wake;
    std::vector<Slot> slots;
    std::deque<std::size_t> ready;  ///< nodes with tasks and no worker
    bool ending = false;
    std::stop_source stopper;
    std::vector<std::jthread> threads;
};

Crew::Crew(std::vector<std::unique_ptr<node::Session>> sessions, std::uint32_t workers)
    : impl_(std::make_unique<Impl>()) {
    for (auto& session : sessions) impl_->slots.push_back({std::move(session), {}, false});
    const auto count =
        std::clamp<std::size_t>(workers, 1, std::max<std::size_t>(1, impl_->slots.size()));
    for (std::size_t i = 0; i < count; ++i) {
        impl_->threads.emplace_back([impl = impl_.get()] {
            try {
                impl->work();
            } catch (const std::exception& error) {
                log::error("a worker ended by a bug what={}", error.what());
                std::terminate();  // the journal is the only witness then: resume replays it
            }
        });
    }
}

Crew::~Crew() { finish(); }

void Crew::finish() {
    impl_->stopper.request_stop();
    {
        const std::lock_guard lock(impl_->mutex);
        impl_->ending = true;
    }
    impl_->wake.notify_all();
    impl_->threads.clear();
}

void Crew::post(std::size_t node, Task task) {
    const std::lock_guard lock(impl_->mutex);
    auto& slot = impl_->slots[node];
    slot.tasks.push_back(std::move(task));
    if (slot.busy || slot.tasks.size() > 1) return;
    impl_->ready.push_back(node);
    impl_->wake.notify_one();
}

void Crew::each(
    const std::vector<std::uint32_t>& nodes,
    const std::function<void(std::uint32_t, node::Session&, const std::stop_token&)>& task) {
    std::latch left(static_cast<std::ptrdiff_t>(nodes.size()));
    for (const auto node : nodes) {
        post(node, [&, node](node::Session& session, const std::stop_token& stop) {
            task(node, session, stop);
            left.count_down();
        });
    }
    left.wait();
}

}  // namespace escalator::runner
