// SPDX-License-Identifier: Apache-2.0
#include "cmd/input.hpp"

#include <fmt/format.h>

#include <cstdlib>
#include <ostream>

#include "base/file.hpp"
#include "planner/make_plan.hpp"

namespace escalator::cmd {

Result<Input> read_input(const std::string& campaign, std::string inventory) {
    auto loaded = campaign::load_campaign(campaign);
    if (!loaded) return std::move(loaded).take_error();
    Input out{std::move(loaded->campaign), std::nullopt, std::move(loaded->diagnostics)};
    if (inventory.empty()) {
        const char* named = std::getenv("ESCALATOR_INVENTORY");
        if (named != nullptr) inventory = named;
    }
    if (inventory.empty()) return out;
    auto nodes = campaign::load_inventory(inventory);
    if (!nodes) return std::move(nodes).take_error();
    const bool readable =
        !campaign::has_errors(out.diagnostics) && !campaign::has_errors(nodes->diagnostics);
    out.diagnostics.insert(out.diagnostics.end(), nodes->diagnostics.begin(),
                           nodes->diagnostics.end());
    out.inventory = std::move(*nodes);
    if (readable) {
        const auto more = campaign::check_together(out.campaign, *out.inventory);
        out.diagnostics.insert(out.diagnostics.end(), more.begin(), more.end());
    }
    campaign::arrange(out.diagnostics);
    return out;
}

Result<planner::Plan> read_fresh_plan(const std::string& file) {
    auto text = read_file(file);
    if (!text) return std::move(text).take_error();
    auto plan = planner::plan_from_json_text(*text);
    if (!plan) return std::move(plan).fail(file);
    auto input = read_input(plan->campaign_file, plan->inventory_file);
    if (!input) return std::move(input).fail("the plan's inputs");
    auto fresh = planner::check_fresh(*plan, input->campaign.digest,
                                      input->inventory ? input->inventory->digest : "");
    if (!fresh) return std::move(fresh).take_error();
    return plan;
}

void print_diagnostics(std::ostream& out, const std::vector<campaign::Diagnostic>& diagnostics,
                       bool colour) {
    for (const auto& it : diagnostics) {
        auto text = campaign::format_diagnostic(it);
        if (colour) {
            const auto word = fmt::format(": {}: ", campaign::name_of(it.severity));
            const auto at = text.find(word);
            const auto* sgr = it.severity == campaign::Severity::error ? "1;31" : "1;35";
            if (at != std::string::npos) {
                text.replace(at + 2, word.size() - 4,
                             fmt::format("\x1b[{}m{}\x1b[0m", sgr, campaign::name_of(it.severity)));
            }
        }
        out << text;
    }
}

}  // namespace escalator::cmd
