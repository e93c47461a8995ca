// SPDX-License-Identifier: Apache-2.0
#include "runner/run.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <stop_token>

#include "base/account.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "engine/codec.hpp"
#include "runner/coordinator.hpp"
#include "runner/reach.hpp"

namespace escalator::runner {

namespace {

/// Signals go to the coordinator; one that comes while nodes are being reached ends that at once.
class Interrupts {
public:
    Inbox& inbox() { return inbox_; }
    std::stop_token reaching() const { return reaching_.get_token(); }
    /// The signal that came while nodes were being reached; 0: none.
    int number() const { return number_; }

private:
    Inbox inbox_;
    std::stop_source reaching_;
    std::atomic<int> number_{0};
    SignalThread signals_{[this](int number) {
        number_ = number;
        reaching_.request_stop();
        inbox_.put(Signalled{number});
    }};
};

engine::ControllerStarted this_controller(const Settings& settings) {
    return {static_cast<long>(getpid()), own_account().host, settings.version};
}

}  // namespace

Result<Finish> start_run(const std::filesystem::path& state_dir, const planner::Plan& plan,
                         const Wish& wish, const Settings& settings, Observer& observer) {
    Interrupts interrupts;
    auto dir = create_run(state_dir, plan, SystemClock().now());
    if (!dir) return std::move(dir).take_error();
    const auto forget = [&] {
        std::error_code ignored;
        std::filesystem::remove_all(dir->path, ignored);
    };
    auto writer = journal::Writer::create(dir->path);
    if (!writer) {
        forget();
        return std::move(writer).take_error();
    }
    Reach reach(plan, *dir, settings);
    observer.told(fmt::format("run {}: reaching {} nodes", dir->run(), reach.targets().size()));
    if (auto ready = reach.prepare(observer, true, interrupts.reaching()); !ready) {
        reach.release(node::Kept::nothing);
        forget();
        if (interrupts.number() != 0) return Finish{engine::fresh_state(plan), interrupts.number()};
        return std::move(ready).take_error();
    }
    Coordinator coordinator(plan, *dir, settings, observer, std::move(*writer), interrupts.inbox(),
                            reach, engine::fresh_state(plan));
    const engine::RunStarted started{dir->run(), planner::digest_of(plan), whoami(),
                                     settings.version};
    return coordinator.carry_out(engine::first_events(started, this_controller(settings), wish));
}

Result<Finish> resume_run(const RunDir& dir, const Wish& wish, const Settings& settings,
                          Observer& observer) {
    Interrupts interrupts;
    journal::History history;
    auto writer = journal::Writer::open(dir.path, history);
    if (!writer) return std::move(writer).take_error();
    if (history.torn_bytes > 0) {
        log::warn("a torn last record was cut off run={} bytes={}", dir.run(), history.torn_bytes);
    }
    auto plan = load_plan(dir);
    if (!plan) return std::move(plan).take_error();
    auto state = engine::replay_records(*plan, history.records);
    if (!state) return std::move(state).fail(dir.path.string());
    if (state->plan_digest != planner::digest_of(*plan)) {
        return Error(ErrorCode::corrupt, fmt::format("{} is not the plan this run was started with",
                                                     dir.plan_file().string()))
            .advise("put the original file back");
    }
    auto events = engine::opening_events(*plan, *state, wish, this_controller(settings), whoami(),
                                         SystemClock().now());
    if (!events) return std::move(events).fail("run " + dir.run());
    Reach reach(*plan, dir, settings);
    observer.told(
        fmt::format("run {}: reaching {} nodes again", dir.run(), reach.targets().size()));
    auto ready = reach.prepare(observer, false, interrupts.reaching());
    if (interrupts.number() != 0) return Finish{std::move(*state), interrupts.number()};
    if (!ready) return std::move(ready).take_error();

    Coordinator coordinator(*plan, dir, settings, observer, std::move(*writer), interrupts.inbox(),
                            reach, std::move(*state));
    return coordinator.carry_out(std::move(*events));
}

}  // namespace escalator::runner
