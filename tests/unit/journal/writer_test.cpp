// SPDX-License-Identifier: Apache-2.0
// Appending, locking, and a disk that fails.
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include "unit/journal/sample.hpp"

namespace escalator::test {

namespace {

/// A file in memory whose operation number `fails_at` (writes and syncs counted together) fails: a
/// write keeps `keeps` bytes of what it was given, as a disk that is full does.
class CrashyFile final : public journal::File {
public:
    CrashyFile(std::string& bytes, int fails_at, std::size_t keeps)
        : bytes_(bytes), fails_at_(fails_at), keeps_(keeps) {}

    Status write(std::string_view bytes) override {
        if (++operation_ == fails_at_) {
            bytes_ += bytes.substr(0, keeps_);
            return Error(ErrorCode::io, "no space left on device");
        }
        bytes_ += bytes;
        return ok();
    }
    Status sync() override {
        if (++operation_ == fails_at_) return Error(ErrorCode::io, "input/output error");
        return ok();
    }

private:
    std::string& bytes_;
    int fails_at_;
    std::size_t keeps_;
    int operation_ = 0;
};

mode_t mode_of(const std::filesystem::path& path) {
    struct stat it {};
    REQUIRE(::stat(path.c_str(), &it) == 0);
    return it.st_mode & 07777U;
}

}  // namespace

TEST_CASE("journal: what was appended is read back", "[journal]") {
    const TempDir dir;
    const auto written = write_sample(dir / "run");

    const auto history = journal::read(dir / "run");

    REQUIRE(history);
    CHECK(history->records == written);
    for (std::size_t i = 0; i < written.size(); ++i) CHECK(written[i].seq == i + 1);
}

TEST_CASE("journal: every line is a JSON object", "[journal]") {
    const TempDir dir;
    write_sample(dir / "run");
    std::istringstream in(slurp(dir / "run" / "journal.jsonl"));
    std::size_t count = 0;
    for (std::string line; std::getline(in, line); ++count) {
        const auto record = nlohmann::json::parse(line);
        CHECK(record.at("seq") == count + 1);
        CHECK(record.at("sha256").get<std::string>().size() == 64);
        CHECK(record.at("data").is_object());
    }
    CHECK(count == 4);
}

TEST_CASE("journal: only the owner can read it", "[journal]") {
    const TempDir dir;
    const auto before = ::umask(0);
    write_sample(dir / "state" / "run");
    ::umask(before);
    CHECK(mode_of(dir / "state" / "run") == 0700);
    CHECK(mode_of(dir / "state" / "run" / "journal.jsonl") == 0600);
    CHECK(mode_of(dir / "state" / "run" / "lock") == 0600);
}

TEST_CASE("journal: a second writer is told who holds it", "[journal][lock]") {
    const TempDir dir;
    auto first = journal::Writer::create(dir / "run");
    REQUIRE(first);

    journal::History history;
    const auto second = journal::Writer::open(dir / "run", history);

    REQUIRE_FALSE(second);
    CHECK(second.error().code() == ErrorCode::busy);
    CHECK_THAT(second.error().text(), Catch::Contains(std::to_string(getpid())));
    const auto holder = journal::holder(dir / "run");
    REQUIRE(holder);
    CHECK(holder->held);
    CHECK(holder->pid == getpid());
}

TEST_CASE("journal: the lock goes with its writer", "[journal][lock]") {
    const TempDir dir;
    { REQUIRE(journal::Writer::create(dir / "run")); }
    const auto holder = journal::holder(dir / "run");
    REQUIRE(holder);
    CHECK_FALSE(holder->held);
    journal::History history;
    CHECK(journal::Writer::open(dir / "run", history));
}

TEST_CASE("journal: a run is not started twice in one directory", "[journal]") {
    const TempDir dir;
    { REQUIRE(journal::Writer::create(dir / "run")); }
    const auto again = journal::Writer::create(dir / "run");
    REQUIRE_FALSE(again);
    CHECK(again.error().code() == ErrorCode::refused);
}

TEST_CASE("journal: without a journal there is nothing to open", "[journal]") {
    const TempDir dir;
    journal::History history;
    const auto writer = journal::Writer::open(dir / "run", history);
    REQUIRE_FALSE(writer);
    CHECK(writer.error().code() == ErrorCode::not_found);
}

TEST_CASE("journal: a record that is too long is refused and nothing is written", "[journal]") {
    const TempDir dir;
    auto writer = journal::Writer::create(dir / "run");
    REQUIRE(writer);
    std::vector<journal::Record> records{
        sample_record("step_ended", "{}", 0),
        sample_record("step_ended",
                      "{\"message\":\"" + std::string(journal::Writer::max_record_bytes, 'x') + "\"}",
                      0)};
    const auto done = writer->append(records);
    REQUIRE_FALSE(done);
    CHECK(done.error().code() == ErrorCode::usage);
    CHECK(slurp(dir / "run" / "journal.jsonl").empty());
    // the writer is not broken by it
    CHECK(writer->append(std::span(records).first(1)));
}

TEST_CASE("journal: times never go backwards", "[journal]") {
    const TempDir dir;
    auto writer = journal::Writer::create(dir / "run");
    REQUIRE(writer);
    std::vector<journal::Record> records{sample_record("a", "{}", 50), sample_record("b", "{}", 20)};
    REQUIRE(writer->append(records));
    CHECK(records[1].time == records[0].time);
    CHECK(journal::read(dir / "run"));
}

TEST_CASE("journal: each failing write or sync breaks the writer and leaves a prefix",
          "[journal][crash]") {
    for (int fails_at = 1; fails_at <= 6; ++fails_at) {
        for (const std::size_t keeps : {0U, 1U, 60U, 150U, 10'000U}) {
            CAPTURE(fails_at, keeps);
            std::string bytes;
            journal::Writer writer(std::make_unique<CrashyFile>(bytes, fails_at, keeps), {});
            auto records = sample_records();
            std::size_t durable = 0;
            bool broken = false;
            for (const auto& [from, count] :
                 {std::pair(0U, 2U), std::pair(2U, 1U), std::pair(3U, 1U)}) {
                const auto done = writer.append(std::span(records).subspan(from, count));
                if (broken) {
                    REQUIRE_FALSE(done);  // after the first failure nothing is accepted
                } else if (done) {
                    durable += count;
                } else {
                    CHECK(done.error().code() == ErrorCode::io);
                    broken = true;
                }
            }
            REQUIRE(broken);

            const auto history = journal::parse(bytes);

            REQUIRE(history);
            CHECK(history->records.size() >= durable);
            CHECK(is_prefix(history->records, records));
        }
    }
}

}  // namespace escalator::test
