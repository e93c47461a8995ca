// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "node/link.hpp"
#include "node/session.hpp"

namespace escalator::node {

/// A session over connections of the given connector; nullptr means SSH or local, by the endpoint.
/// Tests put a connector here that cuts.
std::unique_ptr<Session> make_session(Endpoint endpoint, Options options,
                                      std::unique_ptr<Connector> connector);

}  // namespace escalator::node
