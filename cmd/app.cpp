// SPDX-License-Identifier: Apache-2.0
// The command line as a whole: table, global flags.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "cmd/commands.hpp"

namespace escalator::cmd {

const std::vector<Entry>& entries() {
    static const std::vector<Entry> table{validate_command, plan_command,     run_command,
                                          test_command,     rollback_command, status_command};
    return table;
}

std::unique_ptr<CLI::App> make_app(Frame& frame, const Entry* which) {
    auto app = std::make_unique<CLI::App>(
        "Upgrades OpenStack clouds and the nodes below them, without their workloads noticing.",
        "escalator");
    app->set_version_flag("--version", std::string("escalator ") + ESCALATOR_VERSION);
    app->require_subcommand(1);
    app->fallthrough();
    app->add_option("--output", frame.output, "How answers are printed")
        ->check(CLI::IsMember({"human", "json", "jsonl"}))
        ->type_name("human|json|jsonl");
    app->add_flag("--json", frame.json, "Short for --output json");
    app->add_option("--color", frame.colour, "Colours: auto, always or never")
        ->check(CLI::IsMember({"auto", "always", "never"}))
        ->type_name("WHEN");
    app->add_option("--state", frame.state,
                    "Directory of runs; default: $ESCALATOR_STATE, /var/lib/escalator for root, "
                    "$XDG_STATE_HOME/escalator otherwise")
        ->type_name("DIR");
    app->add_flag("-v,--verbose", frame.verbose, "Tell more on stderr; twice: everything");
    for (const auto& entry : entries()) {
        auto* sub = app->add_subcommand(std::string(entry.name), std::string(entry.summary));
        if (which != nullptr && which->name != entry.name) continue;
        frame.made.push_back(entry.make());
        frame.made.back()->declare(*sub);
        std::string examples = "Examples:\n";
        std::string_view rest = entry.examples;
        while (!rest.empty()) {
            const auto end = rest.find('\n');
            examples += fmt::format("  {}\n", rest.substr(0, end));
            rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
        }
        sub->footer(examples);
    }
    return app;
}

}  // namespace escalator::cmd
