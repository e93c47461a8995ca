// SPDX-License-Identifier: Apache-2.0
#include "campaign/selector.hpp"

#include <catch2/catch.hpp>

#include "campaign/needs.hpp"
#include "campaign/ranges.hpp"

using namespace escalator;
using campaign::Labels;
using campaign::Selector;

namespace {

bool matches(std::string_view text, const Labels& labels) {
    const auto selector = Selector::parse(text);
    INFO(text);
    REQUIRE(selector);
    // what is written is read back as the same
    CHECK(*Selector::parse(selector->text()) == *selector);
    return selector->matches(labels);
}

const Labels node{
    {"role", "compute"}, {"site", "east"}, {"example.org/zone", "z-1"}, {"empty", ""}};

}  // namespace

TEST_CASE("selector: Kubernetes' operators", "[campaign][selector]") {
    CHECK(matches("*", node));
    CHECK(matches(" * ", {}));
    CHECK(matches("role=compute", node));
    CHECK(matches("role==compute", node));
    CHECK(matches(" role = compute , site = east ", node));
    CHECK_FALSE(matches("role=compute,site=west", node));
    CHECK(matches("site in (east, west)", node));
    CHECK(matches("site in(east)", node));
    CHECK_FALSE(matches("site notin (east, west)", node));
    CHECK(matches("site notin (west)", node));
    CHECK(matches("role", node));
    CHECK(matches("!spare", node));
    CHECK_FALSE(matches("!role", node));
    CHECK(matches("role!=storage", node));
    CHECK(matches("example.org/zone=z-1", node));
    CHECK(matches("empty=", node));
    CHECK(matches("role, !spare, site in (east)", node));
    // labels may be called as the operators are
    CHECK(matches("in=x", {{"in", "x"}}));
    CHECK(matches("in in (x)", {{"in", "x"}}));
}

TEST_CASE("selector: != and notin hold without the key, = and in do not", "[campaign][selector]") {
    CHECK(matches("rack!=r1", node));
    CHECK(matches("rack notin (r1)", node));
    CHECK_FALSE(matches("rack=r1", node));
    CHECK_FALSE(matches("rack in (r1)", node));
}

TEST_CASE("selector: mistakes are told with their place", "[campaign][selector]") {
    const std::vector<std::pair<std::string, std::size_t>> cases{
        {"", 0},           {"  ", 2},          {"role=a,", 7},
        {",role", 0},      {"role=a site", 7}, {"role is a", 5},
        {"role in a", 8},  {"role in (a", 10}, {"role in (a,)", 11},
        {"role in ()", 9}, {"role=$x", 5},     {"role===a", 6},
        {"!", 1},          {"* , a", 0},       {"role=a;site=b", 6}};
    for (const auto& [text, offset] : cases) {
        CAPTURE(text);
        std::size_t at = 999;
        CHECK_FALSE(Selector::parse(text, &at));
        CHECK(at == offset);
    }
}

TEST_CASE("ranges: as Ansible expands them", "[campaign][ranges]") {
    using Names = std::vector<std::string>;
    CHECK(*campaign::expand_ranges("web1") == Names{"web1"});
    CHECK(*campaign::expand_ranges("web[08:11]") == Names{"web08", "web09", "web10", "web11"});
    CHECK(*campaign::expand_ranges("n[1:9:4].x") == Names{"n1.x", "n5.x", "n9.x"});
    CHECK(*campaign::expand_ranges("db-[a:c]") == Names{"db-a", "db-b", "db-c"});
    CHECK(*campaign::expand_ranges("x[1:2]y[a:b]") == Names{"x1ya", "x1yb", "x2ya", "x2yb"});
    CHECK(*campaign::expand_ranges("[4294967294:4294967295]") == Names{"4294967294", "4294967295"});
    CHECK(campaign::expand_ranges("[0:99999]")->size() == 100'000);
}

TEST_CASE("ranges: what is none is refused, quickly and without much memory",
          "[campaign][ranges]") {
    const auto text =
        GENERATE(as<std::string>{}, "a[", "a]", "a[]", "a[1]", "a[2:1]", "a[1:2:0]", "a[1:2:3:4]",
                 "a[1:b]", "a[a:1]", "a[b:a]", "a[A:z]", "a[01:100]", "a[1-3]", "a[0:100000]",
                 "a[1:400][1:400]", "a[-1:2]", "a[1:99999999999999999999]");
    CAPTURE(text);
    const auto got = campaign::expand_ranges(text);
    REQUIRE_FALSE(got);
    CHECK(got.error().code() == ErrorCode::usage);
    std::string many;
    for (int i = 0; i < 20'000; ++i) many += "[1:1]";
    CHECK(campaign::expand_ranges(many)->size() == 1);
}

TEST_CASE("needs: comparisons of modules", "[campaign][needs]") {
    const auto names = [](std::string_view text) {
        std::vector<std::string> out;
        const auto got = campaign::modules_needed(text);
        INFO(text);
        REQUIRE(got);
        for (const auto& it : *got) out.push_back(it.name);
        return out;
    };
    CHECK(names("nova-conductor >= this") == std::vector<std::string>{"nova-conductor"});
    CHECK(names("a.major - this.major <= 1") == std::vector<std::string>{"a"});
    CHECK(names("a > 2:1.4-1~bpo") == std::vector<std::string>{"a"});
    CHECK(names("a.minor + b == this") == std::vector<std::string>{"a", "b"});
    CHECK(campaign::modules_needed("this <  placement")->front().offset == 8);
    const auto* bad = GENERATE("", "a", "a >=", ">= a", "a >= b >= c", "a>=b", "a is b", "a - b",
                               "a >= $x", "a >= b extra", "a + - b > c");
    CAPTURE(bad);
    CHECK_FALSE(campaign::modules_needed(bad));
}
