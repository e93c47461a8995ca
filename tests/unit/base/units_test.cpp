// SPDX-License-Identifier: Apache-2.0
#include "base/units.hpp"

#include <catch2/catch.hpp>

using namespace escalator;

TEST_CASE("units: durations are read", "[base][units]") {
    const std::vector<std::pair<std::string, std::int64_t>> cases{{"0", 0},
                                                                  {"0s", 0},
                                                                  {"90s", 90'000},
                                                                  {"250ms", 250},
                                                                  {"5m", 300'000},
                                                                  {"1h30m", 5'400'000},
                                                                  {"1d2h3m4s5ms", 93'784'005},
                                                                  {"5m15s", 315'000},
                                                                  {"3650d", 315'360'000'000}};
    for (const auto& [text, milliseconds] : cases) {
        CAPTURE(text);
        const auto got = parse_duration(text);
        REQUIRE(got);
        CHECK(got->count() == milliseconds);
    }
}

TEST_CASE("units: what is no duration is refused with a remedy", "[base][units]") {
    const auto* text = GENERATE("", " ", "5", "s", "5 s", "-5s", "+5s", "1.5h", "5S", "5sec",
                                "5s10m", "5s5s", "5mm", "5s ", "0x5s", "1h-5m", "\xc3\xa9s");
    CAPTURE(text);
    const auto got = parse_duration(text);
    REQUIRE_FALSE(got);
    CHECK(got.error().code() == ErrorCode::usage);
    CHECK_FALSE(got.error().remedy().empty());
}

TEST_CASE("units: a duration too long to reckon with is refused", "[base][units]") {
    const auto* text = GENERATE("3651d", "3650d1ms", "9223372036854775807ms",
                                "18446744073709551615s", "99999999999999999999h");
    CAPTURE(text);
    CHECK_FALSE(parse_duration(text));
}

TEST_CASE("units: a duration written is read back", "[base][units]") {
    for (const std::int64_t ms : {0LL, 1LL, 999LL, 1000LL, 61'001LL, 3'600'000LL, 86'399'999LL,
                                  90'061'001LL, 315'360'000'000LL}) {
        CAPTURE(ms);
        const auto text = format_duration(Milliseconds{ms});
        const auto back = parse_duration(text);
        REQUIRE(back);
        CHECK(back->count() == ms);
    }
    CHECK(format_duration(Milliseconds{5'400'000}) == "1h30m");
}

TEST_CASE("units: durations for people are short", "[base][units]") {
    CHECK(humane_duration(Milliseconds{0}) == "0ms");
    CHECK(humane_duration(Milliseconds{999}) == "999ms");
    CHECK(humane_duration(Milliseconds{4250}) == "4.2s");
    CHECK(humane_duration(Milliseconds{59'900}) == "1m");
    CHECK(humane_duration(Milliseconds{90'000}) == "1m 30s");
    CHECK(humane_duration(Milliseconds{5'400'000}) == "1h 30m");
    CHECK(humane_duration(Milliseconds{90'000'000}) == "1d 1h");
}

TEST_CASE("units: sizes are read", "[base][units]") {
    CHECK(*parse_size("512") == 512);
    CHECK(*parse_size("512B") == 512);
    CHECK(*parse_size("64KiB") == 65'536);
    CHECK(*parse_size("2GiB") == 2'147'483'648);
    CHECK(*parse_size("1MB") == 1'000'000);
    CHECK(*parse_size("16777215TiB") == 18'446'742'974'197'923'840ULL);
    CHECK(format_size(65'536) == "64KiB");
    CHECK(format_size(1000) == "1000");
    CHECK(*parse_size(format_size(3ULL << 40U)) == 3ULL << 40U);
    const auto* bad = GENERATE("", "GiB", "-1", "1.5GiB", "1 GiB", "1gib", "16777216TiB",
                               "18446744073709551616", "1G");
    CAPTURE(bad);
    CHECK_FALSE(parse_size(bad));
}

TEST_CASE("units: amounts are counts or percentages", "[base][units]") {
    CHECK(*parse_amount("3") == Amount{3, false});
    CHECK(*parse_amount("20%") == Amount{20, true});
    CHECK(*parse_amount("100%") == Amount{100, true});
    const auto* bad =
        GENERATE("", "%", "101%", "-1", "1.5", "2 %", "4294967296", "3%%", "three", "+3");
    CAPTURE(bad);
    CHECK_FALSE(parse_amount(bad));
}

TEST_CASE("units: a percentage is of something, and at least one of it", "[base][units]") {
    CHECK(Amount{3, false}.of(2) == 3);
    CHECK(Amount{20, true}.of(10) == 2);
    CHECK(Amount{20, true}.of(14) == 2);
    CHECK(Amount{1, true}.of(10) == 1);
    CHECK(Amount{0, true}.of(10) == 0);
    CHECK(Amount{50, true}.of(0) == 0);
    CHECK(Amount{100, true}.of(4'294'967'295U) == 4'294'967'295U);
}
