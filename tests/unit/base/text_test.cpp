// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <catch2/catch.hpp>

using namespace escalator;

TEST_CASE("text: trim and split keep what they must", "[base][text]") {
    CHECK(trim(" \t a b \r\n") == "a b");
    CHECK(trim(" \n").empty());
    CHECK(split("a,,b,", ',') == std::vector<std::string_view>{"a", "", "b", ""});
    CHECK(split("", ',') == std::vector<std::string_view>{""});
    CHECK(join(std::vector<std::string>{"a", "b"}, ", ") == "a, b");
}

TEST_CASE("text: a quoted word has no live quote left", "[base][text]") {
    CHECK(shell_quote("") == "''");
    CHECK(shell_quote("a b") == "'a b'");
    CHECK(shell_quote("it's") == "'it'\\''s'");
    CHECK(shell_quote("$(x)`y`\"\\\n") == "'$(x)`y`\"\\\n'");
}

TEST_CASE("text: the closest word is what a typist meant", "[base][text]") {
    const std::vector<std::string> keys{"expect", "timeout", "undo", "verify", "on"};
    CHECK(closest("expct", keys) == "expect");
    CHECK(closest("exepct", keys) == "expect");
    CHECK(closest("EXPECT", keys) == "expect");
    CHECK(closest("time_out", keys) == "timeout");
    CHECK(closest("udno", keys) == "undo");
    CHECK_FALSE(closest("colour", keys));
    CHECK_FALSE(closest("", keys));
    CHECK_FALSE(closest("expect", std::vector<std::string>{}));
}

TEST_CASE("text: names are folded by their last number", "[base][text]") {
    const auto fold = [](std::vector<std::string> names) { return fold_names(names); };
    CHECK(fold({}).empty());
    CHECK(fold({"db1"}) == "db1");
    CHECK(fold({"c1", "c2", "c3"}) == "c[1-3]");
    CHECK(fold({"c03", "c01", "c02", "c07", "c01"}) == "c[01-03,07]");
    CHECK(fold({"c1.x", "c2.x", "d"}) == "c[1-2].x,d");
    CHECK(fold({"n99999999999999999999999"}) == "n99999999999999999999999");
    // padding tells them apart
    CHECK(fold({"c1", "c01"}) == "c01,c1");
}

TEST_CASE("text: nothing printable can play with a terminal", "[base][text]") {
    CHECK(printable("größe\n\t\xe2\x9c\x93") == "größe\n\t\xe2\x9c\x93");
    CHECK(printable("\x1b[31m") == "\\x1b[31m");
    CHECK(printable("a\rb\x7f") == "a\\x0db\\x7f");
    CHECK(printable("\xff\xc3") == "\\xff\\xc3");
    CHECK(printable("\xc2\x9b"
                    "31m")
              .find('\xc2') == std::string::npos);  // CSI as one character
}

TEST_CASE("text: UTF-8 is checked as RFC 3629 has it", "[base][text]") {
    CHECK(valid_utf8("") == 0);
    CHECK(valid_utf8("aé日🚀") == std::string_view("aé日🚀").size());
    CHECK(valid_utf8("ab\xff") == 2);
    CHECK(valid_utf8("\xc0\x80") == 0);          // overlong
    CHECK(valid_utf8("\xed\xa0\x80") == 0);      // surrogate
    CHECK(valid_utf8("\xf4\x90\x80\x80") == 0);  // beyond U+10FFFF
    CHECK(valid_utf8("a\xe2\x82") == 1);         // cut
}

TEST_CASE("text: plain names are safe as file names", "[base][text]") {
    for (const auto* good : {"a", "A-1_b.c", "-", "..."}) CHECK(is_plain_name(good));
    for (const auto* bad : {"", ".", "..", "a/b", "a b", "é", "a\n", "$x"})
        CHECK_FALSE(is_plain_name(bad));
    CHECK(is_plain_name(std::string(128, 'x')));
    CHECK_FALSE(is_plain_name(std::string(129, 'x')));
    CHECK_FALSE(is_plain_name(std::string_view("a\0", 2)));
}
