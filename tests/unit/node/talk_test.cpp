// SPDX-License-Identifier: Apache-2.0
// A peer that says anything but what the supervisor would: always a value or an error, in bounded
// memory.
#include "node/talk.hpp"

#include <catch2/catch.hpp>
#include <functional>
#include <random>

using namespace escalator;
using node::Talk;

namespace {

/// Plays a script of bytes to whoever reads, in pieces; then the stream ends, or goes on for ever.
class Peer final : public node::Link {
public:
    Peer(std::string words, std::size_t piece, std::string endless = "")
        : words_(std::move(words)), piece_(piece), endless_(std::move(endless)) {}

    Status send(std::string_view /*bytes*/, Deadline /*deadline*/,
                const std::stop_token& /*stop*/) override {
        return ok();
    }
    Result<bool> receive(std::string& buffer, Deadline /*deadline*/,
                         const std::stop_token& /*stop*/) override {
        largest = std::max(largest, buffer.size());
        if (words_.empty()) {
            buffer += endless_;
            return !endless_.empty();
        }
        buffer += words_.substr(0, piece_);
        words_.erase(0, piece_);
        return true;
    }
    std::string complaint() override { return complaint_text; }

    static inline std::size_t largest = 0;
    static inline std::string complaint_text;

private:
    std::string words_;
    std::size_t piece_;
    std::string endless_;
};

const std::stop_token never;
Deadline soon() { return std::chrono::steady_clock::now() + std::chrono::seconds{20}; }

Talk with(std::string words, std::size_t piece = 7, std::string endless = "") {
    Peer::largest = 0;
    Peer::complaint_text.clear();
    return Talk(std::make_unique<Peer>(std::move(words), piece, std::move(endless)), "abc");
}

const std::string hello = "@@abc hello boot root 6.1.0 debian 12 host 17 1000\n";
const std::string report =
    "@@abc job verify boot rc 007\nbefore\n@@abc record\nout\n\n@@abc end -\n";

}  // namespace

TEST_CASE("talk: a hello is found behind what a login shell says first", "[node]") {
    for (const std::size_t piece : {1U, 3U, 4096U}) {
        auto talk = with("Welcome!\n\n* @@xyz hello no\nno newline here: " + hello, piece);
        const auto said = talk.hello("", soon(), never);
        REQUIRE(said);
        CHECK(said->boot_id == "boot");
        CHECK(said->os == "debian 12");
        CHECK(said->hostname == "host");
    }
}

TEST_CASE("talk: a shell that talks and ends is quoted", "[node]") {
    auto talk = with("This account is currently not available.\n");
    const auto said = talk.hello("", soon(), never);
    REQUIRE_FALSE(said);
    CHECK(said.error().text().find("This account is currently not available.") !=
          std::string::npos);
    CHECK_FALSE(said.error().remedy().empty());
}

TEST_CASE("talk: each refusal of sudo has its own cure", "[node]") {
    const auto refused = [](const std::string& words) {
        auto talk = with("");
        Peer::complaint_text = words;
        auto said = talk.hello("", soon(), never);
        REQUIRE_FALSE(said);
        CHECK(said.error().code() == ErrorCode::unauthorised);
        return said.error().remedy();
    };
    CHECK(refused("sh: 1: exec: sudo: not found").find("install it") != std::string::npos);
    CHECK(refused("sudo: a password is required").find("without a password") != std::string::npos);
    CHECK(refused("u is not in the sudoers file.  (sudo)").find("lets this user do nothing") !=
          std::string::npos);
    CHECK(refused("sudo: sorry, you must have a tty to run sudo").find("requiretty") !=
          std::string::npos);
}

TEST_CASE("talk: an endless answer ends", "[node]") {
    const std::string block(65'536, 'x');
    {
        auto talk = with("", 1, block);
        CHECK_FALSE(talk.hello("", soon(), never));
        CHECK(Peer::largest < 1'000'000);
    }
    const std::vector<std::function<bool(Talk&)>> questions{
        [](Talk& it) { return it.lease("r", "c", "s", false, soon(), never).has_value(); },
        [](Talk& it) { return it.report(soon(), never).has_value(); },
        [](Talk& it) { return it.poll("k", 0, soon(), never).has_value(); },
        [](Talk& it) { return it.tail("k", soon(), never).has_value(); },
        [](Talk& it) { return it.kill("k", soon(), never).has_value(); },
        [](Talk& it) { return it.release("r", node::Kept::nothing, soon(), never).has_value(); }};
    for (const auto* start : {"", "@@abc ", "@@abc job - - rc 0\n", "@@abc chunk\n",
                              "@@abc job - - rc 0\n\n@@abc record\n"}) {
        for (const auto& ask : questions) {
            auto talk = with(start, 4096, block);
            CHECK_FALSE(ask(talk));
            CHECK(Peer::largest < 3'000'000);
        }
    }
}

TEST_CASE("talk: every half answer is an error, and the whole one a report", "[node]") {
    for (std::size_t size = 0; size < report.size(); ++size) {
        CAPTURE(size);
        auto talk = with(report.substr(0, size));
        CHECK_FALSE(talk.report(soon(), never));
    }
    auto talk = with(report, 1);
    const auto whole = talk.report(soon(), never);
    REQUIRE(whole);
    CHECK(whole->state == "rc");
    CHECK(whole->exit_status == 7);
    CHECK(whole->stage == "verify");
    CHECK(whole->record == "before");
    CHECK(whole->output == "out\n");
}

TEST_CASE("talk: a wrong nonce, strange verbs and garbage are errors", "[node]") {
    for (const auto* words : {"@@abd job - - rc 0\n", "job - - rc 0\n", "@@abc\n", "@@abc \n",
                              "@@abc job\n", "@@abc job - -\n", "@@abc leased new\n",
                              "@@abc error disk full\n", "\n", "@@abc chunk\n"}) {
        CAPTURE(words);
        auto talk = with(words);
        CHECK_FALSE(talk.report(soon(), never));
        auto other = with(words);
        CHECK_FALSE(other.lease("r", "c", "s", false, soon(), never));
        auto third = with(words);
        CHECK_FALSE(third.release("r", node::Kept::nothing, soon(), never));
    }
    std::mt19937 random(7);
    for (int round = 0; round < 2000; ++round) {
        std::string words = round % 2 == 0 ? report : hello + report;
        for (int i = 0; i < 4; ++i) words[random() % words.size()] = static_cast<char>(random());
        auto talk = with(words, 1 + random() % 64);
        if (round % 2 != 0) static_cast<void>(talk.hello("", soon(), never));
        static_cast<void>(talk.report(soon(), never));
        static_cast<void>(talk.poll("k", 0, soon(), never));
    }
}
