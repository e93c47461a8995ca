// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <stop_token>
#include <vector>

#include "node/session.hpp"

namespace escalator::runner {

/// What a worker does with a node's session. Called on a worker thread, one at a time for a node.
using Task = std::function<void(node::Session&, const std::stop_token&)>;

/// At most `workers` threads, and one session for each node; a thread serves one node at a time.
/// post() is for one thread, the coordinator's.
class Crew {
public:
    Crew(std::vector<std::unique_ptr<node::Session>> sessions, std::uint32_t workers);
    /// Asks what still runs to stop, waits for it, closes the sessions. Tasks not begun are
    /// dropped.
    ~Crew();
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;

    /// Tasks of one node run in the order they were posted.
    void post(std::size_t node, Task task);

    /// Runs the task for each of the nodes and waits for all. For preparation and the end of a run.
    void each(
        const std::vector<std::uint32_t>& nodes,
        const std::function<void(std::uint32_t, node::Session&, const std::stop_token&)>& task);

    /// Asks what still runs to stop (tasks come back with cancelled; what they started goes on on
    /// the nodes) and waits for it. Tasks not begun are dropped. Nothing can be posted after.
    void finish();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace escalator::runner
