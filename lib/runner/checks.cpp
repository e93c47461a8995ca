// SPDX-License-Identifier: Apache-2.0
#include "runner/checks.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "runner/inbox.hpp"
#include "runner/jobs.hpp"
#include "runner/reach.hpp"
#include "runner/signals.hpp"

namespace escalator::runner {

Result<Checks> run_checks(const planner::Plan& plan, const RunDir& dir, bool keep_lease,
                          const Settings& settings, Observer& observer) {
    Inbox inbox;
    const SignalThread signals([&inbox](int number) { inbox.put(Signalled{number}); });
    if (auto made = make_private_dir(dir.steps()); !made) return std::move(made).take_error();
    Reach reach(plan, dir, settings);
    observer.told(fmt::format("reaching {} nodes", reach.targets().size()));
    if (auto ready = reach.prepare(observer, true, {}); !ready) {
        if (!keep_lease) reach.release(node::Kept::for_rollback);
        return std::move(ready).take_error();
    }
    const Jobs jobs(plan, dir.run(), settings.plugin_path);
    // keys name an attempt for good: each testing has its own
    const auto round = random_hex(4);
    std::atomic<bool> stopping{false};
    std::size_t waiting = 0;
    Checks out;
    for (std::uint32_t p = 0; p < plan.procedures.size(); ++p) {
        const auto& procedure = plan.procedures[p];
        for (const auto& wave : procedure.waves) {
            for (const auto node : wave.nodes) {
                for (auto s = procedure.first_verify; s < procedure.steps.size(); ++s) {
                    const engine::JobIntent intent{
                        {p, node, s}, engine::Phase::perform, 1, false, true};
                    auto key = fmt::format("test.{}.{}", round, jobs.key(intent));
                    auto placed = jobs.job(intent, "", dir.steps() / (key + ".log"));
                    if (!placed) {
                        out.list.push_back({intent.step, Jobs::refused(intent, placed.error())});
                        continue;
                    }
                    if (!*placed) continue;
                    (*placed)->job.key = std::move(key);
                    ++waiting;
                    reach.post(node, (*placed)->on_controller,
                               [&inbox, &jobs, &stopping, intent, job = std::move((*placed)->job)](
                                   node::Session& session, const std::stop_token& stop) {
                                   if (stopping) return inbox.put(Ended{{}, true});
                                   const auto result = session.run(job, stop);
                                   inbox.put(Ended{jobs.ended(intent, result), false});
                               });
                }
            }
        }
    }
    while (waiting > 0 && !out.leased) {
        for (auto& message : inbox.take(std::nullopt)) {
            if (const auto* signalled = std::get_if<Signalled>(&message)) {
                out.leased = out.signal != 0;
                out.signal = signalled->number;
                stopping = true;
                continue;
            }
            auto& ended = std::get<Ended>(message);
            if (!ended.cancelled) out.list.push_back({ended.event.step, std::move(ended.event)});
            --waiting;
        }
    }
    if (!keep_lease && !out.leased) reach.release(node::Kept::for_rollback);
    reach.finish();
    std::sort(out.list.begin(), out.list.end(), [](const Checked& a, const Checked& b) {
        return std::tuple(a.step.procedure, a.step.step, a.step.node) <
               std::tuple(b.step.procedure, b.step.step, b.step.node);
    });
    return out;
}

}  // namespace escalator::runner
