// SPDX-License-Identifier: Apache-2.0
#include "runner/leftovers.hpp"

#include <fmt/format.h>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "runner/reach.hpp"

namespace escalator::runner {

Result<Passing> Passing::create(const std::filesystem::path& state_dir, const planner::Plan& plan) {
    RunDir dir{state_dir / (std::string(passing_prefix) + random_hex(4))};
    if (auto made = make_private_dir(dir.steps()); !made) return std::move(made).take_error();
    // the plan first: whoever finds the journal finds the nodes
    auto saved = write_file(dir.plan_file(), planner::to_json_text(plan));
    if (!saved) return std::move(saved).take_error();
    auto writer = journal::Writer::create(dir.path);
    if (!writer) return std::move(writer).take_error();
    return Passing(std::move(dir), std::move(*writer));
}

Passing::~Passing() {
    std::error_code ignored;
    if (writer_ && !leave_) std::filesystem::remove_all(dir_.path, ignored);
}

namespace {

void clear(const RunDir& dir, const Settings& settings, Observer& observer) {
    journal::History history;
    const auto writer = journal::Writer::open(dir.path, history);
    // locked: its process lives; records: a run that can be resumed
    if (!writer || !history.records.empty()) return;
    if (auto plan = load_plan(dir); plan) {
        observer.told(
            fmt::format("giving back the nodes that {} left leased when it was killed", dir.run()));
        Reach reach(*plan, dir, settings);
        const auto left = reach.take_back();
        if (!left.empty()) {
            observer.told(fmt::format("{}: no answer; next time", fold_names(left)));
            return;
        }
    }
    std::error_code ignored;
    std::filesystem::remove_all(dir.path, ignored);
}

}  // namespace

void clear_leftovers(const std::filesystem::path& state_dir, const Settings& settings,
                     Observer& observer) {
    std::vector<RunDir> found;
    std::error_code error;
    for (std::filesystem::directory_iterator it(state_dir, error), end; !error && it != end;
         it.increment(error)) {
        std::error_code none;
        if (std::filesystem::file_size(it->path() / "journal.jsonl", none) == 0 && !none)
            found.push_back({it->path()});
    }
    for (const auto& dir : found) clear(dir, settings, observer);
}

}  // namespace escalator::runner
