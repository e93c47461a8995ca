// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "action/compile.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "node/session.hpp"
#include "planner/plan.hpp"

namespace escalator::runner {

/// A job, and where it runs: on its node, or on the controller on the node's behalf.
struct Placed {
    node::Job job;
    bool on_controller = false;
};

/// From a step of the plan to a job for a node, and from what came of it to the journal's event.
/// Const and thread-safe after construction.
class Jobs {
public:
    Jobs(const planner::Plan& plan, std::string run,
         std::vector<std::filesystem::path> plugin_path);

    /// The step's scripts for its node. Errors: usage, not_found, io.
    Result<action::Compiled> compile(const engine::StepRef& step) const;

    /// The key that names this attempt on its node, for good.
    std::string key(const engine::JobIntent& intent) const;

    /// The job of an intent; nullopt when the phase has no script (nothing to check, or to undo).
    /// `record` is what the perform left for its undo. Errors: as compile().
    Result<std::optional<Placed>> job(const engine::JobIntent& intent, const std::string& record,
                                      const std::filesystem::path& output) const;

    /// What the journal says of a job that came back.
    engine::StepEnded ended(const engine::JobIntent& intent, const node::JobResult& result) const;

    /// The same for a phase without a script, and for a job that could not be made.
    static engine::StepEnded without_script(const engine::JobIntent& intent);
    static engine::StepEnded refused(const engine::JobIntent& intent, const Error& error);

private:
    action::Scope scope_of(const engine::StepRef& step) const;
    const campaign::Step& spec(const engine::StepRef& step) const;

    const planner::Plan& plan_;
    std::string run_;
    std::vector<std::filesystem::path> plugin_path_;
};

}  // namespace escalator::runner
