// SPDX-License-Identifier: Apache-2.0
#include "cloud/fault.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cloud/json_member.hpp"

namespace escalator::cloud {

namespace {

using nlohmann::json;

constexpr std::size_t longest_fault = 500;

std::string message_in(const json& entry) {
    for (const auto* key : {"message", "detail", "title"})
        if (member(entry, key).is_string()) return text_of(entry, key);
    return {};
}

}  // namespace

std::string fault_text(std::string_view body) {
    const auto root = json::parse(body, nullptr, false);
    if (!root.is_object()) return {};
    std::string out;
    // {"errors": [{"detail": ...}]}, {"itemNotFound": {"message": ...}}, {"error": {...}}
    for (const auto& [key, value] : root.items()) {
        out = value.is_array() && !value.empty() ? message_in(value.front()) : message_in(value);
        if (!out.empty()) break;
    }
    if (out.size() > longest_fault) out.resize(longest_fault);
    for (auto& c : out) c = c == '\n' || c == '\t' ? ' ' : c;
    return printable(trim(out));
}

Error fault_of(const Response& response) {
    const auto said = fault_text(response.body);
    auto text = fmt::format("status {}{}{}", response.status, said.empty() ? "" : ": ", said);
    if (const auto id = response.header("x-openstack-request-id"); !id.empty())
        text += fmt::format(" ({})", printable(id.substr(0, 64)));
    switch (response.status) {
        case 401:
        case 403:
            return {ErrorCode::unauthorised, std::move(text)};
        case 404:
            return {ErrorCode::not_found, std::move(text)};
        default:
            break;
    }
    const bool refused = response.status >= 400 && response.status < 500;
    return {refused ? ErrorCode::refused : ErrorCode::protocol, std::move(text)};
}

}  // namespace escalator::cloud
