// SPDX-License-Identifier: Apache-2.0
// Keystone, and a catalog whose every service is one FakeServer.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "cloud/config.hpp"
#include "cloud/session.hpp"
#include "fake_server.hpp"
#include "support/eventually.hpp"

namespace escalator::test {

struct FakeCloud {
    std::atomic<int> tokens{0};             ///< given out: token-1, token-2 ...
    std::atomic<int> keystone_status{201};  ///< of its next answers
    std::atomic<int> lifetime_s{3600};
    Sync<std::string> only_token;  ///< the one that services take; "": any
    Sync<FakeServer::Handler> handler;

    /// it.good_token = "token-2"
    struct GoodToken {
        FakeCloud* owner;
        void operator=(const std::string& token) {
            owner->only_token.with([&](auto& it) { it = token; });
        }
    } good_token{this};
    /// it.answer = [](const Asked&) { ... }: what services say from now on
    struct Answering {
        FakeCloud* owner;
        void operator=(FakeServer::Handler its) {
            owner->handler.with([&](auto& it) { it = std::move(its); });
        }
    } answer{this};

    cloud::Patience patience{Milliseconds{20'000}, Milliseconds{20'000}, Milliseconds{5},
                             Milliseconds{50}};
    FakeServer server{[this](const Asked& asked) { return respond(asked); }};
    cloud::Config config;

    FakeCloud() {
        config.name = "lab";
        config.auth_url = server.url() + "/identity";
        config.credentials.user_name = "admin";
        config.credentials.secret = Secret("s3cret");
        config.scope.project_name = "admin";
        config.region = "RegionOne";
    }
    std::unique_ptr<cloud::Session> session() const {
        return std::make_unique<cloud::Session>(config, patience);
    }

private:
    nlohmann::json service(const std::string& type, const std::string& path) const {
        return {{"type", type},
                {"endpoints",
                 {{{"interface", "public"},
                   {"region_id", "RegionOne"},
                   {"url", server.url() + path}}}}};
    }

    Answer token() {
        const int status = keystone_status;
        if (status >= 300)
            return {status, R"({"error": {"message": "The request you have made"}})"};
        const int number = ++tokens;
        const auto now = SystemClock().now();
        const nlohmann::json body{
            {"token",
             {{"issued_at", format_utc(now)},
              {"expires_at", format_utc(now + Milliseconds{lifetime_s * 1000})},
              {"user", {{"name", "admin"}}},
              {"roles", {{{"name", "admin"}}}},
              {"catalog", {service("compute", "/v2.1"), service("placement", "/placement")}}}}};
        return {status, body.dump(), {fmt::format("X-Subject-Token: token-{}", number)}};
    }

    Answer respond(const Asked& asked) {
        if (asked.path == "/identity/v3/auth/tokens") return token();
        const auto wanted = only_token.with([](const auto& it) { return it; });
        const auto given = asked.headers.find("X-Auth-Token");
        if (given == asked.headers.end() || (!wanted.empty() && given->second != wanted))
            return {401, R"({"error": {"message": "Unauthorized"}})"};
        const auto its = handler.with([](const auto& it) { return it; });
        if (its) return its(asked);
        if (asked.path == "/v2.1/")
            return {200, R"({"version": {"id": "v2.1", "min_version": "2.1", "version": "2.93"}})"};
        if (asked.path == "/placement/")
            return {
                200,
                R"({"versions": [{"id": "v1.0", "min_version": "1.0", "max_version": "1.39"}]})"};
        return {200, nlohmann::json{{"asked", asked.line()}}.dump()};
    }
};

}  // namespace escalator::test
