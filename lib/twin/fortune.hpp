// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>

#include "base/clock.hpp"
#include "engine/engine.hpp"

namespace escalator::twin {

/// How long a controller tries to reach a silent node before it says that nobody knows.
constexpr Milliseconds reconnect_budget{120'000};

/// What becomes of one job on its node.
struct Fate {
    Milliseconds takes{1'000};
    engine::Outcome outcome = engine::Outcome::done;  ///< done, failed, timed_out or lost
    std::string stage;                                ///< of a failure: check, do or verify
    bool reaches_goal = false;  ///< of a failure or loss: everything was changed nevertheless
    Milliseconds silent{0};     ///< the node stops answering this long from the start of the job
};

/// Decides what goes wrong. By itself, nothing does.
class Fortune {
public:
    virtual ~Fortune() = default;
    virtual Fate fate(const engine::JobIntent& /*job*/, const campaign::Step& step) {
        Fate fate;
        fate.takes = step.expect;
        return fate;
    }
    /// Of `batch` events, how many are durable before the controller dies; `batch` = it lives.
    virtual std::size_t written(std::size_t batch) { return batch; }
    /// Of `jobs` jobs, how many are handed over before the controller dies; `jobs` = it lives.
    virtual std::size_t handed_over(std::size_t jobs) { return jobs; }
    /// Whether the controller dies while it waits.
    virtual bool dies_waiting() { return false; }
    /// Signals from the operator that arrive now: 0, 1 or 2.
    virtual int signals() { return 0; }
    /// Of a job that could not be delivered: whether the controller is sure that it never was.
    virtual bool sure_not_delivered() { return true; }
};

}  // namespace escalator::twin
