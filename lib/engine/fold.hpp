// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "engine/engine.hpp"

// Inside lib/engine only: one event on its way into the state.
namespace escalator::engine {

/// Each operator() folds one kind of event, and is false when it cannot follow what was before.
class Fold {
public:
    Fold(const planner::Plan& plan, State& state, Time now)
        : plan_(plan), state_(state), now_(now) {}

    bool operator()(const RunStarted& event);
    bool operator()(const ControllerStarted& event);
    bool operator()(const WaveStarted& event);
    bool operator()(const WaveEnded& event);
    bool operator()(const StepStarted& event);
    bool operator()(const StepEnded& event);
    bool operator()(const StepLate& event);
    bool operator()(const NodeExcluded& event);
    bool operator()(const NodeGivenUp& event);
    bool operator()(const RollbackStarted& event);
    bool operator()(const RollbackEnded& event);
    bool operator()(const SuspendRequested& event);
    bool operator()(const Suspended& event);
    bool operator()(const Resumed& event);
    bool operator()(const Answered& event);
    bool operator()(const RunEnded& event);

private:
    // fold_lane.cpp
    const campaign::Step& spec(const StepRef& ref) const;
    std::uint32_t retries(const StepRef& ref) const;
    bool undo_is_repeatable(const StepRef& ref) const;
    WaveState* find_wave(std::uint32_t procedure, std::uint32_t wave);
    Lane* find_lane(const StepRef& ref);
    std::uint32_t index_of(const Lane& lane) const;
    StepState& flying_step(std::uint32_t lane);
    void set_adrift(StepState& step, bool adrift);
    void forget_once(const Lane& lane);
    void claim_once(const StepRef& ref, const Lane& lane);
    /// Brings a lane's derived fields up to date after one of its steps ended.
    void settle(Lane& lane);
    void settle_procedure(std::uint32_t procedure);
    void refresh(Lane& lane);
    void set_out(Lane& lane, bool out);
    /// Whether nothing of the lane is on its node, or counts as done.
    static bool is_untouched(const Lane& lane);
    /// Whether what is on the node still keeps it out of service.
    bool stays_out(const Lane& lane) const;

    // fold_step.cpp
    /// A job that never started while the run was on its way to a stop is no failure of the step;
    /// nor is one that a later controller looked for and did not find.
    bool held_back(const Lane& lane) const;
    void break_lane(Lane& lane, const StepEnded& event);
    void fail(Lane& lane, StepState& step, const StepEnded& event);
    void end_perform(Lane& lane, StepState& step, const StepEnded& event);
    void end_check(Lane& lane, StepState& step, const StepEnded& event);
    void end_undo(Lane& lane, StepState& step, const StepEnded& event);

    // fold_back.cpp
    void end_rollback_of(Lane& lane);

    // give_up.cpp
    bool is_finished(const Lane& lane) const;

    // fold_again.cpp
    /// Whether the operator has just said that a step of it failed: its policy acts on that.
    static bool is_condemned(const Lane& lane);
    /// A new controller or an operator's word makes every blocked attempt worth another try.
    void clear_failures(Lane& lane);
    /// After a rollback the run may go on: what was undone is to be done again.
    void go_forward_again(Lane& lane);
    void take_back_excluded();
    void reopen_waves();

    const planner::Plan& plan_;
    State& state_;
    Time now_;
};

}  // namespace escalator::engine
