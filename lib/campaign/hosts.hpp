// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "campaign/inventory.hpp"
#include "campaign/yaml.hpp"

// Inside lib/campaign only: hosts and groups as Ansible has them, before they become nodes.
namespace escalator::campaign {

using Variables = std::map<std::string, std::string>;

/// Groups, hosts and variables gathered from any of Ansible's three forms.
struct Hosts {
    struct Group {
        std::vector<std::string> hosts;
        std::vector<std::string> children;
        Variables vars;
    };
    std::map<std::string, Group> groups;
    std::vector<std::string> order;         ///< hosts as they first appear
    std::map<std::string, Variables> vars;  ///< of hosts
    std::map<std::string, Place> places;

    void add_host(const std::string& name, const Place& place);
    /// Hosts as nodes; a child group's variable beats its parent's, a host's own beats both.
    std::vector<Node> nodes(Findings& findings) const;
};

Hosts read_ini(const std::string& text, const std::string& file, Findings& findings);
Hosts read_ansible_yaml(const Value& root, Findings& findings);
Result<Hosts> read_list_json(const std::string& text, const std::string& file, Findings& findings);
std::vector<Node> read_own_yaml(const Value& root, Findings& findings);

}  // namespace escalator::campaign
