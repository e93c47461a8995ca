// SPDX-License-Identifier: Apache-2.0
#include "cloud/config.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "cloud/identity.hpp"
#include "support/temp.hpp"

using namespace escalator;
using cloud::Credentials;

namespace {

struct Place {
    test::TempDir dir;
    cloud::Surroundings around;

    Place() { around.folders = {dir / "here", dir / "home", dir / "etc"}; }
    void file(const std::string& name, const std::string& text) {
        std::filesystem::create_directories((dir / name).parent_path());
        test::spill(dir / name, text);
    }
    Result<cloud::Config> read(const std::string& name = "") {
        return cloud::read_config(name, around);
    }
    nlohmann::json asks(const std::string& name) {
        const auto config = read(name);
        INFO((config ? std::string() : config.error().text()));
        REQUIRE(config);
        return nlohmann::json::parse(cloud::token_request(*config).reveal())["auth"];
    }
};

constexpr auto clouds = R"(
clouds:
  east:
    profile: telco
    auth:
      username: admin
      project_name: admin
      user_domain_name: Default
      project_domain_name: Default
    region_name: East
    interface: internal
    verify: false
    compute_endpoint_override: http://10.0.0.1:8774/v2.1
    api_timeout: 7
  ops:
    auth_type: v3applicationcredential
    auth: { auth_url: "http://k:5000/v3/", application_credential_id: abc }
  system:
    auth: { auth_url: "http://k:5000", username: a, password: p, system_scope: all, user_domain_id: default }
  given:
    auth_type: token
    auth: { auth_url: "http://k:5000", token: t0k, project_id: p1 }
)";

}  // namespace

TEST_CASE("config: a cloud is its file, over its profile, with what secure.yaml adds",
          "[cloud][config]") {
    Place it;
    it.file("home/clouds.yaml", clouds);
    it.file("etc/clouds.yaml", "clouds: { east: { auth: { auth_url: 'http://wrong' } } }");
    it.file("home/clouds-public.yaml",
            "public-clouds: { telco: { auth: { auth_url: 'https://k.telco:5000/v3' }, region_name: "
            "X } }");
    it.file("here/secure.yaml", "clouds: { east: { auth: { password: 'p: \"#' } } }");
    const auto east = it.read("east");
    INFO((east ? std::string() : east.error().text()));
    REQUIRE(east);
    CHECK(east->auth_url == "https://k.telco:5000/v3");
    CHECK(east->credentials.secret.reveal() == "p: \"#");
    CHECK(east->region == "East");
    CHECK(east->interface == "internal");
    CHECK_FALSE(east->tls.verify);
    CHECK(east->overrides.at("compute") == "http://10.0.0.1:8774/v2.1");
    CHECK(east->request_timeout == Milliseconds{7000});
    CHECK(it.asks("east") ==
          nlohmann::json::parse(R"({"identity": {"methods": ["password"], "password": {"user":
              {"name": "admin", "domain": {"name": "Default"}, "password": "p: \"#"}}},
              "scope": {"project": {"name": "admin", "domain": {"name": "Default"}}}})"));
}

TEST_CASE("config: each way to prove who one is", "[cloud][config]") {
    Place it;
    it.file("here/clouds.yml", clouds);
    it.file("here/secure.yml", "clouds: { ops: { auth: { application_credential_secret: sss } } }");
    CHECK(it.asks("ops") ==
          nlohmann::json::parse(R"({"identity": {"methods": ["application_credential"],
              "application_credential": {"id": "abc", "secret": "sss"}}})"));
    CHECK(it.asks("system")["scope"] == nlohmann::json::parse(R"({"system": {"all": true}})"));
    CHECK(it.asks("system")["identity"]["password"]["user"]["domain"]["id"] == "default");
    CHECK(it.asks("given") ==
          nlohmann::json::parse(R"({"identity": {"methods": ["token"], "token": {"id": "t0k"}},
              "scope": {"project": {"id": "p1"}}})"));
}

TEST_CASE("config: variables describe a cloud of their own", "[cloud][config]") {
    Place it;
    it.around.variables = {{"OS_AUTH_URL", "http://10.77.0.10:5000/v3"},
                           {"OS_USERNAME", "admin"},
                           {"OS_PASSWORD", "lab"},
                           {"OS_PROJECT_NAME", "admin"},
                           {"OS_INTERFACE", "adminURL"}};
    const auto config = it.read();
    REQUIRE(config);
    CHECK(config->name == "envvars");
    CHECK(config->interface == "admin");
    CHECK(cloud::identity_url(config->auth_url) == "http://10.77.0.10:5000/v3");
    it.file("here/clouds.yaml", clouds);
    CHECK(it.read("given")->name == "given");
    it.around.variables["OS_CLOUD"] = "given";
    CHECK(it.read()->name == "given");
    CHECK(it.read("envvars")->name == "envvars");
}

TEST_CASE("config: the only cloud of a file needs no name", "[cloud][config]") {
    Place it;
    it.file("x/y.yaml",
            "clouds: { one: { auth: { auth_url: 'http://k', username: u, password: p } } }");
    it.around.variables["OS_CLIENT_CONFIG_FILE"] = (it.dir / "x/y.yaml").string();
    CHECK(it.read()->name == "one");
}

