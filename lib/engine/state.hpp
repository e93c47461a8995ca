// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "engine/event.hpp"

namespace escalator::engine {

/// How far one step of one lane is.
enum class StepStatus : std::uint8_t {
    pending,
    running,    ///< a perform is in flight
    done,       ///< performed, and it changed something
    already,    ///< nothing was to do
    failed,     ///< it said no; may be tried again
    uncertain,  ///< lost or unreachable: nobody knows how it ended; StepState::outcome says which
    checking,   ///< finding out what became of it
    undoing,
    undone,
    undo_failed,
};

struct StepState {
    StepStatus status = StepStatus::pending;
    Phase phase = Phase::perform;     ///< of the latest attempt
    Outcome outcome = Outcome::done;  ///< of the latest ended attempt
    bool in_flight = false;           ///< started and not ended, as far as the journal knows
    bool adrift = false;              ///< in flight, and no controller attends it yet
    bool late = false;                ///< StepLate was told for this attempt
    bool reattached = false;          ///< a later controller took this attempt up again
    bool doubtful = false;            ///< nobody knows how its perform ended, and nobody found out
    bool undo_doubtful = false;       ///< the same of an undo that must not simply be repeated
    bool changed = false;             ///< something of it is on the node: due on the way back
    bool condemned = false;  ///< failed by the operator's answer: resuming does not try it again
    std::uint32_t performs = 0;  ///< attempts so far, by phase; attempts count from 1
    std::uint32_t checks = 0;
    std::uint32_t undos = 0;
    std::uint32_t failures = 0;  ///< of the present phase in a row
    Time started;                ///< of the latest attempt
    Time ended;
    int exit_status = 0;
    std::string stage;
    std::string record;  ///< of the last perform that left one
    std::string message;

    std::uint32_t attempts(Phase of) const noexcept;
    bool operator==(const StepState&) const = default;
};

enum class LaneStatus : std::uint8_t {
    waiting,   ///< its wave has not started
    active,    ///< going forward
    finished,  ///< all steps done
    broken,    ///< a step failed for good, or nobody knows how it ended
    undoing,   ///< on its way back
    undone,    ///< everything it did has been undone
    excluded,  ///< given up within the tolerance; the run goes on without it
};

/// One node on its way through one procedure.
struct Lane {
    std::uint32_t procedure = 0;
    std::uint32_t wave = 0;
    NodeIndex node = 0;
    LaneStatus status = LaneStatus::waiting;
    bool undo_asked = false;       ///< a policy undoes just this lane, while the others go on
    std::string reason;            ///< of broken or excluded
    std::vector<StepState> steps;  ///< as PlanProcedure::steps
    std::uint32_t cursor = 0;      ///< steps before it are complete
    std::int32_t flying = -1;      ///< index of the step in flight, -1 for none
    /// From the start of a disruptive step (or of its undo) until the lane is finished or undone.
    bool out_of_service = false;
    bool operator==(const Lane&) const = default;
};

enum class WaveStatus : std::uint8_t { waiting, running, ended, undone };

struct WaveState {
    WaveStatus status = WaveStatus::waiting;
    Time started;
    Time ended;
    std::vector<std::uint32_t> lanes;  ///< indices into State::lanes, in the wave's order
    bool operator==(const WaveState&) const = default;
};

/// A rollback of more than one lane, under way.
struct Rollback {
    Scope scope;
    bool by_operator = false;
    bool past_no_return = false;
    std::string reason;
    bool operator==(const Rollback&) const = default;
};

enum class RunStatus : std::uint8_t { fresh, running, suspended, ended };

using WaveKey = std::pair<std::uint32_t, std::uint32_t>;  ///< (procedure, wave)

/// Everything a run is; folded from its events by apply(), never changed otherwise.
struct State {
    RunStatus status = RunStatus::fresh;
    std::string run;
    std::string by;
    std::string plan_digest;
    std::string version;
    std::vector<Lane> lanes;                    ///< by procedure, wave, order in the wave
    std::vector<std::vector<WaveState>> waves;  ///< [procedure][wave]
    std::vector<WaveKey> started_waves;         ///< in the order they started; undone ones leave
    std::map<std::pair<std::uint32_t, NodeIndex>, std::uint32_t> lane_index;  ///< (procedure, node)
    std::set<std::uint32_t> flying;       ///< lanes with a step in flight
    std::vector<std::uint32_t> node_out;  ///< per node: lanes that keep it out of service
    std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t>
        once_by;                   ///< (procedure, step) -> lane
    std::set<NodeIndex> excluded;  ///< nodes the run goes on without
    std::set<NodeIndex> given_up;  ///< those of them the operator asked for: left as they are
    std::optional<Rollback> rollback;
    /// A rollback has ended, and what follows from it (to stand, or to end) is not journalled yet.
    std::optional<Rollback> rolled_back;
    bool suspend_requested = false;
    std::optional<Suspended> suspension;  ///< why it stands, while it stands
    std::string until;                    ///< where the operator wants it to stop
    bool ignore_window = false;
    std::set<std::uint32_t> holds_passed;  ///< procedures whose hold was answered
    std::optional<Ending> ending;
    Time started;
    Time ended;
    Time last;                 ///< of the last event
    std::uint32_t adrift = 0;  ///< steps in flight that nobody attends

    /// The lane of a node in a procedure; nullopt when the node is not one of its targets.
    std::optional<std::uint32_t> lane_of(std::uint32_t procedure, NodeIndex node) const;
    /// Steps in flight that this controller attends.
    std::uint32_t attended() const noexcept;
    bool operator==(const State&) const = default;
};

/// The state of a run nobody has started: all lanes waiting.
State fresh_state(const planner::Plan& plan);

/// Whether a rollback of `scope` reaches the lane.
bool in_scope(const Scope& scope, const Lane& lane) noexcept;

/// Whether the way back of this step is a script: it has to be run before the lane is undone.
bool has_undo(const planner::PlanProcedure& procedure, std::uint32_t step);

/// Whether the step cannot be undone and ends every way back, unless a rollback is told to leave
/// it.
bool is_barrier(const planner::PlanProcedure& procedure, std::uint32_t step, bool past_no_return);

/// The next step of a lane on its way back: one to be undone, or a barrier; nullopt when nothing is
/// left to do.
std::optional<std::uint32_t> step_to_undo(const planner::Plan& plan, const Lane& lane,
                                          bool past_no_return);

/// A step that may still be running on a node that does not answer.
std::optional<std::uint32_t> unheard_step(const Lane& lane);

/// Where a lane stands on its way forward.
struct NextStep {
    std::uint32_t step = 0;  ///< the step it would perform next; the number of steps at the end
    bool wait = false;       ///< another lane performs this `once` step; it has to be done first
};
NextStep next_step(const planner::Plan& plan, const State& state, std::uint32_t lane);

/// The first procedure that has lanes neither finished nor excluded; the number of procedures
/// when there is none.
std::uint32_t current_procedure(const State& state);

}  // namespace escalator::engine
