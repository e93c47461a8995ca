// SPDX-License-Identifier: Apache-2.0
// What becomes of a journal that was cut off, or changed.
#include <catch2/catch.hpp>

#include "unit/journal/sample.hpp"

namespace escalator::test {

TEST_CASE("journal: a file cut anywhere still yields a prefix", "[journal][crash]") {
    const TempDir dir;
    const auto run = dir / "run";
    const auto written = write_sample(run);
    const auto whole = slurp(run / "journal.jsonl");
    std::size_t most = 0;

    for (std::size_t kept = 0; kept <= whole.size(); ++kept) {
        CAPTURE(kept);
        spill(run / "journal.jsonl", whole.substr(0, kept));

        const auto history = journal::read(run);

        REQUIRE(history);
        CHECK(is_prefix(history->records, written));
        const auto lines = std::count(whole.begin(), whole.begin() + static_cast<long>(kept), '\n');
        CHECK(history->records.size() == static_cast<std::size_t>(lines));
        most = std::max(most, history->records.size());
    }
    CHECK(most == written.size());
}

TEST_CASE("journal: a cut-off file goes on where it was cut", "[journal][crash]") {
    const TempDir dir;
    const auto run = dir / "run";
    const auto written = write_sample(run);
    const auto whole = slurp(run / "journal.jsonl");

    for (std::size_t kept = 0; kept <= whole.size(); kept += 7) {
        CAPTURE(kept);
        spill(run / "journal.jsonl", whole.substr(0, kept));
        journal::History history;
        auto writer = journal::Writer::open(run, history);
        REQUIRE(writer);
        std::vector<journal::Record> more{sample_record("resumed", "{}", 100)};
        REQUIRE(writer->append(more));

        const auto read = journal::read(run);

        REQUIRE(read);
        REQUIRE(read->records.size() == history.records.size() + 1);
        CHECK(read->torn_bytes == 0);
        CHECK(read->records.back().event == "resumed");
        CHECK(read->records.back().seq == history.records.size() + 1);
    }
}

TEST_CASE("journal: any flipped bit is refused with its place", "[journal][damage]") {
    const TempDir dir;
    const auto run = dir / "run";
    write_sample(run);
    const auto whole = slurp(run / "journal.jsonl");
    const auto last_newline = whole.size() - 1;

    for (std::size_t at = 0; at < whole.size(); ++at) {
        for (const unsigned bit : {0U, 3U, 5U, 7U}) {
            auto bytes = whole;
            bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1U << bit));
            CAPTURE(at, bit);

            const auto history = journal::parse(bytes);

            REQUIRE_FALSE(history);
            CHECK(history.error().code() == ErrorCode::corrupt);
            const auto line =
                1 + std::count(whole.begin(), whole.begin() + static_cast<long>(at), '\n');
            // a newline that goes joins its line with the next, or leaves the last without an end
            if (at != last_newline) {
                CHECK_THAT(history.error().message(),
                           Catch::Contains("line " + std::to_string(line)));
            }
            CHECK_FALSE(history.error().remedy().empty());
        }
    }
}

TEST_CASE("journal: lines that were removed, repeated or swapped are refused", "[journal][damage]") {
    const TempDir dir;
    const auto run = dir / "run";
    write_sample(run);
    std::vector<std::string> lines;
    std::istringstream in(slurp(run / "journal.jsonl"));
    for (std::string line; std::getline(in, line);) lines.push_back(line + "\n");
    const auto joined = [](const std::vector<std::string>& parts) {
        std::string out;
        for (const auto& part : parts) out += part;
        return out;
    };
    REQUIRE(journal::parse(joined(lines)));

    CHECK_FALSE(journal::parse(joined({lines[0], lines[2], lines[3]})));
    CHECK_FALSE(journal::parse(joined({lines[1], lines[2], lines[3]})));
    CHECK_FALSE(journal::parse(joined({lines[0], lines[1], lines[1], lines[2]})));
    CHECK_FALSE(journal::parse(joined({lines[0], lines[2], lines[1], lines[3]})));
    CHECK_FALSE(journal::parse(joined({lines[0], "\n", lines[1]})));
    CHECK_FALSE(journal::parse(joined({lines[0], lines[1], "nonsense"})));
    CHECK_FALSE(journal::parse(std::string(200, '\0')));
}

TEST_CASE("journal: a writer does not open a damaged journal, and leaves it alone",
          "[journal][damage]") {
    const TempDir dir;
    const auto run = dir / "run";
    write_sample(run);
    auto bytes = slurp(run / "journal.jsonl");
    bytes[40] = '#';
    spill(run / "journal.jsonl", bytes);

    journal::History history;
    const auto writer = journal::Writer::open(run, history);

    REQUIRE_FALSE(writer);
    CHECK(writer.error().code() == ErrorCode::corrupt);
    CHECK(slurp(run / "journal.jsonl") == bytes);
}

}  // namespace escalator::test
