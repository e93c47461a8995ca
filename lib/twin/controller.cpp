// SPDX-License-Identifier: Apache-2.0
#include "twin/controller.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/codec.hpp"

namespace escalator::twin {

namespace {

/// Decisions without an end between them would be a loop.
constexpr int most_turns = 10'000;

const engine::ControllerStarted a_controller{1, "twin", "twin"};

}  // namespace

Controller::Controller(const planner::Plan& plan, World& world, Fortune& fortune, Time start)
    : plan_(plan),
      world_(world),
      fortune_(fortune),
      now_(start),
      started_(start),
      state_(engine::fresh_state(plan)) {}

Stop Controller::broken(std::string what) {
    fault_ = std::move(what);
    return Stop::broken;
}

engine::Bounds Controller::bounds() const {
    engine::Bounds out;
    out.fanout = fanout_;
    if (plan_.window.length) out.window_end = started_ + *plan_.window.length;
    return out;
}

bool Controller::take_in(std::vector<engine::EventBody> events) {
    for (auto& body : events) {
        engine::Event event{std::max(now_, state_.last), std::move(body)};
        if (!engine::apply(plan_, state_, event)) {
            const auto record = engine::to_record(plan_, event);
            fault_ = fmt::format("the event {} {} cannot follow what was before", record.event,
                                 record.data);
            return false;
        }
        pending_.push_back(std::move(event));
    }
    return true;
}

bool Controller::decide_all(engine::Decision& all) {
    for (int turn = 0; turn < most_turns; ++turn) {
        auto decision = engine::decide(plan_, state_, now_, bounds());
        all.wake = decision.wake;
        all.next = decision.next;
        if (decision.events.empty()) {
            if (decision.jobs.empty()) return true;
            fault_ = "a decision has jobs without events";
            return false;
        }
        all.jobs.insert(all.jobs.end(), decision.jobs.begin(), decision.jobs.end());
        if (!take_in(std::move(decision.events))) return false;
    }
    fault_ = "decisions do not come to an end";
    return false;
}

bool Controller::flush() {
    if (pending_.empty()) return true;
    const auto count = std::min(fortune_.written(pending_.size()), pending_.size());
    const bool lives = count == pending_.size();
    const auto first = records_.size();
    for (std::size_t i = 0; i < count; ++i) {
        records_.push_back(engine::to_record(plan_, pending_[i]));
        records_.back().seq = records_.size();
    }
    auto back = engine::from_records(plan_, std::span(records_).subspan(first));
    if (!back) {
        fault_ = "a record cannot be read back: " + back.error().message();
    } else {
        for (std::size_t i = 0; i < count && fault_.empty(); ++i) {
            if (!((*back)[i] == pending_[i])) {
                fault_ = "a record reads back as something else: " + records_[first + i].data;
            }
        }
        durable_.insert(durable_.end(), back->begin(), back->end());
    }
    pending_.clear();
    return lives;
}

/// What the next controller knows: the journal and nothing else.
void Controller::replay() {
    pending_.clear();
    world_.controller_gone();
    auto again = engine::replay(plan_, durable_);
    if (!again) {
        fault_ = again.error().message();
        return;
    }
    state_ = std::move(*again);
}

Stop Controller::start(const engine::Wish& wish, std::uint32_t fanout) {
    fanout_ = fanout;
    return carry_out(engine::first_events({"run", "digest", "twin", "twin"}, a_controller, wish));
}

Stop Controller::resume(const engine::Wish& wish, std::uint32_t fanout) {
    fanout_ = fanout;
    now_ = std::max(now_, state_.last);
    if (state_.status == engine::RunStatus::fresh) {  // died before the first record was durable
        return start(wish, fanout);
    }
    auto events = engine::opening_events(plan_, state_, wish, a_controller, "operator", now_);
    if (!events) {
        refusal_ = events.error().message();
        if (events.error().code() == ErrorCode::bug) return broken(refusal_);
        return Stop::refused;
    }
    return carry_out(std::move(*events));
}

Stop Controller::carry_out(std::vector<engine::EventBody> opening) {
    parts_.push_back({durable_.size(), bounds().window_end, fanout_});
    const auto leave = [&](Stop stop) {
        const auto live = state_;
        replay();
        const bool whole = stop != Stop::killed;
        if (fault_.empty() && whole && !(live == state_)) {
            fault_ = "the state folded live differs from the one replayed";
        }
        return fault_.empty() ? stop : Stop::broken;
    };
    if (!take_in(std::move(opening))) return Stop::broken;
    for (int turn = 0; turn < most_turns; ++turn) {
        engine::Decision decision;
        if (!decide_all(decision)) return Stop::broken;
        if (!flush()) return leave(Stop::killed);
        if (!fault_.empty()) return Stop::broken;
        const auto handed =
            std::min(fortune_.handed_over(decision.jobs.size()), decision.jobs.size());
        for (std::size_t i = 0; i < handed; ++i) {
            world_.dispatch(decision.jobs[i], now_, durable_.size());
        }
        if (handed < decision.jobs.size()) return leave(Stop::killed);
        if (decision.next == engine::Next::ended) return leave(Stop::ended);
        if (decision.next == engine::Next::suspended) return leave(Stop::suspended);
        auto until = world_.next();
        if (decision.wake && (!until || *decision.wake < *until)) until = decision.wake;
        if (!until)
            return broken("nothing is left to do or to wait for, and the run has not ended");
        if (fortune_.dies_waiting()) return leave(Stop::killed);
        now_ = std::max(now_, *until);

        std::vector<engine::EventBody> events;
        for (auto& report : world_.reports(now_)) events.emplace_back(std::move(report));
        const auto signals = fortune_.signals();
        for (int i = 0; i < signals; ++i) {
            events.emplace_back(engine::SuspendRequested{"operator", i == 1});
        }
        if (!take_in(std::move(events))) return Stop::broken;
        if (signals > 1) return leave(flush() ? Stop::abandoned : Stop::killed);
    }
    return broken("the run does not come to an end");
}

}  // namespace escalator::twin
