// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "cloud/config.hpp"
#include "cloud/http.hpp"
#include "cloud/microversion.hpp"

namespace escalator::cloud {

/// How long the cloud may fail to answer.
struct Patience {
    Milliseconds request{60'000};  ///< for one answer
    /// For an API that is gone, overloaded or restarting; a call waits for it that long in all.
    Milliseconds outage{600'000};
    Milliseconds first_pause{500};  ///< between attempts; doubles
    Milliseconds longest_pause{15'000};
};

/// One request to a service of the catalog.
struct Call {
    std::string service;  ///< its type: "compute"
    Method method = Method::get;
    std::string path;  ///< below the service's endpoint, with its query: "/servers/detail?limit=1"
    std::string body = {};  ///< JSON
    std::optional<Microversion> version = {};
    /// An action that must not happen twice. It is sent again only when it is certain that nobody
    /// acted on it; otherwise the answer is `unanswered`, and the caller looks.
    bool once = false;
};

/// A token, the catalog it came with, and calls that survive what an API under upgrade does: 401
/// renews the token; 429, 503 and a connection that cannot be made are waited for, with Retry-After
/// where it is given; other failures of a call that may be repeated too. Tokens are renewed before
/// they expire. Thread-safe: any number of threads may call at once.
class Session {
public:
    Session(Config config, Patience patience);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    const Config& config() const noexcept;

    /// The answer, with a status below 300. Errors: not_found (404), unauthorised (401, 403),
    /// refused (other 4xx; with the API's own words), unanswered, unreachable or timeout (the
    /// patience is over), cancelled, protocol, untrusted.
    Result<Response> call(const Call& call, const std::stop_token& stop);

    /// The same, its body read as a JSON object. Errors: protocol too.
    Result<nlohmann::json> read(const Call& call, const std::stop_token& stop);

    /// The service's newest microversion that lies within [least, most]; asked once, then known.
    /// Errors: those of call, and refused when the service is too old or too new.
    Result<Microversion> negotiate(const std::string& service, Microversion least,
                                   Microversion most, const std::stop_token& stop);

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace escalator::cloud
