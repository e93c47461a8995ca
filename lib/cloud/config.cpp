// SPDX-License-Identifier: Apache-2.0
#include "cloud/config.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "cloud/json_member.hpp"
#include "cloud/yaml_file.hpp"

extern "C" char** environ;

namespace escalator::cloud {

namespace {

using nlohmann::json;
namespace fs = std::filesystem;

Error wrong(std::string message) { return {ErrorCode::usage, std::move(message)}; }

std::string variable(const Surroundings& around, const std::string& name) {
    const auto it = around.variables.find(name);
    return it == around.variables.end() ? std::string() : it->second;
}

/// The first "NAME.yaml", "NAME.yml" or "NAME.json" there is; "" when there is none.
fs::path find_file(const Surroundings& around, const std::string& name) {
    for (const auto& folder : around.folders) {
        for (const auto* ending : {".yaml", ".yml", ".json"}) {
            std::error_code ignored;
            if (fs::exists(folder / (name + ending), ignored)) return folder / (name + ending);
        }
    }
    return {};
}

/// `over` wins where both have a value; mappings are merged.
void merge(json& into, const json& over) {
    for (const auto& [key, value] : over.items()) {
        if (value.is_object() && into.contains(key) && into[key].is_object()) {
            merge(into[key], value);
        } else if (!value.is_null()) {
            into[key] = value;
        }
    }
}

/// "project_domain_id" for "OS_PROJECT_DOMAIN_ID". What belongs to `auth` is put there.
json from_variables(const Surroundings& around) {
    static constexpr std::array<std::string_view, 18> of_auth{"auth_url",
                                                              "username",
                                                              "user_id",
                                                              "password",
                                                              "token",
                                                              "user_domain_id",
                                                              "user_domain_name",
                                                              "project_id",
                                                              "project_name",
                                                              "project_domain_id",
                                                              "project_domain_name",
                                                              "domain_id",
                                                              "domain_name",
                                                              "system_scope",
                                                              "application_credential_id",
                                                              "application_credential_name",
                                                              "application_credential_secret",
                                                              "default_domain"};
    auto out = json::object();
    out["auth"] = json::object();
    for (const auto& [name, value] : around.variables) {
        if (!name.starts_with("OS_") || value.empty()) continue;
        const auto key = lowered(name.substr(3));
        const bool auth = std::find(of_auth.begin(), of_auth.end(), key) != of_auth.end();
        (auth ? out["auth"] : out)[key] = value;
    }
    return out;
}

/// Takes one cloud's values out of the mapping, each checked.
class Taker {
public:
    Taker(std::string name, const json& cloud) : name_(std::move(name)), cloud_(cloud) {
        if (const auto it = cloud.find("auth"); it != cloud.end()) auth_ = *it;
    }

