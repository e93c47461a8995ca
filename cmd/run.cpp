// SPDX-License-Identifier: Apache-2.0
// escalator run: carry a saved plan out, or take a run up again.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ostream>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cmd/commands.hpp"
#include "cmd/input.hpp"
#include "cmd/run_frame.hpp"
#include "engine/codec.hpp"
#include "runner/leftovers.hpp"
#include "runner/run_dir.hpp"

namespace escalator::cmd {

namespace {

class Run final : public Command {
public:
    void declare(CLI::App& app) override {
        auto* plan =
            app.add_option("plan", plan_, "Plan saved by escalator plan -o")->type_name("PLAN");
        app.add_option("--resume", resume_, "Take this run up again instead: an id or a directory")
            ->type_name("RUN")
            ->excludes(plan);
        app.add_flag("-y,--yes", yes_, "Do not ask");
        app.add_option("--until", until_, "Stop before this procedure, or PROCEDURE:WAVE")
            ->type_name("PLACE");
        app.add_option("--answer", answers_, "With --resume: STEP=done, STEP=redo or STEP=failed")
            ->type_name("ANSWER");
        app.add_flag("--ignore-window", ignore_window_, "Start waves outside the time window too");
        app.add_flag("--retry-excluded", retry_excluded_,
                     "With --resume: try the nodes that were given up again");
        app.add_option("--exclude", exclude_,
                       "With --resume: go on without this node, and leave it as it is")
            ->type_name("NODE");
        flags_.declare(app);
    }

    ExitCode run(Io& io) override {
        auto settings = flags_.settings();
        if (!settings) return io.fail(settings.error());
        if (plan_.empty() == resume_.empty()) {
            return io.fail(
                Error(ErrorCode::usage, "name a plan, or a run with --resume")
                    .advise("escalator plan -o saves a plan; escalator status --list shows runs"));
        }
        return plan_.empty() ? again(io, *settings) : fresh(io, *settings);
    }

private:
    ExitCode fresh(Io& io, const runner::Settings& settings) {
        auto plan = read_fresh_plan(plan_);
        if (!plan) return io.fail(plan.error());
        auto wish = wish_for(*plan);
        if (!wish) return io.fail(wish.error());
        std::size_t nodes = 0;
        for (const auto& node : plan->nodes) nodes += node.down ? 0 : 1;
        auto agreed = confirm(
            io,
            fmt::format("Carry out {} on {} nodes? It is predicted to take {}, and {} to undo.",
                        plan->campaign, nodes, humane_duration(plan->predicted),
                        humane_duration(plan->predicted_rollback)),
            yes_);
        if (!agreed) return io.fail(agreed.error());
        Narrator narrator(io, *plan);
        runner::clear_leftovers(io.state_dir, settings, narrator);
        auto finish = runner::start_run(io.state_dir, *plan, *wish, settings, narrator);
        if (!finish) return io.fail(finish.error());
        return conclude(io, *plan, *finish, false);
    }

    ExitCode again(Io& io, const runner::Settings& settings) {
        auto dir = runner::find_run(io.state_dir, resume_);
        if (!dir) return io.fail(dir.error());
        auto plan = runner::load_plan(*dir);
        if (!plan) return io.fail(plan.error());
        auto wish = wish_for(*plan);
        if (!wish) return io.fail(wish.error());
        auto agreed =
            confirm(io, fmt::format("Go on with run {} of {}?", dir->run(), plan->campaign), yes_);
        if (!agreed) return io.fail(agreed.error());
        Narrator narrator(io, *plan);
        auto finish = runner::resume_run(*dir, *wish, settings, narrator);
        if (!finish) return io.fail(finish.error());
        return conclude(io, *plan, *finish, false);
    }

    Result<runner::Wish> wish_for(const planner::Plan& plan) const {
        runner::Wish out;
        out.ignore_window = ignore_window_;
        out.retry_excluded = retry_excluded_;
        if (auto known = check_until(plan); !known) return std::move(known).take_error();
        out.until = until_;
        if (resume_.empty() && !exclude_.empty()) {
            return Error(ErrorCode::usage, "--exclude gives up nodes of a run that has started")
                .advise("to leave a node out from the start, mark it down in the inventory");
        }
        for (const auto& name : exclude_) {
            auto node = find_node(plan, name);
            if (!node) return std::move(node).take_error();
            out.exclude.push_back(*node);
        }
        for (const auto& text : answers_) {
            const auto equals = text.rfind('=');
            const auto answer = equals == std::string::npos
                                    ? std::nullopt
                                    : engine::answer_of(text.substr(equals + 1));
            if (!answer) {
                return Error(ErrorCode::usage, fmt::format("\"{}\" is no answer", text))
                    .advise("write it like --answer PROCEDURE:STEP:NODE=done (or redo, or failed)");
            }
            auto step = planner::find_step(plan, text.substr(0, equals));
            if (!step)
                return Error(ErrorCode::usage, step.error().message())
                    .advise(step.error().remedy());
            out.answers.emplace_back(*step, *answer);
        }
        return out;
    }

    static Result<planner::NodeIndex> find_node(const planner::Plan& plan,
                                                const std::string& name) {
        std::vector<std::string> known;
        for (const auto& node : plan.nodes) known.push_back(node.name);
        const auto at = std::find(known.begin(), known.end(), name);
        if (at != known.end()) return static_cast<planner::NodeIndex>(at - known.begin());
        const auto close = closest(name, known);
        return Error(ErrorCode::usage, fmt::format("the plan has no node \"{}\"", printable(name)))
            .advise(close ? fmt::format("did you mean \"{}\"?", *close)
                          : "escalator status names the nodes");
    }

    Status check_until(const planner::Plan& plan) const {
        if (until_.empty()) return ok();
        for (const auto& procedure : plan.procedures) {
            if (until_ == procedure.name) return ok();
            for (std::size_t w = 1; w <= procedure.waves.size(); ++w) {
                if (until_ == fmt::format("{}:{}", procedure.name, w)) return ok();
            }
        }
        return Error(ErrorCode::usage, fmt::format("the plan has no place \"{}\"", until_))
            .advise("name a procedure, or PROCEDURE:WAVE with waves counted from 1");
    }

    std::string plan_;
    std::string resume_;
    std::string until_;
    std::vector<std::string> answers_;
    std::vector<std::string> exclude_;
    bool yes_ = false;
    bool ignore_window_ = false;
    bool retry_excluded_ = false;
    NodeFlags flags_;
};

}  // namespace

const Entry run_command{
    .name = "run",
    .summary = "Carry a plan out, or take a run up again",
    .examples =
        "escalator run plan.json\n"
        "escalator run plan.json --yes --until computes:2\n"
        "escalator run --resume 20261123-030000-4f2a\n"
        "escalator run --resume 20261123-030000-4f2a --exclude compute07\n",
    .touches = {.state = true, .nodes = true, .changes = true},
    .make = [] { return std::unique_ptr<Command>(std::make_unique<Run>()); },
};

}  // namespace escalator::cmd
