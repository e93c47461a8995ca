// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "campaign/model.hpp"
#include "campaign/yaml.hpp"

// Inside lib/campaign only.
namespace escalator::campaign {

/// Names given twice, `after` and `needs` that point nowhere or in a circle.
void check_graph(const Campaign& campaign, Findings& findings);

}  // namespace escalator::campaign
