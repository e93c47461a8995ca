// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node/wire.hpp"

namespace escalator::node {

/// Attends one job from its request to its result, across cuts and reboots; see Session::run().
JobResult attend(Wire& wire, const Job& job, const std::stop_token& stop);

}  // namespace escalator::node
