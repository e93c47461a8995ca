// SPDX-License-Identifier: Apache-2.0
// The hidden __complete: what a shell may offer. What an option wants is told by its type name, the
// same that help and manual show.
#include "cmd/complete.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>
#include <ostream>

#include "base/file.hpp"
#include "base/text.hpp"
#include "cmd/command.hpp"
#include "cmd/state_dir.hpp"
#include "engine/codec.hpp"
#include "journal/reader.hpp"
#include "runner/run_dir.hpp"

namespace escalator::cmd {

namespace {

/// The words before the one to complete, understood as far as they go.
struct Line {
    const Entry* command = nullptr;
    std::map<std::string, std::string> values;  ///< by long name without dashes
    std::vector<std::string> positionals;       ///< behind the command
    const CLI::Option* open = nullptr;          ///< waits for its value
    bool only_positionals = false;              ///< after "--"
};

class Completer {
public:
    Completer(const std::vector<std::string>& words, std::ostream& out) : out_(out) {
        line_.command = find_entry({words.begin(), words.end() - (words.empty() ? 0 : 1)});
        app_ = make_app(frame_, line_.command);
        if (line_.command != nullptr) sub_ = app_->get_subcommand(std::string(line_.command->name));
        read(words);
        last_ = words.empty() ? "" : words.back();
    }

    void offer_all() {
        if (line_.open != nullptr) return offer_values(*line_.open);
        const auto equals = last_.find('=');
        if (!line_.only_positionals && last_.starts_with("--") && equals != std::string::npos) {
            prefix_ = last_.substr(0, equals + 1);
            last_.erase(0, equals + 1);
            if (const auto* option = find(prefix_.substr(0, equals))) offer_values(*option);
            return;
        }
        if (!line_.only_positionals && last_.starts_with('-')) return offer_flags();
        if (line_.command == nullptr) {
            for (const auto& entry : entries()) offer(std::string(entry.name), entry.summary);
        } else if (line_.positionals.empty()) {
            for (const auto* option : sub_->get_options())
                if (option->get_positional()) offer_values(*option);
        }
    }

private:
    const CLI::Option* find(const std::string& name) const {
        for (const auto* from : {sub_, static_cast<const CLI::App*>(app_.get())}) {
            if (from == nullptr) continue;
            for (const auto* option : from->get_options())
                if (!option->get_positional() && option->check_name(name)) return option;
        }
        return nullptr;
    }

    static bool takes_value(const CLI::Option& option) {
        return option.get_items_expected_max() > 0;
    }

    void read(const std::vector<std::string>& words) {
        bool behind_command = false;
        for (std::size_t i = 0; i + 1 < words.size(); ++i) {
            const auto& word = words[i];
            if (line_.open != nullptr) {
                line_.values[line_.open->get_lnames().front()] = word;
                line_.open = nullptr;
            } else if (word == "--" && behind_command) {
                line_.only_positionals = true;
            } else if (!line_.only_positionals && word.size() > 1 && word.starts_with('-')) {
                const auto equals = word.find('=');
                const auto* option = find(word.substr(0, equals));
                if (option == nullptr || !takes_value(*option)) continue;
                if (equals == std::string::npos) {
                    line_.open = option;
                } else {
                    line_.values[option->get_lnames().front()] = word.substr(equals + 1);
                }
            } else if (behind_command) {
                line_.positionals.push_back(word);
            } else {
                behind_command = true;
            }
        }
    }

    void offer(const std::string& candidate, std::string_view meaning = {}) {
        if (!candidate.starts_with(last_)) return;
        out_ << prefix_ << candidate;
        if (!meaning.empty()) out_ << '\t' << meaning;
        out_ << '\n';
    }

    void offer_flags() {
        for (const auto* from : {sub_, static_cast<const CLI::App*>(app_.get())}) {
            if (from == nullptr) continue;
            for (const auto* option : from->get_options()) {
                for (const auto& name : option->get_lnames()) {
                    // both have --help
                    if (from == sub_ || sub_ == nullptr || name != "help")
                        offer("--" + name, option->get_description());
                }
            }
        }
    }

