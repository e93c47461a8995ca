// SPDX-License-Identifier: Apache-2.0
#include "planner/late_restart.hpp"

#include <nlohmann/json.hpp>

namespace escalator::planner {

namespace {

/// Whether the step makes a service take up what the steps before it have changed.
bool restarts(const campaign::Step& step) {
    if (step.action != "service" || step.way_back != action::WayBack::builtin) return false;
    const auto args = nlohmann::json::parse(step.args, nullptr, false);
    const auto state = args.is_object() ? args.find("state") : args.end();
    return state != args.end() && (*state == "restarted" || *state == "reloaded");
}

/// Whether undoing the step changes what a service would take up. Other service steps keep their
/// place: a service that was started is stopped again before what it runs on goes.
bool changes_something(const campaign::Step& step) {
    return step.action != "service" && step.way_back != action::WayBack::read_only;
}

}  // namespace

std::vector<std::uint32_t> undo_order(const std::vector<campaign::Step>& steps) {
    const auto count = static_cast<std::uint32_t>(steps.size());
    // for each step, the restarts that are undone right after it
    std::vector<std::vector<std::uint32_t>> after(count);
    std::vector<bool> late(count, false);
    bool any = false;
    for (std::uint32_t s = 0; s < count; ++s) {
        if (!restarts(steps[s])) continue;
        auto first = s;
        for (auto before = s; before-- > 0;) {
            if (steps[before].way_back == action::WayBack::no_return) break;
            if (changes_something(steps[before])) first = before;
        }
        if (first == s) continue;
        after[first].push_back(s);
        late[s] = true;
        any = true;
    }
    if (!any) return {};
    std::vector<std::uint32_t> order;
    for (auto s = count; s-- > 0;) {
        if (!late[s]) order.push_back(s);
        order.insert(order.end(), after[s].rbegin(), after[s].rend());
    }
    return order;
}

}  // namespace escalator::planner
