// SPDX-License-Identifier: Apache-2.0
// escalator plan: work out waves, order, times and the way back, and save them for run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/file.hpp"
#include "cmd/commands.hpp"
#include "cmd/input.hpp"
#include "cmd/view/plan_view.hpp"
#include "planner/make_plan.hpp"

namespace escalator::cmd {

namespace {

class Plan final : public Command {
public:
    void declare(CLI::App& app) override {
        app.add_option("campaign", campaign_, "Campaign file")->required()->type_name("CAMPAIGN");
        app.add_option("-i,--inventory", inventory_, "Inventory; default: $ESCALATOR_INVENTORY")
            ->type_name("FILE");
        app.add_option("-o,--save", save_, "Save the plan here, for escalator run")
            ->type_name("FILE");
    }

    ExitCode run(Io& io) override {
        auto input = read_input(campaign_, inventory_);
        if (!input) return io.fail(input.error());
        print_diagnostics(io.err(), input->diagnostics, io.colour_err);
        if (campaign::has_errors(input->diagnostics)) return ExitCode::usage;
        if (!input->inventory) {
            return io.fail(Error(ErrorCode::usage, "a plan needs an inventory")
                               .advise("name it with --inventory or $ESCALATOR_INVENTORY"));
        }
        auto planned = planner::make_plan(input->campaign, *input->inventory, {});
        if (!planned) return io.fail(planned.error());
        const char* named = std::getenv("ESCALATOR_INVENTORY");
        std::error_code ignored;
        planned->plan.inventory_file =
            std::filesystem::absolute(inventory_.empty() && named != nullptr ? named : inventory_,
                                      ignored)
                .string();
        const auto text = planner::to_json_text(planned->plan);
        if (!save_.empty()) {
            if (auto saved = write_file(save_, text); !saved) return io.fail(saved.error());
        }
        if (io.output == Output::human) {
            io.out() << view::plan_text(planned->plan, planned->warnings);
            if (!save_.empty())
                io.out() << fmt::format("\nSaved. To carry it out: escalator run {}\n", save_);
        } else {
            io.answer(nlohmann::json::parse(text));
        }
        return ExitCode::ok;
    }

private:
    std::string campaign_;
    std::string inventory_;
    std::string save_;
};

}  // namespace

const Entry plan_command{
    .name = "plan",
    .summary = "Work out waves, order, times and the way back",
    .examples =
        "escalator plan nova-minor.yaml --inventory hosts.yaml\n"
        "escalator plan nova-minor.yaml --inventory hosts.yaml -o plan.json\n"
        "escalator plan nova-minor.yaml -i hosts.yaml --json | jq .predicted_ms\n",
    .touches = {.inventory = true},
    .make = [] { return std::unique_ptr<Command>(std::make_unique<Plan>()); },
};

}  // namespace escalator::cmd
