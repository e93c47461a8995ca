// SPDX-License-Identifier: Apache-2.0
#include "cloud/microversion.hpp"

#include <charconv>
#include <nlohmann/json.hpp>

#include "cloud/json_member.hpp"

namespace escalator::cloud {

namespace {

using nlohmann::json;

std::optional<MicroversionRange> range_of(const json& entry) {
    // Nova says version, Placement max_version
    auto most = text_of(entry, "max_version");
    if (most.empty()) most = text_of(entry, "version");
    const auto top = parse_microversion(most);
    const auto bottom = parse_microversion(text_of(entry, "min_version"));
    if (!top || !bottom || *top < *bottom) return {};
    return MicroversionRange{*bottom, *top};
}

}  // namespace

std::optional<Microversion> parse_microversion(std::string_view text) {
    Microversion out;
    const auto* end = text.data() + text.size();
    const auto major = std::from_chars(text.data(), end, out.major);
    if (major.ec != std::errc{} || major.ptr == end || *major.ptr != '.') return {};
    const auto minor = std::from_chars(major.ptr + 1, end, out.minor);
    if (minor.ec != std::errc{} || minor.ptr != end) return {};
    return out;
}

std::string format_microversion(Microversion version) {
    return std::to_string(version.major) + "." + std::to_string(version.minor);
}

std::optional<MicroversionRange> read_versions(std::string_view body) {
    const auto root = json::parse(body, nullptr, false);
    if (!root.is_object()) return {};
    if (const auto it = root.find("version"); it != root.end()) return range_of(*it);
    auto it = root.find("versions");
    if (it == root.end()) return {};
    std::optional<MicroversionRange> best;
    for (const auto& entry : *it) {
        const auto range = range_of(entry);
        if (range && (!best || best->most < range->most)) best = range;
    }
    return best;
}

}  // namespace escalator::cloud
