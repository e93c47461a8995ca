// SPDX-License-Identifier: Apache-2.0
#include "campaign/inventory.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "campaign/hosts.hpp"
#include "campaign/run_script.hpp"

namespace escalator::campaign {

namespace {

bool looks_like_ini(const std::string& text) {
    for (const auto raw : split(text, '\n')) {
        const auto line = trim(raw);
        if (line.empty() || line.front() == '#' || line.front() == ';') continue;
        if (line == "---" || line.front() == '{') return false;
        if (line.front() == '[') return true;
        const auto colon = line.find(':');
        const bool key =
            colon != std::string_view::npos && (colon + 1 == line.size() || line[colon + 1] == ' ');
        return !key;
    }
    return false;
}

void warn_shared_addresses(const std::vector<Node>& nodes, Findings& findings) {
    std::map<std::pair<std::string, std::uint16_t>, std::string> seen;
    for (const auto& node : nodes) {
        const auto key = std::pair(node.connection.address, node.connection.port.value_or(0));
        const auto [at, fresh] = seen.emplace(key, node.name);
        if (fresh || node.connection.local) continue;
        findings.warning(
            "shared-address", node.place,
            fmt::format("{} and {} have the same address {}", at->second, node.name, key.first),
            "one node under two names gets every step twice");
    }
}

}  // namespace

Result<Inventory> load_inventory(const std::filesystem::path& path) {
    Findings findings;
    Inventory out;
    const auto shown = path.string();
    const bool script = ::access(path.c_str(), X_OK) == 0 && std::filesystem::is_regular_file(path);
    auto text = script ? run_script(path) : read_file(path, 64U << 20U);
    if (!text) return std::move(text).take_error();
    out.digest = sha256_hex(*text);
    const auto body = trim(*text);
    if (script || body.starts_with('{')) {
        findings.add_file(shown, *text);
        auto hosts = read_list_json(*text, shown, findings);
        if (!hosts) return std::move(hosts).take_error();
        out.nodes = hosts->nodes(findings);
    } else if (looks_like_ini(*text)) {
        findings.add_file(shown, *text);
        out.nodes = read_ini(*text, shown, findings).nodes(findings);
    } else {
        auto root = parse_yaml(path, shown, findings);
        if (!root) return std::move(root).take_error();
        if (*root) {
            const Value value(**root, shown, findings);
            const auto& node = **root;
            const bool own = node.IsMap() && (node["nodes"] || node["escalator_inventory"]);
            if (!value.is_map()) {
                value.error("wrong-type", "an inventory is a map with nodes, or Ansible's groups");
            } else {
                out.nodes = own ? read_own_yaml(value, findings)
                                : read_ansible_yaml(value, findings).nodes(findings);
            }
        }
    }
    warn_shared_addresses(out.nodes, findings);
    if (out.nodes.empty() && !findings.has_errors()) {
        findings.error("no-nodes", {shown, 0, 0}, "the inventory has no nodes");
    }
    out.diagnostics = std::move(findings).take();
    return out;
}

}  // namespace escalator::campaign
