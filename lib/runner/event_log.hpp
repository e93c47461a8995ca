// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/fd.hpp"
#include "engine/event.hpp"
#include "planner/plan.hpp"

namespace escalator::runner {

/// STATE/<run>/log.jsonl: a line of JSON for each event, for diagnosis and log collectors: time,
/// level, object (node, wave or run), action, error code. The journal is the truth; this is its
/// shadow: it is written after the journal, without a sync, and a full disk does not stop the run.
/// One thread at a time.
class EventLog {
public:
    EventLog(const planner::Plan& plan, const std::filesystem::path& dir);

    void write(const engine::Event& event);

private:
    const planner::Plan& plan_;
    std::string run_;
    Fd file_;
    bool complained_ = false;
};

/// The event's line without its newline.
std::string log_line(const planner::Plan& plan, const std::string& run, const engine::Event& event);

}  // namespace escalator::runner
