// SPDX-License-Identifier: Apache-2.0
// The command line as a whole: table, global flags.
#include <fmt/format.h>

#include <CLI/CLI.hpp>

#include "base/text.hpp"
#include "cmd/commands.hpp"

namespace escalator::cmd {

const std::vector<Entry>& entries() {
    static const std::vector<Entry> table{validate_command, plan_command,     run_command,
                                          test_command,     rollback_command, status_command,
                                          cloud_command};
    return table;
}

std::string first_examples() {
    std::string out;
    for (const auto& entry : entries())
        out += entry.examples.substr(0, entry.examples.find('\n') + 1);
    return out;
}

namespace {

std::string indented(std::string_view lines) {
    std::string out;
    for (const auto line : split(trim(lines), '\n')) out += fmt::format("  {}\n", line);
    return out;
}

}  // namespace

const Entry* find_entry(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--output" || words[i] == "--color" || words[i] == "--state") {
            ++i;
        } else if (!words[i].starts_with('-')) {
            for (const auto& entry : entries())
                if (entry.name == words[i]) return &entry;
            return nullptr;
        }
    }
    return nullptr;
}

std::unique_ptr<CLI::App> make_app(Frame& frame, const Entry* which) {
    auto app = std::make_unique<CLI::App>(
        "Upgrades OpenStack clouds and the nodes below them, without their workloads noticing.",
        "escalator");
    app->set_version_flag("--version", std::string("escalator ") + ESCALATOR_VERSION);
    app->require_subcommand(1);
    app->fallthrough();
    app->add_option("--output", frame.output, "How answers are printed; default: human")
        ->check(CLI::IsMember({"human", "json", "jsonl"}).description(""))
        ->type_name("human|json|jsonl");
    app->add_flag("--json", frame.json, "Short for --output json");
    app->add_option("--color", frame.colour, "Colours; default: auto, on a terminal")
        ->check(CLI::IsMember({"auto", "always", "never"}).description(""))
        ->type_name("auto|always|never");
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
        sub->footer("Examples:\n" + indented(entry.examples));
    }
    app->footer("Examples:\n" + indented(first_examples()));
    return app;
}

}  // namespace escalator::cmd
