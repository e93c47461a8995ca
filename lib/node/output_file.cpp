// SPDX-License-Identifier: Apache-2.0
#include "node/output_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.hpp"
#include "base/log.hpp"

namespace escalator::node {

OutputFile::OutputFile(std::filesystem::path path, std::uint64_t limit, std::size_t tail_limit)
    : path_(std::move(path)), limit_(limit), tail_limit_(tail_limit) {}

void OutputFile::add(std::string_view bytes) {
    if (bytes.empty()) return;
    write(bytes.substr(0, limit_ - std::min(limit_, size_)));
    size_ += bytes.size();
    keep(bytes);
}

void OutputFile::add_tail(std::string_view bytes) {
    const std::string_view gap =
        size_ < limit_ ? "\n[some of the output is missing here: is the node's disk full?]\n"
                       : "\n[the middle of the output was left out here]\n";
    write(gap);
    write(bytes);
    size_ += bytes.size();
    tail_.clear();
    keep(bytes.empty() ? gap : bytes);
}

void OutputFile::keep(std::string_view bytes) {
    tail_.append(bytes.substr(bytes.size() - std::min(bytes.size(), tail_limit_)));
    if (tail_.size() > tail_limit_) tail_.erase(0, tail_.size() - tail_limit_);
}

void OutputFile::write(std::string_view bytes) {
    if (path_.empty() || bytes.empty()) return;
    if (!opened_) {
        opened_ = true;
        fd_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
        if (!fd_)
            log::warn("no copy of the output file={} error={}", path_.string(), errno_text(errno));
    }
    while (fd_ && !bytes.empty()) {
        const auto written = ::write(fd_.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written <= 0) {
            log::warn("the copy of the output stays short file={} error={}", path_.string(),
                      errno_text(errno));
            fd_.reset();
            return;
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
}

}  // namespace escalator::node
