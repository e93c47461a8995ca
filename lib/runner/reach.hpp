// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "planner/plan.hpp"
#include "runner/crew.hpp"
#include "runner/run.hpp"

namespace escalator::runner {

/// The nodes of a run: their sessions, made ready together and given back together. Each node has a
/// second session, on the controller itself, for steps that run there on the node's behalf.
class Reach {
public:
    Reach(const planner::Plan& plan, const RunDir& dir, const Settings& settings);

    /// Every node that a wave of the plan has.
    const std::vector<std::uint32_t>& targets() const noexcept { return targets_; }

    /// Connects and leases all targets, at most `fanout` at a time, and notes what they say of
    /// themselves in facts.json. With `all`, one node that fails is an error that names every node
    /// that failed; without, only a lease that another run holds is. `stop` gives up at once.
    Status prepare(Observer& observer, bool all, const std::stop_token& stop);

    /// Gives all leases back, where the nodes still answer; see node::Session::release().
    void release(node::Kept kept);

    /// Connects to all targets and gives the leases back that a killed process left. Names the nodes
    /// where that failed.
    std::vector<std::string> take_back();

    /// Runs the task with the node's session, or with its session on the controller.
    void post(std::uint32_t node, bool on_controller, Task task);
    /// Ends all workers; tasks under way come back with cancelled first.
    void finish() { crew_->finish(); }

private:
    struct Trouble;
    Error trouble(const std::vector<Trouble>& troubles) const;

    const planner::Plan& plan_;
    RunDir dir_;
    bool steal_;
    std::vector<std::uint32_t> targets_;
    std::unique_ptr<Crew> crew_;
};

}  // namespace escalator::runner
