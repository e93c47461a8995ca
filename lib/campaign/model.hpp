// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "action/schema.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"
#include "base/units.hpp"
#include "campaign/diagnostic.hpp"
#include "campaign/selector.hpp"

namespace escalator::campaign {

/// What to do when a step has failed for good.
enum class Remedy {
    suspend,         ///< stop at a safe point and ask the operator
    exclude,         ///< leave the node as it is, go on without it
    undo_node,       ///< undo what this procedure did on the node, go on without it
    undo_wave,       ///< undo the wave, then suspend
    undo_procedure,  ///< undo all of this procedure, then suspend
    undo_all,        ///< undo everything, end the run
};

/// on_failure: { retry: 1, backoff: 5s, then: undo-node, else: suspend }
struct FailurePolicy {
    std::uint32_t retry = 0;     ///< further attempts after the first
    Milliseconds backoff{1000};  ///< before the first retry; doubles each time, at most 5 min
    Remedy then = Remedy::suspend;
    Remedy otherwise = Remedy::suspend;  ///< YAML `else`: when `then` would break `tolerate`
    bool operator==(const FailurePolicy&) const = default;
};

struct Step {
    std::string name;    ///< unique in its procedure, plain name; default: action, action-2 ...
    std::string action;  ///< a built-in action's name
    std::string args = "{}";  ///< JSON object text, shaped by the action's schema, unexpanded
    std::string check;        ///< shell text of the author, "" for none
    std::string verify;
    std::string undo;
    std::string run_as;        ///< YAML `as`: user on the node, "" = the session's
    Milliseconds expect{0};    ///< usual time; later than twice this = hang alarm
    Milliseconds timeout{0};   ///< the remote process group is ended then
    FailurePolicy on_failure;  ///< the step's own, else the procedure's, else the campaign's
    bool idempotent = false;   ///< may be run again when nobody knows how it ended
    bool once = false;         ///< only on the first node of the procedure
    bool disruptive = true;    ///< takes the node out of service (counts against limits)
    std::map<std::string, std::string> params;  ///< of the include it came from: "param.x" -> value
    action::WayBack way_back =
        action::WayBack::step;  ///< resolved; never `step` in a valid campaign
    Place place;
};

enum class Method {
    rolling,   ///< wave after wave
    parallel,  ///< all nodes at once, each at its own pace
    one_step,  ///< all nodes at once, step by step in lockstep
};

/// How many nodes may be out of service at once.
struct Limit {
    std::string label;  ///< per value of this label; "" = in all
    Amount amount;
    Place place;
    bool operator==(const Limit& other) const {
        return label == other.label && amount == other.amount;
    }
};

struct Procedure {
    std::string name;
    Selector on;
    bool on_controller = false;  ///< YAML `on: "@controller"`: one target, the controller itself
    Place on_place;
    std::vector<std::string> after;
    std::vector<Place> after_places;  ///< one for each of `after`
    Method method = Method::rolling;
    std::optional<Amount> batch;     ///< nullopt = auto: as many as the limits allow
    Amount canary{0, false};         ///< size of an extra first wave; 0 = none
    Milliseconds soak{0};            ///< wait after the canary wave before the next
    Milliseconds pause{0};           ///< wait after every wave
    std::vector<Limit> unavailable;  ///< over the nodes this procedure selects
    std::string standby_label;       ///< YAML `order: standby-first`: nodes whose label
    std::string standby_value;       ///<   role says active/master come last; see campaign.5
    bool hold_before = false;        ///< suspend before this procedure starts
    FailurePolicy on_failure;
    std::vector<Step> steps;
    std::vector<Step> verify;  ///< run on each node of a wave when its steps are done
    Place place;
};

struct Module {
    std::string name;
    Selector on;
    std::string package;
    std::string from;
    std::string to;
    std::vector<Place> need_places;  ///< one for each of `needs`
    std::vector<std::string> needs;  ///< texts; "NAME >= this" makes NAME's procedures go first
    Place place;
};

/// A time of day (controller's time zone) or a length from the start of the run.
struct Window {
    std::optional<std::uint32_t> start_minute;  ///< minutes after midnight
    std::optional<std::uint32_t> end_minute;
    std::optional<Milliseconds> length;
};

struct Budgets {
    std::optional<Milliseconds> upgrade;
    std::optional<Milliseconds> rollback;
    std::optional<Milliseconds> interruption;
    std::optional<Milliseconds> outage;
};

struct Campaign {
    std::string name;
    std::map<std::string, std::string> vars;
    std::vector<Module> modules;
    Budgets budgets;
    Window window;
    Amount tolerate{0, false};       ///< of all target nodes: how many may end excluded
    std::vector<Limit> unavailable;  ///< over all nodes of the inventory
    FailurePolicy on_failure;
    std::vector<Procedure> procedures;  ///< file order
    std::vector<Step> verify;           ///< after everything, and by `escalator test`
    Place verify_on_place;
    Selector verify_on;  ///< nodes the campaign's verify runs on
    bool verify_on_controller = true;
    std::filesystem::path base_dir;  ///< directory of the campaign file
    std::string digest;              ///< SHA-256 over all files read (includes too)
    std::vector<std::string> files;  ///< those files, first the campaign
};

}  // namespace escalator::campaign
