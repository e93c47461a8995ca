// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/clock.hpp"
#include "base/digest.hpp"
#include "base/error.hpp"
#include "base/fd.hpp"
#include "base/secret.hpp"
#include "support/temp.hpp"

using namespace escalator;

TEST_CASE("file: what is written is read back, for the owner only", "[base][file]") {
    const test::TempDir dir;
    const std::string bytes("a\0b\n", 4);
    REQUIRE(write_file(dir / "x", bytes));
    CHECK(*read_file(dir / "x") == bytes);
    struct stat info {};
    REQUIRE(::stat((dir / "x").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0600U);
    REQUIRE(write_file(dir / "x", "new"));
    CHECK(*read_file(dir / "x") == "new");
    CHECK(std::distance(std::filesystem::directory_iterator(dir.path()), {}) == 1);
}

TEST_CASE("file: refusals say what and which", "[base][file]") {
    const test::TempDir dir;
    CHECK(read_file(dir / "none").error().code() == ErrorCode::not_found);
    CHECK(read_file(dir.path()).error().code() == ErrorCode::refused);
    test::spill(dir / "big", std::string(100, 'x'));
    CHECK(read_file(dir / "big", 99).error().code() == ErrorCode::refused);
    CHECK(read_file(dir / "big", 100)->size() == 100);
    CHECK_FALSE(write_file(dir / "none" / "x", "y"));
    CHECK_FALSE(make_private_dir(dir / "big" / "sub"));
}

TEST_CASE("file: a file that grows beyond its stated size is read whole", "[base][file]") {
    // /proc files say 0 bytes
    const auto text = read_file("/proc/self/status");
    REQUIRE(text);
    CHECK(text->find("Pid:") != std::string::npos);
}

TEST_CASE("file: private directories are made with their parents", "[base][file]") {
    const test::TempDir dir;
    REQUIRE(make_private_dir(dir / "a" / "b" / "c"));
    REQUIRE(make_private_dir(dir / "a" / "b" / "c"));
    struct stat info {};
    REQUIRE(::stat((dir / "a" / "b").c_str(), &info) == 0);
    CHECK((info.st_mode & 0777U) == 0700U);
}

TEST_CASE("digest: SHA-256 as FIPS 180-4 has it", "[base][digest]") {
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    Sha256 pieces;
    pieces.feed("a");
    pieces.feed("");
    pieces.feed("bc");
    CHECK(pieces.hex() == sha256_hex("abc"));
    const test::TempDir dir;
    const std::string big(300'000, 'x');
    test::spill(dir / "big", big);
    CHECK(*sha256_file(dir / "big") == sha256_hex(big));
    CHECK(sha256_file(dir / "none").error().code() == ErrorCode::not_found);
    CHECK(random_hex(16).size() == 32);
    CHECK(random_hex(16) != random_hex(16));
}

TEST_CASE("clock: UTC times are read back", "[base][clock]") {
    const auto* text = GENERATE("1970-01-01T00:00:00.000Z", "2026-11-23T03:00:00.125Z",
                                "2024-02-29T23:59:59.999Z", "2100-12-31T00:00:00.001Z");
    const auto time = parse_utc(text);
    REQUIRE(time);
    CHECK(format_utc(*time) == text);
}

TEST_CASE("clock: what is no UTC time is refused", "[base][clock]") {
    const auto* text = GENERATE(
        "", "2026-11-23", "2026-11-23T03:00:00Z", "2026-13-01T00:00:00.000Z",
        "2026-02-30T00:00:00.000Z", "2026-11-23T24:00:00.000Z", "2026-11-23T03:00:00.125",
        "2026-11-23T03:00:00.125Zx", "2026-11-23 03:00:00.125Z", "-026-11-23T03:00:00.125Z");
    CAPTURE(text);
    CHECK_FALSE(parse_utc(text));
}

TEST_CASE("clock: waiting ends at the deadline or when stopped", "[base][clock]") {
    std::stop_source stop;
    CHECK(wait_until(std::chrono::steady_clock::now() + std::chrono::milliseconds(5),
                     stop.get_token()));
    stop.request_stop();
    CHECK_FALSE(
        wait_until(std::chrono::steady_clock::now() + std::chrono::hours(1), stop.get_token()));
    const SystemClock clock;
    const auto first = clock.now();
    CHECK(clock.now() >= first);
}

TEST_CASE("fd: closes once, and moves its duty", "[base][fd]") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe(ends.data()) == 0);
    const int number = ends[0];
    {
        Fd first(ends[0]);
        const Fd second(std::move(first));
        CHECK(second.get() == number);
        CHECK(::fcntl(number, F_GETFD) >= 0);
    }
    CHECK(::fcntl(number, F_GETFD) < 0);
    Fd other(ends[1]);
    CHECK(other.release() == ends[1]);
    CHECK_FALSE(other);
    CHECK(::close(ends[1]) == 0);
}

TEST_CASE("secret: prints as stars", "[base][secret]") {
    CHECK(fmt::format("{}", Secret("hunter2")) == "***");
    CHECK(Secret("hunter2").reveal() == "hunter2");
}

TEST_CASE("error: context is told outermost first", "[base][error]") {
    auto error =
        Error(ErrorCode::io, "no space").within("step=x").within("host=a").advise("free some");
    CHECK(error.text() == "host=a: step=x: no space");
    CHECK(error.remedy() == "free some");
    CHECK(name_of(ErrorCode::not_found) == "not_found");
}
