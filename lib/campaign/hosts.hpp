// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
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
        Variables beside;  ///< of group_vars/, which beat all inventory's own group variables
        Place place;       ///< where it is first named
    };
    std::map<std::string, Group> groups;
    std::vector<std::string> order;           ///< hosts as they first appear
    std::map<std::string, Variables> vars;    ///< of hosts
    std::map<std::string, Variables> beside;  ///< of host_vars/, which beat the inventory's own
    std::map<std::string, Place> places;      ///< of hosts

    Group& group(const std::string& name, const Place& place);
    void add_host(const std::string& name, const Place& place);
    /// Hosts as nodes. Variables as in Ansible: group_vars/ beat the inventory's groups, there a
    /// child beats its parent, and a host's own beat all.
    std::vector<Node> nodes(Findings& findings) const;
};

Hosts read_ini(const std::string& text, const std::string& file, Findings& findings);
Hosts read_ansible_yaml(const Value& root, Findings& findings);
/// `from_script`: the text is what the script `file` printed.
Hosts read_list_json(const std::string& text, const std::string& file, bool from_script,
                     Findings& findings);
std::vector<Node> read_own_yaml(const Value& root, Findings& findings);

/// Adds the variables of group_vars/ and host_vars/ in `dir`, of the groups and hosts there are.
/// Returns the texts read, one after the other (they belong to the inventory's digest).
std::string read_vars_beside(const std::filesystem::path& dir, Hosts& hosts, Findings& findings);

/// The names that a pattern with ranges stands for; complains at `place`.
std::vector<std::string> names_of(const std::string& pattern, const Place& place,
                                  Findings& findings);

/// A port as text; nullopt when it is none.
std::optional<std::uint16_t> port_of(std::string_view text);

}  // namespace escalator::campaign
