// SPDX-License-Identifier: Apache-2.0
#include "cmd/view/cloud_view.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "base/text.hpp"

namespace escalator::cmd::view {

namespace {

using nlohmann::json;

/// Columns as wide as their longest cell; the last one is not padded.
class Table {
public:
    explicit Table(std::vector<std::string> heads) { add(std::move(heads)); }

    void add(std::vector<std::string> row) {
        widths_.resize(std::max(widths_.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            row[i] = printable(row[i]);
            widths_[i] = std::max(widths_[i], row[i].size());
        }
        rows_.push_back(std::move(row));
    }
    bool empty() const { return rows_.size() < 2; }
    std::string text() const {
        std::string out;
        for (const auto& row : rows_) {
            std::string line;
            for (std::size_t i = 0; i < row.size(); ++i)
                line += i + 1 < row.size() ? fmt::format("{:<{}}  ", row[i], widths_[i]) : row[i];
            out += fmt::format("{}\n", trim(line));
        }
        return out;
    }

private:
    std::vector<std::vector<std::string>> rows_;
    std::vector<std::size_t> widths_;
};

std::string state_of(const facts::ComputeHost& host) {
    std::string out = host.forced_down ? "forced down" : host.up ? "up" : "down";
    if (!host.enabled) {
        out += ", disabled";
        if (!host.disabled_reason.empty()) out += fmt::format(" ({})", host.disabled_reason);
    }
    return out;
}

std::string used(const facts::ComputeHost& host, const char* name, std::int64_t unit) {
    const auto it = host.resources.find(name);
    if (it == host.resources.end()) return "-";
    const auto& resource = it->second;
    const auto whole = resource.used + resource.free();
    return fmt::format("{}/{}", resource.used / unit, whole / unit);
}

using Counts = std::map<facts::Way, std::size_t>;

std::string listed(const Counts& counts) {
    std::vector<std::string> parts;
    for (const auto& [way, count] : counts)
        parts.push_back(fmt::format("{} {}", count, name_of(way)));
    return parts.empty() ? "-" : join(parts, ", ");
}

json or_null(const std::string& text) { return text.empty() ? json(nullptr) : json(text); }

}  // namespace

std::string cloud_text(const facts::CloudFacts& facts, const std::vector<facts::Verdict>& verdicts,
                       bool all) {
    std::unordered_map<std::string, const facts::Server*> servers;
    for (const auto& server : facts.servers) servers.emplace(server.id, &server);
    std::map<std::string, Counts> by_host;
    Table wanted({"SERVER", "NAME", "HOST", "STATUS", "WAY", "WHY"});
    for (const auto& verdict : verdicts) {
        const auto& server = *servers.at(verdict.server_id);
        ++by_host[server.host][verdict.way];
        if (!all && verdict.way == facts::Way::live) continue;
        wanted.add({server.id, server.name, server.host, server.status,
                    std::string(name_of(verdict.way)), verdict.why});
    }
    Table hosts({"HOST", "ZONE", "VCPU", "MEMORY GiB", "DISK GB", "SERVERS", "STATE"});
    for (const auto& host : facts.hosts) {
        hosts.add({host.name, host.zone, used(host, "VCPU", 1), used(host, "MEMORY_MB", 1024),
                   used(host, "DISK_GB", 1), listed(by_host[host.name]), state_of(host)});
    }
    auto out = fmt::format("Cloud {}: {}, {}, {}\n\n", printable(facts.cloud),
                           counted(facts.hosts.size(), "compute host"),
                           counted(facts.servers.size(), "server"),
                           counted(facts.groups.size(), "server group"));
    out += hosts.text();
    if (!wanted.empty()) {
        out += all ? "\nServers, and how each can leave its host:\n"
                   : "\nServers that cannot simply be migrated live:\n";
        out += wanted.text();
    }
    Table moving({"MIGRATION", "SERVER", "KIND", "STATUS", "FROM", "TO"});
    for (const auto& it : facts.migrations)
        moving.add({it.id, it.server_id, it.kind, it.status, it.source, it.target});
    if (!moving.empty()) out += "\nMigrations under way:\n" + moving.text();
    return out;
}

json cloud_json(const facts::CloudFacts& facts, const std::vector<facts::Verdict>& verdicts) {
    std::unordered_map<std::string, const facts::Verdict*> by_server;
    for (const auto& verdict : verdicts) by_server.emplace(verdict.server_id, &verdict);
    json root{{"format", "escalator-cloud/1"},    {"cloud", facts.cloud},
              {"taken", format_utc(facts.taken)}, {"hosts", json::array()},
              {"servers", json::array()},         {"groups", json::array()},
              {"aggregates", json::array()},      {"migrations", json::array()}};
    for (const auto& host : facts.hosts) {
        auto resources = json::object();
        for (const auto& [name, it] : host.resources) {
            resources[name] = {{"total", it.total},
                               {"reserved", it.reserved},
                               {"allocation_ratio", it.ratio},
                               {"used", it.used},
                               {"free", it.free()}};
        }
        root["hosts"].push_back(
            {{"name", host.name},
             {"zone", or_null(host.zone)},
             {"enabled", host.enabled},
             {"disabled_reason", or_null(host.disabled_reason)},
             {"up", host.up},
             {"forced_down", host.forced_down},
             {"updated_at", host.updated_at ? json(format_utc(*host.updated_at)) : json(nullptr)},
             {"service_id", host.service_id},
             {"hypervisor",
              {{"id", or_null(host.hypervisor_id)},
               {"name", or_null(host.hypervisor_name)},
               {"type", or_null(host.hypervisor_type)},
               {"version", host.hypervisor_version}}},
             {"resources", std::move(resources)},
             {"traits", host.traits}});
    }
    for (const auto& server : facts.servers) {
        json entry{{"id", server.id},
                   {"name", server.name},
                   {"project", server.project_id},
                   {"status", server.status},
                   {"vm_state", or_null(server.vm_state)},
                   {"task_state", or_null(server.task_state)},
                   {"host", or_null(server.host)},
                   {"zone", or_null(server.zone)},
                   {"pinned_zone", server.pinned_zone ? json(*server.pinned_zone) : json(nullptr)},
                   {"flavor", or_null(server.flavor)},
                   {"vcpus", server.vcpus},
                   {"ram_mb", server.ram_mb},
                   {"disk_gb", server.disk_gb},
                   {"extra_specs", server.extra_specs},
                   {"locked", server.locked},
                   {"verdict", nullptr}};
        if (const auto it = by_server.find(server.id); it != by_server.end()) {
            entry["verdict"] = {{"way", name_of(it->second->way)},
                                {"why", or_null(it->second->why)},
                                {"room", it->second->room}};
        }
        root["servers"].push_back(std::move(entry));
    }
    for (const auto& group : facts.groups) {
        root["groups"].push_back({{"id", group.id},
                                  {"name", group.name},
                                  {"policy", group.policy},
                                  {"max_server_per_host", group.most_per_host},
                                  {"members", group.members}});
    }
    for (const auto& it : facts.aggregates) {
        root["aggregates"].push_back({{"name", it.name},
                                      {"zone", or_null(it.zone)},
                                      {"hosts", it.hosts},
                                      {"metadata", it.metadata}});
    }
    for (const auto& it : facts.migrations) {
        root["migrations"].push_back({{"id", it.id},
                                      {"server", it.server_id},
                                      {"kind", it.kind},
                                      {"status", it.status},
                                      {"source", or_null(it.source)},
                                      {"target", or_null(it.target)}});
    }
    return root;
}

}  // namespace escalator::cmd::view
