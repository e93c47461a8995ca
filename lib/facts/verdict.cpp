// SPDX-License-Identifier: Apache-2.0
#include "facts/verdict.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <map>
#include <unordered_map>

namespace escalator::facts {

namespace {

/// What a flavor asks for, and why a server with it cannot be migrated live. Cold migration builds
/// it anew on the target and so can give it a device of its own there.
/// Source: https://docs.openstack.org/nova/latest/admin/live-migration-usage.html and the pages on
/// PCI passthrough, emulated TPM, AMD SEV, virtual GPU and virtual persistent memory beside it.
struct Obstacle {
    std::string_view spec;  ///< the extra spec's beginning
    std::string_view why;
};
constexpr std::array<Obstacle, 7> obstacles{{
    {"pci_passthrough:alias", "has a PCI device of its host"},
    {"hw:tpm_", "has a virtual TPM"},
    {"hw:mem_encryption", "has encrypted memory (SEV)"},
    {"resources:MEM_ENCRYPTION_CONTEXT", "has encrypted memory (SEV)"},
    {"resources:VGPU", "has a virtual GPU"},
    {"hw:pmem", "has persistent memory of its host"},
    {"resources:CUSTOM_PMEM", "has persistent memory of its host"},
}};

/// Where a server stands by its status alone; nullopt: it may be moved.
/// Source: https://docs.openstack.org/nova/latest/reference/vm-states.html
struct Standing {
    std::string_view status;
    Way way;
    std::string_view why;
};
constexpr std::array<Standing, 12> standings{{
    {"SUSPENDED", Way::leave, "is suspended; its memory lies on the host's disk"},
    {"SHELVED", Way::leave, "is shelved"},
    {"SHELVED_OFFLOADED", Way::leave, "is shelved"},
    {"SOFT_DELETED", Way::leave, "is deleted, and not yet reclaimed"},
    {"DELETED", Way::leave, "is deleted"},
    {"ERROR", Way::leave, "was in ERROR before"},
    {"RESCUE", Way::never, "is in rescue mode; unrescue it first"},
    {"VERIFY_RESIZE", Way::never, "waits for its resize to be confirmed or reverted"},
    {"RESIZE", Way::never, "is being resized"},
    {"MIGRATING", Way::never, "is being migrated by somebody else"},
    {"BUILD", Way::never, "is being built"},
    {"UNKNOWN", Way::never, "its host does not report"},
}};

class Judge {
public:
    explicit Judge(const CloudFacts& facts) : facts_(facts) {
        for (const auto& server : facts.servers)
            if (!server.host.empty()) on_host_.emplace(server.id, server.host);
        for (const auto& group : facts.groups)
            for (const auto& member : group.members) group_of_.emplace(member, &group);
    }

    Verdict judge(const Server& server) {
        Verdict out;
        out.server_id = server.id;
        const auto say = [&](Way way, std::string_view why) {
            out.way = way;
            out.why = why;
            return out;
        };
        for (const auto& standing : standings)
            if (standing.status == server.status) return say(standing.way, standing.why);
        if (!server.task_state.empty()) return say(Way::never, "is busy: " + server.task_state);
        const bool runs = server.status == "ACTIVE" || server.status == "PAUSED";
        if (!runs && server.status != "SHUTOFF")
            return say(Way::never, "has the status " + server.status + ", which is not known");

        out.way = runs ? Way::live : Way::cold;
        out.why = runs ? "" : "is off";
        for (const auto& [spec, value] : server.extra_specs) {
            for (const auto& obstacle : obstacles) {
                if (!spec.starts_with(obstacle.spec) || value == "0" || value == "false" ||
                    value == "False")
                    continue;
                if (runs) say(Way::cold, obstacle.why);
            }
        }
        if (server.status == "PAUSED" && out.way == Way::cold)
            return say(Way::never, out.why + " and is paused; unpause it first");
        if (const auto* group = group_with(server);
            group != nullptr && group->policy == "affinity") {
            if (companions(server, *group, server.host) > 0) {
                return say(runs ? Way::stop : Way::leave,
                           "must stay with the others of its affinity group " + group->name);
            }
        }
        out.room = room_for(server);
        if (out.room == 0)
            return say(runs ? Way::stop : Way::leave, "no other host has room for it");
        return out;
    }

private:
    const ServerGroup* group_with(const Server& server) const {
        const auto it = group_of_.find(server.id);
        return it == group_of_.end() ? nullptr : it->second;
    }

