// SPDX-License-Identifier: Apache-2.0
#include "facts/verdict.hpp"

#include <catch2/catch.hpp>

using namespace escalator;
using namespace escalator::facts;

namespace {

/// Three hosts of 16 VCPU and 32 GiB; "s" with 4 VCPU on the first.
struct Cloud {
    CloudFacts facts;

    Cloud() {
        for (const auto* name : {"c1", "c2", "c3"}) {
            ComputeHost host;
            host.name = name;
            host.zone = std::string(name) == "c3" ? "az2" : "az1";
            host.resources = {{"VCPU", {16, 0, 1, 0}},
                              {"MEMORY_MB", {32'768, 512, 1, 0}},
                              {"DISK_GB", {400, 0, 1, 0}}};
            host.traits = {"HW_CPU_X86_AVX2"};
            facts.hosts.push_back(host);
        }
        facts.servers.push_back(server("s", "c1"));
    }
    static Server server(const std::string& id, const std::string& host) {
        Server out;
        out.id = out.name = id;
        out.host = host;
        out.status = "ACTIVE";
        out.vcpus = 4;
        out.ram_mb = 4096;
        out.disk_gb = 10;
        return out;
    }
    Server& s() { return facts.servers.front(); }
    Verdict verdict() const { return judge(facts).front(); }
};

}  // namespace

TEST_CASE("verdict: a plain server is migrated live", "[facts]") {
    const Cloud it;
    const auto verdict = it.verdict();
    CHECK(verdict.way == Way::live);
    CHECK(verdict.why.empty());
    CHECK(verdict.room == 2);
}

TEST_CASE("verdict: status and task say what may be done", "[facts]") {
    struct Case {
        std::string status;
        std::string task;
        Way way;
    };
    const auto one = GENERATE(from_range(std::vector<Case>{
        {"ACTIVE", "", Way::live},
        {"PAUSED", "", Way::live},
        {"SHUTOFF", "", Way::cold},
        {"SUSPENDED", "", Way::leave},
        {"SHELVED", "", Way::leave},
        {"SHELVED_OFFLOADED", "", Way::leave},
        {"SOFT_DELETED", "", Way::leave},
        {"ERROR", "", Way::leave},
        {"ERROR", "migrating", Way::leave},
        {"RESCUE", "", Way::never},
        {"VERIFY_RESIZE", "", Way::never},
        {"BUILD", "spawning", Way::never},
        {"MIGRATING", "migrating", Way::never},
        {"ACTIVE", "image_snapshot", Way::never},
        {"REBOOT", "rebooting", Way::never},
        {"NEW_STATUS", "", Way::never},
        {"", "", Way::never},
    }));
    CAPTURE(one.status, one.task);
    Cloud it;
    it.s().status = one.status;
    it.s().task_state = one.task;
    CHECK(it.verdict().way == one.way);
    CHECK(it.verdict().why.empty() == (one.way == Way::live));
}

TEST_CASE("verdict: what a flavor ties to the host goes cold", "[facts]") {
    const auto spec = GENERATE(
        as<std::pair<std::string, std::string>>{}, std::pair{"pci_passthrough:alias", "nic:1"},
        std::pair{"hw:tpm_version", "2.0"}, std::pair{"hw:mem_encryption", "true"});
    CAPTURE(spec.first);
    Cloud it;
    it.s().extra_specs = {{spec.first, spec.second}};
    CHECK(it.verdict().way == Way::cold);
    CHECK_FALSE(it.verdict().why.empty());
    it.s().status = "SHUTOFF";
    CHECK(it.verdict().way == Way::cold);
    it.s().status = "PAUSED";
    CHECK(it.verdict().way == Way::never);
    it.s().extra_specs = {{"hw:mem_encryption", "false"}};
    CHECK(it.verdict().way == Way::live);
}

TEST_CASE("verdict: room is counted on hosts that take servers, and for all it needs", "[facts]") {
    Cloud it;
    auto& c2 = it.facts.hosts[1];
    auto& c3 = it.facts.hosts[2];
    c2.resources["MEMORY_MB"].used = 29'000;
    CHECK(it.verdict().room == 1);
    c2.resources["MEMORY_MB"].ratio = 1.5;
    CHECK(it.verdict().room == 2);
    c3.enabled = false;
    CHECK(it.verdict().room == 1);
    c3.enabled = true;
    c3.forced_down = true;
    CHECK(it.verdict().room == 1);
    c2.up = false;
    CHECK(it.verdict().way == Way::stop);
    CHECK(it.verdict().why == "no other host has room for it");
    it.s().status = "SHUTOFF";
    CHECK(it.verdict().way == Way::leave);
}

TEST_CASE("verdict: zones, traits, pinned CPUs and devices narrow the room", "[facts]") {
    Cloud it;
    it.s().pinned_zone = "az1";
    CHECK(it.verdict().room == 1);
    it.s().pinned_zone = "az9";
    CHECK(it.verdict().way == Way::stop);
    it.s().pinned_zone.reset();
    it.s().extra_specs = {{"trait:HW_CPU_X86_AVX2", "required"}};
    CHECK(it.verdict().room == 2);
    it.s().extra_specs = {{"trait:HW_CPU_X86_AVX2", "forbidden"}};
    CHECK(it.verdict().room == 0);
    it.s().extra_specs = {{"hw:cpu_policy", "dedicated"}};
    CHECK(it.verdict().room == 0);
    it.facts.hosts[1].resources["PCPU"] = {8, 0, 1, 4};
    CHECK(it.verdict().room == 1);
    it.s().extra_specs = {{"resources:CUSTOM_X", "2"}};
    CHECK(it.verdict().room == 0);
    it.facts.hosts[2].resources["CUSTOM_X"] = {2, 0, 1, 0};
    CHECK(it.verdict().room == 1);
}

TEST_CASE("verdict: groups keep their members together, or apart", "[facts]") {
    Cloud it;
    it.facts.servers.push_back(Cloud::server("t", "c1"));
    const auto group = [&](const std::string& policy) {
        it.facts.groups = {{"g", "g", policy, 1, {"s", "t", "gone"}}};
        return it.verdict();
    };
    CHECK(group("affinity").way == Way::stop);
    CHECK(group("soft-affinity").way == Way::live);
    CHECK(group("anti-affinity").room == 2);
    it.facts.servers[1].host = "c2";
    CHECK(group("affinity").way == Way::live);  // broken already; it may go
    CHECK(group("anti-affinity").room == 1);
    CHECK(group("soft-anti-affinity").room == 2);
    it.facts.groups.front().policy = "anti-affinity";
    it.facts.groups.front().most_per_host = 2;
    CHECK(it.verdict().room == 2);
}

TEST_CASE("verdict: what is on no host gets none", "[facts]") {
    Cloud it;
    it.s().host.clear();
    CHECK(judge(it.facts).empty());
    CHECK(judge({}).empty());
}
