// SPDX-License-Identifier: Apache-2.0
#include "action/vars.hpp"

#include <catch2/catch.hpp>

using namespace escalator;
using action::Scope;

namespace {

const Scope scope{{"node.name", "compute07"},  {"node.label.topology.kubernetes.io/zone", "west"},
                  {"vars.text", "it's $HOME"}, {"vars.path", "/srv"},
                  {"vars.empty", ""},          {"vars.nul", std::string("a\0b", 3)}};

std::string text(std::string_view source) {
    const auto out = action::expand_text(source, scope);
    return out ? *out : "refused: " + out.error().text();
}

std::string shell(std::string_view source) {
    const auto out = action::expand_shell(source, scope);
    return out ? *out : "refused: " + out.error().text();
}

}  // namespace

TEST_CASE("vars: a text is expanded as it stands", "[action][vars]") {
    CHECK(text("") == "");
    CHECK(text("plain $HOME $1 $") == "plain $HOME $1 $");
    CHECK(text("${node.name}") == "compute07");
    CHECK(text("<${vars.path}/${node.name}>") == "</srv/compute07>");
    CHECK(text("\"${vars.text}\"") == "\"it's $HOME\"");
    CHECK(text("${node.label.topology.kubernetes.io/zone}") == "west");
    CHECK(text("$${node.name}") == "${node.name}");
    CHECK(text("$${a} ${node.name} $${b}") == "${a} compute07 ${b}");
}

TEST_CASE("vars: a value is not expanded again", "[action][vars]") {
    const Scope nested{{"vars.a", "${vars.b}"}, {"vars.b", "secret"}};
    CHECK(*action::expand_text("${vars.a}", nested) == "${vars.b}");
    CHECK(*action::expand_shell("echo ${vars.a}", nested) == "echo '${vars.b}'");
}

TEST_CASE("vars: in shell text every value is one quoted word", "[action][vars]") {
    CHECK(shell("echo ${vars.text}") == "echo 'it'\\''s $HOME'");
    CHECK(shell("x=${vars.path}/y") == "x='/srv'/y");
    CHECK(shell("test -n ${vars.empty}") == "test -n ''");
    CHECK(shell("echo ${HOME} ${x:-y} ${#x} $((1 + 2))") ==
          "echo ${HOME} ${x:-y} ${#x} $((1 + 2))");
    CHECK(shell("echo $${vars.path}") == "echo ${vars.path}");
    CHECK(shell("echo ${vars.nul}").find("NUL") != std::string::npos);
}

TEST_CASE("vars: what is unknown or malformed is refused with what was meant", "[action][vars]") {
    CHECK(text("${node.nmae}").find("did you mean \"node.name\"?") != std::string::npos);
    CHECK(text("${node.name").find("never closed") != std::string::npos);
    CHECK(text("${node name}").find("names no variable") != std::string::npos);
    CHECK(text("${}").find("names no variable") != std::string::npos);
    CHECK(text("${HOME}").find("names no variable") != std::string::npos);
    CHECK(text("${vars.}").find("names no variable") != std::string::npos);
    CHECK(shell("echo ${vars.}").find("names no variable") != std::string::npos);
    CHECK(shell("echo \"${vars.path}\"").find("inside double quotes") != std::string::npos);
}

TEST_CASE("vars: all mistakes of a text are found, in order", "[action][vars]") {
    const auto found = action::mistakes_in(
        "echo ${vars.pth} \"${vars.path}\" ${node.label.any} ${vars.x y} '${node.name}'", true,
        scope);
    REQUIRE(found.size() == 4);
    CHECK(found[0].message == "unknown variable \"vars.pth\"; did you mean \"vars.path\"?");
    CHECK(found[0].offset == 5);
    CHECK(found[0].length == 11);
    CHECK(found[1].message.find("inside double quotes") != std::string::npos);
    CHECK(found[2].message == "\"${vars.x y}\" names no variable");
    CHECK(found[3].message.find("inside single quotes") != std::string::npos);
    CHECK(action::mistakes_in("echo ${node.name}", true, scope).empty());
}

TEST_CASE("vars: an unclosed reference does not swallow the next line", "[action][vars]") {
    const auto found = action::mistakes_in("a ${node.name\nb ${node.name}", false, scope);
    REQUIRE(found.size() == 1);
    CHECK(found[0].offset == 2);
    CHECK(found[0].length == 11);
}
