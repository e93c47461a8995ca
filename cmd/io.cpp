// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <csignal>
#include <nlohmann/json.hpp>
#include <ostream>

#include "cmd/command.hpp"

namespace escalator::cmd {

const std::vector<ExitMeaning>& exit_meanings() {
    static const std::vector<ExitMeaning> table{
        {ExitCode::ok, "Done, or answered"},
        {ExitCode::failed, "Refused or failed; nothing was changed"},
        {ExitCode::usage, "The command line, the campaign or the inventory is wrong"},
        {ExitCode::rolled_back, "A step failed, and what had been done was undone", true, true},
        {ExitCode::left_changed,
         "A step failed, and nodes are left changed: a human must look; status says where it "
         "stands",
         true, true},
        {ExitCode::busy, "Another process is at work on the run, or another run holds a node",
         true},
        {ExitCode::unauthorised, "A node refused the login, or sudo on it did", true},
        {ExitCode::interrupted, "Stopped at a safe point after SIGINT (Ctrl-C); can be resumed",
         true},
        {ExitCode::terminated, "Stopped at a safe point after SIGTERM or SIGHUP; can be resumed",
         true}};
    return table;
}

ExitCode exit_of(ErrorCode code) noexcept {
    switch (code) {
        case ErrorCode::usage:
            return ExitCode::usage;
        case ErrorCode::busy:
            return ExitCode::busy;
        case ErrorCode::unauthorised:
            return ExitCode::unauthorised;
        case ErrorCode::unanswered:
            return ExitCode::left_changed;
        case ErrorCode::not_found:
        case ErrorCode::corrupt:
        case ErrorCode::stale:
        case ErrorCode::untrusted:
        case ErrorCode::unreachable:
        case ErrorCode::timeout:
        case ErrorCode::cancelled:
        case ErrorCode::io:
        case ErrorCode::refused:
        case ErrorCode::protocol:
        case ErrorCode::bug:
            return ExitCode::failed;
    }
    return ExitCode::failed;
}

ExitCode exit_of_signal(int number) noexcept {
    return number == SIGINT ? ExitCode::interrupted : ExitCode::terminated;
}

ExitCode Io::fail(const Error& error) {
    if (output != Output::human) {
        const nlohmann::json root = {
            {"format", "escalator-error/1"},
            {"error",
             {{"code", name_of(error.code())},
              {"message", error.text()},
              {"remedy", error.remedy().empty() ? nlohmann::json(nullptr)
                                                : nlohmann::json(error.remedy())}}}};
        answer(root);
    }
    *err_ << paint_err("escalator: error:", "1;31") << ' ' << error.text() << '\n';
    if (!error.remedy().empty()) *err_ << "  " << error.remedy() << '\n';
    return exit_of(error.code());
}

void Io::answer(const nlohmann::json& root) {
    *out_ << root.dump(output == Output::jsonl ? -1 : 1, ' ', false,
                       nlohmann::json::error_handler_t::replace)
          << std::endl;
}

namespace {

std::string painted(std::string_view text, std::string_view sgr, bool colour) {
    return colour ? fmt::format("\x1b[{}m{}\x1b[0m", sgr, text) : std::string(text);
}

}  // namespace

std::string Io::paint(std::string_view text, std::string_view sgr) const {
    return painted(text, sgr, colour_out);
}

std::string Io::paint_err(std::string_view text, std::string_view sgr) const {
    return painted(text, sgr, colour_err);
}

}  // namespace escalator::cmd
