// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "cloud/config.hpp"

// Keystone's words: what is asked of /v3/auth/tokens, and what it answers.
// Source: https://docs.openstack.org/api-ref/identity/v3/ (authentication and token management).
namespace escalator::cloud {

struct Endpoint {
    std::string service_type;
    std::string interface;
    std::string region;
    std::string url;
};

struct Token {
    Secret value;
    /// From its issue to its end, by Keystone's clock; ours may go differently.
    std::optional<Milliseconds> lifetime;
    std::string user;     ///< name, or id
    std::string project;  ///< name, or id; "" without one
    std::vector<std::string> roles;
    std::vector<Endpoint> catalog;
};

/// The body of the request.
Secret token_request(const Config& config);

/// Of the answer's body and its X-Subject-Token. Errors: protocol.
Result<Token> read_token(std::string_view body, std::string_view value);

/// "http://host:5000/v3" for an auth_url with or without its version.
std::string identity_url(const std::string& auth_url);

/// The endpoint that the configuration asks for. Errors: not_found, with what there is.
Result<std::string> find_endpoint(const Token& token, const Config& config,
                                  std::string_view service_type);

/// Keystone's and Nova's form: "2026-11-24T03:00:00Z", with or without fractions and zone.
std::optional<Time> parse_iso(std::string_view text);

}  // namespace escalator::cloud