    Result<Config> take() {
        if (!auth_.is_null() && !auth_.is_object()) return bad("auth is no mapping");
        config_.name = name_;
        config_.auth_url = auth("auth_url");
        if (config_.auth_url.empty()) return bad("there is no auth_url");
        while (config_.auth_url.ends_with('/')) config_.auth_url.pop_back();
        if (!config_.auth_url.starts_with("http://") && !config_.auth_url.starts_with("https://"))
            return bad("auth_url is no http:// or https:// address");
        if (auto done = take_credentials(); !done) return std::move(done).take_error();
        take_scope();
        config_.region = text("region_name");
        if (const auto given = first({"interface", "endpoint_type"}); !given.empty())
            config_.interface = given;
        if (config_.interface.ends_with("URL"))  // "publicURL", as the v2 catalog had it
            config_.interface.resize(config_.interface.size() - 3);
        if (config_.interface != "public" && config_.interface != "internal" &&
            config_.interface != "admin")
            return bad("interface is public, internal or admin");
        if (auto done = take_tls(); !done) return std::move(done).take_error();
        for (const auto& [key, value] : cloud_.items()) {
            constexpr std::string_view ending = "_endpoint_override";
            if (!key.ends_with(ending) || !value.is_string()) continue;
            auto service = key.substr(0, key.size() - ending.size());
            for (auto& c : service) c = c == '_' ? '-' : c;
            config_.overrides[service] = value.get<std::string>();
        }
        if (const auto given = text("api_timeout"); !given.empty()) {
            double seconds = 0;
            const auto* end = given.data() + given.size();
            const auto read = std::from_chars(given.data(), end, seconds);
            if (read.ec != std::errc{} || read.ptr != end || seconds <= 0 || seconds > 86'400)
                return bad("api_timeout is a number of seconds");
            config_.request_timeout = Milliseconds(static_cast<std::int64_t>(seconds * 1000));
        }
        return std::move(config_);
    }

private:
    Error bad(const std::string& message) const {
        return wrong(fmt::format("cloud {}: {}", printable(name_), message));
    }
    std::string text(const std::string& key) const { return text_of(cloud_, key); }
    /// From `auth`, or beside it, where openstacksdk takes it too.
    std::string auth(const std::string& key) const {
        auto out = text_of(auth_, key);
        return out.empty() ? text(key) : out;
    }
    std::string first(std::initializer_list<std::string> keys) const {
        for (const auto& key : keys)
            if (auto out = auth(key); !out.empty()) return out;
        return {};
    }
    /// Its own id or name, else the default domain's.
    void take_domain(const std::string& whose, std::string& id, std::string& name) const {
        id = first({whose + "_id", "default_domain_id", "default_domain"});
        name = first({whose + "_name", "default_domain_name"});
        if (!auth(whose + "_name").empty() && auth(whose + "_id").empty()) id.clear();
    }

    Status take_credentials() {
        auto& it = config_.credentials;
        const auto given = auth("auth_type");
        auto type = given;
        if (type.starts_with("v3")) type.erase(0, 2);
        it.user_id = auth("user_id");
        it.user_name = first({"username", "user_name"});
        take_domain("user_domain", it.user_domain_id, it.user_domain_name);
        it.credential_id = auth("application_credential_id");
        it.credential_name = auth("application_credential_name");
        if (type.empty()) {
            const bool credential = !it.credential_id.empty() || !it.credential_name.empty();
            const bool token = auth("password").empty() && !auth("token").empty();
            type = credential ? "applicationcredential" : token ? "token" : "password";
        }
        if (type == "password") {
            it.kind = Credentials::Kind::password;
            it.secret = Secret(auth("password"));
            if (it.secret.empty()) return bad("there is no password; keep it in secure.yaml");
            if (it.user_id.empty() && it.user_name.empty()) return bad("there is no username");
        } else if (type == "applicationcredential") {
            it.kind = Credentials::Kind::application_credential;
            it.secret = Secret(auth("application_credential_secret"));
            if (it.secret.empty()) return bad("there is no application_credential_secret");
            if (it.credential_id.empty() &&
                (it.credential_name.empty() || (it.user_id.empty() && it.user_name.empty())))
                return bad("an application credential needs its id, or its name and its user");
        } else if (type == "token" || type == "admin_token") {
            it.kind = Credentials::Kind::token;
            it.secret = Secret(auth("token"));
            if (it.secret.empty()) return bad("there is no token");
        } else {
            return bad(
                fmt::format("auth_type {} is not supported; password, "
                            "v3applicationcredential and token are",
                            printable(given)));
        }
        return ok();
    }

    void take_scope() {
        auto& it = config_.scope;
        it.project_id = first({"project_id", "tenant_id"});
        it.project_name = first({"project_name", "tenant_name"});
        take_domain("project_domain", it.project_domain_id, it.project_domain_name);
        it.domain_id = auth("domain_id");
        it.domain_name = auth("domain_name");
        it.system = auth("system_scope") == "all";
    }

    Status take_tls() {
        auto& tls = config_.tls;
        const auto truth = [](const std::string& word) -> std::optional<bool> {
            for (const auto* yes : {"true", "True", "TRUE", "yes", "1"})
                if (word == yes) return true;
            for (const auto* no : {"false", "False", "FALSE", "no", "0"})
                if (word == no) return false;
            return {};
        };
        if (const auto given = text("verify"); !given.empty()) {
            const auto answer = truth(given);
            if (!answer) return bad("verify is true or false");
            tls.verify = *answer;
        }
        if (const auto given = text("insecure"); !given.empty()) {
            const auto answer = truth(given);
            if (!answer) return bad("insecure is true or false");
            if (*answer) tls.verify = false;
        }
        for (const auto& [key, path] :
             {std::pair{"cacert", &tls.ca}, {"cert", &tls.cert}, {"key", &tls.key}}) {
            *path = text(key);
            if (path->string().starts_with("~/"))
                return bad(fmt::format("{} must be absolute", key));
            std::error_code ignored;
            if (!path->empty() && !fs::exists(*path, ignored))
                return bad(fmt::format("{} {} does not exist", key, printable(path->string())));
        }
        return ok();
    }

    std::string name_;
    const json& cloud_;
    json auth_;
    Config config_;
};

/// The clouds of a file; an empty mapping when there is no such file.
Result<json> clouds_in(const fs::path& file, const std::string& key) {
    if (file.empty()) return json::object();
    auto all = read_yaml(file);
    if (!all) return std::move(all).take_error();
    const auto it = all->find(key);
    if (it == all->end() || it->is_null()) return json::object();
    if (!it->is_object()) return wrong(fmt::format("{}: {} is no mapping", file.string(), key));
    return *it;
}

Result<json> with_profile(json cloud, const std::string& name, const Surroundings& around) {
    const auto profile =
        cloud.contains("profile") ? cloud["profile"] : cloud.value("cloud", json());
    if (!profile.is_string() || profile == name) return cloud;
    auto vendors = clouds_in(find_file(around, "clouds-public"), "public-clouds");
    if (!vendors) return std::move(vendors).take_error();
    const auto it = vendors->find(profile.get<std::string>());
    if (it == vendors->end() || !it->is_object()) {
        return wrong(fmt::format("cloud {}: its profile {} is in no clouds-public.yaml",
                                 printable(name), printable(profile.get<std::string>())));
    }
    json out = *it;
    merge(out, cloud);
    return out;
}

}  // namespace

Surroundings surroundings() {
    Surroundings out;
    for (char** it = environ; it != nullptr && *it != nullptr; ++it) {
        const std::string_view line(*it);
        const auto equals = line.find('=');
        const auto name = line.substr(0, equals);
        if (equals != std::string_view::npos &&
            (name.starts_with("OS_") || name == "HOME" || name == "XDG_CONFIG_HOME"))
            out.variables.emplace(name, line.substr(equals + 1));
    }
    out.folders.emplace_back(".");
    const auto config = variable(out, "XDG_CONFIG_HOME");
    if (!config.empty()) {
        out.folders.push_back(fs::path(config) / "openstack");
    } else if (const auto home = variable(out, "HOME"); !home.empty()) {
        out.folders.push_back(fs::path(home) / ".config" / "openstack");
    }
    out.folders.emplace_back("/etc/openstack");
    return out;
}

Result<Config> read_config(const std::string& name, const Surroundings& around) {
    auto wanted = name.empty() ? variable(around, "OS_CLOUD") : name;
    auto file = fs::path(variable(around, "OS_CLIENT_CONFIG_FILE"));
    if (file.empty()) file = find_file(around, "clouds");
    const bool by_variables = !variable(around, "OS_AUTH_URL").empty();
    auto own_name = variable(around, "OS_CLOUD_NAME");
    if (own_name.empty()) own_name = "envvars";
    if (by_variables && (wanted.empty() || wanted == own_name)) {
        return Taker(own_name, from_variables(around)).take();
    }
    auto clouds = clouds_in(file, "clouds");
    if (!clouds) return std::move(clouds).take_error();
    std::vector<std::string> names;
    for (const auto& [key, value] : clouds->items()) names.push_back(key);
    if (wanted.empty() && names.size() == 1) wanted = names.front();
    if (wanted.empty() || !clouds->contains(wanted)) {
        const auto what = wanted.empty() ? std::string("no cloud is named")
                                         : fmt::format("there is no cloud {}", printable(wanted));
        if (file.empty()) {
            return Error(ErrorCode::not_found, what + ", and there is no clouds.yaml")
                .advise(
                    "write one to ~/.config/openstack/clouds.yaml, or set OS_AUTH_URL and its "
                    "siblings");
        }
        const auto meant = closest(wanted, names);
        return Error(ErrorCode::not_found, fmt::format("{} in {}", what, file.string()))
            .advise(
                meant ? fmt::format("did you mean {}?", *meant)
                      : fmt::format("there are: {}; name one, or set OS_CLOUD", join(names, ", ")));
    }
    auto cloud = (*clouds)[wanted];
    if (!cloud.is_object()) {
        return wrong(fmt::format("{}: cloud {} is no mapping", file.string(), printable(wanted)));
    }
    auto secrets_file = fs::path(variable(around, "OS_CLIENT_SECURE_FILE"));
    if (secrets_file.empty()) secrets_file = find_file(around, "secure");
    auto secrets = clouds_in(secrets_file, "clouds");
    if (!secrets) return std::move(secrets).take_error();
    if (const auto it = secrets->find(wanted); it != secrets->end() && it->is_object())
        merge(cloud, *it);
    auto whole = with_profile(std::move(cloud), wanted, around);
    if (!whole) return std::move(whole).take_error();
    return Taker(wanted, *whole).take();
}

}  // namespace escalator::cloud
