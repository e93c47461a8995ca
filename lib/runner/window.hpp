// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "base/clock.hpp"
#include "campaign/model.hpp"

namespace escalator::runner {

/// The end of the campaign's time window as seen at `now`, by the controller's time zone; `now`
/// itself when the window is closed; nullopt when the campaign has none. `started` is the run's
/// start.
std::optional<Time> window_end(const campaign::Window& window, Time started, Time now);

}  // namespace escalator::runner
