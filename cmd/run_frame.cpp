// SPDX-License-Identifier: Apache-2.0
#include "cmd/run_frame.hpp"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/text.hpp"
#include "base/units.hpp"
#include "cmd/view/run_view.hpp"
#include "engine/codec.hpp"

namespace escalator::cmd {

void NodeFlags::declare(CLI::App& app) {
    app.add_option("--fanout", fanout, "Nodes worked on at once, at most 1000; default: 50")
        ->check(CLI::Range(1, 1000).description(""))
        ->type_name("N");
    app.add_option("--ssh-config", ssh_config, "SSH configuration instead of ~/.ssh/config")
        ->type_name("FILE");
    app.add_option("--plugins", plugins, "Directory with plugins, before the installed ones")
        ->type_name("DIR");
    app.add_option("--connect-timeout", connect_timeout,
                   "How long one attempt to connect may take; default: 10s")
        ->type_name("DURATION");
    app.add_option("--keepalive", keepalive,
                   "Silence after which a connection counts as dead; default: 15s")
        ->type_name("DURATION");
    app.add_option("--reconnect", reconnect,
                   "How long a lost node is tried again within a step; default: 2m")
        ->type_name("DURATION");
    app.add_flag("--steal-lease", steal_lease,
                 "Take nodes from the run that holds them: only when its controller is gone");
}

Result<runner::Settings> NodeFlags::settings() const {
    runner::Settings out;
    out.fanout = fanout;
    out.version = ESCALATOR_VERSION;
    out.steal_lease = steal_lease;
    out.node.ssh_config = ssh_config;
    for (const auto& [flag, text, target] :
         {std::tuple("--connect-timeout", &connect_timeout, &out.node.connect_timeout),
          std::tuple("--reconnect", &reconnect, &out.node.reconnect_budget),
          std::tuple("--keepalive", &keepalive, &out.node.keepalive)}) {
        auto duration = parse_duration(*text);
        if (!duration) return std::move(duration).fail(flag);
        *target = *duration;
    }
    for (const auto& dir : plugins) out.plugin_path.emplace_back(dir);
    if (const char* path = std::getenv("ESCALATOR_PLUGINS")) {
        for (const auto dir : split(path, ':')) out.plugin_path.emplace_back(dir);
    }
    out.plugin_path.emplace_back(ESCALATOR_PLUGIN_DIR);
    return out;
}

void Narrator::say(Time time, const std::string& text, const char* sgr) {
    const auto clock = format_utc(time).substr(11, 8);
    io_.err() << clock << ' '
              << (*sgr == '\0' ? printable(text) : io_.paint_err(printable(text), sgr))
              << std::endl;
}

void Narrator::told(const std::string& text) { io_.err() << text << std::endl; }

void Narrator::seen(const engine::Event& event, const engine::State& /*state*/) {
    const auto line = view::event_line(plan_, event);
    if (io_.output == Output::jsonl) {
        const auto record = engine::to_record(plan_, event);
        io_.out() << fmt::format(R"({{"time":"{}","event":"{}","data":{}}})",
                                 format_utc(record.time), record.event, record.data)
                  << std::endl;
    }
    if (!line.text.empty()) say(event.time, line.text, line.sgr);
}

Status confirm(Io& io, const std::string& question, bool yes) {
    if (yes) return ok();
    if (!io.in_is_terminal) {
        return Error(ErrorCode::usage, "there is no terminal to ask on")
            .advise("say --yes to go ahead without a question");
    }
    io.err() << question << " [y/N] " << std::flush;
    std::string answer;
    std::getline(std::cin, answer);
    if (answer == "y" || answer == "Y" || answer == "yes") return ok();
    return Error(ErrorCode::refused, "nothing was done");
}

namespace {

ExitCode exit_of_suspension(const engine::State& state, bool was_rollback) {
    switch (state.suspension->why) {
        case engine::Why::until:
        case engine::Why::window:
        case engine::Why::operator_asked:
            return ExitCode::ok;
        case engine::Why::wave_undone:
            return was_rollback ? ExitCode::ok : ExitCode::rolled_back;
        case engine::Why::step_failed:
        case engine::Why::step_lost:
        case engine::Why::node_unreachable:
        case engine::Why::undo_failed:
        case engine::Why::limit:
        case engine::Why::no_return:
        case engine::Why::tolerance:
            break;
    }
    return ExitCode::left_changed;
}

ExitCode exit_of(const runner::Finish& finish, bool was_rollback) {
    const auto& state = finish.state;
    if (state.status == engine::RunStatus::ended) {
        switch (*state.ending) {
            case engine::Ending::done:
                if (was_rollback && finish.signal != 0) break;  // stopped before it had begun
                return ExitCode::ok;
            case engine::Ending::rolled_back:
                return was_rollback ? ExitCode::ok : ExitCode::rolled_back;
            case engine::Ending::partly_rolled_back:
                return ExitCode::left_changed;
        }
    }
    if (finish.signal != 0) return exit_of_signal(finish.signal);
    return state.suspension ? exit_of_suspension(state, was_rollback) : ExitCode::left_changed;
}

}  // namespace

ExitCode conclude(Io& io, const planner::Plan& plan, const runner::Finish& finish,
                  bool was_rollback) {
    if (finish.state.status == engine::RunStatus::fresh) {
        io.err() << "stopped before anything was started\n";
        return exit_of(finish, was_rollback);
    }
    if (io.output == Output::human) {
        io.out() << view::standing_text(plan, finish.state);
    } else if (io.output == Output::json) {
        io.answer(nlohmann::json::parse(view::status_json(plan, finish.state)));
    }
    return exit_of(finish, was_rollback);
}

}  // namespace escalator::cmd
