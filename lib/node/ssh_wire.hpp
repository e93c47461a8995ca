// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The data types of RFC 4251, section 5, and base64: for key files and the agent.
namespace escalator::node::wire {

/// A uint32.
std::string number(std::uint32_t value);
/// A string: its length and its bytes.
std::string bytes(std::string_view value);

/// Cut the value off the front; nullopt when it is not whole.
std::optional<std::uint32_t> take_number(std::string_view& from);
std::optional<std::string_view> take_bytes(std::string_view& from);

/// Empty for what is no base64. Blanks and line ends are passed over.
std::string from_base64(std::string_view text);
std::string to_base64(std::string_view value);

}  // namespace escalator::node::wire
