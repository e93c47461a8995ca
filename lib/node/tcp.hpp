// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/result.hpp"

namespace escalator::node {

/// Which addresses of a name to use (AddressFamily of the SSH configuration).
enum class Family { any, inet, inet6 };

/// A connected, non-blocking socket with TCP_NODELAY, SO_KEEPALIVE and TCP_USER_TIMEOUT
/// (`keepalive`), so that the kernel notices a dead peer too. Tries all addresses of the name.
/// Errors: unreachable, timeout, cancelled.
Result<Fd> connect_tcp(const std::string& host, std::uint16_t port, Family family,
                       Milliseconds keepalive, Deadline deadline, const std::stop_token& stop);

}  // namespace escalator::node
