// SPDX-License-Identifier: Apache-2.0
// escalator rollback: undo what a run did, in the reverse order.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <ostream>

#include "base/account.hpp"
#include "base/units.hpp"
#include "cmd/commands.hpp"
#include "cmd/run_frame.hpp"
#include "runner/leftovers.hpp"
#include "runner/run_dir.hpp"

namespace escalator::cmd {

namespace {

class Rollback final : public Command {
public:
    void declare(CLI::App& app) override {
        app.add_option("run", run_, "Run to undo: an id or a directory; default: the newest")
            ->type_name("RUN");
        auto* wave =
            app.add_option("--wave", wave_, "Only this wave, as PROCEDURE:WAVE")->type_name("WAVE");
        auto* node =
            app.add_option("--node", node_, "Only this node, in all procedures")->type_name("NODE");
        auto* procedure = app.add_option("--procedure", procedure_, "Only this procedure")
                              ->type_name("PROCEDURE");
        wave->excludes(node)->excludes(procedure);
        node->excludes(procedure);
        app.add_flag("--past-no-return", past_no_return_,
                     "Leave steps that cannot be undone, and undo what was before them");
        app.add_flag("-y,--yes", yes_, "Do not ask");
        flags_.declare(app);
    }

    ExitCode run(Io& io) override {
        auto settings = flags_.settings();
        if (!settings) return io.fail(settings.error());
        auto dir = runner::find_run(io.state_dir, run_);
        if (!dir) return io.fail(dir.error());
        auto plan = runner::load_plan(*dir);
        if (!plan) return io.fail(plan.error());
        auto scope = scope_in(*plan);
        if (!scope) return io.fail(scope.error());
        auto agreed = confirm(io,
                              fmt::format("Undo {} of run {}? All of it is predicted to take {}.",
                                          scope->kind == engine::Scope::Kind::all ? "all" : "part",
                                          dir->run(), humane_duration(plan->predicted_rollback)),
                              yes_);
        if (!agreed) return io.fail(agreed.error());
        runner::Wish wish;
        wish.rollback =
            engine::RollbackStarted{*scope, true, past_no_return_, "asked by " + whoami()};
        Narrator narrator(io, *plan);
        runner::clear_leftovers(io.state_dir, *settings, narrator);
        auto finish = runner::resume_run(*dir, wish, *settings, narrator);
        if (!finish) return io.fail(finish.error());
        return conclude(io, *plan, *finish, true);
    }

private:
    Result<engine::Scope> scope_in(const planner::Plan& plan) const {
        engine::Scope scope;
        const auto unknown = [](const char* what, const std::string& name) {
            return Error(ErrorCode::usage, fmt::format("the plan has no {} \"{}\"", what, name));
        };
        if (!node_.empty()) {
            const auto at = std::find_if(plan.nodes.begin(), plan.nodes.end(),
                                         [&](const auto& it) { return it.name == node_; });
            if (at == plan.nodes.end()) return unknown("node", node_);
            scope.kind = engine::Scope::Kind::node;
            scope.node = static_cast<engine::NodeIndex>(at - plan.nodes.begin());
            return scope;
        }
        const auto colon = wave_.find(':');
        const auto name = wave_.empty() ? procedure_ : wave_.substr(0, colon);
        if (name.empty()) return scope;
        const auto at = std::find_if(plan.procedures.begin(), plan.procedures.end(),
                                     [&](const auto& it) { return it.name == name; });
        if (at == plan.procedures.end()) return unknown("procedure", name);
        scope.kind = engine::Scope::Kind::procedure;
        scope.procedure = static_cast<std::uint32_t>(at - plan.procedures.begin());
        if (wave_.empty()) return scope;
        std::uint32_t number = 0;
        if (colon != std::string::npos)
            std::from_chars(wave_.data() + colon + 1, wave_.data() + wave_.size(), number);
        if (number == 0 || number > at->waves.size()) return unknown("wave", wave_);
        scope.kind = engine::Scope::Kind::wave;
        scope.wave = number - 1;
        return scope;
    }

    std::string run_;
    std::string wave_;
    std::string node_;
    std::string procedure_;
    bool past_no_return_ = false;
    bool yes_ = false;
    NodeFlags flags_;
};

}  // namespace

const Entry rollback_command{
    .name = "rollback",
    .summary = "Undo what a run did, in reverse order",
    .examples =
        "escalator rollback 20261123-030000-4f2a\n"
        "escalator rollback --node compute07 --yes\n"
        "escalator rollback --wave computes:2\n",
    .touches = {.state = true, .nodes = true, .changes = true},
    .make = [] { return std::unique_ptr<Command>(std::make_unique<Rollback>()); },
};

}  // namespace escalator::cmd
