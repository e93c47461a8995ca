// SPDX-License-Identifier: Apache-2.0
#include "node/ssh_agent.hpp"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/file.hpp"
#include "base/log.hpp"
#include "node/ready.hpp"
#include "node/ssh_wire.hpp"

namespace escalator::node {

namespace {

// draft-miller-ssh-agent-14, section 6.1
constexpr char agent_failure = 5;
constexpr char request_identities = 11;
constexpr char identities_answer = 12;
constexpr char sign_request_type = 13;
/// As OpenSSH's agent: no message is larger.
constexpr std::size_t largest_message = 256U << 10U;

Status send_all(int fd, std::string_view bytes, Deadline deadline, const std::stop_token& stop) {
    while (!bytes.empty()) {
        const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno == EAGAIN) {
            if (auto ready = await(fd, POLLOUT, deadline, stop); !ready) return ready;
        } else if (errno != EINTR) {
            return Error(ErrorCode::unreachable, fmt::format("the agent: {}", errno_text(errno)));
        }
    }
    return ok();
}

Status receive_all(int fd, std::string& into, std::size_t size, Deadline deadline,
                   const std::stop_token& stop) {
    into.resize(size);
    for (std::size_t have = 0; have < size;) {
        const auto got = ::recv(fd, into.data() + have, size - have, MSG_DONTWAIT);
        if (got > 0) {
            have += static_cast<std::size_t>(got);
        } else if (got == 0) {
            return Error(ErrorCode::unreachable, "the agent hung up");
        } else if (errno == EAGAIN) {
            if (auto ready = await(fd, POLLIN, deadline, stop); !ready) return ready;
        } else if (errno != EINTR) {
            return Error(ErrorCode::unreachable, fmt::format("the agent: {}", errno_text(errno)));
        }
    }
    return ok();
}

Result<std::string> receive_message(int fd, Deadline deadline, const std::stop_token& stop) {
    std::string head;
    if (auto got = receive_all(fd, head, 4, deadline, stop); !got) {
        return std::move(got).take_error();
    }
    std::string_view rest = head;
    const auto size = *wire::take_number(rest);
    if (size == 0 || size > largest_message) {
        return Error(ErrorCode::protocol, "the agent said something senseless");
    }
    std::string body;
    if (auto got = receive_all(fd, body, size, deadline, stop); !got) {
        return std::move(got).take_error();
    }
    return body;
}

Result<std::string> ask(int fd, std::string_view request, Deadline deadline,
                        const std::stop_token& stop) {
    if (auto sent = send_all(fd, wire::bytes(request), deadline, stop); !sent) {
        return std::move(sent).take_error();
    }
    return receive_message(fd, deadline, stop);
}

}  // namespace

Result<Agent> Agent::connect(const std::string& socket, Deadline deadline,
                             const std::stop_token& stop) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (socket.size() >= sizeof address.sun_path) {
        return Error(ErrorCode::usage,
                     fmt::format("the agent's socket {} has too long a name", socket));
    }
    std::memcpy(address.sun_path, socket.data(), socket.size());
    Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    for (;;) {
        if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
            return Agent(std::move(fd));
        }
        if (errno != EAGAIN) break;
        // its queue is full: many of our threads may be asking it
        if (!wait_until(std::min(deadline, std::chrono::steady_clock::now() + Milliseconds{20}),
                        stop)) {
            return Error(ErrorCode::cancelled, "stopped");
        }
        if (std::chrono::steady_clock::now() >= deadline) break;
    }
    return Error(ErrorCode::unreachable,
                 fmt::format("no agent at {}: {}", socket, errno_text(errno)));
}

Result<std::vector<Agent::Offer>> Agent::keys(Deadline deadline, const std::stop_token& stop) {
    auto said = ask(fd_.get(), std::string_view(&request_identities, 1), deadline, stop);
    if (!said) return std::move(said).take_error();
    std::string_view rest = *said;
    std::vector<Offer> out;
    if (rest.front() != identities_answer) return out;  // locked, or it refuses
    rest.remove_prefix(1);
    const auto count = wire::take_number(rest);
    for (std::uint32_t i = 0; count && i < *count; ++i) {
        const auto blob = wire::take_bytes(rest);
        const auto comment = blob ? wire::take_bytes(rest) : std::nullopt;
        if (!comment) return Error(ErrorCode::protocol, "the agent said something senseless");
        out.push_back({std::string(*blob), std::string(*comment), std::string(*blob)});
    }
    return out;
}

AgentGate::AgentGate(Agent agent, std::vector<Agent::Offer> offers, Deadline deadline,
                     std::stop_token stop)
    : agent_(std::move(agent)), offers_(std::move(offers)) {
    std::array<int, 2> pair{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) != 0) return;
    ours_ = Fd(pair[0]);
    theirs_ = Fd(pair[1]);
    thread_ = std::jthread([this, deadline, stop = std::move(stop)] {
        try {
            serve(deadline, stop);
        } catch (const std::exception& error) {
            log::error("the agent's gate ended by a bug what={}", error.what());
        }
        ::shutdown(ours_.get(), SHUT_RDWR);  // libssh reads the end of its stream
    });
}

AgentGate::~AgentGate() {
    if (ours_) ::shutdown(ours_.get(), SHUT_RDWR);
}

void AgentGate::serve(Deadline deadline, const std::stop_token& stop) {
    for (;;) {
        const auto request = receive_message(ours_.get(), deadline, stop);
        if (!request || !answer(*request, deadline, stop)) return;
    }
}

bool AgentGate::answer(const std::string& request, Deadline deadline, const std::stop_token& stop) {
    std::string reply(1, agent_failure);
    if (request.front() == request_identities) {
        reply = std::string(1, identities_answer) +
                wire::number(static_cast<std::uint32_t>(offers_.size()));
        for (const auto& offer : offers_) {
            reply += wire::bytes(offer.blob) + wire::bytes(offer.comment);
        }
    } else if (request.front() == sign_request_type) {
        auto said = ask(agent_.fd_.get(), sign_request(request), deadline, stop);
        if (!said) return false;
        reply = std::move(*said);
    }
    return send_all(ours_.get(), wire::bytes(reply), deadline, stop).has_value();
}

std::string AgentGate::sign_request(const std::string& request) const {
    std::string_view rest = request;
    rest.remove_prefix(1);
    const auto blob = wire::take_bytes(rest);
    for (const auto& offer : offers_) {
        if (blob && *blob == offer.blob) {
            return std::string(1, sign_request_type) + wire::bytes(offer.signer) +
                   std::string(rest);
        }
    }
    return request;
}

}  // namespace escalator::node
