// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "engine/engine.hpp"
#include "journal/writer.hpp"
#include "runner/event_log.hpp"
#include "runner/inbox.hpp"
#include "runner/jobs.hpp"
#include "runner/reach.hpp"
#include "runner/run.hpp"
#include "runner/signals.hpp"

namespace escalator::runner {

/// Owns plan, journal and state while a run goes on; lives on one thread. Every turn: take what
/// came in, let the engine decide, make it durable with one fdatasync, only then act.
class Coordinator {
public:
    Coordinator(const planner::Plan& plan, const RunDir& dir, const Settings& settings,
                Observer& observer, journal::Writer writer, Inbox& inbox, Reach& reach,
                engine::State state);
    /// Leaves what is in flight running on the nodes, and waits for the workers.
    ~Coordinator();
    Coordinator(const Coordinator&) = delete;
    Coordinator& operator=(const Coordinator&) = delete;

    /// Journals `opening`, then goes on until the run ends or stands. Errors: io (the journal),
    /// bug.
    Result<Finish> carry_out(std::vector<engine::EventBody> opening);

private:
    Status take_in(std::vector<engine::EventBody> events);
    Result<engine::Decision> decide_all();
    Status flush();
    void dispatch(const engine::JobIntent& intent);
    bool handle(const Message& message, std::vector<engine::EventBody>& events);
    Time now() const;

    const planner::Plan& plan_;
    RunDir dir_;
    const Settings& settings_;
    Observer& observer_;
    journal::Writer writer_;
    EventLog log_;
    Inbox& inbox_;
    Reach& reach_;
    engine::State state_;
    Jobs jobs_;
    SystemClock clock_;
    std::vector<engine::Event> pending_;  ///< applied, not yet durable
    int signal_ = 0;
    bool abandoned_ = false;
};

}  // namespace escalator::runner
