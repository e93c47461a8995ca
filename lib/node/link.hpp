// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace escalator::node {

/// A byte stream to a program on the node. For one thread at a time.
class Link {
public:
    virtual ~Link() = default;

    /// Sends all bytes. Errors: unreachable (cut), timeout, cancelled.
    virtual Status send(std::string_view bytes, Deadline deadline, const std::stop_token& stop) = 0;

    /// Appends what there is to `buffer`, waiting for the first byte; false at the end of the
    /// stream. Errors: unreachable (cut), timeout, cancelled.
    virtual Result<bool> receive(std::string& buffer, Deadline deadline,
                                 const std::stop_token& stop) = 0;

    /// What the program said on stderr so far, for error messages.
    virtual std::string complaint() = 0;
};

/// A way to a node over which programs can be started.
class Connection {
public:
    virtual ~Connection() = default;
    /// Starts `command`, a line for the login shell there. Errors: unreachable, timeout, cancelled,
    /// refused.
    virtual Result<std::unique_ptr<Link>> exec(const std::string& command, Deadline deadline,
                                               const std::stop_token& stop) = 0;
};

/// Makes connections; tests put one that cuts here.
class Connector {
public:
    virtual ~Connector() = default;
    /// Errors: unreachable, timeout, untrusted, unauthorised, usage, cancelled.
    virtual Result<std::unique_ptr<Connection>> connect(Deadline deadline,
                                                        const std::stop_token& stop) = 0;
};

}  // namespace escalator::node
