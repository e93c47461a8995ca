// SPDX-License-Identifier: Apache-2.0
#include "campaign/hosts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <functional>

#include "base/text.hpp"

namespace escalator::campaign {

namespace {

bool truthy(const std::string& word) {
    return word == "true" || word == "True" || word == "yes" || word == "1" || word == "on";
}

/// Depth of every group below "all"; deeper groups' variables win. Groups in a circle are told
/// once.
std::map<std::string, int> depths(const Hosts& hosts, Findings& findings) {
    std::map<std::string, int> depth;
    std::set<std::string> path;
    const std::function<void(const std::string&, int)> visit = [&](const std::string& name,
                                                                   int at) {
        if (path.contains(name)) {
            findings.error("cycle", {}, fmt::format("the group \"{}\" is its own child", name));
            return;
        }
        if (const auto known = depth.find(name); known != depth.end() && known->second >= at)
            return;
        depth[name] = at;
        path.insert(name);
        if (const auto found = hosts.groups.find(name); found != hosts.groups.end()) {
            for (const auto& child : found->second.children) visit(child, at + 1);
        }
        path.erase(name);
    };
    for (const auto& [name, group] : hosts.groups) {
        if (!depth.contains(name)) visit(name, name == "all" ? 0 : 1);
    }
    return depth;
}

void connect(Node& node, const Variables& vars, Findings& findings) {
    auto& connection = node.connection;
    connection.address = node.name;
    for (const auto& [key, value] : vars) {
        if (key == "ansible_host" || key == "ansible_ssh_host") {
            connection.address = value;
        } else if (key == "ansible_port" || key == "ansible_ssh_port") {
            std::uint16_t port = 0;
            const auto [end, error] =
                std::from_chars(value.data(), value.data() + value.size(), port);
            if (error != std::errc{} || end != value.data() + value.size() || port == 0) {
                findings.error("bad-port", node.place,
                               fmt::format("{}: \"{}\" is no port", node.name, value));
            } else {
                connection.port = port;
            }
        } else if (key == "ansible_user" || key == "ansible_ssh_user") {
            connection.user = value;
        } else if (key == "ansible_ssh_private_key_file" || key == "ansible_private_key_file") {
            connection.identity_files = {value};
        } else if (key == "ansible_become") {
            connection.become = truthy(value);
        } else if (key == "ansible_connection") {
            connection.local = value == "local";
        } else if (key == "ansible_password" || key == "ansible_ssh_pass" ||
                   key == "ansible_become_password" || key == "ansible_become_pass") {
            findings.warning(
                "secret-in-inventory", node.place,
                fmt::format("{}: {} is not used; escalator takes no passwords from inventories",
                            node.name, key),
                "use keys or an agent, and sudo without a password");
        } else if (!key.starts_with("ansible_") && !node.labels.contains(key)) {
            node.labels[key] = value;
        }
    }
}

}  // namespace

void Hosts::add_host(const std::string& name, const Place& place) {
    if (places.contains(name)) return;
    places[name] = place;
    order.push_back(name);
}

std::vector<Node> Hosts::nodes(Findings& findings) const {
    const auto depth = depths(*this, findings);
    std::map<std::string, std::set<std::string>> groups_of;
    std::map<std::string, std::vector<std::string>> parents;
    for (const auto& [name, group] : groups) {
        for (const auto& child : group.children) parents[child].push_back(name);
    }
    for (const auto& [name, group] : groups) {
        for (const auto& host : group.hosts) {
            std::vector<std::string> todo{name};
            while (!todo.empty()) {
                const auto at = todo.back();
                todo.pop_back();
                if (!groups_of[host].insert(at).second) continue;
                if (const auto up = parents.find(at); up != parents.end()) {
                    todo.insert(todo.end(), up->second.begin(), up->second.end());
                }
            }
        }
    }
    std::vector<Node> out;
    for (const auto& name : order) {
        Node node;
        node.name = name;
        node.place = places.at(name);
        if (!is_plain_name(name)) {
            findings.error("bad-name", node.place,
                           fmt::format("\"{}\" is no name for a node", name));
            continue;
        }
        std::vector<std::pair<int, std::string>> mine{{-1, "all"}};
        for (const auto& group : groups_of[name]) {
            if (group == "all") continue;
            const auto found = depth.find(group);
            mine.emplace_back(found == depth.end() ? 1 : found->second, group);
        }
        std::sort(mine.begin(), mine.end());
        Variables merged;
        for (const auto& [ignored, group] : mine) {
            if (group != "all" && group != "ungrouped") node.labels[group] = "true";
            if (const auto found = groups.find(group); found != groups.end()) {
                for (const auto& [key, value] : found->second.vars) merged[key] = value;
            }
        }
        if (const auto own = vars.find(name); own != vars.end()) {
            for (const auto& [key, value] : own->second) merged[key] = value;
        }
        connect(node, merged, findings);
        out.push_back(std::move(node));
    }
    return out;
}

}  // namespace escalator::campaign
