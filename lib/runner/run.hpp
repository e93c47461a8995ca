// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "engine/engine.hpp"
#include "engine/wish.hpp"
#include "journal/writer.hpp"
#include "node/session.hpp"
#include "planner/plan.hpp"
#include "runner/run_dir.hpp"

// The imperative shell of a run: feeds events into the engine, writes them to the journal before
// anything is done about them, and carries the engine's intents to the nodes.
namespace escalator::runner {

/// Sees every event right after it is in the journal. Called on the coordinator's thread; cannot
/// veto, must not block for long.
class Observer {
public:
    virtual ~Observer() = default;
    virtual void seen(const engine::Event& event, const engine::State& state) = 0;
    /// Preparation: what it is doing now, for people.
    virtual void told(const std::string& text) = 0;
};

struct Settings {
    std::uint32_t fanout = 50;  ///< nodes worked on at once, at most
    node::Options node;
    std::vector<std::filesystem::path> plugin_path;
    bool steal_lease = false;  ///< take nodes from the run that holds them now
    std::string version;       ///< of escalator, for the journal
};

using engine::Wish;

/// How this process's part of the run ended.
struct Finish {
    engine::State state;
    int signal = 0;          ///< SIGINT, SIGTERM, SIGHUP, or 0
    bool abandoned = false;  ///< asked twice: jobs were left running on their nodes
};

/// Starts a new run of the plan: reaches every node and takes its lease first. Errors: whatever
/// keeps the first node from being ready (busy, unreachable, untrusted ...), then nothing was
/// changed and no run is left behind; io, when the journal fails (the run is resumable).
Result<Finish> start_run(const std::filesystem::path& state_dir, const planner::Plan& plan,
                         const Wish& wish, const Settings& settings, Observer& observer);

/// Takes a run up again, forward or, with wish.rollback, backward. Errors: not_found, busy,
/// corrupt, refused (it has ended), and as above.
Result<Finish> resume_run(const RunDir& dir, const Wish& wish, const Settings& settings,
                          Observer& observer);

}  // namespace escalator::runner
