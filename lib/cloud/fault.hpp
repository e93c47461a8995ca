// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "cloud/http.hpp"

namespace escalator::cloud {

/// What an API says of its refusal, in one line: Nova, Keystone, Placement and Neutron each have a
/// form of their own. "" when it says nothing that can be read.
std::string fault_text(std::string_view body);

/// The error for an answer of status 300 and above.
Error fault_of(const Response& response);

}  // namespace escalator::cloud
