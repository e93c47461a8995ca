// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "engine/engine.hpp"

// Inside lib/engine only: one decision in the making.
namespace escalator::engine {

/// How many nodes of each limit group are out of service, and whether one more may go.
class Room {
public:
    Room(const planner::Plan& plan, const State& state, std::uint32_t procedure);

    /// Whether `node` may go out of service now (it may when it is out already).
    bool has(NodeIndex node);
    void take(NodeIndex node);

private:
    void count();

    const planner::Plan& plan_;
    const State& state_;
    std::vector<std::uint32_t> groups_;  ///< indices of the limits in force
    std::vector<std::uint32_t> used_;
    std::set<NodeIndex> taken_;
    bool counted_ = false;
};

class Deciding {
public:
    Deciding(const planner::Plan& plan, const State& state, Time now, const Bounds& bounds);

    Decision take() &&;

private:
    /// Where a lane stands on its way back.
    enum class Back { settled, busy, barrier, stuck };

    // decide.cpp: both ways
    void alarm_late();
    void wake_at(Time time);
    bool quiet() const;
    void attend(std::uint32_t lane, bool may_start);
    bool start(std::uint32_t lane, std::uint32_t step, Phase phase);
    void suspend(Why why, std::optional<StepRef> step, std::string reason);
    StepRef ref(std::uint32_t lane, std::uint32_t step) const;
    const campaign::Step& spec(const Lane& lane, std::uint32_t step) const;
    std::string name(const Lane& lane) const;
    /// Start of the next attempt of a step that failed; at once when its failures were forgiven.
    Time due(const Lane& lane, std::uint32_t step) const;

    // forward.cpp
    void forward();
    void attend_adrift(std::uint32_t procedure);
    std::uint32_t lockstep_of(std::uint32_t procedure, std::uint32_t wave) const;
    void forward_wave(std::uint32_t procedure, std::uint32_t wave);
    void advance(std::uint32_t lane, std::uint32_t lockstep, Room& room);
    void handle_broken(std::uint32_t lane);
    void undo_lane(std::uint32_t lane, Room& room);
    bool gate(std::uint32_t procedure, std::uint32_t wave);

    // backward.cpp
    void backward();
    Back go_back(std::uint32_t lane, std::uint32_t lockstep, Room& room);
    /// How far a lane is on its way back, counted in steps of the undo order: the step in flight, or
    /// the next to be undone; the number of steps when nothing is left to undo.
    std::uint32_t place_on_way_back(const Lane& lane) const;
    /// The step to be undone next; nullopt when there is none, or one is in flight.
    std::optional<std::uint32_t> step_to_undo(const Lane& lane) const;
    bool meets_no_return(const Lane& lane, std::uint32_t step) const;
    void end_rollback();
    bool left_changed(const Lane& lane) const;
    void after_rollback();

    const planner::Plan& plan_;
    const State& state_;
    Time now_;
    const Bounds& bounds_;
    Decision out_;
    std::uint32_t slots_;
    bool wide_rollback_ = false;      ///< a policy has just asked for one
    bool lanes_changed_ = false;      ///< this decision excludes a node
    std::optional<Suspended> stop_;   ///< a policy asks to suspend once nothing is in flight
    std::set<NodeIndex> excluding_;   ///< given up in this very decision
    std::optional<StepRef> held_up_;  ///< a `once` step of another lane that is waited for
    bool crowded_ = false;            ///< a lane waits for room in a limit
    std::string crowded_node_;
};

}  // namespace escalator::engine
