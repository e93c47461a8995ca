// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/engine.hpp"
#include "engine/wish.hpp"
#include "journal/record.hpp"
#include "twin/world.hpp"

namespace escalator::twin {

/// How one controller's part of a run came to its end.
enum class Stop : std::uint8_t {
    ended,      ///< the run is over
    suspended,  ///< the run stands and waits for the operator
    killed,
    abandoned,  ///< asked twice: left what was in flight
    refused,    ///< the operator's wish does not fit; nothing was journalled
    broken,     ///< the engine broke a promise; `fault` says which
};

/// What was in force for the records from one on.
struct Part {
    std::size_t from = 0;  ///< number of durable records when this controller began
    std::optional<Time> window_end;
    std::uint32_t fanout = 50;
};

/// Plays the runner's coordinator against simulated nodes: the same engine, the same journal
/// records, no network and no waiting.
class Controller {
public:
    Controller(const planner::Plan& plan, World& world, Fortune& fortune, Time start);

    Stop start(const engine::Wish& wish, std::uint32_t fanout);
    Stop resume(const engine::Wish& wish, std::uint32_t fanout);
    /// Time goes by while nobody runs.
    void rest(Milliseconds time) { now_ += time; }

    Time now() const { return now_; }
    /// As a new controller would fold it from the journal.
    const engine::State& state() const { return state_; }
    /// The events as they were read back from the journal's records.
    const std::vector<engine::Event>& journal() const { return durable_; }
    const std::vector<journal::Record>& records() const { return records_; }
    const std::vector<Part>& parts() const { return parts_; }
    const std::string& fault() const { return fault_; }
    const std::string& refusal() const { return refusal_; }

private:
    Stop carry_out(std::vector<engine::EventBody> opening);
    bool take_in(std::vector<engine::EventBody> events);
    bool decide_all(engine::Decision& all);
    /// False when the controller died while it wrote.
    bool flush();
    void replay();
    Stop broken(std::string what);
    engine::Bounds bounds() const;

    const planner::Plan& plan_;
    World& world_;
    Fortune& fortune_;
    Time now_;
    Time started_;
    std::uint32_t fanout_ = 50;
    engine::State state_;
    std::vector<engine::Event> pending_;
    std::vector<engine::Event> durable_;
    std::vector<journal::Record> records_;
    std::vector<Part> parts_;
    std::string fault_;
    std::string refusal_;
};

}  // namespace escalator::twin
