// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "planner/plan.hpp"
#include "runner/run.hpp"

namespace escalator::runner {

/// A directory in the state directory for something that is no run but leases nodes (a test): a
/// journal that stays empty, and its lock. Gone with its content at the end.
class Passing {
public:
    /// Errors: io.
    static Result<Passing> create(const std::filesystem::path& state_dir,
                                  const planner::Plan& plan);
    ~Passing();
    Passing(Passing&&) noexcept = default;
    Passing& operator=(Passing&&) = delete;

    const RunDir& dir() const noexcept { return dir_; }
    /// Leaves the directory behind, because nodes are still leased to it; clear_leftovers() gives
    /// them back.
    void leave() { leave_ = true; }

private:
    Passing(RunDir dir, journal::Writer writer)
        : dir_(std::move(dir)), writer_(std::make_unique<journal::Writer>(std::move(writer))) {}

    RunDir dir_;
    std::unique_ptr<journal::Writer> writer_;  ///< null once moved from
    bool leave_ = false;
};

/// Gives back the nodes that tests, and runs before their first record, leased before their process
/// was killed, and removes their directories. Nothing of them was acted on. Where a node does not
/// answer, the directory stays for the next time.
void clear_leftovers(const std::filesystem::path& state_dir, const Settings& settings,
                     Observer& observer);

}  // namespace escalator::runner
