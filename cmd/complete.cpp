// SPDX-License-Identifier: Apache-2.0
#include "cmd/complete.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <ostream>

#include "cmd/command.hpp"
#include "runner/run_dir.hpp"

namespace escalator::cmd {

namespace {

void offer(const std::string& candidate, const std::string& start, std::ostream& out) {
    if (candidate.starts_with(start)) out << candidate << '\n';
}

void offer_flags(const CLI::App& app, const std::string& start, std::ostream& out) {
    for (const auto* option : app.get_options()) {
        for (const auto& name : option->get_lnames()) offer("--" + name, start, out);
    }
}

}  // namespace

int complete(const std::vector<std::string>& words, std::ostream& out) {
    const std::string last = words.empty() ? "" : words.back();
    const Entry* chosen = nullptr;
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        for (const auto& entry : entries()) {
            if (chosen == nullptr && entry.name == words[i]) chosen = &entry;
        }
    }
    Frame frame;
    const auto app = make_app(frame, chosen);
    if (last.starts_with('-')) {
        offer_flags(*app, last, out);
        if (chosen != nullptr)
            offer_flags(*app->get_subcommand(std::string(chosen->name)), last, out);
        return 0;
    }
    const std::string before = words.size() < 2 ? "" : words[words.size() - 2];
    if (before == "--output") {
        for (const auto* word : {"human", "json", "jsonl"}) offer(word, last, out);
    } else if (before == "--color") {
        for (const auto* word : {"auto", "always", "never"}) offer(word, last, out);
    } else if (chosen == nullptr) {
        for (const auto& entry : entries()) offer(std::string(entry.name), last, out);
    } else if (chosen->name == "status" || chosen->name == "rollback" || before == "--resume") {
        const char* state = std::getenv("ESCALATOR_STATE");
        for (const auto& id : runner::run_ids(state == nullptr ? "/var/lib/escalator" : state))
            offer(id, last, out);
    }
    return 0;
}

}  // namespace escalator::cmd
