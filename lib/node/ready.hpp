// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <poll.h>

#include <span>
#include <stop_token>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace escalator::node {

/// Waits for one of the descriptors to be ready (revents are set, as by poll(2)), or until `until`:
/// false then. Wakes at once when stop is requested; nothing here looks twice for luck. Errors:
/// cancelled.
Result<bool> await_any(std::span<pollfd> descriptors, Deadline until, const std::stop_token& stop);

/// Waits until the descriptor is ready for `events`, or has failed. Errors: timeout, cancelled.
Status await(int descriptor, short events, Deadline deadline, const std::stop_token& stop);

}  // namespace escalator::node
