// SPDX-License-Identifier: Apache-2.0
#include "cloud/gather.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "fake_cloud.hpp"

using namespace escalator;
using nlohmann::json;

namespace {

const std::stop_token never;

/// Some hosts and servers, in the words of Nova 2.93 and Placement 1.36.
struct Nova {
    test::FakeCloud cloud;
    int hosts = 3;
    int servers = 25;
    std::atomic<int> lost_markers{0};  ///< how many continuations fail
    std::function<std::optional<test::Answer>(const test::Asked&)> first;

    Nova() {
        cloud.answer = [this](const test::Asked& asked) { return respond(asked); };
    }

    Result<facts::CloudFacts> gather(int page = 10) {
        auto session = cloud.session();
        return cloud::gather(*session, {.parallel = 4, .page = page}, never);
    }

private:
    static std::string param(const std::string& path, const std::string& name) {
        const auto start = path.find(name + "=");
        if (start == std::string::npos) return {};
        const auto from = start + name.size() + 1;
        return path.substr(from, path.find('&', from) - from);
    }

    json server(int i) const {
        return {{"id", fmt::format("s{:04}", i)},
                {"name", fmt::format("vm{}", i)},
                {"tenant_id", "p"},
                {"status", i % 7 == 3 ? "SHUTOFF" : "ACTIVE"},
                {"OS-EXT-STS:vm_state", "active"},
                {"OS-EXT-STS:task_state", nullptr},
                {"OS-EXT-SRV-ATTR:host", fmt::format("c{}", i % hosts)},
                {"OS-EXT-AZ:availability_zone", "nova"},
                {"image", i % 2 == 0 ? json("") : json{{"id", "img"}}},
                {"locked", false},
                {"flavor",
                 {{"original_name", "m1"},
                  {"vcpus", 2},
                  {"ram", 2048},
                  {"disk", 20},
                  {"ephemeral", 5},
                  {"swap", 512},
                  {"extra_specs", {{"hw:cpu_policy", "shared"}}}}}};
    }

    test::Answer respond(const test::Asked& asked) {
        if (first) {
            if (auto answer = first(asked)) return *answer;
        }
        const auto& path = asked.path;
        const auto is = [&](std::string_view prefix) { return path.starts_with(prefix); };
        const auto limit = param(path, "limit").empty() ? 0 : std::stoi(param(path, "limit"));
        json out = json::object();
        if (path == "/v2.1/") {
            out = {{"version", {{"min_version", "2.1"}, {"version", "2.93"}}}};
        } else if (path == "/placement/") {
            out = {{"versions", {{{"min_version", "1.0"}, {"max_version", "1.39"}}}}};
        } else if (is("/v2.1/servers/detail")) {
            const auto marker = param(path, "marker");
            if (!marker.empty() && lost_markers-- > 0)
                return {400, R"({"badRequest": {"message": "marker not found"}})"};
            out["servers"] = json::array();
            int i = marker.empty() ? 0 : std::stoi(marker.substr(1)) + 1;
            for (int n = 0; n < limit && i < servers; ++n, ++i) out["servers"].push_back(server(i));
            if (i < servers) out["servers_links"] = {{{"rel", "next"}, {"href", "http://other/x"}}};
        } else if (is("/v2.1/os-services")) {
            for (int i = 0; i < hosts; ++i) {
                out["services"].push_back(
                    {{"id", fmt::format("id{}", i)},
                     {"host", fmt::format("c{}", i)},
                     {"zone", "nova"},
                     {"status", i == 1 ? "disabled" : "enabled"},
                     {"disabled_reason", i == 1 ? json("broken fan") : json()},
                     {"state", "up"},
                     {"forced_down", false},
                     {"updated_at", "2026-11-24T03:00:00.000000"}});
            }
        } else if (is("/v2.1/os-hypervisors/detail")) {
            for (int i = 0; i < hosts; ++i) {
                out["hypervisors"].push_back({{"id", fmt::format("uuid{}", i)},
                                              {"hypervisor_hostname", fmt::format("c{}.lan", i)},
                                              {"hypervisor_type", "QEMU"},
                                              {"hypervisor_version", 7002000},
                                              {"service", {{"host", fmt::format("c{}", i)}}}});
            }
        } else if (is("/v2.1/os-server-groups")) {
            out["server_groups"] = json::array();
            if (param(path, "offset") == "0") {
                out["server_groups"].push_back({{"id", "g"},
                                                {"name", "anti"},
                                                {"policy", "anti-affinity"},
                                                {"rules", {{"max_server_per_host", 2}}},
                                                {"members", {"s0000", "s0001"}}});
            }
        } else if (is("/v2.1/os-aggregates")) {
            out["aggregates"].push_back({{"name", "ssd"},
                                         {"availability_zone", nullptr},
                                         {"hosts", {"c0"}},
                                         {"metadata", {{"rack", "r1"}}}});
        } else if (is("/v2.1/os-migrations")) {
            out["migrations"] = {{{"id", 7}, {"status", "running"}, {"instance_uuid", "s0001"}},
                                 {{"id", 6}, {"status", "completed"}}};
        } else if (path.ends_with("/inventories")) {
            if (is("/placement/resource_providers/uuid2/"))
                return {404, R"({"errors": [{"detail": "No resource provider"}]})"};
            out["inventories"]["VCPU"] = {
                {"total", 16}, {"reserved", 1}, {"allocation_ratio", 4.0}};
        } else if (path.ends_with("/usages")) {
            out["usages"]["VCPU"] = 8;
        } else if (path.ends_with("/traits")) {
            out["traits"] = {"HW_B", "HW_A"};
        } else {
            return {404, "{}"};
        }
        return {200, out.dump()};
    }
};

}  // namespace

