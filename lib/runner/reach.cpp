// SPDX-License-Identifier: Apache-2.0
#include "runner/reach.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>

#include "base/account.hpp"
#include "base/file.hpp"
#include "base/log.hpp"
#include "base/text.hpp"

namespace escalator::runner {

namespace {

/// Failing nodes named one by one in a message; more are folded into their number.
constexpr std::size_t most_named = 8;

node::Endpoint endpoint_of(const planner::PlanNode& node) {
    const auto& connection = node.connection;
    return {node.name,       connection.address,        connection.port,
            connection.user, connection.identity_files, connection.become,
            connection.local};
}

std::vector<std::uint32_t> targets_of(const planner::Plan& plan) {
    std::set<std::uint32_t> nodes;
    for (const auto& procedure : plan.procedures) {
        for (const auto& wave : procedure.waves) nodes.insert(wave.nodes.begin(), wave.nodes.end());
    }
    return {nodes.begin(), nodes.end()};
}

nlohmann::json facts_of(const node::Hello& hello) {
    return {{"boot_id", printable(hello.boot_id)},   {"user", printable(hello.user)},
            {"kernel", printable(hello.kernel)},     {"os", printable(hello.os)},
            {"hostname", printable(hello.hostname)}, {"clock_ms", hello.clock_ms}};
}

}  // namespace

struct Reach::Trouble {
    std::uint32_t node;
    Error error;
};

Reach::Reach(const planner::Plan& plan, const RunDir& dir, const Settings& settings)
    : plan_(plan), dir_(dir), steal_(settings.steal_lease), targets_(targets_of(plan)) {
    std::vector<std::unique_ptr<node::Session>> sessions;
    auto here = settings.node;
    here.node_dir = dir.path / "controller";
    for (const auto& node : plan.nodes) {
        const auto& options = node.connection.local ? here : settings.node;
        sessions.push_back(node::make_session(endpoint_of(node), options));
    }
    for (const auto& node : plan.nodes) {
        node::Endpoint local;
        local.name = node.name;
        local.local = true;
        auto own = here;
        own.node_dir = dir.path / "controller" / node.name;
        sessions.push_back(node::make_session(std::move(local), own));
    }
    crew_ = std::make_unique<Crew>(std::move(sessions), settings.fanout);
}

Status Reach::prepare(Observer& observer, bool all, const std::stop_token& stop) {
    std::mutex mutex;
    std::vector<Trouble> troubles;
    auto facts = nlohmann::json::object();
    const auto& controller = own_account().host;
    crew_->each(targets_, [&](std::uint32_t index, node::Session& session,
                              const std::stop_token& /*ending*/) {
        // also of a node that is away: its session asks again before its first job
        auto leased = steal_ ? session.steal_lease(dir_.run(), controller, stop)
                             : session.lease(dir_.run(), controller, stop);
        auto hello =
            leased ? session.open(stop) : Result<node::Hello>(std::move(leased).take_error());
        const std::lock_guard lock(mutex);
        if (hello) {
            facts[plan_.nodes[index].name] = facts_of(*hello);
        } else {
            troubles.push_back({index, std::move(hello).take_error()});
        }
    });
    if (!troubles.empty() && !all) {
        for (const auto& it : troubles) {
            observer.told(fmt::format("{}: {}", plan_.nodes[it.node].name, it.error.text()));
        }
        std::erase_if(troubles,
                      [](const Trouble& it) { return it.error.code() != ErrorCode::busy; });
    }
    if (!troubles.empty()) return trouble(troubles);
    const auto text = nlohmann::json{{"format", "escalator-facts/1"}, {"nodes", facts}}.dump(1);
    return write_file(dir_.path / "facts.json", text + "\n");
}

Error Reach::trouble(const std::vector<Trouble>& troubles) const {
    auto sorted = troubles;
    std::sort(sorted.begin(), sorted.end(),
              [](const Trouble& a, const Trouble& b) { return a.node < b.node; });
    const auto worst = std::find_if(sorted.begin(), sorted.end(), [](const Trouble& it) {
        return it.error.code() == ErrorCode::busy;
    });
    const auto& first = worst == sorted.end() ? sorted.front().error : worst->error;
    auto text = fmt::format("{} of {} nodes are not ready", sorted.size(), targets_.size());
    for (std::size_t i = 0; i < std::min(sorted.size(), most_named); ++i) {
        text += fmt::format("\n  {}: {}", plan_.nodes[sorted[i].node].name, sorted[i].error.text());
    }
    if (sorted.size() > most_named) {
        std::vector<std::string> names;
        for (std::size_t i = most_named; i < sorted.size(); ++i) {
            names.push_back(plan_.nodes[sorted[i].node].name);
        }
        text += fmt::format("\n  and {}", fold_names(names));
    }
    return Error(first.code(), text).advise(first.remedy());
}

void Reach::release(node::Kept kept) {
    crew_->each(targets_, [&, kept](std::uint32_t index, node::Session& session,
                                    const std::stop_token& stop) {
        if (auto released = session.release(dir_.run(), kept, stop); !released) {
            log::info("lease not given back host={} error={}", plan_.nodes[index].name,
                      released.error().text());
        }
    });
}

std::vector<std::string> Reach::take_back() {
    std::mutex mutex;
    std::vector<std::string> failed;
    crew_->each(targets_,
                [&](std::uint32_t index, node::Session& session, const std::stop_token& stop) {
                    const auto hello = session.open(stop);
                    if (hello && session.release(dir_.run(), node::Kept::nothing, stop)) return;
                    const std::lock_guard lock(mutex);
                    failed.push_back(plan_.nodes[index].name);
                });
    return failed;
}

void Reach::post(std::uint32_t node, bool on_controller, Task task) {
    if (!on_controller || plan_.nodes[node].connection.local) {
        crew_->post(node, std::move(task));
        return;
    }
    crew_->post(
        plan_.nodes.size() + node,
        [this, task = std::move(task)](node::Session& session, const std::stop_token& stop) {
            // its directory belongs to this run alone, so the lease cannot be refused
            if (auto leased = session.lease(dir_.run(), "controller", stop); !leased) {
                log::warn("no local supervisor error={}", leased.error().text());
            }
            task(session, stop);
        });
}

}  // namespace escalator::runner
