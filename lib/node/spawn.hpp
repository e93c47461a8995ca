// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>

#include "base/fd.hpp"
#include "base/result.hpp"

namespace escalator::node {

/// A program on this machine at the other end of a stream: the supervisor of local steps, or the
/// ProxyCommand of the SSH configuration. Ends with its owner.
class Child {
public:
    /// Starts `sh -c COMMAND` with a socket as stdin and stdout, in a process group of its own:
    /// Ctrl-C on the terminal is for escalator, which decides what becomes of its steps. Errors:
    /// unreachable.
    static Result<Child> start(const std::string& command);

    Child(Child&& other) noexcept;
    Child& operator=(Child&&) = delete;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    /// Closes the stream; kills what has not ended by then.
    ~Child();

    /// Our end of the stream. Non-blocking.
    int stream() const noexcept { return stream_.get(); }
    /// The first 4 KiB of what it said on stderr so far.
    std::string complaint() const;

private:
    Child(Fd stream, Fd errors, pid_t pid)
        : stream_(std::move(stream)), errors_(std::move(errors)), pid_(pid) {}

    Fd stream_;
    Fd errors_;  ///< a file in memory
    pid_t pid_ = 0;
};

}  // namespace escalator::node
