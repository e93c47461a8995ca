// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "facts/cloud_facts.hpp"
#include "facts/verdict.hpp"

namespace escalator::cmd::view {

/// Hosts with their state, room and verdicts; then the servers that will not simply be migrated
/// live (`all`: every server on a host), and the migrations under way.
std::string cloud_text(const facts::CloudFacts& facts, const std::vector<facts::Verdict>& verdicts,
                       bool all);

/// The format escalator-cloud/1 of escalator-cloud(1).
nlohmann::json cloud_json(const facts::CloudFacts& facts,
                          const std::vector<facts::Verdict>& verdicts);

}  // namespace escalator::cmd::view
