// SPDX-License-Identifier: Apache-2.0
#include "cloud/session.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>

#include "base/log.hpp"
#include "base/sync.hpp"
#include "base/text.hpp"
#include "base/units.hpp"
#include "cloud/fault.hpp"
#include "cloud/identity.hpp"

namespace escalator::cloud {

namespace {

using Steady = std::chrono::steady_clock;

/// How often an answer that is no JSON is asked for again.
constexpr int senseless_answers = 3;
/// How many tokens in a row a service may refuse before it is believed.
constexpr int most_refusals = 2;

/// The pauses of one call: growing, within its patience.
class Waiting {
public:
    Waiting(const Patience& patience, Milliseconds outage, std::string what)
        : patience_(patience),
          outage_(outage),
          what_(std::move(what)),
          until_(Steady::now() + outage),
          pause_(patience.first_pause) {}

    Deadline request_deadline() const { return Steady::now() + patience_.request; }

    /// Waits before the next attempt. Errors: unreachable (no patience left), cancelled.
    Status wait(const Error& reason, std::optional<Milliseconds> asked,
                const std::stop_token& stop) {
        ++attempts_;
        const auto pause = asked ? std::max(*asked, Milliseconds{0}) : pause_;
        pause_ = std::min(pause_ * 2, patience_.longest_pause);
        const auto then = Steady::now() + pause;
        if (then > until_) {
            return Error(ErrorCode::unreachable,
                         fmt::format("{}: {} (asked {} times in {})", what_, reason.text(),
                                     attempts_, humane_duration(outage_)));
        }
        log::info("cloud call waits call=\"{}\" reason=\"{}\" pause={}ms", what_, reason.text(),
                  pause.count());
        if (!wait_until(then, stop)) return Error(ErrorCode::cancelled, what_ + ": stopped");
        return ok();
    }

private:
    const Patience& patience_;
    Milliseconds outage_;
    std::string what_;
    Deadline until_;
    Milliseconds pause_;
    int attempts_ = 0;
};

/// The word for a service in OpenStack-API-Version.
std::string_view header_name(std::string_view service) {
    return service == "block-storage" ? "volume" : service;
}

/// There is no connection, or no answer: it may come yet.
bool passes(ErrorCode code) { return code == ErrorCode::unreachable || code == ErrorCode::timeout; }

/// Says the service is overloaded or away, not what it thinks of the request.
bool away(int status) { return status == 429 || status >= 500; }

/// The request was turned away before anything was done about it.
bool turned_away(const Response& response) {
    return response.status == 429 ||
           (response.status == 413 && !response.header("retry-after").empty());
}

}  // namespace

struct Session::State {
    struct Held {
        std::shared_ptr<const Token> token;  // calls go on with theirs while another comes
        std::uint64_t number = 0;
        std::optional<Deadline> renew;    ///< from then on a new one is tried for
        std::optional<Deadline> expires;  ///< and from then on needed
    };

    Config config;
    Patience patience;
    Http http;
    Sync<Held> held;
    std::mutex renewing;
    Sync<std::map<std::string, MicroversionRange>> versions;

    State(Config its_config, Patience its_patience)
        : config(std::move(its_config)), patience(its_patience), http(config.tls) {
        if (config.request_timeout) patience.request = *config.request_timeout;
    }

    Held now_held() {
        return held.with([](const Held& it) { return it; });
    }

    /// A token that is good by what we know; `spent`: the number of one that was refused.
    Result<Held> token(std::optional<std::uint64_t> spent, const std::stop_token& stop) {
        const auto usable = [&](const Held& it, Deadline now) {
            return it.token && it.number != spent && !(it.expires && now >= *it.expires);
        };
        const auto fresh = [&](const Held& it, Deadline now) {
            return usable(it, now) && !(it.renew && now >= *it.renew);
        };
        if (auto it = now_held(); fresh(it, Steady::now())) return it;
        const std::lock_guard one_at_a_time(renewing);
        auto old = now_held();
        if (fresh(old, Steady::now())) return old;
        // while the old one serves, nobody waits for another
        const bool serves = usable(old, Steady::now());
        auto got = ask_for_token(serves ? Milliseconds{0} : patience.outage, stop);
        if (!got && got.error().code() != ErrorCode::cancelled && usable(old, Steady::now())) {
            log::warn("token not renewed cloud={} reason=\"{}\"", config.name, got.error().text());
            // asked for again in a while, not with each call
            held.with([&](Held& it) { it.renew = Steady::now() + patience.longest_pause; });
            return old;
        }
        if (!got) return std::move(got).take_error();
        const auto now = Steady::now();
        return held.with([&](Held& it) {
            it.number += 1;
            it.expires.reset();
            it.renew.reset();
            if (got->lifetime) {
                it.expires = now + *got->lifetime;
                it.renew = now + *got->lifetime * 4 / 5;
            }
            it.token = std::make_shared<const Token>(std::move(*got));
            return it;
        });
    }

    Exchange ask_keystone(const std::stop_token& stop) {
        Request request;
        request.method = Method::post;
        request.url = identity_url(config.auth_url) + "/auth/tokens";
        request.body = token_request(config);
        return http.send(request, Steady::now() + patience.request, stop);
    }

    Result<Token> token_of(const Response& response) const {
        if (response.status >= 300) {
            auto fault = fault_of(response);
            if (response.status == 401) {
                return std::move(fault).advise(
                    "look at the cloud's user, password, domains and project in clouds.yaml, "
                    "secure.yaml or the OS_* variables");
            }
            return fault;
        }
        return read_token(response.body, response.header("x-subject-token"));
    }

