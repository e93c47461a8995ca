// SPDX-License-Identifier: Apache-2.0
// escalator status: tell how far a run got. Reads the journal, touches no node.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>
#include <optional>
#include <ostream>
#include <stop_token>

#include "cmd/commands.hpp"
#include "cmd/view/run_view.hpp"
#include "engine/codec.hpp"
#include "journal/reader.hpp"
#include "runner/run_dir.hpp"
#include "runner/signals.hpp"

namespace escalator::cmd {

namespace {

constexpr Milliseconds watch_every{1000};

class RunStatus final : public Command {
public:
    void declare(CLI::App& app) override {
        app.add_option("run", run_, "Run: an id or a directory; default: the newest")
            ->type_name("RUN");
        app.add_flag("--list", list_, "List the runs there are");
        app.add_flag("--watch", watch_, "Show it anew every second, until the run stands or ends");
    }

    ExitCode run(Io& io) override {
        if (list_) return list(io);
        auto dir = runner::find_run(io.state_dir, run_);
        if (!dir) return io.fail(dir.error());
        auto plan = runner::load_plan(*dir);
        if (!plan) return io.fail(plan.error());
        std::stop_source stop;
        std::optional<runner::SignalThread> signals;
        if (watch_) signals.emplace([&stop](int /*number*/) { stop.request_stop(); });
        for (;;) {
            auto history = journal::read(dir->path);
            if (!history) return io.fail(history.error());
            auto state = engine::replay_records(*plan, history->records);
            if (!state) return io.fail(state.error());
            const auto holder = journal::holder(dir->path);
            const bool alive = holder && holder->held;
            show(io, *plan, *state, alive, holder ? holder->pid : 0);
            if (!watch_ || !alive) return ExitCode::ok;
            if (!wait_until(std::chrono::steady_clock::now() + watch_every, stop.get_token()))
                return ExitCode::ok;
        }
    }

private:
    void show(Io& io, const planner::Plan& plan, const engine::State& state, bool alive,
              long pid) const {
        if (io.output != Output::human) {
            io.answer(nlohmann::json::parse(view::status_json(plan, state)));
            return;
        }
        if (watch_ && io.colour_out) io.out() << "\x1b[H\x1b[2J";
        io.out() << view::status_text(plan, state, SystemClock().now());
        if (alive) {
            io.out() << fmt::format("Process {} is at work on it.\n", pid);
        } else if (state.status == engine::RunStatus::running) {
            io.out() << "Its controller is gone; nothing is lost.\n";
        }
        io.out() << std::flush;
    }

    static ExitCode list(Io& io) {
        auto runs = nlohmann::json::array();
        for (const auto& id : runner::run_ids(io.state_dir)) {
            const runner::RunDir dir{io.state_dir / id};
            auto plan = runner::load_plan(dir);
            auto history = journal::read(dir.path);
            const bool started = history && !history->records.empty();
            if (io.output == Output::human) {
                const auto* otherwise = history ? "never started" : "unreadable";
                io.out() << fmt::format("{}  {:<24} {}\n", id, plan ? plan->campaign : "?",
                                        started ? history->records.back().event : otherwise);
            } else {
                using nlohmann::json;
                runs.push_back({{"run", id},
                                {"campaign", plan ? json(plan->campaign) : json(nullptr)},
                                {"last_event",
                                 started ? json(history->records.back().event) : json(nullptr)}});
            }
        }
        if (io.output != Output::human) {
            io.answer({{"format", "escalator-runs/1"}, {"runs", runs}});
        }
        return ExitCode::ok;
    }

    std::string run_;
    bool list_ = false;
    bool watch_ = false;
};

}  // namespace

const Entry status_command{
    .name = "status",
    .summary = "Show how far a run got",
    .examples =
        "escalator status\n"
        "escalator status --watch 20261123-030000-4f2a\n"
        "escalator status --json | jq .suspended\n",
    .touches = {.state = true},
    .make = [] { return std::unique_ptr<Command>(std::make_unique<RunStatus>()); },
};

}  // namespace escalator::cmd
