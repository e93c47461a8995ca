// SPDX-License-Identifier: Apache-2.0
// Ansible's group_vars/ and host_vars/ beside an inventory.
#include <fmt/format.h>

#include <algorithm>

#include "base/file.hpp"
#include "campaign/hosts.hpp"

namespace escalator::campaign {

namespace {

namespace fs = std::filesystem;

/// The files of one group or host: NAME, NAME.yml, NAME.yaml, NAME.json, or those in a directory
/// NAME, in order.
std::vector<fs::path> files_of(const fs::path& dir, const std::string& name) {
    std::vector<fs::path> out;
    std::error_code ignored;
    for (const auto* ending : {"", ".yml", ".yaml", ".json"}) {
        const auto path = dir / (name + ending);
        if (fs::is_regular_file(path, ignored)) out.push_back(path);
        if (!fs::is_directory(path, ignored)) continue;
        std::vector<fs::path> inside;
        for (const auto& it : fs::recursive_directory_iterator(path, ignored)) {
            const auto file = it.path().filename().string();
            const auto end = it.path().extension();
            const bool fits = end.empty() || end == ".yml" || end == ".yaml" || end == ".json";
            if (it.is_regular_file(ignored) && fits && !file.starts_with('.'))
                inside.push_back(it.path());
        }
        std::sort(inside.begin(), inside.end());
        out.insert(out.end(), inside.begin(), inside.end());
    }
    return out;
}

void read_one(const fs::path& path, Variables& into, std::string& all, Findings& findings) {
    const auto shown = path.string();
    auto text = read_file(path, largest_file);
    if (!text) {
        findings.error("unreadable", {shown, 0, 0}, text.error().message());
        return;
    }
    all += *text;
    if (text->starts_with("$ANSIBLE_VAULT")) {
        findings.warning("encrypted", {shown, 0, 0},
                         "the file is encrypted by ansible-vault and is not read",
                         "escalator needs no secrets from inventories");
        return;
    }
    if (!take_text(*text, shown, findings)) return;
    const auto root = parse_yaml(*text, shown, findings);
    if (!root) return;
    for (const auto& entry : Value(*root, shown, findings, {shown, 1, 1}).entries("variables")) {
        if (entry.value.is_scalar()) into[entry.key] = entry.value.scalar();
    }
}

}  // namespace

std::string read_vars_beside(const fs::path& dir, Hosts& hosts, Findings& findings) {
    std::string all;
    std::error_code ignored;
    if (const auto groups = dir / "group_vars"; fs::is_directory(groups, ignored)) {
        hosts.group("all", {});
        for (auto& [name, group] : hosts.groups) {
            for (const auto& file : files_of(groups, name))
                read_one(file, group.beside, all, findings);
        }
    }
    if (const auto each = dir / "host_vars"; fs::is_directory(each, ignored)) {
        for (const auto& name : hosts.order) {
            // names with a slash would lead elsewhere; such hosts are refused anyway
            if (name.find('/') != std::string::npos) continue;
            for (const auto& file : files_of(each, name))
                read_one(file, hosts.beside[name], all, findings);
        }
    }
    return all;
}

}  // namespace escalator::campaign