    /// Other members of the group on that host.
    std::uint32_t companions(const Server& server, const ServerGroup& group,
                             const std::string& host) const {
        std::uint32_t out = 0;
        for (const auto& member : group.members) {
            const auto it = on_host_.find(member);
            if (member != server.id && it != on_host_.end() && it->second == host) ++out;
        }
        return out;
    }

    std::uint32_t room_for(const Server& server) {
        const auto& hosts = hosts_for(server);
        const auto* group = group_with(server);
        const bool apart = group != nullptr && group->policy == "anti-affinity";
        std::uint32_t out = 0;
        for (const auto* host : hosts) {
            if (host->name == server.host) continue;
            if (apart && companions(server, *group, host->name) >= group->most_per_host) continue;
            ++out;
        }
        return out;
    }

    /// The hosts that have what servers like this one ask for; worked out once for all of a kind.
    const std::vector<const ComputeHost*>& hosts_for(const Server& server) {
        std::map<std::string, std::int64_t> needs{{"MEMORY_MB", server.ram_mb},
                                                  {"DISK_GB", server.disk_gb}};
        const auto policy = server.extra_specs.find("hw:cpu_policy");
        const bool pinned = policy != server.extra_specs.end() && policy->second == "dedicated";
        needs[pinned ? "PCPU" : "VCPU"] = server.vcpus;
        std::vector<std::string> wanted;
        std::vector<std::string> unwanted;
        auto kind = server.pinned_zone.value_or("*");
        for (const auto& [spec, value] : server.extra_specs) {
            if (spec.starts_with("resources:")) {
                needs[spec.substr(10)] = std::atoll(value.c_str());
            } else if (spec.starts_with("trait:")) {
                (value == "forbidden" ? unwanted : wanted).push_back(spec.substr(6));
                kind += fmt::format("\n{}={}", spec, value);
            }
        }
        for (const auto& [name, amount] : needs) kind += fmt::format("\n{}={}", name, amount);
        const auto [it, fresh] = kinds_.try_emplace(std::move(kind));
        if (!fresh) return it->second;
        for (const auto& host : facts_.hosts) {
            if (host.takes_servers() && (!server.pinned_zone || *server.pinned_zone == host.zone) &&
                fits(host, needs) && has_traits(host, wanted, unwanted))
                it->second.push_back(&host);
        }
        return it->second;
    }

    static bool fits(const ComputeHost& host, const std::map<std::string, std::int64_t>& needs) {
        for (const auto& [name, amount] : needs) {
            if (amount <= 0) continue;
            const auto it = host.resources.find(name);
            if (it == host.resources.end() || it->second.free() < amount) return false;
        }
        return true;
    }

    static bool has_traits(const ComputeHost& host, const std::vector<std::string>& wanted,
                           const std::vector<std::string>& unwanted) {
        const auto has = [&](const std::string& trait) {
            return std::binary_search(host.traits.begin(), host.traits.end(), trait);
        };
        return std::all_of(wanted.begin(), wanted.end(), has) &&
               std::none_of(unwanted.begin(), unwanted.end(), has);
    }

    const CloudFacts& facts_;
    std::unordered_map<std::string, std::vector<const ComputeHost*>> kinds_;
    std::unordered_map<std::string, std::string> on_host_;
    std::unordered_map<std::string, const ServerGroup*> group_of_;
};

}  // namespace

std::string_view name_of(Way way) noexcept {
    static constexpr std::array<std::string_view, 5> names{"live", "cold", "stop", "leave",
                                                           "never"};
    return names.at(static_cast<std::size_t>(way));
}

std::vector<Verdict> judge(const CloudFacts& facts) {
    Judge judge(facts);
    std::vector<Verdict> out;
    for (const auto& server : facts.servers)
        if (!server.host.empty()) out.push_back(judge.judge(server));
    return out;
}

}  // namespace escalator::facts
