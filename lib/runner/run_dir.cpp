// SPDX-License-Identifier: Apache-2.0
#include "runner/run_dir.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

namespace escalator::runner {

namespace {

/// "20261123-030000-125" of "2026-11-23T03:00:00.125Z".
std::string stamp(Time now) {
    std::string out;
    for (const char c : format_utc(now)) {
        if (c >= '0' && c <= '9') out += c;
        if (c == 'T' || c == '.') out += '-';
    }
    return out;
}

bool holds_a_run(const std::filesystem::path& path) {
    std::error_code ignored;
    return std::filesystem::exists(path / "journal.jsonl", ignored);
}

}  // namespace

Result<RunDir> create_run(const std::filesystem::path& state_dir, const planner::Plan& plan,
                          Time now) {
    RunDir dir{state_dir / (stamp(now) + random_hex(2))};
    if (auto made = make_private_dir(dir.steps()); !made) return std::move(made).take_error();
    auto saved = write_file(dir.plan_file(), planner::to_json_text(plan));
    if (!saved) return std::move(saved).take_error();
    return dir;
}

std::vector<std::string> run_ids(const std::filesystem::path& state_dir) {
    std::vector<std::string> ids;
    std::error_code error;
    for (std::filesystem::directory_iterator it(state_dir, error), end; !error && it != end;
         it.increment(error)) {
        auto name = it->path().filename().string();
        if (is_plain_name(name) && holds_a_run(it->path()) && !name.starts_with(passing_prefix))
            ids.push_back(std::move(name));
    }
    std::sort(ids.begin(), ids.end());
    return ids;
}

Result<RunDir> find_run(const std::filesystem::path& state_dir, std::string_view name) {
    const auto ids = run_ids(state_dir);
    if (name.empty()) {
        if (ids.empty()) {
            return Error(ErrorCode::not_found, fmt::format("no run in {}", state_dir.string()))
                .advise("name the state directory with --state, or start one with escalator run");
        }
        return RunDir{state_dir / ids.back()};
    }
    const std::filesystem::path given(name);
    if (is_plain_name(name) && holds_a_run(state_dir / given)) return RunDir{state_dir / given};
    if (holds_a_run(given)) {
        std::error_code ignored;
        auto whole = std::filesystem::canonical(given, ignored);
        return RunDir{whole.empty() ? given : whole};
    }
    const auto close = closest(name, ids);
    return Error(ErrorCode::not_found,
                 fmt::format("no run \"{}\" in {}", printable(name), state_dir.string()))
        .advise(close ? fmt::format("did you mean {}?", *close)
                      : "escalator status --list shows the runs there are");
}

Result<planner::Plan> load_plan(const RunDir& dir) {
    auto text = read_file(dir.plan_file());
    if (!text) return std::move(text).take_error();
    auto plan = planner::plan_from_json_text(*text);
    if (!plan) return std::move(plan).fail(dir.plan_file().string());
    return plan;
}

}  // namespace escalator::runner