TEST_CASE("gather: the whole cloud, page by page", "[cloud][gather]") {
    Nova nova;
    const auto facts = nova.gather();
    INFO((facts ? std::string() : facts.error().text()));
    REQUIRE(facts);
    CHECK(facts->servers.size() == 25);
    const auto& server = facts->servers[3];
    CHECK(server.id == "s0003");
    CHECK(server.status == "SHUTOFF");
    CHECK(server.host == "c0");
    CHECK(server.task_state.empty());
    CHECK(server.disk_gb == 26);  // 20 of its image, 5 ephemeral, 512 MiB of swap
    CHECK(facts->servers[2].disk_gb == 6);
    CHECK(facts->servers[2].from_volume);
    CHECK(server.extra_specs.at("hw:cpu_policy") == "shared");
    REQUIRE(facts->hosts.size() == 3);
    const auto& host = facts->hosts[1];
    CHECK_FALSE(host.enabled);
    CHECK(host.disabled_reason == "broken fan");
    CHECK(host.hypervisor_name == "c1.lan");
    CHECK(host.resources.at("VCPU").free() == 52);
    CHECK(host.traits == std::vector<std::string>{"HW_A", "HW_B"});
    CHECK(facts->hosts[2].resources.empty());
    CHECK(facts->groups.at(0).most_per_host == 2);
    CHECK(facts->aggregates.at(0).metadata.at("rack") == "r1");
    REQUIRE(facts->migrations.size() == 1);
    CHECK(facts->migrations[0].id == "7");
    // hypervisors are never asked in a way that makes Nova ask each host
    for (auto& asked : nova.cloud.server.asked()) {
        if (asked.path.starts_with("/v2.1/os-hypervisors"))
            CHECK(asked.headers["OpenStack-API-Version"] == "compute 2.87");
    }
}

TEST_CASE("gather: a server that goes while its page is turned", "[cloud][gather]") {
    Nova nova;
    nova.lost_markers = 2;
    const auto facts = nova.gather();
    REQUIRE(facts);
    CHECK(facts->servers.size() == 25);
    nova.lost_markers = 100;
    CHECK(nova.gather().error().code() == ErrorCode::refused);
}

TEST_CASE("gather: an API that goes in circles is noticed", "[cloud][gather]") {
    Nova nova;
    nova.first = [](const test::Asked& asked) -> std::optional<test::Answer> {
        if (asked.path.find("servers/detail") == std::string::npos) return {};
        return test::Answer{
            200, R"({"servers": [{"id": "a"}], "servers_links": [{"rel": "next", "href": "x"}]})"};
    };
    const auto facts = nova.gather();
    REQUIRE_FALSE(facts);
    CHECK(facts.error().code() == ErrorCode::protocol);
}

TEST_CASE("gather: answers without sense, one list after the other", "[cloud][gather]") {
    const auto path =
        GENERATE(as<std::string>{}, "/v2.1/servers/detail", "/v2.1/os-services",
                 "/v2.1/os-hypervisors/detail", "/v2.1/os-server-groups", "/v2.1/os-aggregates",
                 "/v2.1/os-migrations", "/inventories", "/usages", "/traits");
    const auto body = GENERATE(as<std::string>{}, "{}", "[]", R"({"servers": 7, "services": "x",
        "hypervisors": null, "server_groups": {}, "aggregates": 1, "migrations": true,
        "inventories": 5, "usages": [1], "traits": {"a": 1}})",
                               R"({"servers": [1, null, {"id": 5, "flavor": 3, "image": 4}],
        "services": [null, {"host": 1}], "hypervisors": [[], {"service": 1}],
        "server_groups": [3, {"id": {}}], "aggregates": [null], "migrations": ["x"],
        "inventories": {"VCPU": 3}, "usages": {"VCPU": "many"}, "traits": [1]})");
    CAPTURE(path, body);
    Nova nova;
    nova.first = [&](const test::Asked& asked) -> std::optional<test::Answer> {
        if (asked.path.find(path) == std::string::npos) return {};
        return test::Answer{200, body};
    };
    const auto facts = nova.gather();  // whatever it says, it does not fall over
    if (!facts) CHECK(facts.error().code() == ErrorCode::protocol);
}

TEST_CASE("gather: who may not see everything is told", "[cloud][gather]") {
    Nova nova;
    nova.first = [&](const test::Asked& asked) -> std::optional<test::Answer> {
        if (asked.path.find("/os-services") == std::string::npos) return {};
        return test::Answer{403, R"({"forbidden": {"message": "Policy doesn't allow it"}})"};
    };
    const auto facts = nova.gather();
    REQUIRE_FALSE(facts);
    CHECK(facts.error().code() == ErrorCode::unauthorised);
}
