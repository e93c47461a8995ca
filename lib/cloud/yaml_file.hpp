// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>

#include "base/result.hpp"

// Inside lib/cloud only: somebody else's YAML files, read as JSON.
namespace escalator::cloud {

/// The file's mapping; every scalar is a string. Errors: not_found, io, usage (no YAML, or no
/// mapping, or nested or long beyond sense; with file and line).
Result<nlohmann::json> read_yaml(const std::filesystem::path& file);

}  // namespace escalator::cloud
