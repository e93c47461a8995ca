// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace escalator::cmd {

/// Where runs are kept: `given` (--state), $ESCALATOR_STATE, /var/lib/escalator for root,
/// $XDG_STATE_HOME/escalator, ~/.local/state/escalator.
std::filesystem::path state_dir(const std::string& given);

/// An environment variable; "" when it is not set.
std::string environment(const char* name);

}  // namespace escalator::cmd
