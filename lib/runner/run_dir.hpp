// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "planner/plan.hpp"

namespace escalator::runner {

/// The directory of one run: STATE/<run>/ with journal.jsonl, plan.json and steps/. The run's id is
/// its name: "20261123-030000-1254f2a", UTC time to the millisecond and four random digits, so that
/// names sort by time and two controllers hardly ever make the same.
struct RunDir {
    std::filesystem::path path;

    std::string run() const { return path.filename().string(); }
    std::filesystem::path plan_file() const { return path / "plan.json"; }
    std::filesystem::path steps() const { return path / "steps"; }
};

/// Makes the directory of a new run (0700) and saves the plan in it. Errors: io.
Result<RunDir> create_run(const std::filesystem::path& state_dir, const planner::Plan& plan,
                          Time now);

/// The run that `name` means: an id, a directory, or "" for the newest. Errors: not_found (with the
/// closest id).
Result<RunDir> find_run(const std::filesystem::path& state_dir, std::string_view name);

/// What directories begin with that lease nodes without being runs; see leftovers.hpp.
constexpr std::string_view passing_prefix = "test-";

/// Ids of all runs below `state_dir`, oldest first; none when the directory does not exist.
std::vector<std::string> run_ids(const std::filesystem::path& state_dir);

/// Reads the run's plan. Errors: not_found, corrupt, stale, io.
Result<planner::Plan> load_plan(const RunDir& dir);

}  // namespace escalator::runner
