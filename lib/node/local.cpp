// SPDX-License-Identifier: Apache-2.0
#include "node/local.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "node/ready.hpp"
#include "node/spawn.hpp"

namespace escalator::node {

namespace {

Error gone() { return {ErrorCode::unreachable, "the local supervisor is gone"}; }

class LocalLink final : public Link {
public:
    // the supervisor's loop ends with its stdin; a job goes on without it
    explicit LocalLink(Child child) : child_(std::move(child)) {}

    Status send(std::string_view bytes, Deadline deadline, const std::stop_token& stop) override {
        while (!bytes.empty()) {
            const auto sent = ::send(child_.stream(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent >= 0) {
                bytes.remove_prefix(static_cast<std::size_t>(sent));
            } else if (errno == EAGAIN) {
                auto ready = await(child_.stream(), POLLOUT, deadline, stop);
                if (!ready) return ready;
            } else if (errno != EINTR) {
                return gone();
            }
        }
        return ok();
    }

    Result<bool> receive(std::string& buffer, Deadline deadline,
                         const std::stop_token& stop) override {
        for (;;) {
            std::array<char, 16'384> bytes;
            const auto got = ::recv(child_.stream(), bytes.data(), bytes.size(), 0);
            if (got > 0) {
                buffer.append(bytes.data(), static_cast<std::size_t>(got));
                return true;
            }
            if (got == 0) return false;
            if (errno != EAGAIN && errno != EINTR) return gone();
            auto ready = await(child_.stream(), POLLIN, deadline, stop);
            if (!ready) return std::move(ready).take_error();
        }
    }

    std::string complaint() override { return child_.complaint(); }

private:
    Child child_;
};

class LocalConnection final : public Connection {
public:
    Result<std::unique_ptr<Link>> exec(const std::string& command, Deadline /*deadline*/,
                                       const std::stop_token& /*stop*/) override {
        auto child = Child::start(command);
        if (!child) return std::move(child).take_error();
        return std::unique_ptr<Link>(std::make_unique<LocalLink>(std::move(*child)));
    }
};

class LocalConnector final : public Connector {
public:
    Result<std::unique_ptr<Connection>> connect(Deadline /*deadline*/,
                                                const std::stop_token& /*stop*/) override {
        return std::unique_ptr<Connection>(std::make_unique<LocalConnection>());
    }
};

}  // namespace

std::unique_ptr<Connector> make_local_connector() { return std::make_unique<LocalConnector>(); }

}  // namespace escalator::node
