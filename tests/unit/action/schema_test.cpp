// SPDX-License-Identifier: Apache-2.0
#include "action/schema.hpp"

#include <catch2/catch.hpp>
#include <fstream>
#include <set>

#include "action/compile.hpp"
#include "base/text.hpp"

namespace escalator::action {

TEST_CASE("schema: names are unique and rules name fields that exist", "[schema]") {
    std::set<std::string_view> actions;
    for (const auto& it : schemas()) {
        CAPTURE(it.action);
        CHECK(actions.insert(it.action).second);
        CHECK_FALSE(it.summary.empty());
        std::set<std::string_view> fields;
        for (const auto& field : it.fields) {
            CAPTURE(field.name);
            CHECK(fields.insert(field.name).second);
            CHECK_FALSE(field.help.empty());
            CHECK((field.kind == FieldKind::choice) == !field.choices.empty());
        }
        CHECK((it.shorthand.empty() || fields.count(it.shorthand) == 1));
        if (!it.one_of.empty()) {
            for (const auto name : split(it.one_of, '|')) CHECK(fields.count(name) == 1);
        }
        CHECK(find_schema(it.action) == &it);
    }
    CHECK(find_schema("nonsense") == nullptr);
}

TEST_CASE("schema: the manual has every action and field", "[schema]") {
    std::ifstream file(ESCALATOR_SOURCE_DIR "/man/escalator-actions.7");
    REQUIRE(file);
    const std::string manual{std::istreambuf_iterator<char>(file), {}};
    for (const auto& it : schemas()) {
        CAPTURE(it.action);
        const auto begin = manual.find("\n.Ss " + std::string(it.action) + "\n");
        REQUIRE(begin != std::string::npos);
        const auto end =
            std::min(manual.find("\n.Ss ", begin + 1), manual.find("\n.Sh ", begin + 1));
        const auto part = manual.substr(begin, end - begin);
        for (const auto& field : it.fields) {
            CAPTURE(field.name);
            CHECK(part.find(".It Cm " + std::string(field.name)) != std::string::npos);
        }
    }
}

TEST_CASE("schema: the defaults that it tells of are the ones in force", "[schema]") {
    const auto perform = [](const char* action, const char* args) {
        Request request;
        request.action = action;
        request.args = args;
        auto compiled = compile(request, {});
        REQUIRE(compiled);
        return compiled->perform;
    };
    using Catch::Contains;
    CHECK_THAT(perform("package", R"({"install":["a"]})"), Contains("lock_wait=300 "));
    CHECK_THAT(perform("package", R"({"install":["a"]})"),
               Contains("refresh= allow_downgrade= allow_remove= allow_no_way_back= "));
    CHECK_THAT(perform("reboot", "{}"), Contains("sleep 300 &"));
    CHECK_THAT(perform("wait", R"({"file":"/x"})"), Contains("+ 300)") && Contains("sleep 2\n"));
    CHECK_THAT(perform("wait", R"({"file":"/x","interval":10})"), Contains("sleep 1\n"));
    CHECK_THAT(perform("file", R"({"dest":"/x","content":"y"})"), Contains("m=0644"));
}

}  // namespace escalator::action
