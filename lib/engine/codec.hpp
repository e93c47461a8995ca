// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

#include "base/result.hpp"
#include "engine/event.hpp"
#include "engine/state.hpp"
#include "journal/record.hpp"

namespace escalator::engine {

/// The journal record of an event (seq 0; the writer numbers it). Steps, procedures and nodes are
/// written by their names, waves counted from 1, so that a person can read the journal without the
/// plan. The fields are specified in man/escalator-journal.5.
journal::Record to_record(const planner::Plan& plan, const Event& event);

/// Errors: corrupt (an unknown event, a missing or ill-typed field, a step the plan does not have).
Result<std::vector<Event>> from_records(const planner::Plan& plan,
                                        std::span<const journal::Record> records);

/// A run's state from its journal. Errors: corrupt, naming the record.
Result<State> replay_records(const planner::Plan& plan, std::span<const journal::Record> records);

/// The words the journal and JSON views use: "not_done", "step_failed", "wave".
std::string_view word_of(Phase phase) noexcept;
std::string_view word_of(Outcome outcome) noexcept;
std::string_view word_of(Why why) noexcept;
std::string_view word_of(Ending ending) noexcept;
std::string_view word_of(Answer answer) noexcept;
std::string_view word_of(Scope::Kind kind) noexcept;
std::optional<Answer> answer_of(std::string_view word) noexcept;

}  // namespace escalator::engine
