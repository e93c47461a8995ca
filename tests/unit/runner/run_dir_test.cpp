// SPDX-License-Identifier: Apache-2.0
#include <sys/stat.h>

#include <catch2/catch.hpp>

#include "journal/writer.hpp"
#include "runner/run_dir.hpp"
#include "support/temp.hpp"

namespace escalator::test {

namespace {

Time at(std::int64_t ms) { return Time(Milliseconds{1'795'000'000'000 + ms}); }

/// A run that has a journal, as find_run and run_ids want it.
std::string make_run(const TempDir& state, std::int64_t ms) {
    const auto dir = runner::create_run(state.path(), planner::Plan{}, at(ms));
    REQUIRE(dir);
    REQUIRE(journal::Writer::create(dir->path));
    return dir->run();
}

}  // namespace

TEST_CASE("run directory: it is the owner's alone, and holds the plan", "[run_dir]") {
    const TempDir state;
    const auto dir = runner::create_run(state.path(), planner::Plan{}, at(0));
    REQUIRE(dir);
    struct stat it {};
    REQUIRE(::stat(dir->path.c_str(), &it) == 0);
    CHECK((it.st_mode & 07777U) == 0700);
    REQUIRE(::stat(dir->plan_file().c_str(), &it) == 0);
    CHECK((it.st_mode & 07777U) == 0600);
    CHECK(runner::load_plan(*dir));
}

TEST_CASE("run directory: names sort by time, within one second too", "[run_dir]") {
    const TempDir state;
    std::vector<std::string> made;
    for (const auto ms : {0, 1, 9, 10, 999, 1000, 61'000}) made.push_back(make_run(state, ms));
    CHECK(runner::run_ids(state.path()) == made);
    const auto newest = runner::find_run(state.path(), "");
    REQUIRE(newest);
    CHECK(newest->run() == made.back());
}

TEST_CASE("run directory: a run is found by id and by path", "[run_dir]") {
    const TempDir state;
    const auto id = make_run(state, 0);
    make_run(state, 5);
    const auto by_id = runner::find_run(state.path(), id);
    const auto by_path = runner::find_run("/nowhere", (state / id).string());
    REQUIRE(by_id);
    REQUIRE(by_path);
    CHECK(by_id->run() == id);
    CHECK(by_path->run() == id);
}

TEST_CASE("run directory: a mistyped id gets the closest, nothing gets advice", "[run_dir]") {
    const TempDir state;
    auto id = make_run(state, 0);
    std::swap(id[2], id[3]);
    const auto mistyped = runner::find_run(state.path(), id);
    REQUIRE_FALSE(mistyped);
    CHECK(mistyped.error().code() == ErrorCode::not_found);
    CHECK_THAT(mistyped.error().remedy(), Catch::Contains("did you mean"));

    const auto none = runner::find_run(state / "empty", "");
    REQUIRE_FALSE(none);
    CHECK_THAT(none.error().remedy(), Catch::Contains("escalator run"));
}

TEST_CASE("run directory: what is no run is passed over", "[run_dir]") {
    const TempDir state;
    spill(state / "notes.txt", "mine");
    std::filesystem::create_directories(state / "empty");
    const auto id = make_run(state, 0);
    CHECK(runner::run_ids(state.path()) == std::vector<std::string>{id});
}

}  // namespace escalator::test
