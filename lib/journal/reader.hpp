// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string_view>

#include "base/result.hpp"
#include "journal/writer.hpp"

namespace escalator::journal {

/// Reads DIR/journal.jsonl without a lock; a writer may be at work (a torn last line is left out).
/// Errors: not_found, io, corrupt (the message names line, byte and what is wrong there).
Result<History> read(const std::filesystem::path& dir);

/// The same for bytes in memory.
Result<History> parse(std::string_view bytes);

/// Whether a process holds the journal's lock now, and which.
struct Holder {
    bool held = false;
    long pid = 0;
};
Result<Holder> holder(const std::filesystem::path& dir);

}  // namespace escalator::journal
