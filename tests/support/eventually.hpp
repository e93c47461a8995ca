// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>

#include "base/clock.hpp"

namespace escalator::test {

/// Whether the condition comes true before long, on a loaded machine too. It is looked at again and
/// again: what happens in another process, or behind a socket, tells nobody that it has.
template <class Condition>
bool eventually(Condition&& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds{30};
    while (!condition()) {
        const auto now = std::chrono::steady_clock::now();
        if (now > end) return false;
        wait_until(now + Milliseconds{10}, {});
    }
    return true;
}

}  // namespace escalator::test
