// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "engine/engine.hpp"
#include "planner/plan.hpp"
#include "twin/fortune.hpp"

namespace escalator::twin {

/// What is really on a node of one step.
enum class Truth : std::uint8_t { clean, partial, applied };

/// An entry of the nodes' own ledger: a command ran there. Kept apart from everything the engine
/// believes.
struct Deed {
    std::size_t journalled = 0;  ///< records that were durable when its controller sent it
    Time begun;
    Time ends;
    engine::StepRef step;
    engine::Phase phase = engine::Phase::perform;
    std::uint32_t attempt = 1;
    bool by_hand = false;   ///< not a command: the operator mended the node himself
    bool reattach = false;  ///< started by a controller that only wanted to find out
    bool touched = false;   ///< it got as far as changing something
    Truth before = Truth::clean;
    Truth after = Truth::clean;
    engine::Outcome outcome = engine::Outcome::done;
};

/// Simulated nodes under a virtual clock. They do what a supervisor on a node does: a job runs on
/// without its controller, its key is taken once and for all, and what came of it can be asked for
/// later.
class World {
public:
    World(const planner::Plan& plan, Fortune& fortune);

    /// A controller that has `journalled` durable records hands a job over.
    void dispatch(const engine::JobIntent& intent, Time now, std::size_t journalled);
    /// When the next report reaches the controller.
    std::optional<Time> next() const;
    /// What has reached the controller by now; each report once.
    std::vector<engine::StepEnded> reports(Time now);
    /// The controller is gone: nobody listens, the nodes go on.
    void controller_gone() { reports_.clear(); }
    /// The node restarts: what runs on it is lost.
    void reboot(engine::NodeIndex node, Time now);
    /// The node does not answer until then.
    void silence(engine::NodeIndex node, Time until) { silent_until_[node] = until; }
    bool answers(engine::NodeIndex node, Time now) const { return silent_until_[node] <= now; }
    /// The operator mends the node by hand.
    void mend(const engine::StepRef& step, Truth truth, Time now, std::size_t journalled);

    Truth truth(const engine::StepRef& step) const;
    const std::vector<Deed>& ledger() const { return ledger_; }

private:
    struct Key {
        engine::StepRef step;
        engine::Phase phase;
        std::uint32_t attempt;
        auto operator<=>(const Key&) const = default;
    };
    struct Job {
        std::size_t deed = 0;
        engine::StepEnded result;
    };
    struct Report {
        Time time;
        engine::StepEnded event;
    };

    void begin(const engine::JobIntent& intent, Time now, std::size_t journalled);
    void report(Time when, Time since, engine::StepEnded event);
    Deed& deed_of(const Key& key) { return ledger_[jobs_.at(key).deed]; }

    const planner::Plan& plan_;
    Fortune& fortune_;
    std::map<Key, Job> jobs_;
    std::map<engine::StepRef, std::size_t> last_;  ///< step -> its latest deed
    std::vector<Deed> ledger_;
    std::vector<Report> reports_;
    std::vector<Time> silent_until_;
};

}  // namespace escalator::twin
