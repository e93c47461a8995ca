// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "node/link.hpp"
#include "node/session.hpp"

namespace escalator::node {

/// Connections over libssh: SSH configuration, strict host keys, agent, keys and certificates.
std::unique_ptr<Connector> make_ssh_connector(const Endpoint& endpoint, const Options& options);

}  // namespace escalator::node
