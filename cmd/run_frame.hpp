// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cmd/command.hpp"
#include "runner/run.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace escalator::cmd {

/// Flags that run, rollback and test share.
struct NodeFlags {
    std::uint32_t fanout = 50;
    std::string ssh_config;
    std::vector<std::string> plugins;
    std::string connect_timeout = "10s";
    std::string reconnect = "2m";
    std::string keepalive = "15s";
    bool steal_lease = false;

    void declare(CLI::App& app);
    /// Errors: usage.
    Result<runner::Settings> settings() const;
};

/// Tells the operator on stderr what happens, one line an event that matters.
class Narrator final : public runner::Observer {
public:
    Narrator(Io& io, const planner::Plan& plan) : io_(io), plan_(plan) {}
    void seen(const engine::Event& event, const engine::State& state) override;
    void told(const std::string& text) override;

private:
    void say(Time time, const std::string& text, const char* sgr = "");

    Io& io_;
    const planner::Plan& plan_;
};

/// Asks on the terminal; without one, or with `yes`, does not ask. Errors: refused (no), usage (no
/// terminal and no --yes).
Status confirm(Io& io, const std::string& question, bool yes);

/// Says how the run stands now and how to go on, and gives the exit status for it.
ExitCode conclude(Io& io, const planner::Plan& plan, const runner::Finish& finish,
                  bool was_rollback);

}  // namespace escalator::cmd
