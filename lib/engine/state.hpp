// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "engine/event.hpp"

namespace escalator::engine {

/// How far one step of one lane is.
enum class StepStatus : std::uint8_t {
    pending,
    running,    ///< a perform or check is in flight
    done,       ///< performed, and it changed something
    already,    ///< nothing was to do
    failed,     ///< for good, or until a retry
    uncertain,  ///< lost or unreachable: nobody knows; see StepState::outcome
    undoing,
    undone,
    undo_failed,
};

struct StepState {
    StepStatus status = StepStatus::pending;
    Phase phase = Phase::perform;     ///< of the latest attempt
    Outcome outcome = Outcome::done;  ///< of the latest ended attempt
    bool in_flight = false;
    bool reattach = false;            ///< started by an earlier process, not yet re-attached
    bool late = false;                ///< StepLate was told for this attempt
    bool changed = false;             ///< something of it is on the node: an undo is due on the way back
    std::uint32_t performs = 0;       ///< attempts so far, by phase; attempt numbers count from 1
    std::uint32_t checks = 0;
    std::uint32_t undos = 0;
    std::uint32_t failures = 0;       ///< of the present phase in a row; a retry or Resumed clears it
    Time started;                     ///< of the latest attempt
    Time ended;
    int exit_status = 0;
    std::string stage;
    std::string record;               ///< of the last perform that left one
    std::string message;
};

enum class LaneStatus : std::uint8_t {
    waiting,   ///< its wave has not started
    active,    ///< going forward
    finished,  ///< all steps done
    broken,    ///< a step failed for good, or is uncertain
    excluded,  ///< given up within the tolerance; the run goes on without it
    undone,    ///< everything it did has been undone
};

/// One node on its way through one procedure.
struct Lane {
    std::uint32_t procedure = 0;
    std::uint32_t wave = 0;
    NodeIndex node = 0;
    LaneStatus status = LaneStatus::waiting;
    std::string reason;            ///< of broken or excluded
    std::vector<StepState> steps;  ///< as PlanProcedure::steps
};

enum class WaveStatus : std::uint8_t { waiting, running, ended, undone };

struct WaveState {
    WaveStatus status = WaveStatus::waiting;
    Time started;
    Time ended;
    std::vector<std::uint32_t> lanes;  ///< indices into State::lanes, in the wave's order
};

/// A rollback under way.
struct Rollback {
    Scope scope;
    bool by_operator = false;
    bool past_no_return = false;
    std::string reason;
};

enum class RunStatus : std::uint8_t { fresh, running, suspended, ended };

/// Everything a run is; folded from its events by apply(), never changed otherwise.
struct State {
    RunStatus status = RunStatus::fresh;
    std::string run;
    std::string by;
    std::string plan_digest;
    std::string version;
    std::vector<Lane> lanes;                    ///< by procedure, wave, order in the wave
    std::vector<std::vector<WaveState>> waves;  ///< [procedure][wave]
    std::vector<std::pair<std::uint32_t, std::uint32_t>> started_waves;  ///< (procedure, wave), in order
    std::set<NodeIndex> excluded;               ///< nodes given up in some procedure
    std::optional<Rollback> rollback;
    bool suspend_requested = false;
    std::optional<Suspended> suspension;        ///< why it stands, while it stands
    std::string until;                          ///< where the operator wants it to stop
    bool ignore_window = false;
    std::set<std::uint32_t> holds_passed;       ///< procedures whose hold_before was answered
    std::optional<Result> result;
    Time started;
    Time ended;
    Time last;                                  ///< of the last event
    std::uint32_t in_flight = 0;

    /// Index into lanes; the lane exists for every node of every wave.
    std::optional<std::uint32_t> lane_of(std::uint32_t procedure, NodeIndex node) const;
    std::map<std::pair<std::uint32_t, NodeIndex>, std::uint32_t> lane_index;
};

/// The state of a run nobody has started: all lanes waiting.
State fresh_state(const planner::Plan& plan);

}  // namespace escalator::engine
