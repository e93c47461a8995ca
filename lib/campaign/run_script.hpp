// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/result.hpp"

namespace escalator::campaign {

/// What an executable inventory prints for --list; no shell takes part. Errors: io (cannot start,
/// exit status other than 0, with the last of its stderr), timeout (60 s), refused (over 64 MiB).
Result<std::string> run_script(const std::filesystem::path& path);

}  // namespace escalator::campaign
