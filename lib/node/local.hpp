// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "node/link.hpp"

namespace escalator::node {

/// This machine: commands are started with sh, over a pair of pipes.
std::unique_ptr<Connector> make_local_connector();

}  // namespace escalator::node
