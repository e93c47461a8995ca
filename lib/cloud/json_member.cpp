// SPDX-License-Identifier: Apache-2.0
#include "cloud/json_member.hpp"

#include <nlohmann/json.hpp>

namespace escalator::cloud {

const nlohmann::json& member(const nlohmann::json& from, const std::string& key) {
    static const nlohmann::json nothing;
    if (!from.is_object()) return nothing;
    const auto it = from.find(key);
    return it == from.end() ? nothing : *it;
}

std::string text_of(const nlohmann::json& from, const std::string& key) {
    const auto& value = member(from, key);
    return value.is_string() ? value.get<std::string>() : std::string();
}

}  // namespace escalator::cloud
