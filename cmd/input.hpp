// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "base/result.hpp"
#include "campaign/load.hpp"
#include "cmd/command.hpp"
#include "planner/plan.hpp"

namespace escalator::cmd {

/// A campaign, and an inventory when one is named, with everything that is wrong with them.
struct Input {
    campaign::Campaign campaign;
    std::optional<campaign::Inventory> inventory;
    std::vector<campaign::Diagnostic> diagnostics;
};

/// `inventory` empty: $ESCALATOR_INVENTORY, else none. Errors: not_found, io, timeout.
Result<Input> read_input(const std::string& campaign, std::string inventory);

/// Reads a saved plan and makes sure that its campaign and inventory are what they were. Errors:
/// not_found, corrupt, stale, io.
Result<planner::Plan> read_fresh_plan(const std::string& file);

void print_diagnostics(std::ostream& out, const std::vector<campaign::Diagnostic>& diagnostics,
                       bool colour);

}  // namespace escalator::cmd
