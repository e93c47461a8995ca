// SPDX-License-Identifier: Apache-2.0
#include "node/wire.hpp"

#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/log.hpp"
#include "node/local.hpp"
#include "node/ssh.hpp"
#include "node/supervisor.hpp"

namespace escalator::node {

namespace {
using Clock = std::chrono::steady_clock;

bool is_passing(ErrorCode code) {
    return code == ErrorCode::unreachable || code == ErrorCode::timeout;
}
}  // namespace

Wire::Wire(Endpoint endpoint, Options options, std::unique_ptr<Connector> connector)
    : endpoint_(std::move(endpoint)),
      options_(std::move(options)),
      connector_(std::move(connector)) {
    if (!connector_) {
        connector_ =
            endpoint_.local ? make_local_connector() : make_ssh_connector(endpoint_, options_);
    }
}

Result<std::unique_ptr<Talk>> Wire::start_talk(Connection& connection, Hello& hello,
                                               Deadline deadline, const std::stop_token& stop) {
    const auto nonce = random_hex(12);
    const auto start =
        supervisor(nonce, options_.node_dir.string(), options_.output_limit, endpoint_.become);
    auto link = connection.exec(start.command, deadline, stop);
    if (!link) return std::move(link).take_error();
    auto talk = std::make_unique<Talk>(std::move(*link), nonce);
    auto said = talk->hello(start.program, deadline, stop);
    if (!said) return std::move(said).take_error();
    hello = std::move(*said);
    return talk;
}

Result<Hello> Wire::open(const std::stop_token& stop) {
    if (talk_) return hello_;
    close();
    const auto deadline = Clock::now() + options_.connect_timeout;
    auto connection = connector_->connect(deadline, stop);
    if (!connection) return std::move(connection).take_error();
    connection_ = std::move(*connection);
    auto talk = start_talk(*connection_, hello_, deadline, stop);
    if (!talk) {
        close();
        return std::move(talk).take_error();
    }
    talk_ = std::move(*talk);
    return hello_;
}

Status Wire::lease(const std::string& run, const std::string& controller, Claim claim,
                   const std::stop_token& stop) {
    run_ = run;
    controller_ = controller;
    claim_ = claim;
    return take_lease(stop);
}

Status Wire::take_lease(const std::stop_token& stop) {
    if (auto opened = open(stop); !opened) return std::move(opened).take_error();
    auto said = talk_->lease(run_, controller_, format_utc(SystemClock().now()),
                             claim_ == Claim::steal, Clock::now() + options_.connect_timeout, stop);
    if (!said) {
        close();
        return std::move(said).take_error();
    }
    const auto& words = *said;
    if (words[1] != run_) {
        const auto holder = words[1] == "?"
                                ? std::string("a lease that cannot be read is on the node")
                                : fmt::format("run {} holds the node, from controller {} since {}",
                                              words[1], words[2], words[3]);
        return Error(ErrorCode::busy, holder)
            .advise(
                "wait for that run, or end it there; if its controller is lost for good: "
                "--steal-lease");
    }
    leased_ = true;
    claim_ = Claim::ask;  // stolen once: another controller may take it back, openly
    if (words[0] == "new") forgotten_ = true;
    return ok();
}

Status Wire::ready(const std::stop_token& stop) {
    if (talk_) return ok();
    if (run_.empty()) return Error(ErrorCode::bug, "a job without a lease");
    return take_lease(stop);
}

Result<Talk*> Wire::watcher(const std::stop_token& stop) {
    if (watcher_) return watcher_.get();
    auto deadline = Clock::now() + options_.keepalive;
    Hello ignored;
    if (!one_session_) {
        auto talk = start_talk(*connection_, ignored, deadline, stop);
        if (talk) {
            watcher_ = std::move(*talk);
        } else if (talk.error().code() != ErrorCode::unreachable &&
                   talk.error().code() != ErrorCode::refused) {
            return std::move(talk).take_error();
        }
    }
    if (!watcher_) {
        // cut, or a server with MaxSessions 1: another connection tells
        deadline = Clock::now() + options_.connect_timeout;
        auto connection = connector_->connect(deadline, stop);
        if (!connection) return std::move(connection).take_error();
        second_ = std::move(*connection);
        auto talk = start_talk(*second_, ignored, deadline, stop);
        if (!talk) return std::move(talk).take_error();
        watcher_ = std::move(*talk);
        one_session_ = true;
        log::info("watching over a second connection host={}", endpoint_.name);
    }
    if (auto used = watcher_->use(run_, deadline, stop); !used) {
        return std::move(used).take_error();
    }
    return watcher_.get();
}

Status Wire::cut_spent(const std::stop_token& stop) {
    for (const auto& key : std::exchange(spent_, {})) {
        auto cut = talk_->cut_output(key, Clock::now() + options_.keepalive, stop);
        if (!cut) return cut;
    }
    return ok();
}

Status Wire::release(const std::string& run, Kept kept, const std::stop_token& stop) {
    if (!talk_ && !leased_) return ok();
    if (auto opened = open(stop); !opened) return std::move(opened).take_error();
    auto released = talk_->release(run, kept, Clock::now() + options_.connect_timeout, stop);
    if (!released && is_passing(released.error().code())) {
        // cut just now: a lease that stays would keep the next run away
        close();
        if (auto opened = open(stop); !opened) return std::move(opened).take_error();
        released = talk_->release(run, kept, Clock::now() + options_.connect_timeout, stop);
    }
    if (!released) close();
    run_.clear();
    leased_ = false;
    return released;
}

void Wire::close() noexcept {
    watcher_.reset();
    talk_.reset();
    second_.reset();
    connection_.reset();
}

}  // namespace escalator::node
