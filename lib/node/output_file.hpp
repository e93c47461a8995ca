// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "base/fd.hpp"

namespace escalator::node {

/// The local copy of a job's output: its first bytes, up to a limit, and the last ones. A disk that
/// refuses it costs the copy, never the job.
class OutputFile {
public:
    /// An empty path keeps only the tail. The file (0600) is emptied when the first byte comes.
    OutputFile(std::filesystem::path path, std::uint64_t limit, std::size_t tail_limit);

    /// The next bytes; what is beyond the limit goes only to the tail.
    void add(std::string_view bytes);
    /// The last bytes of an output of which the node has left out the middle.
    void add_tail(std::string_view bytes);

    std::uint64_t size() const noexcept { return size_; }
    bool full() const noexcept { return size_ >= limit_; }
    const std::string& tail() const noexcept { return tail_; }

private:
    void keep(std::string_view bytes);
    void write(std::string_view bytes);

    std::filesystem::path path_;
    std::uint64_t limit_;
    std::size_t tail_limit_;
    Fd fd_;
    bool opened_ = false;
    std::uint64_t size_ = 0;
    std::string tail_;
};

}  // namespace escalator::node
