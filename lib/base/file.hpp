// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace escalator {

/// The whole file. Errors: not_found, io, refused (larger than `limit` bytes, or no plain file).
Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit = 256U << 20U);

/// Replaces the file so that a crash leaves the old or the new one: temporary file (mode 0600)
/// beside it, fsync, rename, fsync of the directory. Errors: io.
Status write_file(const std::filesystem::path& path, std::string_view bytes);

/// Makes the directory and its missing parents, each with mode 0700. Errors: io.
Status make_private_dir(const std::filesystem::path& path);

/// "No such file or directory" for errno ENOENT; thread-safe.
std::string errno_text(int number);

}  // namespace escalator
