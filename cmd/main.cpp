// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "base/log.hpp"
#include "base/text.hpp"
#include "cmd/command.hpp"
#include "cmd/complete.hpp"

namespace {

using namespace escalator;

const cmd::Entry* find_entry(int argc, char** argv) {
    // the first word that is a command: only that one's flags are made, which keeps the start quick
    for (int i = 1; i < argc; ++i) {
        for (const auto& entry : cmd::entries()) {
            if (entry.name == argv[i]) return &entry;
        }
    }
    return nullptr;
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

std::filesystem::path state_dir(const std::string& given) {
    if (!given.empty()) return given;
    if (const auto it = environment("ESCALATOR_STATE"); !it.empty()) return it;
    if (geteuid() == 0) return "/var/lib/escalator";
    if (const auto it = environment("XDG_STATE_HOME"); !it.empty())
        return std::filesystem::path(it) / "escalator";
    return std::filesystem::path(environment("HOME")) / ".local/state/escalator";
}

bool colour(const std::string& wish, int fd) {
    if (wish == "always") return true;
    if (wish == "never") return false;
    return environment("NO_COLOR").empty() && isatty(fd) == 1;
}

/// An unknown command, with the one that was probably meant.
std::string suggestion(int argc, char** argv) {
    std::vector<std::string> names;
    for (const auto& entry : cmd::entries()) names.emplace_back(entry.name);
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word.starts_with('-')) continue;
        const auto close = closest(word, names);
        return close ? fmt::format("\"{}\" is no command; did you mean \"{}\"?\n", printable(word),
                                   *close)
                     : fmt::format("\"{}\" is no command; there are: {}\n", printable(word),
                                   join(names, ", "));
    }
    return {};
}

int run(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "__complete") {
        return cmd::complete({argv + 2, argv + argc}, std::cout);
    }
    cmd::Frame frame;
    const auto* entry = find_entry(argc, argv);
    auto app = cmd::make_app(frame, entry);
    try {
        app->parse(argc, argv);
    } catch (const CLI::ParseError& stop) {
        if (stop.get_exit_code() == 0) {
            app->exit(stop, std::cout, std::cerr);
            return 0;
        }
        if (entry == nullptr) {
            const auto hint = suggestion(argc, argv);
            if (!hint.empty()) {
                std::cerr << "escalator: error: " << hint;
                return static_cast<int>(cmd::ExitCode::usage);
            }
        }
        std::cerr << "escalator: error: " << stop.what() << "\n  see escalator "
                  << (entry == nullptr ? "" : std::string(entry->name) + " ") << "--help\n";
        return static_cast<int>(cmd::ExitCode::usage);
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
    io.state_dir = state_dir(frame.state);
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
