// SPDX-License-Identifier: Apache-2.0
// Ansible's INI, YAML and --list JSON, and escalator's own YAML.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "campaign/hosts.hpp"
#include "campaign/ranges.hpp"

namespace escalator::campaign {

namespace {

/// Words of an INI line: blanks part them, quotes hold them together, # begins a comment.
std::vector<std::string> ini_words(std::string_view line) {
    std::vector<std::string> out;
    std::string word;
    bool any = false;
    char quote = 0;
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != 0) {
            if (c == quote) {
                quote = 0;
            } else {
                word += c;
            }
        } else if (c == '"' || c == '\'') {
            quote = c;
            any = true;
        } else if (c == ' ' || c == '\t') {
            if (any || !word.empty()) out.push_back(std::exchange(word, {}));
            any = false;
        } else if (c == '#' && word.empty()) {
            break;
        } else {
            word += c;
        }
    }
    if (any || !word.empty()) out.push_back(word);
    return out;
}

std::string unquoted(std::string_view text) {
    if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
        text.back() == text.front()) {
        text = text.substr(1, text.size() - 2);
    }
    return std::string(text);
}

/// "host:2222" of old inventories.
void split_port(std::string& name, Variables& vars) {
    const auto colon = name.rfind(':');
    if (colon == std::string::npos || name.find(']', colon) != std::string::npos) return;
    vars["ansible_port"] = name.substr(colon + 1);
    name.resize(colon);
}

std::vector<std::string> names_of(const std::string& pattern, const Place& place,
                                  Findings& findings) {
    auto names = expand_ranges(pattern);
    if (names) return *names;
    findings.error("bad-range", place, names.error().message(), {},
                   static_cast<std::uint32_t>(pattern.size()));
    return {};
}

std::string scalar_of(const nlohmann::json& value) {
    return value.is_string() ? value.get<std::string>() : value.dump();
}

}  // namespace

Hosts read_ini(const std::string& text, const std::string& file, Findings& findings) {
    Hosts out;
    out.groups["all"];
    std::string section = "ungrouped";
    std::string kind;
    std::uint32_t number = 0;
    for (const auto raw : split(text, '\n')) {
        ++number;
        const auto line = trim(raw);
        const Place place{file, number, 1};
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line.front() == '[') {
            const auto close = line.find(']');
            if (close == std::string_view::npos) {
                findings.error("ini-syntax", place, "this section header has no closing bracket");
                continue;
            }
            const auto parts = split(line.substr(1, close - 1), ':');
            section = parts[0];
            kind = parts.size() > 1 ? std::string(parts[1]) : "";
            if (section.empty() || (!kind.empty() && kind != "children" && kind != "vars")) {
                findings.error("ini-syntax", place, fmt::format("\"{}\" is no section", line),
                               "sections are [group], [group:children] and [group:vars]");
                kind = "children";
                section = "ungrouped";
                continue;
            }
            out.groups[section];
            continue;
        }
        auto& group = out.groups[section];
        if (kind == "vars") {
            const auto equals = line.find('=');
            if (equals == std::string_view::npos) {
                findings.error("ini-syntax", place, "expected NAME=VALUE in a :vars section");
                continue;
            }
            group.vars[std::string(trim(line.substr(0, equals)))] =
                unquoted(trim(line.substr(equals + 1)));
        } else if (kind == "children") {
            const auto words = ini_words(line);
            if (!words.empty()) {
                group.children.push_back(words.front());
                out.groups[words.front()];
            }
        } else {
            const auto words = ini_words(line);
            if (words.empty()) continue;
            auto pattern = words.front();
            Variables vars;
            split_port(pattern, vars);
            for (std::size_t i = 1; i < words.size(); ++i) {
                const auto equals = words[i].find('=');
                if (equals == std::string::npos) {
                    findings.error("ini-syntax", place,
                                   fmt::format("expected NAME=VALUE instead of \"{}\"", words[i]));
                    continue;
                }
                vars[words[i].substr(0, equals)] = words[i].substr(equals + 1);
            }
            for (const auto& name : names_of(pattern, place, findings)) {
                out.add_host(name, place);
                if (std::find(group.hosts.begin(), group.hosts.end(), name) == group.hosts.end()) {
                    group.hosts.push_back(name);
                }
                for (const auto& [key, value] : vars) out.vars[name][key] = value;
            }
        }
    }
    return out;
}

