// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.hpp"

namespace escalator::journal {

/// One line of the journal, as man/journal.5 specifies it. The journal knows nothing of what the
/// events mean; engine/codec turns them into engine::Event and back.
struct Record {
    std::uint64_t seq = 0;  ///< 1 for the first record, then without a gap
    Time time;              ///< never before the record in front of it
    std::string event;      ///< event name, [a-z_]+
    std::string data;       ///< JSON object text, compact, keys sorted
    bool operator==(const Record&) const = default;
};

}  // namespace escalator::journal
