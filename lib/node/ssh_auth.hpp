// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "node/ssh_config.hpp"
#include "node/ssh_session.hpp"

namespace escalator::node {

/// Logs in with keys and nothing else; nobody is ever asked for a password. In this order: the
/// caller's key files and those of the configuration, each with its certificates first; the agent;
/// the default files, when no others were named. Errors: unauthorised (says what became of each
/// key), unreachable, timeout, cancelled.
Status authenticate(SshSession& session, const SshSettings& settings,
                    const std::vector<std::string>& identity_files, Deadline deadline,
                    const std::stop_token& stop);

}  // namespace escalator::node
