// SPDX-License-Identifier: Apache-2.0
#include "runner/run.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.hpp"
#include "base/log.hpp"
#include "engine/codec.hpp"
#include "runner/coordinator.hpp"
#include "runner/reach.hpp"

namespace escalator::runner {

namespace {

engine::ControllerStarted this_controller(const Settings& settings) {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    return {static_cast<long>(getpid()), host.data(), settings.version};
}

std::vector<engine::EventBody> opening(const Wish& wish, const Settings& settings) {
    std::vector<engine::EventBody> events;
    events.emplace_back(this_controller(settings));
    for (const auto& [step, answer] : wish.answers) {
        events.emplace_back(engine::Answered{step, answer, whoami()});
    }
    return events;
}

}  // namespace

std::string whoami() {
    std::array<char, 256> host{};
    gethostname(host.data(), host.size() - 1);
    const passwd* entry = getpwuid(getuid());
    const std::string name = entry != nullptr ? entry->pw_name : std::to_string(getuid());
    return fmt::format("{}@{}", name, host.data());
}

Result<Finish> start_run(const std::filesystem::path& state_dir, const planner::Plan& plan,
                         const Wish& wish, const Settings& settings, Observer& observer) {
    Inbox inbox;
    const SignalThread signals([&inbox](int number) { inbox.put(Signalled{number}); });
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
    if (auto ready = reach.prepare(observer, true); !ready) {
        reach.release();
        forget();
        return std::move(ready).take_error();
    }
    Coordinator coordinator(plan, *dir, settings, observer, std::move(*writer), inbox, reach,
                            engine::fresh_state(plan));
    std::vector<engine::EventBody> events;
    events.emplace_back(
        engine::RunStarted{dir->run(), planner::digest_of(plan), whoami(), settings.version});
    events.emplace_back(this_controller(settings));
    events.emplace_back(engine::Resumed{wish.until, wish.ignore_window, false});
    return coordinator.carry_out(std::move(events));
}

Result<Finish> resume_run(const RunDir& dir, const Wish& wish, const Settings& settings,
                          Observer& observer) {
    Inbox inbox;
    const SignalThread signals([&inbox](int number) { inbox.put(Signalled{number}); });
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
    if (state->status == engine::RunStatus::fresh) {
        return Error(ErrorCode::refused, fmt::format("run {} never started", dir.run()))
            .advise("nothing was changed; remove its directory and start a new run");
    }
    if (state->plan_digest != planner::digest_of(*plan)) {
        return Error(ErrorCode::corrupt, fmt::format("{} is not the plan this run was started with",
                                                     dir.plan_file().string()))
            .advise("put the original file back");
    }
    if (state->status == engine::RunStatus::ended && !wish.rollback) {
        return Error(ErrorCode::refused, fmt::format("run {} has ended: {}", dir.run(),
                                                     engine::word_of(*state->ending)))
            .advise("escalator rollback undoes it; escalator run starts a new one");
    }
    Reach reach(*plan, dir, settings);
    observer.told(
        fmt::format("run {}: reaching {} nodes again", dir.run(), reach.targets().size()));
    if (auto ready = reach.prepare(observer, false); !ready) return std::move(ready).take_error();

    auto events = opening(wish, settings);
    const bool same = wish.rollback && state->rollback &&
                      state->rollback->scope == wish.rollback->scope &&
                      state->rollback->past_no_return == wish.rollback->past_no_return;
    if (wish.rollback && !same) {
        events.emplace_back(*wish.rollback);
    } else {
        events.emplace_back(engine::Resumed{wish.until, wish.ignore_window, wish.retry_excluded});
    }
    Coordinator coordinator(*plan, dir, settings, observer, std::move(*writer), inbox, reach,
                            std::move(*state));
    return coordinator.carry_out(std::move(events));
}

}  // namespace escalator::runner
