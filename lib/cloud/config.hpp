// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/secret.hpp"
#include "cloud/http.hpp"

namespace escalator::cloud {

/// Who asks: one of the ways Keystone's v3 API knows.
struct Credentials {
    enum class Kind { password, application_credential, token };
    Kind kind = Kind::password;
    std::string user_id;
    std::string user_name;
    std::string user_domain_id;
    std::string user_domain_name;
    std::string credential_id;    ///< of an application credential
    std::string credential_name;  ///< with a user, in place of the id
    Secret secret;                ///< password, secret or token
};

/// What a token is to be good for. All empty: whatever the credential carries with it.
struct Scope {
    std::string project_id;
    std::string project_name;
    std::string project_domain_id;
    std::string project_domain_name;
    std::string domain_id;
    std::string domain_name;
    bool system = false;
};

/// One cloud, as openstacksdk's files and variables describe it.
struct Config {
    std::string name;
    std::string auth_url;
    Credentials credentials;
    Scope scope;
    std::string region;                            ///< "": the only one
    std::string interface = "public";              ///< public, internal or admin
    std::map<std::string, std::string> overrides;  ///< service type to endpoint
    Tls tls;
    std::optional<Milliseconds> request_timeout;  ///< api_timeout
};

/// Where the description is looked for.
struct Surroundings {
    std::map<std::string, std::string> variables;  ///< the OS_* ones, XDG_CONFIG_HOME and HOME
    std::vector<std::filesystem::path> folders;    ///< in this order, the first file found counts
};
/// This process' own: the current folder, ~/.config/openstack, /etc/openstack.
Surroundings surroundings();

/// The cloud of that name from clouds.yaml, over its profile from clouds-public.yaml, with what
/// secure.yaml adds; "" means $OS_CLOUD, else what $OS_AUTH_URL and its siblings say, else the only
/// one in the file. Source: openstacksdk, user/config/configuration.
/// Errors: not_found (with the names there are), usage (with file and line), io.
Result<Config> read_config(const std::string& name, const Surroundings& around);

}  // namespace escalator::cloud
