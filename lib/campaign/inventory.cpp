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
        const bool yaml = line == "---" || line == "-" || line.starts_with("- ");
        if (yaml || line.front() == '{') return false;
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
        if (fresh || node.connection.local || at->second == node.name) continue;
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
    auto text = script ? run_script(path) : read_file(path, largest_file);
    if (!text && script)
        return std::move(text).take_error().advise(fmt::format(
            "see what it does by hand: {} --list", std::filesystem::absolute(path).string()));
    if (!text) {
        return std::move(text).take_error().advise(
            "name an inventory file; a relative path begins in the current directory");
    }
    out.digest = sha256_hex(*text);
    if (!take_text(*text, shown, findings)) {
        out.diagnostics = std::move(findings).take();
        return out;
    }
    const auto settle = [&](Hosts hosts) {
        const auto beside = read_vars_beside(path.parent_path(), hosts, findings);
        if (!beside.empty()) out.digest = sha256_hex(out.digest + beside);
        out.nodes = hosts.nodes(findings);
    };
    if (script || trim(*text).starts_with('{')) {
        settle(read_list_json(*text, shown, script, findings));
    } else if (looks_like_ini(*text)) {
        settle(read_ini(*text, shown, findings));
    } else if (const auto root = parse_yaml(*text, shown, findings)) {
        const Value value(*root, shown, findings);
        const bool own = root->IsMap() && ((*root)["nodes"] || (*root)["escalator_inventory"]);
        if (!value.is_map()) {
            value.error(value.is_null() ? "empty-file" : "wrong-type",
                        value.is_null() ? "the inventory is empty"
                                        : "an inventory is a map with nodes, or Ansible's groups",
                        "write nodes: { NAME: { address: ... } }");
        } else {
            if (own) {
                out.nodes = read_own_yaml(value, findings);
            } else {
                settle(read_ansible_yaml(value, findings));
            }
        }
    }
    warn_shared_addresses(out.nodes, findings);
    if (out.nodes.empty() && !findings.has_errors()) {
        findings.error("no-nodes", {shown, 0, 0}, "the inventory has no nodes",
                       "a campaign needs at least one");
    }
    out.diagnostics = std::move(findings).take();
    return out;
}

}  // namespace escalator::campaign
