// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"

namespace escalator::cloud {

enum class Method : std::uint8_t { get, head, post, put, patch, remove };
std::string_view name_of(Method method) noexcept;

struct Request {
    Method method = Method::get;
    std::string url;
    std::vector<std::pair<std::string, std::string>> headers;
    Secret token;  ///< sent as X-Auth-Token
    Secret body;   ///< JSON; may hold a password
};

struct Response {
    int status = 0;
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
    std::string body;

    /// "" when there is no such header; the last one when there are several.
    std::string_view header(std::string_view name) const;
    /// What Retry-After asks for (RFC 9110, 10.2.3); nullopt without one, or when it makes no
    /// sense. `now`: for the form that names a time.
    std::optional<Milliseconds> retry_after(Time now) const;
};

/// A response, or why there is none. `sent`: the request, or a part of it, went out, so the other
/// side may have acted on it.
struct Exchange {
    Result<Response> response;
    bool sent = false;
};

struct Tls {
    bool verify = true;
    std::filesystem::path ca;    ///< "": the system's
    std::filesystem::path cert;  ///< the client's own, if it has one
    std::filesystem::path key;
};

/// HTTP without a memory of what it said: no redirects followed, nothing repeated. Connections are
/// kept for the next request. Thread-safe: any number of threads may send at once.
class Http {
public:
    /// The longest answer that is read, in bytes.
    static constexpr std::size_t largest_body = 64U << 20U;

    explicit Http(Tls tls);
    ~Http();
    Http(const Http&) = delete;
    Http& operator=(const Http&) = delete;

    /// Errors: unreachable (no connection, or it broke), untrusted (certificate), timeout,
    /// cancelled, protocol (no HTTP, or an endless answer).
    Exchange send(const Request& request, Deadline deadline, const std::stop_token& stop);

private:
    struct Handles;
    std::unique_ptr<Handles> handles_;
    Tls tls_;
};

}  // namespace escalator::cloud
