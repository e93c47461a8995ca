// SPDX-License-Identifier: Apache-2.0
// Ansible's YAML inventories, and the JSON of ansible-inventory --list and inventory scripts.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "campaign/hosts.hpp"

namespace escalator::campaign {

namespace {

/// Only what is one text: nothing else can be a label or connect.
Variables read_vars(const Value& value, std::string_view what) {
    Variables out;
    for (const auto& entry : value.entries(what)) {
        if (entry.value.is_scalar()) out[entry.key] = entry.value.scalar();
    }
    return out;
}

class YamlReader {
public:
    explicit YamlReader(Findings& findings) : findings_(findings) {}

    Hosts read(const Value& root) {
        for (const auto& entry : root.entries("the inventory")) read_group(entry, 0);
        return std::move(out_);
    }

private:
    void read_group(const Value::Entry& group, int depth) {
        static const std::vector<std::string> known{"hosts", "children", "vars"};
        const auto& name = group.key;
        const auto where = fmt::format("the group {}", name);
        out_.group(name, group.name.place());
        if (!is_plain_name(name)) {
            group.name.error("bad-name", fmt::format("\"{}\" is no name for a group", name),
                             "letters, digits, dots, dashes and underscores");
        }
        if (depth > deepest) {
            group.name.error("too-deep", "groups are nested too deeply here");
            return;
        }
        for (const auto& entry : group.value.entries(where)) {
            if (entry.key == "vars") {
                for (auto& [key, it] : read_vars(entry.value, "vars"))
                    out_.groups[name].vars[key] = it;
            } else if (entry.key == "hosts") {
                read_hosts(name, entry.value);
            } else if (entry.key == "children") {
                for (const auto& child : entry.value.entries("children")) {
                    auto& children = out_.groups[name].children;
                    if (std::find(children.begin(), children.end(), child.key) == children.end())
                        children.push_back(child.key);
                    read_group(child, depth + 1);
                }
            } else {
                complain_unknown(entry, where, known);
            }
        }
    }

    void read_hosts(const std::string& group, const Value& hosts) {
        for (const auto& host : hosts.entries("hosts")) {
            const auto vars = read_vars(host.value, fmt::format("the host {}", host.key));
            for (const auto& name : names_of(host.key, host.name.place(), findings_)) {
                out_.add_host(name, host.name.place());
                out_.groups[group].hosts.push_back(name);
                for (const auto& [key, var] : vars) out_.vars[name][key] = var;
            }
        }
    }

    Findings& findings_;
    Hosts out_;
};

using nlohmann::json;

class ListReader {
public:
    ListReader(const std::string& file, bool from_script, Findings& findings)
        : place_{file, from_script ? 0U : 1U, from_script ? 0U : 1U},
          from_script_(from_script),
          findings_(findings) {}

    Hosts read(const std::string& text) {
        const auto root = parse(text);
        if (!root.is_object()) return std::move(out_);
        for (const auto& [name, value] : root.items()) {
            if (name != "_meta") read_group(name, value);
        }
        for (auto& [name, group] : out_.groups) {
            for (const auto& child : group.children) {
                if (!out_.groups.contains(child)) mentioned_.push_back(child);
            }
        }
        for (const auto& name : mentioned_) out_.group(name, place_);
        read_meta(root);
        return std::move(out_);
    }

private:
    json parse(const std::string& text) {
        try {
            auto root = json::parse(text);
            if (root.is_object()) return root;
            findings_.error("json-shape", place_,
                            from_script_ ? "the script printed JSON, but no object of groups"
                                         : "this is JSON, but no object of groups",
                            "expected what ansible-inventory --list prints");
        } catch (const json::parse_error& bad) {
            // what() is "[json.exception...] parse error at line 3, column 5: what: why"
            const std::string_view what = bad.what();
            const auto head = what.find(": ");
            const auto at = std::min(bad.byte > 0 ? bad.byte - 1 : 0, text.size());
            auto place = place_;
            if (!from_script_) {
                const auto before = std::string_view(text).substr(0, at);
                const auto start = before.rfind('\n');
                place.line =
                    static_cast<std::uint32_t>(std::count(before.begin(), before.end(), '\n') + 1);
                place.column = static_cast<std::uint32_t>(
                    start == std::string_view::npos ? at + 1 : at - start);
            }
            findings_.error(
                "json-syntax", place,
                fmt::format("{} no JSON: {}",
                            from_script_ ? "what the script printed is" : "this is",
                            head == std::string_view::npos ? what : what.substr(head + 2)),
                "expected what ansible-inventory --list prints");
        }
        return {};
    }

    static void add_vars(Variables& into, const json& vars) {
        if (!vars.is_object()) return;
        for (const auto& [key, value] : vars.items()) {
            if (value.is_structured() || value.is_null()) continue;
            into[key] = value.is_string() ? value.get<std::string>() : value.dump();
        }
    }

    void wrong_shape(const std::string& name, std::string_view what) {
        findings_.error("json-shape", place_, fmt::format("the group \"{}\": {}", name, what),
                        "expected what ansible-inventory --list prints");
    }

    std::vector<std::string> names_in(const std::string& group, const json& list,
                                      std::string_view what) {
        std::vector<std::string> out;
        if (!list.is_array()) {
            wrong_shape(group, fmt::format("{} must be a list of names", what));
            return out;
        }
        for (const auto& name : list) {
            if (name.is_string()) {
                out.push_back(name.get<std::string>());
            } else {
                wrong_shape(group, fmt::format("{} must be a list of names", what));
                break;
            }
        }
        return out;
    }

    void read_group(const std::string& name, const json& value) {
        auto& group = out_.group(name, place_);
        if (!value.is_array() && !value.is_object()) {
            wrong_shape(name, "it is neither a map nor a list");
            return;
        }
        const bool old = value.is_array();  // a bare list of hosts
        if (old || value.contains("hosts"))
            group.hosts = names_in(name, old ? value : value["hosts"], "hosts");
        if (!old && value.contains("children"))
            group.children = names_in(name, value["children"], "children");
        for (const auto& host : group.hosts) out_.add_host(host, place_);
        if (!old && value.contains("vars")) {
            if (!value["vars"].is_object()) wrong_shape(name, "vars must be a map");
            add_vars(group.vars, value["vars"]);
        }
    }

    void read_meta(const json& root) {
        const auto meta = root.find("_meta");
        const bool has = meta != root.end() && meta->is_object() && meta->contains("hostvars") &&
                         (*meta)["hostvars"].is_object();
        if (!has) {
            if (from_script_) {
                findings_.warning("no-meta", place_,
                                  "the script prints no _meta.hostvars, so hosts have no variables "
                                  "of their own",
                                  "escalator does not call scripts with --host; have --list print "
                                  "_meta");
            }
            return;
        }
        for (const auto& [host, vars] : (*meta)["hostvars"].items()) {
            if (out_.places.contains(host)) add_vars(out_.vars[host], vars);
        }
    }

    Place place_;
    bool from_script_;
    Findings& findings_;
    Hosts out_;
    std::vector<std::string> mentioned_;
};

}  // namespace

Hosts read_ansible_yaml(const Value& root, Findings& findings) {
    return YamlReader(findings).read(root);
}

Hosts read_list_json(const std::string& text, const std::string& file, bool from_script,
                     Findings& findings) {
    return ListReader(file, from_script, findings).read(text);
}

}  // namespace escalator::campaign
