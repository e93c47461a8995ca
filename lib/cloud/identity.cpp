// SPDX-License-Identifier: Apache-2.0
#include "cloud/identity.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/text.hpp"
#include "cloud/json_member.hpp"

namespace escalator::cloud {

namespace {

using nlohmann::json;

json domain(const std::string& id, const std::string& name) {
    if (!id.empty()) return {{"id", id}};
    // Keystone's own first domain: what openrc files leave out
    return {{"name", name.empty() ? "Default" : name}};
}

json user_of(const Credentials& who) {
    if (!who.user_id.empty()) return {{"id", who.user_id}};
    return {{"name", who.user_name}, {"domain", domain(who.user_domain_id, who.user_domain_name)}};
}

json scope_of(const Scope& scope) {
    if (scope.system) return {{"system", {{"all", true}}}};
    if (!scope.project_id.empty()) return {{"project", {{"id", scope.project_id}}}};
    if (!scope.project_name.empty()) {
        return {{"project",
                 {{"name", scope.project_name},
                  {"domain", domain(scope.project_domain_id, scope.project_domain_name)}}}};
    }
    if (!scope.domain_id.empty() || !scope.domain_name.empty())
        return {{"domain", domain(scope.domain_id, scope.domain_name)}};
    return nullptr;
}

std::string name_or_id(const json& from) {
    auto name = text_of(from, "name");
    return name.empty() ? text_of(from, "id") : name;
}

/// Whether a catalog's entry is the service; some go by older names there.
/// Source: https://service-types.openstack.org/service-types.json
bool is_service(std::string_view entry, std::string_view service_type) {
    return entry == service_type ||
           (service_type == "block-storage" && (entry == "volumev3" || entry == "volume"));
}

}  // namespace

Secret token_request(const Config& config) {
    const auto& who = config.credentials;
    json identity;
    auto scope = scope_of(config.scope);
    switch (who.kind) {
        case Credentials::Kind::password: {
            auto user = user_of(who);
            user["password"] = who.secret.reveal();
            identity = {{"methods", {"password"}}, {"password", {{"user", std::move(user)}}}};
            break;
        }
        case Credentials::Kind::application_credential: {
            json credential{{"secret", who.secret.reveal()}};
            if (!who.credential_id.empty()) {
                credential["id"] = who.credential_id;
            } else {
                credential["name"] = who.credential_name;
                credential["user"] = user_of(who);
            }
            identity = {{"methods", {"application_credential"}},
                        {"application_credential", std::move(credential)}};
            scope = nullptr;  // it brings its own; Keystone refuses another
            break;
        }
        case Credentials::Kind::token:
            identity = {{"methods", {"token"}}, {"token", {{"id", who.secret.reveal()}}}};
            break;
    }
    json auth{{"identity", std::move(identity)}};
    if (!scope.is_null()) auth["scope"] = std::move(scope);
    return Secret(
        json{{"auth", std::move(auth)}}.dump(-1, ' ', false, json::error_handler_t::replace));
}

Result<Token> read_token(std::string_view body, std::string_view value) {
    const auto senseless = [](const char* why) {
        return Error(ErrorCode::protocol, fmt::format("Keystone's answer makes no sense: {}", why));
    };
    const auto root = json::parse(body, nullptr, false);
    if (root.is_discarded() || !root.is_object()) return senseless("it is no JSON");
    const auto it = root.find("token");
    if (it == root.end() || !it->is_object()) return senseless("it has no token");
    if (value.empty()) return senseless("there is no X-Subject-Token");
    // it goes into a header again
    if (std::any_of(value.begin(), value.end(),
                    [](unsigned char c) { return c <= ' ' || c > '~'; }))
        return senseless("its token is not printable");
    Token out;
    out.value = Secret(std::string(value));
    const auto issued = parse_iso(text_of(*it, "issued_at"));
    const auto expires = parse_iso(text_of(*it, "expires_at"));
    if (issued && expires && *expires > *issued) out.lifetime = *expires - *issued;
    if (it->contains("user")) out.user = name_or_id((*it)["user"]);
    if (it->contains("project")) out.project = name_or_id((*it)["project"]);
    if (const auto roles = it->find("roles"); roles != it->end() && roles->is_array()) {
        for (const auto& role : *roles) out.roles.push_back(name_or_id(role));
    }
    if (const auto catalog = it->find("catalog"); catalog != it->end() && catalog->is_array()) {
        for (const auto& service : *catalog) {
            const auto type = text_of(service, "type");
            if (!service.is_object() || !service.contains("endpoints")) continue;
            for (const auto& entry : service["endpoints"]) {
                auto region = text_of(entry, "region_id");
                if (region.empty()) region = text_of(entry, "region");
                Endpoint endpoint{type, text_of(entry, "interface"), std::move(region),
                                  text_of(entry, "url")};
                if (!endpoint.url.empty()) out.catalog.push_back(std::move(endpoint));
            }
        }
    }
    return out;
}

std::string identity_url(const std::string& auth_url) {
    auto out = auth_url;
    while (out.ends_with('/')) out.pop_back();
    if (out.ends_with("/v2.0")) out.resize(out.size() - 5);
    if (!out.ends_with("/v3")) out += "/v3";
    return out;
}

Result<std::string> find_endpoint(const Token& token, const Config& config,
                                  std::string_view service_type) {
    if (const auto it = config.overrides.find(std::string(service_type));
        it != config.overrides.end())
        return it->second;
    if (service_type == "identity") return identity_url(config.auth_url);
    const auto in_region = [&](const Endpoint& endpoint) {
        return is_service(endpoint.service_type, service_type) &&
               (config.region.empty() || endpoint.region == config.region);
    };
    for (const auto& endpoint : token.catalog)
        if (in_region(endpoint) && endpoint.interface == config.interface) return endpoint.url;

    std::set<std::string> regions;
    std::set<std::string> interfaces;
    for (const auto& endpoint : token.catalog) {
        if (is_service(endpoint.service_type, service_type)) regions.insert(endpoint.region);
        if (in_region(endpoint)) interfaces.insert(endpoint.interface);
    }
    const auto listed = [](const std::set<std::string>& words) {
        return join(std::vector<std::string>(words.begin(), words.end()), ", ");
    };
    const auto what = fmt::format("cloud {} has no {} endpoint for {}", config.name,
                                  config.interface, service_type);
    if (regions.empty())
        return Error(ErrorCode::not_found, what + ": no such service in its catalog");
    if (interfaces.empty()) {
        return Error(ErrorCode::not_found,
                     fmt::format("{} in region {}; its regions are: {}", what,
                                 printable(config.region), printable(listed(regions))));
    }
    return Error(ErrorCode::not_found,
                 fmt::format("{}; there is: {}", what, printable(listed(interfaces))));
}

std::optional<Time> parse_iso(std::string_view text) {
    // only UTC is ever sent: "Z", "+00:00" or nothing
    if (text.size() < 19) return {};
    auto rest = text.substr(19);
    std::string whole(text.substr(0, 19));
    std::string millis = ".000";
    if (rest.starts_with('.')) {
        const auto end = std::min(rest.find_first_not_of("0123456789", 1), rest.size());
        millis = "." + std::string(rest.substr(1, std::min<std::size_t>(end - 1, 3)));
        while (millis.size() < 4) millis += '0';
        rest.remove_prefix(end);
    }
    if (!rest.empty() && rest != "Z" && rest != "+00:00") return {};
    if (whole[10] == ' ') whole[10] = 'T';
    return parse_utc(whole + millis + "Z");
}

}  // namespace escalator::cloud
