// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "twin/judge.hpp"

namespace escalator::twin {

/// The judge's own picture of a run. Written from the promises, not from the engine: it knows for
/// each step whether the journal calls it complete and whether something of it is on the node, and
/// derives everything else when a rule asks for it.
class Court {
public:
    explicit Court(const Evidence& evidence);

    void read(std::size_t index, const engine::Event& event);
    void look_at(const Deed& deed);

    std::string verdict;  ///< the first broken rule; "" while there is none

    // One operator() for each kind of event; public for std::visit only.
    void operator()(const engine::RunStarted& event);
    void operator()(const engine::ControllerStarted& event);
    void operator()(const engine::WaveStarted& event);
    void operator()(const engine::WaveEnded& event);
    void operator()(const engine::StepStarted& event);
    void operator()(const engine::StepEnded& event);
    void operator()(const engine::StepLate& event);
    void operator()(const engine::NodeExcluded& event);
    void operator()(const engine::NodeGivenUp& event);
    void operator()(const engine::RollbackStarted& event);
    void operator()(const engine::RollbackEnded& event);
    void operator()(const engine::SuspendRequested& event);
    void operator()(const engine::Suspended& event);
    void operator()(const engine::Resumed& event);
    void operator()(const engine::Answered& event);
    void operator()(const engine::RunEnded& event);

private:
    struct Step {
        bool complete = false;   ///< the journal says its goal is reached
        bool changed = false;    ///< something of it may be on the node
        bool uncertain = false;  ///< nobody knows how its perform ended
        bool undo_lost = false;  ///< the same of its undo, which must not simply be repeated
        bool unheard = false;    ///< its node fell silent: the same attempt is to be asked for
        bool condemned = false;  ///< the operator's answer was that it failed
        bool late = false;
        bool flying = false;
        bool adrift = false;
        bool may_start = false;  ///< of a re-attached attempt: starting it now would be right
        engine::Phase phase = engine::Phase::perform;
        std::uint32_t attempts[3] = {0, 0, 0};
        std::uint32_t failures = 0;
        Time ended;
        Time started;
    };
    struct Lane {
        std::uint32_t procedure = 0;
        std::uint32_t wave = 0;
        engine::NodeIndex node = 0;
        bool excluded = false;
        bool undo_asked = false;
        bool out = false;
        std::vector<Step> steps;
    };
    struct Wave {
        bool started = false;
        bool ended = false;
        Time when;
        std::vector<std::size_t> lanes;
    };

    void breach(std::string why);
    const campaign::Step& spec(const engine::StepRef& ref) const;
    Lane& lane_of(const engine::StepRef& ref);
    Step& step_of(const engine::StepRef& ref) { return lane_of(ref).steps[ref.step]; }
    std::string id(const engine::StepRef& ref) const;
    bool has_undo(std::uint32_t procedure, std::uint32_t step) const;
    bool in_scope(const engine::Scope& scope, const Lane& lane) const;
    bool complete(const Lane& lane, std::uint32_t step) const;
    /// The run goes on without it.
    bool is_gone(const Lane& lane) const { return lane.excluded || given_up_.contains(lane.node); }
    bool finished(const Lane& lane) const;
    bool settled(std::uint32_t procedure) const;
    bool settled(const Wave& wave) const;
    std::uint32_t current() const;
    /// Something that must be undone before anything earlier is.
    bool in_the_way(const Lane& lane, std::uint32_t step) const;
    std::string why_not_perform(const Lane& lane, std::uint32_t step) const;
    std::string why_not_undo(const Lane& lane, std::uint32_t step) const;
    void new_attempt(const engine::StepStarted& event, Lane& lane, Step& step);
    void check_limits(const Lane& lane);
    void forgive(Lane& lane);
    void end_rollback(Lane& lane);
    void refresh(Lane& lane);
    bool is_clean(const Lane& lane) const;

    const planner::Plan& plan_;
    const std::vector<Part>& parts_;
    std::vector<Lane> lanes_;
    std::map<std::pair<std::uint32_t, engine::NodeIndex>, std::size_t> index_;
    std::vector<std::vector<Wave>> waves_;
    std::vector<std::pair<std::uint32_t, std::uint32_t>> order_;  ///< waves as they started
    std::set<std::tuple<engine::StepRef, engine::Phase, std::uint32_t>> announced_;
    std::set<std::tuple<engine::StepRef, engine::Phase, std::uint32_t>> begun_;
    std::map<engine::StepRef, Truth> truth_;
    std::set<engine::NodeIndex> excluded_;
    std::set<engine::NodeIndex> given_up_;
    std::set<std::uint32_t> holds_passed_;
    std::optional<engine::RollbackStarted> rollback_;
    std::optional<engine::Suspended> suspended_;
    bool stopping_ = false;
    bool ended_ = false;
    bool running_ = false;
    std::string until_;
    bool ignore_window_ = false;
    std::size_t index_now_ = 0;
    Time now_;
};

}  // namespace escalator::twin