    std::string where() const {
        return fmt::format("cloud {}: Keystone at {}", config.name, config.auth_url);
    }

    Result<Token> ask_for_token(Milliseconds outage, const std::stop_token& stop) {
        Waiting waiting(patience, outage, where());
        for (;;) {
            auto exchange = ask_keystone(stop);
            std::optional<Milliseconds> asked;
            std::optional<Error> reason;
            if (exchange.response) {
                asked = exchange.response->retry_after(SystemClock().now());
                if (!away(exchange.response->status)) {
                    auto token = token_of(*exchange.response);
                    if (!token) return std::move(token).fail(where());
                    return token;
                }
                reason = fault_of(*exchange.response);
            } else {
                reason = std::move(exchange.response).take_error();
                if (!passes(reason->code())) return std::move(*reason).within(where());
            }
            if (auto waited = waiting.wait(*reason, asked, stop); !waited)
                return std::move(waited).take_error();
        }
    }

    Request request_of(const Call& call, const Token& token, const std::string& endpoint) const {
        Request out;
        out.method = call.method;
        out.url = endpoint;
        while (out.url.ends_with('/')) out.url.pop_back();
        out.url += call.path;
        if (call.version) {
            out.headers.emplace_back("OpenStack-API-Version",
                                     fmt::format("{} {}", header_name(call.service),
                                                 format_microversion(*call.version)));
        }
        out.token = token.value;
        out.body = Secret(call.body);
        return out;
    }
};

Session::Session(Config config, Patience patience)
    : state_(std::make_unique<State>(std::move(config), patience)) {}

Session::~Session() = default;

const Config& Session::config() const noexcept { return state_->config; }

Result<Response> Session::call(const Call& call, const std::stop_token& stop) {
    const auto what = fmt::format("cloud {}: {} {} {}", state_->config.name, call.service,
                                  name_of(call.method), printable(call.path));
    Waiting waiting(state_->patience, state_->patience.outage, what);
    std::optional<std::uint64_t> spent;
    int refusals = 0;  // of one token after the other
    for (;;) {
        auto held = state_->token(spent, stop);
        if (!held) return std::move(held).take_error();
        const auto endpoint = find_endpoint(*held->token, state_->config, call.service);
        if (!endpoint) return endpoint.error();
        auto exchange = state_->http.send(state_->request_of(call, *held->token, *endpoint),
                                          waiting.request_deadline(), stop);
        std::optional<Milliseconds> asked;
        std::optional<Error> reason;
        bool untouched = !exchange.sent;
        if (exchange.response) {
            auto& response = *exchange.response;
            if (response.status < 300) return std::move(response);
            if (response.status == 401 && ++refusals <= most_refusals) {
                spent = held->number;
                continue;
            }
            if (response.status != 401) refusals = 0;
            untouched = turned_away(response);
            if (!untouched && !away(response.status)) return fault_of(response).within(what);
            asked = response.retry_after(SystemClock().now());
            reason = fault_of(response);
        } else {
            reason = std::move(exchange.response).take_error();
            const auto code = reason->code();
            if (code == ErrorCode::cancelled && call.once && exchange.sent) {
                return Error(ErrorCode::unanswered, what + ": stopped while it was under way");
            }
            if (!passes(code) && !(code == ErrorCode::protocol && call.once))
                return std::move(*reason).within(what);
        }
        if (call.once && !untouched) {
            return Error(
                ErrorCode::unanswered,
                fmt::format("{}: {}; whether it took effect is not known", what, reason->text()));
        }
        if (auto waited = waiting.wait(*reason, asked, stop); !waited)
            return std::move(waited).take_error();
    }
}

Result<nlohmann::json> Session::read(const Call& call, const std::stop_token& stop) {
    for (int attempt = 1;; ++attempt) {
        auto response = this->call(call, stop);
        if (!response) return std::move(response).take_error();
        auto root = nlohmann::json::parse(response->body, nullptr, false);
        if (root.is_object()) return root;
        if (attempt == senseless_answers || call.once) {
            return Error(ErrorCode::protocol,
                         fmt::format("cloud {}: {} {} {}: the answer is no JSON object ({} bytes)",
                                     state_->config.name, call.service, name_of(call.method),
                                     printable(call.path), response->body.size()));
        }
        if (!wait_until(Steady::now() + state_->patience.first_pause, stop))
            return Error(ErrorCode::cancelled, "stopped");
    }
}

Result<Microversion> Session::negotiate(const std::string& service, Microversion least,
                                        Microversion most, const std::stop_token& stop) {
    auto range = state_->versions.with([&](const auto& known) -> std::optional<MicroversionRange> {
        const auto it = known.find(service);
        if (it == known.end()) return {};
        return it->second;
    });
    if (!range) {
        auto response = call({.service = service, .path = "/"}, stop);
        if (!response) return std::move(response).take_error();
        range = read_versions(response->body);
        if (!range) {
            return Error(ErrorCode::protocol, fmt::format("cloud {}: {} names no microversions",
                                                          state_->config.name, service));
        }
        state_->versions.with([&](auto& known) { known[service] = *range; });
    }
    const auto best = std::min(most, range->most);
    if (best < least || best < range->least) {
        return Error(
            ErrorCode::refused,
            fmt::format("cloud {}: {} speaks microversions {} to {}, and {} to {} are needed",
                        state_->config.name, service, format_microversion(range->least),
                        format_microversion(range->most), format_microversion(least),
                        format_microversion(most)));
    }
    return best;
}

}  // namespace escalator::cloud
