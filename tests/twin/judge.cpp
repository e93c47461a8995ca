// SPDX-License-Identifier: Apache-2.0
#include "twin/judge.hpp"

#include <fmt/format.h>

#include "twin/court.hpp"

namespace escalator::twin {

std::optional<std::string> judge(const Evidence& evidence) {
    Court court(evidence);
    std::size_t deed = 0;
    const auto place = [&](std::size_t record, const std::string& why) {
        return fmt::format("record {}: {}", record, why);
    };
    for (std::size_t i = 0; i < evidence.journal.size(); ++i) {
        // what was sent when `i` records were durable
        while (deed < evidence.ledger.size() && evidence.ledger[deed].journalled <= i) {
            court.look_at(evidence.ledger[deed++]);
            if (!court.verdict.empty()) return place(i, court.verdict);
        }
        court.read(i, evidence.journal[i]);
        if (!court.verdict.empty()) return place(i + 1, court.verdict);
    }
    while (deed < evidence.ledger.size()) court.look_at(evidence.ledger[deed++]);
    if (!court.verdict.empty()) return place(evidence.journal.size(), court.verdict);
    return std::nullopt;
}

}  // namespace escalator::twin
