// SPDX-License-Identifier: Apache-2.0
#include "runner/checks.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "runner/inbox.hpp"
#include "runner/jobs.hpp"
#include "runner/reach.hpp"

namespace escalator::runner {

Result<std::vector<Checked>> run_checks(const planner::Plan& plan, const RunDir& dir,
                                        bool keep_lease, const Settings& settings,
                                        Observer& observer) {
    if (auto made = make_private_dir(dir.steps()); !made) return std::move(made).take_error();
    Reach reach(plan, dir, settings);
    observer.told(fmt::format("reaching {} nodes", reach.targets().size()));
    if (auto ready = reach.prepare(observer, true); !ready) {
        if (!keep_lease) reach.release();
        return std::move(ready).take_error();
    }
    const Jobs jobs(plan, dir.run(), settings.plugin_path);
    // keys name an attempt for good: each testing has its own
    const auto round = random_hex(4);
    Inbox inbox;
    std::size_t waiting = 0;
    std::vector<Checked> out;
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
                        out.push_back({intent.step, Jobs::refused(intent, placed.error())});
                        continue;
                    }
                    if (!*placed) continue;
                    (*placed)->job.key = std::move(key);
                    ++waiting;
                    reach.post(node, (*placed)->on_controller,
                               [&inbox, &jobs, intent, job = std::move((*placed)->job)](
                                   node::Session& session, const std::stop_token& stop) {
                                   const auto result = session.run(job, stop);
                                   inbox.put(Ended{jobs.ended(intent, result), false});
                               });
                }
            }
        }
    }
    while (waiting > 0) {
        for (auto& message : inbox.take(std::nullopt)) {
            auto& ended = std::get<Ended>(message);
            out.push_back({ended.event.step, std::move(ended.event)});
            --waiting;
        }
    }
    if (!keep_lease) reach.release();
    reach.finish();
    std::sort(out.begin(), out.end(), [](const Checked& a, const Checked& b) {
        return std::tuple(a.step.procedure, a.step.step, a.step.node) <
               std::tuple(b.step.procedure, b.step.step, b.step.node);
    });
    return out;
}

}  // namespace escalator::runner
