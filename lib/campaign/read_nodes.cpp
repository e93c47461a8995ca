// SPDX-License-Identifier: Apache-2.0
// escalator's own inventories.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "base/text.hpp"
#include "campaign/hosts.hpp"

namespace escalator::campaign {

std::vector<Node> read_own_yaml(const Value& root, Findings& findings) {
    static const std::vector<std::string> known{"escalator_inventory", "defaults", "nodes"};
    static const std::vector<std::string> node_keys{
        "name", "address", "port", "user", "identity_file", "become", "labels", "groups", "down"};
    std::vector<Node> out;
    std::set<std::string> seen;
    const auto fill = [&](Node& node, const Value& value, bool defaults) {
        for (const auto& entry : value.entries(defaults ? "defaults" : "a node")) {
            const auto& [key, name, it] = entry;
            auto& connection = node.connection;
            if (key == "name" && !defaults) {
                continue;
            }
            if (key == "address") {
                connection.address = it.text("address");
            } else if (key == "port") {
                const auto text = it.text("port");
                connection.port = port_of(text);
                if (!connection.port && it.is_scalar()) {
                    it.error("bad-port", fmt::format("\"{}\" is no port", text),
                             "a port is a number from 1 to 65535");
                }
            } else if (key == "user") {
                connection.user = it.text("user");
            } else if (key == "identity_file") {
                connection.identity_files = {it.text("identity_file")};
            } else if (key == "become") {
                connection.become = it.boolean("become", false);
            } else if (key == "down") {
                node.down = it.boolean("down", false);
            } else if (key == "labels") {
                for (const auto& label : it.entries("labels"))
                    node.labels[label.key] = label.value.text("a label");
            } else if (key == "groups") {
                for (const auto& group : it.items("groups"))
                    node.labels[group.text("a group")] = "true";
            } else {
                complain_unknown(entry, defaults ? "defaults" : "a node", node_keys);
            }
        }
    };
    Node defaults;
    std::optional<Value> nodes;
    for (const auto& entry : root.entries("the inventory")) {
        if (entry.key == "defaults") {
            fill(defaults, entry.value, true);
        } else if (entry.key == "nodes") {
            nodes = entry.value;
        } else if (entry.key == "escalator_inventory") {
            if (entry.value.text("escalator_inventory") != "1") {
                entry.value.error("bad-version", "this escalator reads inventories of format 1");
            }
        } else {
            complain_unknown(entry, "the inventory", known);
        }
    }
    const auto add = [&](const std::string& pattern, const Value& at, const Value* value) {
        for (const auto& name : names_of(pattern, at.place(), findings)) {
            auto node = defaults;
            node.name = name;
            node.place = at.place();
            if (value != nullptr) fill(node, *value, false);
            if (node.connection.address.empty()) node.connection.address = name;
            if (!is_plain_name(name))
                at.error("bad-name", fmt::format("\"{}\" is no name for a node", name));
            if (!seen.insert(name).second)
                at.error("duplicate-name", fmt::format("two nodes are called \"{}\"", name));
            out.push_back(std::move(node));
        }
    };
    if (!nodes) return out;
    if (nodes->is_map()) {
        for (const auto& entry : nodes->entries("nodes")) add(entry.key, entry.name, &entry.value);
        return out;
    }
    for (const auto& item : nodes->items("nodes")) {
        if (item.is_scalar()) {
            add(item.scalar(), item, nullptr);
            continue;
        }
        std::string pattern;
        for (const auto& entry : item.entries("a node")) {
            if (entry.key == "name") pattern = entry.value.text("name");
        }
        if (pattern.empty()) {
            item.error("missing-field", "a node needs a name");
        } else {
            add(pattern, item, &item);
        }
    }
    return out;
}

}  // namespace escalator::campaign
