// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace escalator::cloud {

/// "2.93". Source:
/// https://specs.openstack.org/openstack/api-sig/guidelines/microversion_specification.html
struct Microversion {
    std::uint32_t major = 0;
    std::uint32_t minor = 0;

    auto operator<=>(const Microversion&) const = default;
};

std::optional<Microversion> parse_microversion(std::string_view text);
std::string format_microversion(Microversion version);

/// What a service offers.
struct MicroversionRange {
    Microversion least;
    Microversion most;
};

/// From a service's version document: a list of versions, or the one that was asked for. nullopt:
/// it is none, or knows no microversions.
std::optional<MicroversionRange> read_versions(std::string_view body);

}  // namespace escalator::cloud
