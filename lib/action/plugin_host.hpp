// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "action/plugin_run.hpp"

namespace escalator::action {

/// One step of a plugin, from escalator's side of the protocol (man/escalator-plugin.7).
struct PluginStep {
    std::filesystem::path program;
    std::string request;  ///< JSON object: args, node, run
    std::string record;   ///< JSON text that an earlier `do` left, "" for none
    bool needs_undo = false;
    /// Called as the step goes on: "check", "do", "verify", "already".
    std::function<Status(std::string_view stage)> at_stage;
    /// Called with the JSON text that `do` leaves for the undo, also when it failed.
    std::function<Status(const std::string& record)> keep;
    /// Called with what the plugin says to people.
    std::function<void(const std::string& message)> tell;
};

/// How long a plugin may take with `describe`, which does nothing.
constexpr Milliseconds describe_limit{60'000};
/// Longest record, in bytes: what the journal keeps of one.
constexpr std::size_t longest_record = 8000;

/// check, do, verify. Every misbehaviour of the plugin is an error (protocol, timeout, io), as is
/// what it reports itself (refused), and arguments that do not fit its description (usage).
Status perform_plugin(const PluginStep& step);
/// Whether the work is done. Errors: as above, and refused when the plugin has no check.
Result<bool> check_plugin(const PluginStep& step);
Status undo_plugin(const PluginStep& step);

/// What is wrong with `args` by a description's "args"; "" when nothing is.
std::string misfit(const nlohmann::json& described, const nlohmann::json& args);

}  // namespace escalator::action
