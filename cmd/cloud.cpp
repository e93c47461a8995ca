// SPDX-License-Identifier: Apache-2.0
// escalator cloud: what a cloud is made of, and how each server could leave its host. Changes
// nothing.
#include <CLI/CLI.hpp>
#include <atomic>
#include <nlohmann/json.hpp>
#include <ostream>
#include <stop_token>

#include "base/units.hpp"
#include "cloud/config.hpp"
#include "cloud/gather.hpp"
#include "cloud/session.hpp"
#include "cmd/commands.hpp"
#include "cmd/view/cloud_view.hpp"
#include "facts/verdict.hpp"
#include "runner/signals.hpp"

namespace escalator::cmd {

namespace {

class Cloud final : public Command {
public:
    void declare(CLI::App& app) override {
        app.add_option("cloud", name_, "Cloud: its name in clouds.yaml; default: $OS_CLOUD")
            ->type_name("CLOUD");
        app.add_flag("--servers", all_, "List every server, also those that migrate live");
        app.add_option("--fanout", options_.parallel, "Requests at once; default: 16")
            ->check(CLI::Range(1, 256).description(""))
            ->type_name("N");
        app.add_option("--patience", patience_,
                       "How long to wait for an API that is away; default: 1m")
            ->type_name("DURATION");
    }

    ExitCode run(Io& io) override {
        const auto outage = parse_duration(patience_);
        if (!outage) return io.fail(Error(outage.error()).within("--patience"));
        auto config = cloud::read_config(name_, cloud::surroundings());
        if (!config) return io.fail(config.error());
        std::stop_source stop;
        std::atomic<int> signal{0};
        const runner::SignalThread signals([&](int number) {
            signal = number;
            stop.request_stop();
        });
        cloud::Patience patience;
        patience.outage = *outage;
        cloud::Session session(std::move(*config), patience);
        const auto facts = cloud::gather(session, options_, stop.get_token());
        if (!facts) {
            if (facts.error().code() == ErrorCode::cancelled) return exit_of_signal(signal);
            return io.fail(facts.error());
        }
        const auto verdicts = facts::judge(*facts);
        if (io.output == Output::human) {
            io.out() << view::cloud_text(*facts, verdicts, all_) << std::flush;
        } else {
            io.answer(view::cloud_json(*facts, verdicts));
        }
        return ExitCode::ok;
    }

private:
    std::string name_;
    std::string patience_ = "1m";
    bool all_ = false;
    cloud::GatherOptions options_;
};

}  // namespace

const Entry cloud_command{
    .name = "cloud",
    .summary = "Show a cloud's hosts, and how each server could leave its own",
    .examples =
        "escalator cloud east\n"
        "escalator cloud east --json | jq '.servers[] | select(.verdict.way == \"never\")'\n",
    .touches = {.cloud = true},
    .make = [] { return std::unique_ptr<Command>(std::make_unique<Cloud>()); },
};

}  // namespace escalator::cmd
