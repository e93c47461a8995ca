// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.hpp"
#include "journal/record.hpp"

// Inside lib/journal only: one line of journal.jsonl, as man/escalator-journal.5 specifies it.
namespace escalator::journal {

/// What the chain starts from.
std::string chain_start();

/// The record's line with its newline; `chain` is the hash of the line before and becomes this
/// one's.
std::string encode_line(const Record& record, std::string& chain);

/// Reads one line (without its newline) that must follow `chain`, which then becomes this line's
/// hash. Errors: corrupt, saying what is wrong.
Result<Record> decode_line(std::string_view line, std::string& chain);

/// Whether the bytes can be the beginning of a line that was cut off while it was written.
bool could_be_torn(std::string_view bytes, std::uint64_t seq);

}  // namespace escalator::journal
