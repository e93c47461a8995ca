// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"

// What is true of a cloud at a moment, in Nova's and Placement's own words. Plain values.
namespace escalator::facts {

/// A class of resources on one host: VCPU, MEMORY_MB, DISK_GB, PCPU, VGPU, CUSTOM_...
struct Resource {
    std::int64_t total = 0;
    std::int64_t reserved = 0;
    double ratio = 1;
    std::int64_t used = 0;

    /// What may still be allocated; never below zero.
    std::int64_t free() const;
};

/// One nova-compute, with its hypervisor and its resource provider.
struct ComputeHost {
    std::string name;  ///< the service's host
    std::string service_id;
    std::string zone;
    bool enabled = true;
    std::string disabled_reason;
    bool up = true;
    bool forced_down = false;
    std::optional<Time> updated_at;  ///< when the service last reported
    std::string hypervisor_id;       ///< and of its root resource provider
    std::string hypervisor_name;
    std::string hypervisor_type;
    std::int64_t hypervisor_version = 0;
    std::map<std::string, Resource> resources;
    std::vector<std::string> traits;  ///< sorted

    /// New servers may come here.
    bool takes_servers() const { return enabled && up && !forced_down; }
};

struct Server {
    std::string id;
    std::string name;
    std::string project_id;
    std::string status;      ///< ACTIVE, SHUTOFF, ERROR ...
    std::string vm_state;    ///< active, stopped ...
    std::string task_state;  ///< "" when nothing is going on
    std::string host;        ///< "" when it is on none
    std::string zone;
    /// The zone it must stay in (microversion 2.96); nullopt: not told.
    std::optional<std::string> pinned_zone;
    std::string flavor;
    std::int64_t vcpus = 0;
    std::int64_t ram_mb = 0;
    std::int64_t disk_gb = 0;  ///< root, ephemeral and swap, as far as they lie on the host
    std::map<std::string, std::string> extra_specs;
    bool from_volume = false;  ///< its root disk is a volume
    bool locked = false;
};

struct ServerGroup {
    std::string id;
    std::string name;
    std::string policy;  ///< affinity, anti-affinity, soft-affinity, soft-anti-affinity
    std::uint32_t most_per_host = 1;  ///< max_server_per_host, of anti-affinity
    std::vector<std::string> members;
};

struct Aggregate {
    std::string name;
    std::string zone;
    std::vector<std::string> hosts;
    std::map<std::string, std::string> metadata;
};

/// A migration that has not come to its end.
struct Migration {
    std::string id;
    std::string server_id;
    std::string kind;    ///< live-migration, migration, resize, evacuation
    std::string status;  ///< running, pre-migrating ...
    std::string source;
    std::string target;
};

struct CloudFacts {
    std::string cloud;
    Time taken{};
    std::vector<ComputeHost> hosts;  ///< by name
    std::vector<Server> servers;     ///< by id
    std::vector<ServerGroup> groups;
    std::vector<Aggregate> aggregates;
    std::vector<Migration> migrations;
};

}  // namespace escalator::facts
