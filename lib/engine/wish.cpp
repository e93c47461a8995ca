// SPDX-License-Identifier: Apache-2.0
#include "engine/wish.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/codec.hpp"
#include "engine/engine.hpp"

namespace escalator::engine {

namespace {

/// Every opening event is tried on a copy of the state, so that a wish that does not fit becomes an
/// answer to the operator and never a journal that cannot be read.
class Opening {
public:
    Opening(const planner::Plan& plan, const State& state, Time now)
        : plan_(plan), state_(state), now_(std::max(now, state.last)) {}

    bool add(EventBody body) {
        if (!apply(plan_, state_, Event{now_, body})) return false;
        events_.push_back(std::move(body));
        return true;
    }
    const State& state() const { return state_; }
    std::vector<EventBody> take() { return std::move(events_); }

private:
    const planner::Plan& plan_;
    State state_;
    Time now_;
    std::vector<EventBody> events_;
};

Error no_answer_wanted(const planner::Plan& plan, const StepRef& step) {
    return Error(ErrorCode::refused,
                 fmt::format("{} awaits no answer", planner::step_id(plan, step)))
        .advise("only a step that is uncertain or was not undone does; escalator status names it");
}

Error cannot_give_up(const planner::Plan& plan, NodeIndex node) {
    return Error(ErrorCode::refused,
                 fmt::format("{} cannot be left out: nothing is left to do on it",
                             plan.nodes[node].name))
        .advise("resume without --exclude; escalator status shows how far each node is");
}

}  // namespace

std::vector<EventBody> first_events(const RunStarted& started, const ControllerStarted& controller,
                                    const Wish& wish) {
    return {started, controller, Resumed{wish.until, wish.ignore_window, false}};
}

Result<std::vector<EventBody>> opening_events(const planner::Plan& plan, const State& state,
                                              const Wish& wish, const ControllerStarted& controller,
                                              const std::string& by, Time now) {
    if (state.status == RunStatus::fresh) {
        return Error(ErrorCode::refused, "the run never started")
            .advise("nothing was changed; remove its directory and start a new run");
    }
    if (state.status == RunStatus::ended && !wish.rollback) {
        return Error(ErrorCode::refused,
                     fmt::format("the run has ended: {}", word_of(*state.ending)))
            .advise("escalator rollback undoes it; escalator run starts a new one");
    }
    Opening opening(plan, state, now);
    const auto misfit = [] {
        return Error(ErrorCode::bug, "the run's state refuses to be taken up again")
            .advise("please report this with the run's journal");
    };
    if (!opening.add(controller)) return misfit();
    for (const auto node : wish.exclude) {
        if (!opening.add(NodeGivenUp{node, by})) return cannot_give_up(plan, node);
    }
    for (const auto& [step, answer] : wish.answers) {
        if (!opening.add(Answered{step, answer, by})) return no_answer_wanted(plan, step);
    }
    const bool same = wish.rollback && state.rollback &&
                      state.rollback->scope == wish.rollback->scope &&
                      state.rollback->past_no_return == wish.rollback->past_no_return;
    const bool opened =
        wish.rollback && !same
            ? opening.add(*wish.rollback)
            : opening.add(Resumed{wish.until, wish.ignore_window, wish.retry_excluded});
    if (!opened) return misfit();
    return opening.take();
}

}  // namespace escalator::engine
