// SPDX-License-Identifier: Apache-2.0
#include "campaign/hosts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "base/text.hpp"
#include "campaign/ranges.hpp"

namespace escalator::campaign {

namespace {

bool truthy(const std::string& word) {
    return word == "true" || word == "True" || word == "yes" || word == "1" || word == "on";
}

/// Depth of every group below "all"; deeper groups' variables win. Complains about groups that
/// contain themselves.
std::map<std::string, int> depths(const Hosts& hosts, Findings& findings) {
    std::map<std::string, int> depth;
    std::map<std::string, std::size_t> parents;
    for (const auto& [name, group] : hosts.groups) {
        depth[name] = name == "all" ? 0 : 1;
        for (const auto& child : group.children) ++parents[child];
    }
    // a group is settled when all its parents are
    std::vector<std::string> ready;
    for (const auto& [name, group] : hosts.groups) {
        if (!parents.contains(name)) ready.push_back(name);
    }
    std::size_t settled = 0;
    while (!ready.empty()) {
        const auto name = ready.back();
        ready.pop_back();
        ++settled;
        for (const auto& child : hosts.groups.at(name).children) {
            depth[child] = std::max(depth[child], depth[name] + 1);
            if (--parents[child] == 0) ready.push_back(child);
        }
    }
    if (settled == hosts.groups.size()) return depth;
    std::vector<std::string> stuck;
    for (const auto& [name, left] : parents) {
        if (left > 0) stuck.push_back(name);
    }
    findings.error(
        "cycle", hosts.groups.at(stuck.front()).place,
        fmt::format("groups contain each other, or are below such: {}", join(stuck, ", ")),
        "a group cannot be its own child, directly or by way of others");
    return depth;
}

/// Remarks that many nodes share, told once for all of them.
class Remarks {
public:
    void add(const Node& node, std::string id, const std::string& message, std::string help) {
        auto& it = by_message_[message];
        if (it.names.empty()) it = {std::move(id), node.place, std::move(help), {}};
        it.names.push_back(node.name);
    }
    void tell(Findings& findings) {
        for (auto& [message, it] : by_message_) {
            findings.warning(it.id, it.place, fmt::format("{}: {}", fold_names(it.names), message),
                             it.help);
        }
    }

private:
    struct Remark {
        std::string id;
        Place place;
        std::string help;
        std::vector<std::string> names;
    };
    std::map<std::string, Remark> by_message_;
};

void connect(Node& node, const Variables& vars, Findings& findings, Remarks& remarks) {
    auto& connection = node.connection;
    connection.address = node.name;
    for (const auto& [key, value] : vars) {
        if (!key.starts_with("ansible_")) {
            if (!node.labels.contains(key)) node.labels[key] = value;
            continue;
        }
        const bool host = key == "ansible_host" || key == "ansible_ssh_host";
        const bool port = key == "ansible_port" || key == "ansible_ssh_port";
        const bool user = key == "ansible_user" || key == "ansible_ssh_user";
        const bool identity =
            key == "ansible_ssh_private_key_file" || key == "ansible_private_key_file";
        const bool connects = host || port || user || identity || key == "ansible_connection" ||
                              key == "ansible_become";
        if (connects && value.find("{{") != std::string::npos) {
            findings.error("template", node.place,
                           fmt::format("{}: {} is a Jinja template, which escalator does not "
                                       "evaluate",
                                       node.name, key),
                           "write the value, or use what ansible-inventory --list prints");
        } else if (host) {
            connection.address = value;
        } else if (port) {
            connection.port = port_of(value);
            if (!connection.port) {
                findings.error("bad-port", node.place,
                               fmt::format("{}: \"{}\" is no port", node.name, value),
                               "a port is a number from 1 to 65535");
            }
        } else if (user) {
            connection.user = value;
        } else if (identity) {
            connection.identity_files = {value};
        } else if (key == "ansible_become") {
            connection.become = truthy(value);
        } else if (key == "ansible_connection") {
            connection.local = value == "local";
            const bool ssh = value == "ssh" || value == "smart" || value == "paramiko" ||
                             value == "paramiko_ssh" || value == "ansible.builtin.ssh";
            if (!connection.local && !ssh) {
                findings.error(
                    "bad-connection", node.place,
                    fmt::format("{}: escalator cannot connect by \"{}\"", node.name, value),
                    "it reaches nodes by ssh, or the controller itself by local");
            }
        } else if (key == "ansible_password" || key == "ansible_ssh_pass" ||
                   key == "ansible_become_password" || key == "ansible_become_pass" ||
                   key == "ansible_ssh_password" || key == "ansible_sudo_pass") {
            remarks.add(node, "secret-in-inventory",
                        key + " is not used; escalator takes no passwords from inventories",
                        "use keys or an agent, and sudo without a password");
        } else if (key == "ansible_ssh_common_args" || key == "ansible_ssh_extra_args" ||
                   key == "ansible_ssh_args") {
            remarks.add(node, "not-supported", key + " is not used",
                        "put jump hosts and options into ~/.ssh/config");
        } else if ((key == "ansible_become_user" && value != "root") ||
                   (key == "ansible_become_method" && value != "sudo")) {
            remarks.add(node, "not-supported",
                        fmt::format("{} is not used; escalator becomes root by sudo", key),
                        "steps can name another user: as: USER");
        }
    }
}

int priority_of(const Hosts::Group& group) {
    int out = 1;
    for (const auto* vars : {&group.vars, &group.beside}) {
        const auto found = vars->find("ansible_group_priority");
        if (found == vars->end()) continue;
        std::from_chars(found->second.data(), found->second.data() + found->second.size(), out);
    }
    return out;
}

}  // namespace

Hosts::Group& Hosts::group(const std::string& name, const Place& place) {
    const auto [at, fresh] = groups.try_emplace(name);
    if (fresh) at->second.place = place;
    return at->second;
}

void Hosts::add_host(const std::string& name, const Place& place) {
    if (!places.emplace(name, place).second) return;
    order.push_back(name);
}

std::vector<Node> Hosts::nodes(Findings& findings) const {
    const auto depth = depths(*this, findings);
    std::map<std::string, std::vector<std::string>> parents;
    for (const auto& [name, group] : groups) {
        for (const auto& child : group.children) parents[child].push_back(name);
    }
    std::map<std::string, std::set<std::string>> groups_of;
    for (const auto& [name, group] : groups) {
        if (group.hosts.empty()) continue;
        // this group and all above it
        std::set<std::string> above;
        std::vector<std::string> todo{name};
        while (!todo.empty()) {
            const auto at = todo.back();
            todo.pop_back();
            if (!above.insert(at).second) continue;
            if (const auto up = parents.find(at); up != parents.end())
                todo.insert(todo.end(), up->second.begin(), up->second.end());
        }
        for (const auto& host : group.hosts) groups_of[host].insert(above.begin(), above.end());
    }
    std::vector<Node> out;
    Remarks remarks;
    for (const auto& name : order) {
        Node node;
        node.name = name;
        node.place = places.at(name);
        if (!is_plain_name(name)) {
            findings.error("bad-name", node.place,
                           fmt::format("\"{}\" is no name for a node", name),
                           "use letters, digits, dots, dashes and underscores, and ansible_host "
                           "for the address");
            continue;
        }
        auto& mine = groups_of[name];
        mine.insert("all");
        std::vector<std::tuple<int, int, const Group*>> by_rank;
        for (const auto& group : mine) {
            if (group != "all" && group != "ungrouped") node.labels[group] = "true";
            const auto found = groups.find(group);
            if (found != groups.end())
                by_rank.emplace_back(depth.at(group), priority_of(found->second), &found->second);
        }
        std::stable_sort(by_rank.begin(), by_rank.end(), [](const auto& a, const auto& b) {
            return std::pair(std::get<0>(a), std::get<1>(a)) <
                   std::pair(std::get<0>(b), std::get<1>(b));
        });
        Variables merged;
        const auto put = [&](const Variables& some) {
            for (const auto& [key, value] : some) merged[key] = value;
        };
        for (const auto& it : by_rank) put(std::get<2>(it)->vars);
        for (const auto& it : by_rank) put(std::get<2>(it)->beside);
        for (const auto* own : {&vars, &beside}) {
            if (const auto found = own->find(name); found != own->end()) put(found->second);
        }
        connect(node, merged, findings, remarks);
        out.push_back(std::move(node));
    }
    remarks.tell(findings);
    return out;
}

std::vector<std::string> names_of(const std::string& pattern, const Place& place,
                                  Findings& findings) {
    auto names = expand_ranges(pattern);
    if (names) return *names;
    findings.error("bad-range", place, names.error().message(), names.error().remedy(),
                   static_cast<std::uint32_t>(pattern.size()));
    return {};
}

std::optional<std::uint16_t> port_of(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

}  // namespace escalator::campaign
