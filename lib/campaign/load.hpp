// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "base/result.hpp"
#include "campaign/diagnostic.hpp"
#include "campaign/inventory.hpp"
#include "campaign/model.hpp"

namespace escalator::campaign {

struct Loaded {
    Campaign campaign;                    ///< meaningful only when diagnostics holds no error
    std::vector<Diagnostic> diagnostics;  ///< by file and line
};

/// Reads a campaign with its includes and checks everything that can be known without inventory
/// and network. Errors: not_found, io; everything about the content is a diagnostic.
Result<Loaded> load_campaign(const std::filesystem::path& path);

/// What only both together show: selectors that match nothing, limits that can't hold with these
/// nodes, labels that limits need and nodes lack, standby order without a role.
std::vector<Diagnostic> check_together(const Campaign& campaign, const Inventory& inventory);

}  // namespace escalator::campaign
