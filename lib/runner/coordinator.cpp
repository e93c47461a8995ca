// SPDX-License-Identifier: Apache-2.0
#include "runner/coordinator.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/log.hpp"
#include "engine/codec.hpp"
#include "runner/window.hpp"

namespace escalator::runner {

Coordinator::Coordinator(const planner::Plan& plan, const RunDir& dir, const Settings& settings,
                         Observer& observer, journal::Writer writer, Inbox& inbox, Reach& reach,
                         engine::State state)
    : plan_(plan),
      dir_(dir),
      settings_(settings),
      observer_(observer),
      writer_(std::move(writer)),
      log_(plan, dir.path),
      inbox_(inbox),
      reach_(reach),
      state_(std::move(state)),
      jobs_(plan, dir.run(), settings.plugin_path) {}

Coordinator::~Coordinator() { reach_.finish(); }

Time Coordinator::now() const { return std::max(clock_.now(), state_.last); }

Status Coordinator::take_in(std::vector<engine::EventBody> events) {
    for (auto& body : events) {
        engine::Event event{now(), std::move(body)};
        if (!engine::apply(plan_, state_, event)) {
            return Error(ErrorCode::bug, fmt::format("the event {} cannot follow what was before",
                                                     engine::to_record(plan_, event).event))
                .advise("nothing was acted on; please report this with the run's journal");
        }
        pending_.push_back(std::move(event));
    }
    return ok();
}

Result<engine::Decision> Coordinator::decide_all() {
    engine::Decision all;
    for (;;) {
        const engine::Bounds bounds{settings_.fanout,
                                    window_end(plan_.window, state_.started, now())};
        auto decision = engine::decide(plan_, state_, now(), bounds);
        all.wake = decision.wake;
        all.next = decision.next;
        if (decision.events.empty()) return all;
        all.jobs.insert(all.jobs.end(), decision.jobs.begin(), decision.jobs.end());
        if (auto taken = take_in(std::move(decision.events)); !taken) {
            return std::move(taken).take_error();
        }
    }
}

Status Coordinator::flush() {
    if (pending_.empty()) return ok();
    std::vector<journal::Record> records;
    records.reserve(pending_.size());
    for (const auto& event : pending_) records.push_back(engine::to_record(plan_, event));
    if (auto written = writer_.append(records); !written) {
        return std::move(std::move(written).fail(dir_.path.string()))
            .advise(fmt::format(
                "nothing was acted on that is not in the journal; make room or mend the "
                "disk, then: escalator run --resume {}",
                dir_.run()));
    }
    for (const auto& event : pending_) {
        log_.write(event);
        observer_.seen(event, state_);
    }
    pending_.clear();
    return ok();
}

void Coordinator::dispatch(const engine::JobIntent& intent) {
    const auto& lane = state_.lanes[*state_.lane_of(intent.step.procedure, intent.step.node)];
    const auto output = dir_.steps() / (jobs_.key(intent) + ".log");
    auto job = jobs_.job(intent, lane.steps[intent.step.step].record, output);
    if (!job) {
        inbox_.put(Ended{Jobs::refused(intent, job.error()), false});
        return;
    }
    if (!*job) {
        inbox_.put(Ended{Jobs::without_script(intent), false});
        return;
    }
    reach_.post(
        intent.step.node, (*job)->on_controller,
        [this, intent, job = std::move((*job)->job)](node::Session& session,
                                                     const std::stop_token& stop) {
            const auto result = session.run(job, stop);
            inbox_.put(Ended{jobs_.ended(intent, result), result.end == node::JobEnd::cancelled});
        });
}

bool Coordinator::handle(const Message& message, std::vector<engine::EventBody>& events) {
    if (const auto* ended = std::get_if<Ended>(&message)) {
        if (!ended->cancelled) events.emplace_back(ended->event);
        return true;
    }
    const auto number = std::get<Signalled>(message).number;
    const bool again = signal_ != 0;
    signal_ = number;
    if (!again) {
        events.emplace_back(engine::SuspendRequested{fmt::format("signal {}", number), false});
        return true;
    }
    events.emplace_back(engine::SuspendRequested{fmt::format("signal {}", number), true});
    return false;
}

Result<Finish> Coordinator::carry_out(std::vector<engine::EventBody> opening) {
    if (auto taken = take_in(std::move(opening)); !taken) return std::move(taken).take_error();
    for (;;) {
        auto decision = decide_all();
        if (!decision) return std::move(decision).take_error();
        if (auto durable = flush(); !durable) return std::move(durable).take_error();
        for (const auto& intent : decision->jobs) dispatch(intent);
        if (decision->next == engine::Next::ended) {
            reach_.release(state_.ending == engine::Ending::rolled_back ? node::Kept::nothing
                                                                        : node::Kept::for_rollback);
            break;
        }
        if (decision->next == engine::Next::suspended) break;
        if (decision->jobs.empty() && state_.attended() == 0 && !decision->wake) {
            return Error(ErrorCode::bug,
                         "nothing is left to do or to wait for, and the run has not ended")
                .advise(fmt::format("please report this with {}", dir_.path.string()));
        }

        std::optional<Deadline> deadline;
        if (decision->wake) {
            deadline = std::chrono::steady_clock::now() + (*decision->wake - clock_.now());
        }
        std::vector<engine::EventBody> events;
        for (const auto& message : inbox_.take(deadline)) {
            if (!handle(message, events)) abandoned_ = true;
        }
        if (auto taken = take_in(std::move(events)); !taken) return std::move(taken).take_error();
        if (abandoned_) {
            if (auto durable = flush(); !durable) return std::move(durable).take_error();
            break;
        }
    }
    return Finish{std::move(state_), signal_, abandoned_};
}

}  // namespace escalator::runner