Hosts read_ansible_yaml(const Value& root, Findings& findings) {
    Hosts out;
    const auto read_vars = [](const Value& value) {
        Variables vars;
        for (const auto& entry : value.entries("vars")) {
            if (entry.value.is_scalar()) vars[entry.key] = entry.value.scalar();
        }
        return vars;
    };
    const std::function<void(const std::string&, const Value&)> read_group =
        [&](const std::string& name, const Value& value) {
            static const std::vector<std::string> known{"hosts", "children", "vars"};
            out.groups[name];
            for (const auto& entry : value.entries(fmt::format("group {}", name))) {
                if (entry.key == "vars") {
                    for (auto& [key, it] : read_vars(entry.value)) out.groups[name].vars[key] = it;
                } else if (entry.key == "hosts") {
                    for (const auto& host : entry.value.entries("hosts")) {
                        const auto vars = read_vars(host.value);
                        for (const auto& it : names_of(host.key, host.name.place(), findings)) {
                            out.add_host(it, host.name.place());
                            out.groups[name].hosts.push_back(it);
                            for (const auto& [key, var] : vars) out.vars[it][key] = var;
                        }
                    }
                } else if (entry.key == "children") {
                    for (const auto& child : entry.value.entries("children")) {
                        out.groups[name].children.push_back(child.key);
                        read_group(child.key, child.value);
                    }
                } else {
                    complain_unknown(entry, fmt::format("group {}", name), known);
                }
            }
        };
    for (const auto& entry : root.entries("the inventory")) read_group(entry.key, entry.value);
    return out;
}

Result<Hosts> read_list_json(const std::string& text, const std::string& file, Findings& findings) {
    Hosts out;
    const Place place{file, 1, 1};
    const auto root = nlohmann::json::parse(text, nullptr, false);
    if (!root.is_object()) {
        findings.error("json-syntax", place,
                       "this is no JSON object as ansible-inventory --list prints it");
        return out;
    }
    const auto add_vars = [](Variables& into, const nlohmann::json& vars) {
        if (!vars.is_object()) return;
        for (const auto& [key, value] : vars.items()) {
            if (!value.is_structured() && !value.is_null()) into[key] = scalar_of(value);
        }
    };
    const auto add_hosts = [&](Hosts::Group& group, const nlohmann::json& hosts) {
        for (const auto& host : hosts) {
            if (!host.is_string()) continue;
            out.add_host(host.get<std::string>(), place);
            group.hosts.push_back(host.get<std::string>());
        }
    };
    for (const auto& [name, value] : root.items()) {
        if (name == "_meta") continue;
        auto& group = out.groups[name];
        if (value.is_array()) {
            add_hosts(group, value);
        } else if (value.is_object()) {
            add_hosts(group, value.value("hosts", nlohmann::json::array()));
            const auto children = value.value("children", nlohmann::json::array());
            for (const auto& child : children) {
                if (child.is_string()) group.children.push_back(child.get<std::string>());
            }
            add_vars(group.vars, value.value("vars", nlohmann::json::object()));
        } else {
            findings.error("json-shape", place,
                           fmt::format("the group \"{}\" is neither a map nor a list", name));
        }
    }
    const auto meta = root.value("_meta", nlohmann::json::object());
    if (meta.is_object()) {
        const auto hostvars = meta.value("hostvars", nlohmann::json::object());
        for (const auto& [host, vars] : hostvars.items()) {
            if (out.places.contains(host)) add_vars(out.vars[host], vars);
        }
    }
    return out;
}

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
                std::uint16_t port = 0;
                const auto [end, error] =
                    std::from_chars(text.data(), text.data() + text.size(), port);
                if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
                    it.error("bad-port", fmt::format("\"{}\" is no port", text));
                } else {
                    connection.port = port;
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
