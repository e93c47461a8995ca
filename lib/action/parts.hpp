// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "action/compile.hpp"

// Inside lib/action only: the pieces of shell text that one action is made of.
namespace escalator::action {

/// Each piece is POSIX sh. `check` and `verify` end with status 0 when the work is done; they run
/// in a subshell, so they may exit. `prelude` comes before any of them.
struct Parts {
    std::string prelude;
    std::string check;
    std::string act;
    std::string verify;
    std::string undo;
    std::vector<Upload> uploads;
    Where where = Where::node;
    bool expects_reboot = false;
    /// `act` looks itself whether the work is done, and says so as a stage; `check` is then for
    /// the check alone, with status 2 when nothing can be said.
    bool checks_itself = false;
};

/// What an action's maker gets: its arguments as JSON, and the variables.
struct Ingredients {
    const nlohmann::json& args;
    const Scope& scope;
    const Request& request;

    bool has(const char* key) const { return args.contains(key); }
    /// Expanded text of a string field, "" when it is missing. Errors: usage.
    Result<std::string> text(const char* key) const;
    /// One shell word of a string field.
    Result<std::string> word(const char* key) const;
    /// Expanded elements of an array of strings (or of one string).
    Result<std::vector<std::string>> list(const char* key) const;
    /// Milliseconds of a duration field in whole seconds, at least 1.
    std::int64_t seconds(const char* key, std::int64_t otherwise) const;
    bool flag(const char* key) const;
    /// A program with its arguments: an array becomes quoted words, a string is shell text.
    Result<std::string> program(const char* key) const;
    /// "cd ..." and "export ..." lines of the fields dir and env.
    Result<std::string> surroundings(std::string_view default_dir) const;
    /// The path of a file on the controller, relative to the campaign.
    Result<std::filesystem::path> source(const char* key) const;
};

Result<Parts> make_command(const Ingredients& in);
Result<Parts> make_script(const Ingredients& in);
Result<Parts> make_local(const Ingredients& in);
Result<Parts> make_file(const Ingredients& in);
Result<Parts> make_package(const Ingredients& in);
Result<Parts> make_service(const Ingredients& in);
Result<Parts> make_reboot(const Ingredients& in);
Result<Parts> make_wait(const Ingredients& in);
Result<Parts> make_plugin(const Ingredients& in);

/// A file to send, with its size and digest. Errors: not_found, io.
Result<Upload> upload_of(std::string name, const std::filesystem::path& source);
Upload upload_text(std::string name, std::string content);

/// Shell words for a `for` loop: 'a' 'b'.
std::string quoted_words(const std::vector<std::string>& words);

}  // namespace escalator::action
