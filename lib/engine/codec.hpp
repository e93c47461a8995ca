// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.hpp"
#include "engine/event.hpp"
#include "journal/record.hpp"

namespace escalator::engine {

/// The journal record of an event (seq 0; the writer numbers it). Steps are written by their ids,
/// so that a person can read the journal without the plan.
journal::Record to_record(const planner::Plan& plan, const Event& event);

/// Errors: corrupt (unknown event, missing or ill-typed field, a step the plan does not have).
Result<Event> from_record(const planner::Plan& plan, const journal::Record& record);

}  // namespace escalator::engine