    void offer_values(const CLI::Option& option) {
        const auto kind = option.get_type_name();
        if (kind == "DIR") {
            out_ << ":dirs\n";
        } else if (kind == "FILE" || kind == "CAMPAIGN" || kind == "PLAN") {
            out_ << ":files\n";
        } else if (kind == "PLAN|RUN") {
            offer_runs(false);
            out_ << ":files\n";
        } else if (kind == "RUN") {
            offer_runs(option.check_name("--resume"));
        } else if (kind == "NODE" || kind == "PROCEDURE" || kind == "WAVE" || kind == "PLACE" ||
                   kind == "ANSWER") {
            if (const auto plan = find_plan()) offer_of_plan(*plan, kind);
        } else if (kind.find('|') != std::string::npos) {
            for (const auto word : split(kind, '|')) offer(std::string(word));
        }
    }

    std::filesystem::path state() const {
        const auto given = line_.values.find("state");
        return state_dir(given == line_.values.end() ? "" : given->second);
    }

    /// "nova-minor, done", from the run's plan and the last line of its journal.
    void offer_runs(bool resumable_only) {
        auto ids = runner::run_ids(state());
        std::reverse(ids.begin(), ids.end());  // the newest first
        for (const auto& id : ids) {
            if (!id.starts_with(last_)) continue;
            const runner::RunDir dir{state() / id};
            const auto history = journal::read(dir.path);
            if (!history || history->records.empty()) continue;
            const auto& event = history->records.back().event;
            if (resumable_only && event == "run_ended") continue;
            const auto plan = runner::load_plan(dir);
            offer(id, fmt::format("{}, {}", plan ? plan->campaign : "?", event));
        }
    }

    /// The run that the line names, else the newest.
    Result<runner::RunDir> find_run() const {
        std::string name;
        if (const auto it = line_.values.find("resume"); it != line_.values.end())
            name = it->second;
        else if (!line_.positionals.empty())
            name = line_.positionals.front();
        return runner::find_run(state(), name);
    }

    std::optional<planner::Plan> find_plan() const {
        const bool saved =
            line_.command != nullptr && line_.command->name == "run" && !line_.positionals.empty();
        if (saved) {
            const auto text = read_file(line_.positionals.front());
            auto plan = text ? planner::plan_from_json_text(*text) : text.error();
            return plan ? std::optional(std::move(*plan)) : std::nullopt;
        }
        const auto dir = find_run();
        if (!dir) return std::nullopt;
        auto plan = runner::load_plan(*dir);
        return plan ? std::optional(std::move(*plan)) : std::nullopt;
    }

    void offer_of_plan(const planner::Plan& plan, const std::string& kind) {
        if (kind == "NODE") {
            for (const auto& node : plan.nodes) offer(node.name);
            return;
        }
        if (kind == "ANSWER") return offer_answers(plan);
        for (const auto& procedure : plan.procedures) {
            if (kind != "WAVE") offer(procedure.name);
            if (kind == "PROCEDURE") continue;
            for (std::size_t w = 1; w <= procedure.waves.size(); ++w)
                offer(fmt::format("{}:{}", procedure.name, w));
        }
    }

    /// Answers to what the run asks; when it asks nothing, there is nothing to answer.
    void offer_answers(const planner::Plan& plan) {
        const auto dir = find_run();
        if (!dir) return;
        const auto history = journal::read(dir->path);
        if (!history) return;
        const auto state = engine::replay_records(plan, history->records);
        if (!state) return;
        for (const auto& lane : state->lanes) {
            for (std::uint32_t s = 0; s < lane.steps.size(); ++s) {
                const auto status = lane.steps[s].status;
                if (status != engine::StepStatus::uncertain &&
                    status != engine::StepStatus::failed &&
                    status != engine::StepStatus::undo_failed)
                    continue;
                const auto id = planner::step_id(plan, {lane.procedure, lane.node, s});
                offer(id + "=done", "it has reached its goal");
                offer(id + "=redo", "do it again");
                offer(id + "=failed", "act as the campaign says");
            }
        }
    }

    std::ostream& out_;
    Frame frame_;
    Line line_;
    std::unique_ptr<CLI::App> app_;
    const CLI::App* sub_ = nullptr;
    std::string last_;
    std::string prefix_;
};

}  // namespace

int complete(const std::vector<std::string>& words, std::ostream& out) {
    Completer(words, out).offer_all();
    return 0;
}

}  // namespace escalator::cmd
