// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "journal/record.hpp"

namespace escalator::journal {

/// The bytes below a Writer; tests put a failing one here.
class File {
public:
    virtual ~File() = default;
    /// Appends all of `bytes`. Errors: io.
    virtual Status write(std::string_view bytes) = 0;
    /// Puts everything written so far on stable storage (fdatasync). Errors: io.
    virtual Status sync() = 0;
};

/// What a run has behind it when it is opened again.
struct History {
    std::vector<Record> records;
    std::uint64_t torn_bytes = 0;  ///< length of a cut-off last line that was (or would be) dropped
};

/// Appends what a run is about to do, then what came of it. After a crash this file is the only
/// witness, so nothing touches a node before append() has returned.
///
/// Owns the directory lock from open() to destruction. Confined to the coordinator thread.
class Writer {
public:
    /// Longest encoded record, in bytes; longer step output is stored beside the journal.
    static constexpr std::size_t max_record_bytes = 65'536;

    /// Creates `dir` (mode 0700) with an empty journal.jsonl (mode 0600) and locks it.
    /// Errors: refused (a journal is there already), busy, io.
    static Result<Writer> create(const std::filesystem::path& dir);

    /// Opens an existing journal and hands back what it holds. A torn last record is cut off;
    /// damage anywhere else is refused, because resuming from a guess is worse than stopping.
    /// Errors: not_found, busy (another process holds the lock; its pid is named), corrupt, io.
    static Result<Writer> open(const std::filesystem::path& dir, History& history);

    /// For tests: continues after `history` on `file`, without a lock.
    Writer(std::unique_ptr<File> file, const History& history);

    ~Writer();
    Writer(Writer&&) noexcept;
    Writer& operator=(Writer&&) noexcept;

    /// Numbers the records (seq is filled in; times are raised to the last one's where they lie
    /// before it) and returns once all of them are on stable storage: one write, one fdatasync.
    /// Errors: usage (record too long, nothing written), io. After io, every append fails.
    Status append(std::span<Record> records);

private:
    struct Impl;
    explicit Writer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace escalator::journal
