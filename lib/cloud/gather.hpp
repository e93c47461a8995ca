// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>

#include "base/result.hpp"
#include "cloud/session.hpp"
#include "facts/cloud_facts.hpp"

namespace escalator::cloud {

struct GatherOptions {
    unsigned parallel = 16;  ///< requests at once
    int page = 1000;         ///< servers a page; Nova's own limit may be lower
};

/// Asks Nova and Placement for all there is, in all projects: needs an administrator, or a reader
/// with the system or admin scope. What changes meanwhile may be seen as before or as after.
/// Needs Nova 2.53 (Pike) and Placement 1.14. Errors: those of Session::read.
Result<facts::CloudFacts> gather(Session& session, const GatherOptions& options,
                                 const std::stop_token& stop);

}  // namespace escalator::cloud