TEST_CASE("config: what is wrong is said, and no secret with it", "[cloud][config]") {
    struct Case {
        std::string cloud;
        std::string words;
    };
    const auto one = GENERATE(from_range(std::vector<Case>{
        {"{ auth: { username: u, password: s3cret } }", "no auth_url"},
        {"{ auth: { auth_url: k, username: u, password: s3cret } }", "http://"},
        {"{ auth: { auth_url: 'http://k', username: u } }", "no password"},
        {"{ auth: { auth_url: 'http://k', password: s3cret } }", "no username"},
        {"{ auth_type: v3oidcpassword, auth: { auth_url: 'http://k' } }", "v3oidcpassword"},
        {"{ auth: [s3cret] }", "auth is no mapping"},
        {"{ auth: { auth_url: 'http://k', username: u, password: s3cret }, verify: maybe }",
         "verify"},
        {"{ auth: { auth_url: 'http://k', username: u, password: s3cret }, cacert: /no/such }",
         "/no/such does not exist"},
        {"{ auth: { auth_url: 'http://k', username: u, password: s3cret }, interface: x }",
         "public, internal or admin"},
        {"{ auth: { auth_url: 'http://k', username: u, password: s3cret }, api_timeout: 1x }",
         "seconds"},
        {"{ profile: none, auth: { username: u } }", "clouds-public.yaml"},
        {"[s3cret]", "no mapping"},
        {"{ auth: { s3cret", ":1:"},
    }));
    CAPTURE(one.cloud);
    Place it;
    it.file("here/clouds.yaml", "clouds: { c: " + one.cloud + " }");
    if (one.cloud.find("{ s3cret") != std::string::npos)
        it.file("here/clouds.yaml", "clouds: { c: " + one.cloud);
    const auto config = it.read("c");
    REQUIRE_FALSE(config);
    CHECK(config.error().code() == ErrorCode::usage);
    INFO(config.error().text());
    CHECK(config.error().text().find(one.words) != std::string::npos);
    CHECK((config.error().text() + config.error().remedy()).find("s3cret") == std::string::npos);
}

TEST_CASE("config: a name that is not there brings those that are", "[cloud][config]") {
    Place it;
    CHECK(it.read().error().code() == ErrorCode::not_found);
    CHECK(it.read("x").error().remedy().find("clouds.yaml") != std::string::npos);
    it.file("here/clouds.yaml", clouds);
    CHECK(it.read("eest").error().remedy().find("east") != std::string::npos);
    CHECK(it.read().error().remedy().find("east, given, ops, system") != std::string::npos);
    it.file("here/clouds.yaml", "a: &a [*a]");
    CHECK(it.read("x").error().code() != ErrorCode::bug);
}

TEST_CASE("identity: Keystone's answer, and senseless ones", "[cloud][identity]") {
    const auto body = std::string(R"({"token": {"issued_at": "2026-11-24T03:00:00.000000Z",
        "expires_at": "2026-11-24T04:00:00.000000Z", "user": {"name": "admin", "id": "u"},
        "project": {"id": "p"}, "roles": [{"name": "admin"}, {"name": "reader"}],
        "catalog": [{"type": "volumev3", "endpoints": [{"interface": "public",
                     "region": "R", "url": "http://c/v3"}, {"interface": "public"}]}, 7]}})");
    const auto token = cloud::read_token(body, "gAAAA");
    REQUIRE(token);
    CHECK(token->value.reveal() == "gAAAA");
    CHECK(token->lifetime == Milliseconds{3'600'000});
    CHECK(token->user == "admin");
    CHECK(token->project == "p");
    CHECK(token->roles == std::vector<std::string>{"admin", "reader"});
    cloud::Config config;
    CHECK(cloud::find_endpoint(*token, config, "block-storage").value() == "http://c/v3");
    for (const auto* bad : {"", "[]", "{}", "{\"token\": 1}", "{\"token\": null}"})
        CHECK(cloud::read_token(bad, "t").error().code() == ErrorCode::protocol);
    CHECK_FALSE(cloud::read_token(body, ""));
    CHECK_FALSE(cloud::read_token(body, "a\r\nX-Evil: 1"));
    CHECK_FALSE(cloud::read_token("{\"token\": {\"expires_at\": \"never\"}}", "t")->lifetime);
}

TEST_CASE("identity: times as the services write them", "[cloud][identity]") {
    const auto at = parse_utc("2026-11-24T03:00:00.120Z");
    for (const auto* text : {"2026-11-24T03:00:00.12", "2026-11-24T03:00:00.120456Z",
                             "2026-11-24 03:00:00.120456+00:00", "2026-11-24T03:00:00.120Z"})
        CHECK(cloud::parse_iso(text) == at);
    CHECK(cloud::parse_iso("2026-11-24T03:00:00Z") == parse_utc("2026-11-24T03:00:00.000Z"));
    for (const auto* text : {"", "2026-11-24", "2026-11-24T03:00:00+02:00", "2026-13-24T03:00:00Z",
                             "never, never, never"})
        CHECK_FALSE(cloud::parse_iso(text));
}
