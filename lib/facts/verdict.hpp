// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "facts/cloud_facts.hpp"

namespace escalator::facts {

/// How a server can leave its host.
enum class Way : std::uint8_t {
    live,   ///< live migration: it goes on running
    cold,   ///< cold migration: it is off meanwhile, or is off anyway
    stop,   ///< it cannot go elsewhere: stop it, and start it again on the same host afterwards
    leave,  ///< it does not run, and stays where it is
    never,  ///< somebody must do something about it first
};
std::string_view name_of(Way way) noexcept;

struct Verdict {
    std::string server_id;
    Way way = Way::live;
    std::string why;         ///< "" when nothing is special about it
    std::uint32_t room = 0;  ///< hosts that could take it now; of live and cold
};

/// One for each server that is on a host, in the order of facts.servers. Judged by its status and
/// task, by what its flavor asks of the host (pinned devices, vTPM, SEV, vGPU, persistent memory),
/// its group, its zone, and by the room there is elsewhere for it alone.
std::vector<Verdict> judge(const CloudFacts& facts);

}  // namespace escalator::facts
