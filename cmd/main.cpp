// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <iostream>
#include <optional>
#include <span>

#include "base/log.hpp"
#include "base/text.hpp"
#include "cmd/command.hpp"
#include "cmd/complete.hpp"
#include "cmd/plugin_host.hpp"
#include "cmd/state_dir.hpp"

namespace {

using namespace escalator;

bool colour(const std::string& wish, int fd) {
    if (wish == "always") return true;
    if (wish == "never") return false;
    return cmd::environment("NO_COLOR").empty() && isatty(fd) == 1;
}

std::string meant(std::string_view word, std::span<const std::string> candidates) {
    const auto close = closest(word, candidates);
    return close ? fmt::format("; did you mean \"{}\"?", *close) : std::string();
}

/// The first word that is a flag nobody has.
std::optional<Error> unknown_flag(const CLI::App& app, const cmd::Entry* entry, int argc,
                                  char** argv) {
    std::vector<const CLI::App*> apps{&app};
    if (entry != nullptr) apps.push_back(app.get_subcommand(std::string(entry->name)));
    std::vector<std::string> flags;
    for (const auto* it : apps) {
        for (const auto* option : it->get_options()) {
            for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
        }
    }
    for (int i = 1; i < argc; ++i) {
        const std::string word(argv[i]);
        if (word == "--") break;
        if (!word.starts_with("--")) continue;
        const auto flag = word.substr(0, word.find('='));
        if (std::find(flags.begin(), flags.end(), flag) != flags.end()) continue;
        const auto whose = entry == nullptr ? std::string() : fmt::format(" {}", entry->name);
        return Error(ErrorCode::usage, fmt::format("\"{}\" is no flag of escalator{}{}",
                                                   printable(flag), whose, meant(flag, flags)))
            .advise(fmt::format("escalator{} --help lists them", whose));
    }
    return std::nullopt;
}

/// The first word that stands where a command should.
std::optional<Error> unknown_command(int argc, char** argv) {
    std::vector<std::string> names;
    for (const auto& entry : cmd::entries()) names.emplace_back(entry.name);
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "--output" || word == "--color" || word == "--state") ++i;
        if (word.starts_with('-')) continue;
        return Error(ErrorCode::usage,
                     fmt::format("\"{}\" is no command{}", printable(word), meant(word, names)))
            .advise(fmt::format("there are: {}", join(names, ", ")));
    }
    return std::nullopt;
}

/// What is wrong with a command line that CLI11 refused.
Error usage_error(const CLI::App& app, const cmd::Entry* entry, int argc, char** argv,
                  const CLI::ParseError& refused) {
    if (entry == nullptr) {
        if (auto command = unknown_command(argc, argv)) return std::move(*command);
    }
    if (auto flag = unknown_flag(app, entry, argc, argv)) return std::move(*flag);
    return Error(ErrorCode::usage, printable(refused.what()))
        .advise(entry == nullptr ? std::string("escalator --help lists the commands")
                                 : fmt::format("see escalator {} --help", entry->name));
}

/// How the answer is wanted, as far as that can be told from a command line that is wrong.
cmd::Output wanted_output(int argc, char** argv) {
    auto out = cmd::Output::human;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const std::string_view next = i + 1 < argc ? argv[i + 1] : "";
        if (word == "--json" || word == "--output=json" || (word == "--output" && next == "json"))
            out = cmd::Output::json;
        if (word == "--output=jsonl" || (word == "--output" && next == "jsonl"))
            out = cmd::Output::jsonl;
    }
    return out;
}

int run(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "__complete") {
        return cmd::complete({argv + 2, argv + argc}, std::cout);
    }
    if (argc > 1 && std::string_view(argv[1]) == "__plugin") {
        return cmd::plugin_host({argv + 2, argv + argc});
    }
    cmd::Frame frame;
    // only this command's flags are made, which keeps the start quick
    const auto* entry = cmd::find_entry({argv + 1, argv + argc});
    auto app = cmd::make_app(frame, entry);
    try {
        app->parse(argc, argv);
    } catch (const CLI::ParseError& stop) {
        if (stop.get_exit_code() == 0) {
            app->exit(stop, std::cout, std::cerr);
            return 0;
        }
        cmd::Io io(std::cout, std::cerr);
        io.output = wanted_output(argc, argv);
        io.colour_err = colour("auto", STDERR_FILENO);
        return static_cast<int>(io.fail(usage_error(*app, entry, argc, argv, stop)));
    }
    log::set_level(frame.verbose == 0   ? log::Level::warn
                   : frame.verbose == 1 ? log::Level::info
                                        : log::Level::debug);
    cmd::Io io(std::cout, std::cerr);
    io.output = frame.json || frame.output == "json" ? cmd::Output::json
                : frame.output == "jsonl"            ? cmd::Output::jsonl
                                                     : cmd::Output::human;
    io.colour_out = colour(frame.colour, STDOUT_FILENO);
    io.colour_err = colour(frame.colour, STDERR_FILENO);
    io.err_is_terminal = isatty(STDERR_FILENO) == 1;
    io.in_is_terminal = isatty(STDIN_FILENO) == 1;
    io.state_dir = cmd::state_dir(frame.state);
    return static_cast<int>(frame.made.front()->run(io));
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    int status = 1;
    try {
        status = run(argc, argv);
    } catch (const std::exception& bug) {
        std::cerr << "escalator: this is a bug, please report it: " << bug.what() << '\n';
    }
    std::cout.flush();
    if (!std::cout && status == 0) {
        std::cerr << "escalator: error: the answer could not be written to stdout\n";
        status = static_cast<int>(cmd::ExitCode::failed);
    }
    return status;
}
