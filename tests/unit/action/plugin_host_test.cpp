// SPDX-License-Identifier: Apache-2.0
#include "action/plugin_host.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

namespace escalator::action {

TEST_CASE("plugin host: arguments are judged by the plugin's description", "[plugin]") {
    const auto described = nlohmann::json::parse(R"({
        "name": {"type": "text", "required": true, "help": "who"},
        "count": {"type": "number"}, "on": {"type": "boolean"}, "all": {"type": "list"},
        "more": {"type": "map"}, "state": {"type": "text", "choices": ["up", "down"]}, "any": {}})");
    const auto wrong = [&](const char* args) {
        return misfit(described, nlohmann::json::parse(args));
    };
    using Catch::Contains;
    CHECK(wrong(R"({"name":"x"})").empty());
    CHECK(wrong(R"({"name":7,"count":1,"on":true,"all":[],"more":{},"state":"up","any":[1]})")
              .empty());
    CHECK_THAT(wrong("{}"), Contains("\"name\" is needed: who"));
    CHECK_THAT(wrong("[]"), Contains("map"));
    CHECK_THAT(wrong(R"({"name":"x","cuont":1})"), Contains("did you mean \"count\"?"));
    CHECK_THAT(wrong(R"({"name":"x","zzzzzzzz":1})"), Contains("there are: all, any"));
    CHECK_THAT(wrong(R"({"name":[]})"), Contains("must be a text"));
    CHECK_THAT(wrong(R"({"name":"x","count":"1"})"), Contains("must be a number"));
    CHECK_THAT(wrong(R"({"name":"x","on":"yes"})"), Contains("must be a boolean"));
    CHECK_THAT(wrong(R"({"name":"x","all":"a"})"), Contains("must be a list"));
    CHECK_THAT(wrong(R"({"name":"x","more":[]})"), Contains("must be a map"));
    CHECK_THAT(wrong(R"({"name":"x","state":"sideways"})"), Contains("[\"up\",\"down\"]"));
}

}  // namespace escalator::action
