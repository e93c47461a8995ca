// SPDX-License-Identifier: Apache-2.0
#include "cloud/gather.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "base/sync.hpp"
#include "base/text.hpp"
#include "cloud/identity.hpp"
#include "cloud/json_member.hpp"

namespace escalator::cloud {

namespace {

using nlohmann::json;

/// Pages of one list; beyond this the API goes in circles.
constexpr int most_pages = 100'000;
/// How often a list is begun anew because what it was continued from is gone.
constexpr int most_restarts = 3;

/// The microversions asked for, at most. Nova from 2.88 on asks each host for its uptime when
/// hypervisors are listed, and no longer tells their resources; those are Placement's to tell.
constexpr Microversion compute_least{2, 53};
constexpr Microversion compute_most{2, 96};
constexpr Microversion hypervisors_most{2, 87};
constexpr Microversion placement_least{1, 14};
constexpr Microversion placement_most{1, 36};

/// Ids are numbers in some places.
std::string text(const json& from, const std::string& key) {
    const auto& it = member(from, key);
    return it.is_number_integer() ? std::to_string(it.get<std::int64_t>()) : text_of(from, key);
}
std::int64_t number(const json& from, const char* key) {
    const auto& it = member(from, key);
    return it.is_number_integer() ? it.get<std::int64_t>() : 0;
}
bool truth(const json& from, const char* key) {
    const auto& it = member(from, key);
    return it.is_boolean() && it.get<bool>();
}
std::map<std::string, std::string> texts(const json& from, const char* key) {
    std::map<std::string, std::string> out;
    const auto& it = member(from, key);
    if (!it.is_object()) return out;
    for (const auto& [name, value] : it.items()) out[name] = text(it, name);
    return out;
}
std::vector<std::string> list(const json& from, const char* key) {
    std::vector<std::string> out;
    for (const auto& value : member(from, key))
        if (value.is_string()) out.push_back(value.get<std::string>());
    return out;
}

/// For a query: everything but unreserved characters is escaped (RFC 3986).
std::string escaped(std::string_view word) {
    std::string out;
    for (const char c : word) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                           (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.' || c == '~';
        out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return out;
}

facts::Server server_of(const json& from) {
    facts::Server out;
    out.id = text(from, "id");
    out.name = text(from, "name");
    out.project_id = text(from, "tenant_id");
    out.status = text(from, "status");
    out.vm_state = text(from, "OS-EXT-STS:vm_state");
    out.task_state = text(from, "OS-EXT-STS:task_state");
    out.host = text(from, "OS-EXT-SRV-ATTR:host");
    out.zone = text(from, "OS-EXT-AZ:availability_zone");
    if (const auto& pinned = member(from, "pinned_availability_zone"); pinned.is_string())
        out.pinned_zone = pinned.get<std::string>();
    // without an image it was booted from a volume
    const auto& image = member(from, "image");
    out.from_volume = !image.is_object() || image.empty();
    const auto& flavor = member(from, "flavor");
    out.flavor = text(flavor, "original_name");
    out.vcpus = number(flavor, "vcpus");
    out.ram_mb = number(flavor, "ram");
    out.disk_gb = (out.from_volume ? 0 : number(flavor, "disk")) + number(flavor, "ephemeral") +
                  (number(flavor, "swap") + 1023) / 1024;
    out.extra_specs = texts(flavor, "extra_specs");
    out.locked = truth(from, "locked");
    return out;
}

facts::ComputeHost host_of(const json& service) {
    facts::ComputeHost out;
    out.name = text(service, "host");
    out.service_id = text(service, "id");
    out.zone = text(service, "zone");
    out.enabled = text(service, "status") != "disabled";
    out.disabled_reason = text(service, "disabled_reason");
    out.up = text(service, "state") == "up";
    out.forced_down = truth(service, "forced_down");
    out.updated_at = parse_iso(text(service, "updated_at"));
    return out;
}

/// Migrations go through these; any other status is an end.
/// Source: nova/objects/fields.py and nova/compute/manager.py.
bool under_way(const std::string& status) {
    static const std::set<std::string> ends{"completed", "error",    "failed", "cancelled",
                                            "confirmed", "reverted", "done",   "finished"};
    // a resize is "finished" while it waits to be confirmed; the server's status tells that
    return !ends.contains(status);
}

class Gatherer {
public:
    Gatherer(Session& session, const GatherOptions& options, const std::stop_token& stop)
        : session_(session), options_(options), stop_(stop) {}

    Result<facts::CloudFacts> gather() {
        out_.cloud = session_.config().name;
        out_.taken = SystemClock().now();
        auto compute = session_.negotiate("compute", compute_least, compute_most, stop_);
        if (!compute) return std::move(compute).take_error();
        compute_ = *compute;
        auto placement = session_.negotiate("placement", placement_least, placement_most, stop_);
        if (!placement) return std::move(placement).take_error();
        placement_ = *placement;

        // Servers come page after page; meanwhile the others come, and then each host's resources.
        auto done = together({[this] { return servers(); }, [this] { return hosts(); },
                              [this] { return groups(); }, [this] { return aggregates(); },
                              [this] { return migrations(); }});
        if (!done) return std::move(done).take_error();
        const auto by_id = [](const auto& a, const auto& b) { return a.id < b.id; };
        std::sort(out_.servers.begin(), out_.servers.end(), by_id);
        std::sort(out_.groups.begin(), out_.groups.end(), by_id);
        return std::move(out_);
    }

private:
    using Task = std::function<Status()>;

    /// Runs all of them, at most `parallel` at once; the first error ends the others.
    Status together(const std::vector<Task>& tasks) {
        std::atomic<std::size_t> next{0};
        Sync<std::optional<Error>> failed;
        const auto work = [&] {
            for (std::size_t i = next++; i < tasks.size(); i = next++) {
                auto done = tasks[i]();
                if (done) continue;
                next = tasks.size();
                failed.with([&](auto& it) {
                    if (!it) it = std::move(done).take_error();
                });
            }
        };
        {
            std::vector<std::jthread> threads;
            const auto count = std::min<std::size_t>(options_.parallel, tasks.size());
            for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
            work();
        }
        auto error = failed.with([](auto& it) { return it; });
        if (error) return *error;
        return ok();
    }

    Result<json> compute(const std::string& path) { return compute(path, compute_); }
    Result<json> compute(const std::string& path, Microversion version) {
        return session_.read({.service = "compute", .path = path, .version = version}, stop_);
    }
    Result<json> placement(const std::string& path) {
        return session_.read({.service = "placement", .path = path, .version = placement_}, stop_);
    }

    /// A list that comes whole.
    Result<json> list_at(const std::string& path, const char* key) {
        auto root = compute(path);
        if (!root) return std::move(root).take_error();
        if (!member(*root, key).is_array()) return senseless(path, key);
        return std::move((*root)[key]);
    }

    /// All entries of a list that is continued from the last one's id.
    Status pages(const std::string& path, const char* key, Microversion version,
                 const std::function<void(const json&)>& take,
                 const std::function<void()>& restart) {
        int restarts = 0;
        std::string marker;
        for (int page = 0; page < most_pages; ++page) {
            auto query =
                fmt::format("{}{}limit={}", path, path.find('?') == std::string::npos ? '?' : '&',
                            options_.page);
            if (!marker.empty()) query += "&marker=" + escaped(marker);
            auto root = compute(query, version);
            if (!root) {
                // what it was to go on from was deleted meanwhile
                const auto code = root.error().code();
                const bool gone = code == ErrorCode::refused || code == ErrorCode::not_found;
                if (!gone || marker.empty() || ++restarts > most_restarts)
                    return std::move(root).take_error();
                marker.clear();
                restart();
                continue;
            }
            const auto& entries = member(*root, key);
            if (!entries.is_array()) return senseless(path, key);
            for (const auto& entry : entries) take(entry);
            if (entries.empty() || !continued(*root, key)) return ok();
            auto last = text(entries.back(), "id");
            if (last.empty() || last == marker) return senseless(path, key);
            marker = std::move(last);
        }
        return senseless(path, key);
    }

    static bool continued(const json& root, const char* key) {
        for (const auto& link : member(root, std::string(key) + "_links"))
            if (text(link, "rel") == "next") return true;
        return false;
    }

    Error senseless(const std::string& path, const char* key) const {
        return {ErrorCode::protocol,
                fmt::format("cloud {}: the answer to {} has no {} that make sense", out_.cloud,
                            path, key)};
    }

    Status servers() {
        std::set<std::string> seen;  // one may come twice when others are made meanwhile
        const auto take = [&](const json& entry) {
            auto server = server_of(entry);
            if (!server.id.empty() && seen.insert(server.id).second)
                out_.servers.push_back(std::move(server));
        };
        const auto restart = [&] {
            seen.clear();
            out_.servers.clear();
        };
        return pages("/servers/detail?all_tenants=1", "servers", compute_, take, restart);
    }

    Status hosts() {
        auto services = list_at("/os-services?binary=nova-compute", "services");
        if (!services) return std::move(services).take_error();
        std::map<std::string, facts::ComputeHost> found;
        for (const auto& service : *services) {
            auto host = host_of(service);
            if (host.name.empty()) continue;
            auto name = host.name;
            found.emplace(std::move(name), std::move(host));
        }
        const auto take = [&](const json& entry) {
            const auto it = found.find(text(member(entry, "service"), "host"));
            if (it == found.end()) return;
            auto& host = it->second;
            host.hypervisor_id = text(entry, "id");
            host.hypervisor_name = text(entry, "hypervisor_hostname");
            host.hypervisor_type = text(entry, "hypervisor_type");
            host.hypervisor_version = number(entry, "hypervisor_version");
        };
        auto listed = pages("/os-hypervisors/detail", "hypervisors",
                            std::min(compute_, hypervisors_most), take, [] {});
        if (!listed) return listed;
        for (auto& [name, host] : found) out_.hosts.push_back(std::move(host));
        std::vector<Task> tasks;
        for (auto& host : out_.hosts) {
            if (!host.hypervisor_id.empty())
                tasks.emplace_back([this, &host] { return resources(host); });
        }
        return together(tasks);
    }

    Status resources(facts::ComputeHost& host) {
        const auto path = "/resource_providers/" + escaped(host.hypervisor_id);
        auto inventories = placement(path + "/inventories");
        // a host that has just come, or is just going, has no provider
        if (!inventories && inventories.error().code() == ErrorCode::not_found) return ok();
        if (!inventories) return std::move(inventories).take_error();
        for (const auto& [name, entry] : member(*inventories, "inventories").items()) {
            auto& it = host.resources[name];
            it.total = number(entry, "total");
            it.reserved = number(entry, "reserved");
            const auto& ratio = member(entry, "allocation_ratio");
            it.ratio = ratio.is_number() ? ratio.get<double>() : 1;
        }
        auto usages = placement(path + "/usages");
        if (!usages) return std::move(usages).take_error();
        const auto& used = member(*usages, "usages");
        for (const auto& [name, value] : used.items())
            host.resources[name].used = number(used, name.c_str());
        auto traits = placement(path + "/traits");
        if (!traits) return std::move(traits).take_error();
        host.traits = list(*traits, "traits");
        std::sort(host.traits.begin(), host.traits.end());
        return ok();
    }

    Status groups() {
        // this list alone is continued by numbers
        std::set<std::string> seen;
        for (int page = 0; page < most_pages; ++page) {
            auto root =
                compute(fmt::format("/os-server-groups?all_projects=True&limit={}&offset={}",
                                    options_.page, seen.size()));
            if (!root) return std::move(root).take_error();
            const auto& entries = member(*root, "server_groups");
            if (!entries.is_array()) return senseless("/os-server-groups", "server_groups");
            const auto before = seen.size();
            for (const auto& entry : entries) {
                facts::ServerGroup group;
                group.id = text(entry, "id");
                group.name = text(entry, "name");
                group.policy = text(entry, "policy");
                if (const auto names = list(entry, "policies");
                    group.policy.empty() && !names.empty())
                    group.policy = names.front();  // before 2.64
                if (const auto most = number(member(entry, "rules"), "max_server_per_host");
                    most > 0)
                    group.most_per_host = static_cast<std::uint32_t>(most);
                group.members = list(entry, "members");
                if (!group.id.empty() && seen.insert(group.id).second)
                    out_.groups.push_back(std::move(group));
            }
            if (seen.size() == before) return ok();
        }
        return senseless("/os-server-groups", "server_groups");
    }

    Status aggregates() {
        auto entries = list_at("/os-aggregates", "aggregates");
        if (!entries) return std::move(entries).take_error();
        for (const auto& entry : *entries) {
            out_.aggregates.push_back({text(entry, "name"), text(entry, "availability_zone"),
                                       list(entry, "hosts"), texts(entry, "metadata")});
        }
        return ok();
    }

    Status migrations() {
        // newest first: what is under way is among the first, unless a thousand began since
        const bool paged = compute_ >= Microversion{2, 59};
        auto entries = list_at(paged ? fmt::format("/os-migrations?limit={}", options_.page)
                                     : std::string("/os-migrations"),
                               "migrations");
        if (!entries) return std::move(entries).take_error();
        for (const auto& entry : *entries) {
            facts::Migration it{
                text(entry, "id"),     text(entry, "instance_uuid"),  text(entry, "migration_type"),
                text(entry, "status"), text(entry, "source_compute"), text(entry, "dest_compute")};
            if (under_way(it.status)) out_.migrations.push_back(std::move(it));
        }
        return ok();
    }

    Session& session_;
    const GatherOptions& options_;
    const std::stop_token& stop_;
    Microversion compute_;
    Microversion placement_;
    facts::CloudFacts out_;
};

}  // namespace

Result<facts::CloudFacts> gather(Session& session, const GatherOptions& options,
                                 const std::stop_token& stop) {
    return Gatherer(session, options, stop).gather();
}

}  // namespace escalator::cloud
