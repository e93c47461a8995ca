// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "campaign/diagnostic.hpp"
#include "campaign/selector.hpp"

namespace escalator::campaign {

/// How a node is reached. Unset fields come from ~/.ssh/config, then from its defaults.
struct Connection {
    std::string address;  ///< host name or address, or a Host of ~/.ssh/config
    std::optional<std::uint16_t> port;
    std::optional<std::string> user;
    std::vector<std::string> identity_files;
    bool become = false;  ///< run everything as root through sudo -n
    bool local = false;   ///< the controller itself, no SSH
    bool operator==(const Connection&) const = default;
};

struct Node {
    std::string name;  ///< unique, plain name
    Labels labels;     ///< incl. every Ansible group it is in (value "true") and scalar host vars
    Connection connection;
    bool down = false;  ///< known to be out of service before the run; counts as unavailable
    Place place;
};

struct Inventory {
    std::vector<Node> nodes;  ///< in file order
    std::string digest;       ///< SHA-256 over what was read (a script's output for scripts)
    std::vector<Diagnostic> diagnostics;
};

/// Reads escalator's own YAML ("escalator_inventory: 1" or a top-level `nodes:`), an Ansible
/// inventory (INI, YAML, or JSON as of ansible-inventory --list), or runs an executable file with
/// --list. Mistakes in the content are diagnostics, all of them; Errors: not_found, io, timeout.
Result<Inventory> load_inventory(const std::filesystem::path& path);

}  // namespace escalator::campaign
