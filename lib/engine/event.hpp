// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "base/clock.hpp"
#include "planner/plan.hpp"

namespace escalator::engine {

using planner::NodeIndex;
using planner::StepRef;

enum class Phase : std::uint8_t {
    perform,  ///< check, do, verify: one script
    check,    ///< only to find out what became of a lost perform
    undo,
};

enum class Outcome : std::uint8_t {
    done,         ///< the phase reached its goal and changed something
    already,      ///< the goal was reached before; nothing changed
    not_done,     ///< check only: the goal is not reached
    failed,       ///< it ran and said no (exit status, stage)
    timed_out,    ///< its process group was ended
    lost,         ///< it had started and left no exit status
    unreachable,  ///< nobody knows: the node does not answer; it may still be running
    not_started,  ///< it certainly did not start
};

/// How far a rollback reaches.
struct Scope {
    enum class Kind : std::uint8_t { all, procedure, wave, node, lane } kind = Kind::all;
    std::uint32_t procedure = 0;  ///< for procedure, wave, lane
    std::uint32_t wave = 0;       ///< for wave
    NodeIndex node = 0;           ///< for node (all its procedures), lane (this procedure on it)
    bool operator==(const Scope&) const = default;
};

enum class Why : std::uint8_t {
    operator_asked,  ///< signal, or `suspend`
    step_failed,
    step_lost,  ///< an answer is needed: done, redo or failed
    node_unreachable,
    undo_failed,  ///< left changed: a human must look
    limit,        ///< broken nodes use up a limit of unavailability
    window,       ///< the next wave can't finish or be undone inside the time window
    until,        ///< reached the place named by --until, or a hold of the campaign
    wave_undone,  ///< a policy undid a wave or procedure; the cause must be mended
    no_return,    ///< a rollback meets a step past the point of no return
    tolerance,    ///< more nodes failed than the campaign tolerates
};

enum class Ending : std::uint8_t {
    done,                ///< everything, some nodes perhaps excluded
    rolled_back,         ///< everything that was done has been undone
    partly_rolled_back,  ///< as far as the point of no return
};

enum class Answer : std::uint8_t { done, redo, failed };

// One event a struct. Everything a run is can be folded from these, in order.
struct RunStarted {
    std::string run;  ///< id
    std::string plan_digest;
    std::string by;       ///< user@host
    std::string version;  ///< of escalator
    bool operator==(const RunStarted&) const = default;
};
struct ControllerStarted {  ///< a process took the journal up: steps in flight must be re-attached
    long pid = 0;
    std::string host;
    std::string version;
    bool operator==(const ControllerStarted&) const = default;
};
struct WaveStarted {
    std::uint32_t procedure = 0, wave = 0;
    bool operator==(const WaveStarted&) const = default;
};
struct WaveEnded {
    std::uint32_t procedure = 0, wave = 0;
    bool operator==(const WaveEnded&) const = default;
};
struct StepStarted {
    StepRef step;
    Phase phase = Phase::perform;
    std::uint32_t attempt = 1;
    bool operator==(const StepStarted&) const = default;
};
struct StepEnded {
    StepRef step;
    Phase phase = Phase::perform;
    std::uint32_t attempt = 1;
    Outcome outcome = Outcome::done;
    int exit_status = 0;
    std::string stage;    ///< check, do, verify; where it stopped
    std::string record;   ///< what undo must know; at most 8 KiB
    std::string message;  ///< for people; at most 2 KiB
    bool reattached = false;
    bool operator==(const StepEnded&) const = default;
};
struct StepLate {
    StepRef step;
    Phase phase = Phase::perform;
    std::uint32_t attempt = 1;
    bool operator==(const StepLate&) const = default;
};
struct NodeExcluded {
    std::uint32_t procedure = 0;
    NodeIndex node = 0;
    std::string reason;
    bool operator==(const NodeExcluded&) const = default;
};
struct NodeGivenUp {  ///< the operator goes on without the node, in every procedure
    NodeIndex node = 0;
    std::string by;
    bool operator==(const NodeGivenUp&) const = default;
};
struct RollbackStarted {
    Scope scope;
    bool by_operator = false;
    bool past_no_return = false;
    std::string reason;
    bool operator==(const RollbackStarted&) const = default;
};
struct RollbackEnded {
    Scope scope;
    bool complete = true;
    bool operator==(const RollbackEnded&) const = default;
};
struct SuspendRequested {
    std::string by;
    bool abandon = false;  ///< steps in flight are left alone; they go on running on their nodes
    bool operator==(const SuspendRequested&) const = default;
};
struct Suspended {
    Why why = Why::operator_asked;
    std::optional<StepRef> step;
    std::string reason;
    bool operator==(const Suspended&) const = default;
};
struct Resumed {
    std::string until;
    bool ignore_window = false;
    bool retry_excluded = false;
    bool operator==(const Resumed&) const = default;
};
struct Answered {
    StepRef step;
    Answer answer = Answer::done;
    std::string by;
    bool operator==(const Answered&) const = default;
};
struct RunEnded {
    Ending ending = Ending::done;
    bool operator==(const RunEnded&) const = default;
};

using EventBody =
    std::variant<RunStarted, ControllerStarted, WaveStarted, WaveEnded, StepStarted, StepEnded,
                 StepLate, NodeExcluded, NodeGivenUp, RollbackStarted, RollbackEnded,
                 SuspendRequested, Suspended, Resumed, Answered, RunEnded>;

struct Event {
    Time time;
    EventBody body;
    bool operator==(const Event&) const = default;
};

}  // namespace escalator::engine
