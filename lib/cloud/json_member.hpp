// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

// Inside lib/cloud only: members of JSON that may be anything, whatever was promised.
namespace escalator::cloud {

/// null when `from` is no object, or has no such member.
const nlohmann::json& member(const nlohmann::json& from, const std::string& key);

/// "" when the member is no string.
std::string text_of(const nlohmann::json& from, const std::string& key);

}  // namespace escalator::cloud
