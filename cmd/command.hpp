// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"

namespace CLI {  // NOLINT(readability-identifier-naming): the library's name
class App;
}

namespace escalator::cmd {

/// The program's exit statuses, as every man page lists them.
enum class ExitCode : std::uint8_t {
    ok = 0,
    failed = 1,        ///< refused or failed, nothing changed
    usage = 2,         ///< bad usage or campaign file
    rolled_back = 3,   ///< failed, rolled back
    left_changed = 4,  ///< failed, left changed: a human must look
    busy = 5,          ///< another run holds the journal or the nodes
    unauthorised = 6,
    interrupted = 130,  ///< SIGINT at a safe point; resumable
    terminated = 143,   ///< SIGTERM at a safe point; resumable
};

/// A status as the manual explains it.
struct ExitMeaning {
    ExitCode status;
    std::string_view meaning;
    bool nodes = false;    ///< only commands that connect to nodes end with it
    bool changes = false;  ///< only commands that change nodes do
};
const std::vector<ExitMeaning>& exit_meanings();

/// The one place where errors become statuses.
ExitCode exit_of(ErrorCode code) noexcept;
/// Of a command that stopped where a signal asked it to.
ExitCode exit_of_signal(int number) noexcept;

enum class Output { human, json, jsonl };

/// What a command may say, and where. Answers go to out, narration to err.
class Io {
public:
    Io(std::ostream& out, std::ostream& err) : out_(&out), err_(&err) {}

    Output output = Output::human;
    bool colour_out = false;
    bool colour_err = false;
    bool err_is_terminal = false;
    bool in_is_terminal = false;
    std::filesystem::path state_dir;

    std::ostream& out() { return *out_; }
    std::ostream& err() { return *err_; }

    /// Prints the error (as JSON with --json) with its remedy, and gives its exit status.
    ExitCode fail(const Error& error);

    /// Prints an answer as JSON: indented, or with --output jsonl on one line.
    void answer(const nlohmann::json& root);

    /// Text in an SGR colour ("31"), when stdout (stderr) has colours.
    std::string paint(std::string_view text, std::string_view sgr) const;
    std::string paint_err(std::string_view text, std::string_view sgr) const;

private:
    std::ostream* out_;
    std::ostream* err_;
};

class Command {
public:
    virtual ~Command() = default;
    /// Adds the command's own flags and arguments.
    virtual void declare(CLI::App& app) = 0;
    virtual ExitCode run(Io& io) = 0;
};

/// What a command deals with: its manual's EXIT STATUS, ENVIRONMENT and FILES follow from it.
struct Touches {
    bool inventory = false;  ///< reads one
    bool state = false;      ///< looks for runs in the state directory
    bool nodes = false;      ///< connects to nodes
    bool changes = false;    ///< changes them
    bool cloud = false;      ///< asks the APIs of an OpenStack
};

/// A line of the command table: help, man page and completion come from it.
struct Entry {
    std::string_view name;
    std::string_view summary;
    std::string_view examples;  ///< command lines, one each
    Touches touches;
    std::unique_ptr<Command> (*make)();
};

/// All commands, in the order of the manual.
const std::vector<Entry>& entries();

/// The first example of each: the way through the program.
std::string first_examples();

/// The command that these words (without the program's name) name, whatever flags stand before it;
/// nullptr when there is none.
const Entry* find_entry(const std::vector<std::string>& words);

/// The whole command line as CLI11 sees it: global flags and one subcommand for each entry in
/// `which` (nullptr: all). `made` receives the commands, parallel to the subcommands.
struct Frame;
std::unique_ptr<CLI::App> make_app(Frame& frame, const Entry* which);

/// What the global flags were set to.
struct Frame {
    std::string output = "human";
    bool json = false;
    std::string colour = "auto";
    std::string state;
    int verbose = 0;
    std::vector<std::unique_ptr<Command>> made;
};

}  // namespace escalator::cmd
