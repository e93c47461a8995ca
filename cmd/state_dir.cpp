// SPDX-License-Identifier: Apache-2.0
#include "cmd/state_dir.hpp"

#include <unistd.h>

#include <cstdlib>

namespace escalator::cmd {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

std::filesystem::path state_dir(const std::string& given) {
    if (!given.empty()) return given;
    if (const auto it = environment("ESCALATOR_STATE"); !it.empty()) return it;
    if (geteuid() == 0) return "/var/lib/escalator";
    if (const auto it = environment("XDG_STATE_HOME"); !it.empty())
        return std::filesystem::path(it) / "escalator";
    return std::filesystem::path(environment("HOME")) / ".local/state/escalator";
}

}  // namespace escalator::cmd
