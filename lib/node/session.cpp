// SPDX-License-Identifier: Apache-2.0
#include "node/session.hpp"

#include "node/attend.hpp"
#include "node/remote.hpp"
#include "node/wire.hpp"

namespace escalator::node {

namespace {

class RemoteSession final : public Session {
public:
    RemoteSession(Endpoint endpoint, Options options, std::unique_ptr<Connector> connector)
        : wire_(std::move(endpoint), std::move(options), std::move(connector)) {}

    Result<Hello> open(const std::stop_token& stop) override { return wire_.open(stop); }

    Status lease(const std::string& run, const std::string& controller,
                 const std::stop_token& stop) override {
        return wire_.lease(run, controller, Wire::Claim::ask, stop);
    }

    Status steal_lease(const std::string& run, const std::string& controller,
                       const std::stop_token& stop) override {
        return wire_.lease(run, controller, Wire::Claim::steal, stop);
    }

    JobResult run(const Job& job, const std::stop_token& stop) override {
        return attend(wire_, job, stop);
    }

    Status release(const std::string& run, Kept kept, const std::stop_token& stop) override {
        return wire_.release(run, kept, stop);
    }

    void close() noexcept override { wire_.close(); }

private:
    Wire wire_;
};

}  // namespace

std::string_view name_of(JobEnd end) noexcept {
    switch (end) {
        case JobEnd::finished:
            return "finished";
        case JobEnd::rebooted:
            return "rebooted";
        case JobEnd::timed_out:
            return "timed_out";
        case JobEnd::lost:
            return "lost";
        case JobEnd::unreachable:
            return "unreachable";
        case JobEnd::not_started:
            return "not_started";
        case JobEnd::cancelled:
            return "cancelled";
    }
    return "unknown";
}

std::unique_ptr<Session> make_session(Endpoint endpoint, Options options) {
    return make_session(std::move(endpoint), std::move(options), nullptr);
}

std::unique_ptr<Session> make_session(Endpoint endpoint, Options options,
                                      std::unique_ptr<Connector> connector) {
    return std::make_unique<RemoteSession>(std::move(endpoint), std::move(options),
                                           std::move(connector));
}

}  // namespace escalator::node
