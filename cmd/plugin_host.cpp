// SPDX-License-Identifier: Apache-2.0
#include "cmd/plugin_host.hpp"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "action/plugin_host.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

namespace escalator::cmd {

namespace {

std::string path_in(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? std::string() : std::string(value);
}

/// The text of a file, "" when there is none.
std::string text_of(const std::string& path) {
    auto text = read_file(path);
    return text ? std::string(trim(*text)) : std::string();
}

int complain(const Error& error, int status) {
    std::cerr << error.text() << '\n';
    if (!error.remedy().empty()) std::cerr << error.remedy() << '\n';
    return status;
}

}  // namespace

int plugin_host(const std::vector<std::string>& args) {
    const auto stage = path_in("ESCALATOR_STAGE");
    const auto record = path_in("ESCALATOR_RECORD");
    const auto kept = path_in("ESCALATOR_KEEP") + "record";
    if (args.size() < 2 || stage.empty() || record.empty()) return 2;
    action::PluginStep step;
    step.program = args[1];
    step.needs_undo = args.size() > 2;
    step.request = std::string(std::istreambuf_iterator<char>(std::cin), {});
    step.at_stage = [&](std::string_view word) {
        return write_file(stage, std::string(word) + "\n");
    };
    step.keep = [&](const std::string& text) -> Status {
        if (auto saved = write_file(kept, text + "\n"); !saved) return saved;
        return write_file(record, text + "\n");
    };
    step.tell = [](const std::string& message) { std::cout << printable(message) << std::endl; };
    if (args[0] == "undo") {
        step.record = text_of(record);
        auto undone = action::undo_plugin(step);
        if (!undone) return complain(undone.error(), 1);
        std::error_code ignored;
        std::filesystem::remove(kept, ignored);
        return 0;
    }
    // what an earlier attempt of the same step has left
    step.record = text_of(kept);
    if (args[0] == "check") {
        auto done = action::check_plugin(step);
        if (!done) return complain(done.error(), 2);
        return *done ? 0 : 1;
    }
    if (!step.record.empty()) {
        if (auto saved = write_file(record, step.record + "\n"); !saved)
            return complain(saved.error(), 1);
    }
    auto done = action::perform_plugin(step);
    return done ? 0 : complain(done.error(), 1);
}

}  // namespace escalator::cmd
