// SPDX-License-Identifier: Apache-2.0
// escalator test: run the campaign's verifications now, changing nothing.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <map>
#include <nlohmann/json.hpp>
#include <ostream>

#include "base/text.hpp"
#include "cmd/commands.hpp"
#include "cmd/input.hpp"
#include "cmd/run_frame.hpp"
#include "engine/codec.hpp"
#include "journal/reader.hpp"
#include "journal/writer.hpp"
#include "runner/checks.hpp"
#include "runner/leftovers.hpp"

namespace escalator::cmd {

namespace {

class Test final : public Command {
public:
    void declare(CLI::App& app) override {
        app.add_option("what", what_,
                       "Saved plan, or run (an id or a directory); default: the newest run")
            ->type_name("PLAN|RUN");
        flags_.declare(app);
    }

    ExitCode run(Io& io) override {
        auto settings = flags_.settings();
        if (!settings) return io.fail(settings.error());
        std::error_code ignored;
        if (std::filesystem::is_regular_file(what_, ignored)) {
            auto plan = read_fresh_plan(what_);
            if (!plan) return io.fail(plan.error());
            return check_apart(io, *plan, *settings);
        }
        auto dir = runner::find_run(io.state_dir, what_);
        if (!dir) return io.fail(dir.error());
        auto plan = runner::load_plan(*dir);
        if (!plan) return io.fail(plan.error());
        // holding the journal keeps a controller of the same run away meanwhile
        journal::History history;
        auto writer = journal::Writer::open(dir->path, history);
        if (!writer) return io.fail(writer.error());
        auto state = engine::replay_records(*plan, history.records);
        if (!state) return io.fail(state.error());
        if (state->status == engine::RunStatus::ended) return check_apart(io, *plan, *settings);
        Narrator narrator(io, *plan);
        auto checks = runner::run_checks(*plan, *dir, true, *settings, narrator);
        if (!checks) return io.fail(checks.error());
        return report(io, *plan, *checks);
    }

private:
    /// Tests without a run that holds the nodes.
    static ExitCode check_apart(Io& io, const planner::Plan& plan,
                                const runner::Settings& settings) {
        Narrator narrator(io, plan);
        runner::clear_leftovers(io.state_dir, settings, narrator);
        auto passing = runner::Passing::create(io.state_dir, plan);
        if (!passing) return io.fail(passing.error());
        auto checks = runner::run_checks(plan, passing->dir(), false, settings, narrator);
        if (!checks) return io.fail(checks.error());
        if (checks->leased) passing->leave();
        return report(io, plan, *checks);
    }

    static ExitCode report(Io& io, const planner::Plan& plan, const runner::Checks& checks) {
        std::size_t failed = 0;
        auto list = nlohmann::json::array();
        std::map<std::string, std::vector<std::string>> passed;
        for (const auto& it : checks.list) {
            const auto& procedure = plan.procedures[it.step.procedure];
            const auto name =
                fmt::format("{}:{}", procedure.name, procedure.steps[it.step.step].name);
            if (it.passed()) passed[name].push_back(plan.nodes[it.step.node].name);
            if (!it.passed()) ++failed;
            if (io.output != Output::human) {
                list.push_back({{"step", planner::step_id(plan, it.step)},
                                {"passed", it.passed()},
                                {"outcome", engine::word_of(it.result.outcome)},
                                {"message", it.result.message}});
            } else if (!it.passed()) {
                io.out() << fmt::format("{} {}: {}\n", io.paint("FAILED", "31"),
                                        planner::step_id(plan, it.step),
                                        printable(it.result.message));
            }
        }
        if (io.output == Output::human) {
            for (const auto& [name, nodes] : passed) {
                io.out() << fmt::format("{} {}: {}\n", io.paint("passed", "32"), name,
                                        fold_names(nodes));
            }
            io.out() << (checks.list.empty()
                             ? std::string("the campaign has no verifications\n")
                             : fmt::format("{} of {} passed\n", checks.list.size() - failed,
                                           checks.list.size()));
        } else {
            io.answer({{"format", "escalator-test/1"}, {"failed", failed}, {"checks", list}});
        }
        if (checks.signal != 0) {
            io.err() << "stopped before all checks were made\n";
            return exit_of_signal(checks.signal);
        }
        return failed == 0 ? ExitCode::ok : ExitCode::failed;
    }

    std::string what_;
    NodeFlags flags_;
};

}  // namespace

const Entry test_command{
    .name = "test",
    .summary = "Run a campaign's verifications, changing nothing",
    .examples =
        "escalator test plan.json\n"
        "escalator test 20261123-030000-4f2a\n",
    .touches = {.state = true, .nodes = true},
    .make = [] { return std::unique_ptr<Command>(std::make_unique<Test>()); },
};

}  // namespace escalator::cmd
