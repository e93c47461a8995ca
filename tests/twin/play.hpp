// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

namespace escalator::twin {

/// What one campaign came to.
struct Played {
    std::string fault;       ///< the broken promise; "" when all were kept
    std::size_t events = 0;  ///< records in its journal
    std::size_t kills = 0;
    std::size_t sessions = 0;  ///< controllers that worked on it
    std::string ending;
};

/// Plays the random campaign of this seed from start to end. With `trace`, tells what happens on
/// standard output.
Played play(std::uint64_t seed, bool trace);

}  // namespace escalator::twin
