// SPDX-License-Identifier: Apache-2.0
// escalator validate: find the mistakes in a campaign before anything runs. Touches no network.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/text.hpp"
#include "cmd/commands.hpp"
#include "cmd/input.hpp"

namespace escalator::cmd {

namespace {

nlohmann::json to_json(const campaign::Diagnostic& it) {
    return {{"severity", campaign::name_of(it.severity)},
            {"id", it.id},
            {"file", it.place.file},
            {"line", it.place.line},
            {"column", it.place.column},
            {"message", it.message},
            {"help", it.help.empty() ? nlohmann::json(nullptr) : nlohmann::json(it.help)}};
}

class Validate final : public Command {
public:
    void declare(CLI::App& app) override {
        app.add_option("campaign", campaign_, "Campaign file")->required()->type_name("CAMPAIGN");
        app.add_option("-i,--inventory", inventory_, "Inventory; default: $ESCALATOR_INVENTORY")
            ->type_name("FILE");
        app.add_flag("--strict", strict_, "Warnings count as errors");
    }

    ExitCode run(Io& io) override {
        auto input = read_input(campaign_, inventory_);
        if (!input) return io.fail(input.error());
        std::size_t errors = 0;
        std::size_t warnings = 0;
        for (const auto& it : input->diagnostics) {
            if (it.severity == campaign::Severity::error) ++errors;
            if (it.severity == campaign::Severity::warning) ++warnings;
        }
        if (io.output == Output::human) {
            print_diagnostics(io.out(), input->diagnostics, io.colour_out);
            io.out() << summary(*input, errors, warnings);
        } else {
            auto list = nlohmann::json::array();
            for (const auto& it : input->diagnostics) list.push_back(to_json(it));
            const nlohmann::json root = {{"format", "escalator-diagnostics/1"},
                                         {"errors", errors},
                                         {"warnings", warnings},
                                         {"diagnostics", list}};
            io.answer(root);
        }
        return errors > 0 || (strict_ && warnings > 0) ? ExitCode::usage : ExitCode::ok;
    }

private:
    std::string summary(const Input& input, std::size_t errors, std::size_t warnings) const {
        if (errors > 0 || warnings > 0)
            return fmt::format("{}, {}\n", counted(errors, "error"), counted(warnings, "warning"));
        std::size_t steps = 0;
        for (const auto& procedure : input.campaign.procedures) steps += procedure.steps.size();
        auto out = fmt::format("{} is valid: {}, {}", campaign_,
                               counted(input.campaign.procedures.size(), "procedure"),
                               counted(steps, "step"));
        if (input.inventory)
            out += fmt::format(", {}", counted(input.inventory->nodes.size(), "node"));
        return out + "\n";
    }

    std::string campaign_;
    std::string inventory_;
    bool strict_ = false;
};

}  // namespace

const Entry validate_command{
    .name = "validate",
    .summary = "Find the mistakes in a campaign",
    .examples =
        "escalator validate nova-minor.yaml --inventory hosts.yaml\n"
        "escalator validate --json nova-minor.yaml | jq .diagnostics\n",
    .touches = {.inventory = true},
    .make = [] { return std::unique_ptr<Command>(std::make_unique<Validate>()); },
};

}  // namespace escalator::cmd
