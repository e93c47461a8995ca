// SPDX-License-Identifier: Apache-2.0
// Values of variables must never become code, whatever the author's script looks like around them.
#include "action/shell_context.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>

#include "action/vars.hpp"
#include "support/temp.hpp"

extern "C" char** environ;

using namespace escalator;

namespace {

/// What `shell -c script` prints on stdout, run in `dir`; nullopt when it has not ended after a
/// generous time (some shells loop on some broken scripts).
std::optional<std::string> run(const std::vector<std::string>& shell, const std::string& script,
                               const std::filesystem::path& dir) {
    auto argv = shell;
    argv.insert(argv.end(), {"-c", script});
    std::vector<char*> pointers;
    for (auto& word : argv) pointers.push_back(word.data());
    pointers.push_back(nullptr);
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    posix_spawn_file_actions_t actions{};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addchdir_np(&actions, dir.c_str());
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawnattr_t group{};
    posix_spawnattr_init(&group);
    posix_spawnattr_setflags(&group, POSIX_SPAWN_SETPGROUP);
    pid_t child = 0;
    REQUIRE(::posix_spawnp(&child, pointers[0], &actions, &group, pointers.data(), environ) == 0);
    posix_spawnattr_destroy(&group);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    std::string out;
    std::array<char, 4096> bytes{};
    bool late = false;
    for (;;) {
        pollfd readable{ends[0], POLLIN, 0};
        late = ::poll(&readable, 1, 20'000) == 0;
        if (late) break;
        const auto got = ::read(ends[0], bytes.data(), bytes.size());
        if (got <= 0) break;
        out.append(bytes.data(), static_cast<std::size_t>(got));
    }
    ::close(ends[0]);
    if (late) ::kill(-child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (late) return std::nullopt;
    return out;
}

std::vector<std::vector<std::string>> shells_here() {
    std::vector<std::vector<std::string>> out{{"sh"}};
    const std::vector<std::vector<std::string>> others{
        {"dash"}, {"bash", "--posix"}, {"bash"}, {"busybox", "sh"}, {"mksh"}};
    for (const auto& shell : others) {
        const auto probe = "command -v " + shell.front() + " >/dev/null";
        if (std::system(probe.c_str()) == 0) out.push_back(shell);
    }
    return out;
}

/// Prints its arguments so that their limits show. What the author does not quote is split and
/// globbed, which is the author's business: none of that here.
/// No program of the machine either, by whatever name a broken word makes.
const std::string prelude =
    "IFS=; set -f; PATH=/nonexistent\n"
    "cat() { /bin/cat \"$@\"; }; touch() { : >\"$1\"; }\n"
    "show() { printf '<%s>' \"$@\"; echo; }\n";
const std::string harmless = "harmless.word";

/// Each would leave a file "ran" behind, or print it, if any part of it became code.
std::vector<std::string> hostile_values() {
    return {"",
            " ",
            "a b",
            "-rf",
            "*",
            "[a-z]*",
            "~",
            "#",
            "\\",
            "x\\",
            "'",
            "''",
            "\"",
            "$(touch ran)",
            "`touch ran`",
            "';touch ran;'",
            "\";touch ran;\"",
            "'$(touch ran)'",
            "\n touch ran\n",
            "\ntouch ran #",
            ")\ntouch ran\n(",
            ";touch ran;",
            "|touch ran",
            "&touch ran&",
            "}touch ran{",
            "\nEOF\ntouch ran\n",
            "\nE\ntouch ran\n",
            "`touch ran`'`touch ran`",
            "\\'\ntouch ran\n\\'",
            "\\';touch ran;#",
            "a[$(touch ran)]",
            "$((touch ran))",
            "${IFS}",
            "é\xf0\x9f\x9a\x80",
            "!touch ran",
            ";;esac;touch ran;case x in x)"};
}

std::string place(std::string_view script) {
    const auto hole = script.find('@');
    REQUIRE(hole != std::string_view::npos);
    const auto text = std::string(script.substr(0, hole)) + std::string(script.substr(hole + 1));
    const std::array<std::size_t, 1> holes{hole};
    return std::string(action::places_of_holes(text, holes).front());
}

}  // namespace

TEST_CASE("shell context: bare words are safe", "[action][shell]") {
    const auto* script = GENERATE(
        "@", "echo @", "echo @ b", "--name=@", "x=@", "x=@; echo \"$x\"", "@ --version", "a@b",
        "a'b'@", "a\"b\"@\"c\"", "if test -e @; then echo y; fi", "for i in @ b; do :; done",
        "case @ in a) ;; esac", "case x in @) ;; (@) ;; esac", "(cd / && ls @)", "{ ls @; }",
        "ls $(pwd)/@", "ls \"$HOME\"/@", "ls ${HOME}/@", "ls $HOME/@", "echo $((1 + 2)) @",
        "echo $(( (a << 2) * b )) @", "echo \"$(date \"+%s\")\" @", "echo `date` @",
        "cat <<EOF\nit's\nEOF\necho @", "cat <<-'E O F'\n\tit's `\n\tE O F\necho @",
        "cat <<A <<B\nA\nB\necho @", "# it's a comment\necho @", "echo a#b @", "echo $# @",
        "echo \\' @", "echo \\\\ @", "echo \\\n  @", "[ @ = a ]", "test a = @ || exit 1", "ls > @",
        "ls 2>&1 | grep -- @", "f() { echo @; }", "echo 'it'\\''s' @", "! grep -q @ f",
        "printf '%s\\n' ${x%.*} ${#x} ${x:-word} @");
    CAPTURE(script);
    CHECK(place(script).empty());
}

TEST_CASE("shell context: places that quoting cannot make safe are told", "[action][shell]") {
    const std::vector<std::pair<std::string, std::string>> cases{
        {"echo '@'", "inside single quotes"},
        {"echo '@", "inside single quotes"},
        {"echo \"@\"", "inside double quotes"},
        {"echo \"a@b\"", "inside double quotes"},
        {"echo \"$x@\"", "inside double quotes"},
        {"echo \"\\\"@\"", "inside double quotes"},
        {"echo `ls @`", "inside backticks"},
        {"echo $(ls @)", "inside $( )"},
        {"echo \"$(ls @)\"", "inside $( )"},
        {"echo $(@)", "inside $( )"},
        {"echo $((@))", "inside $(( ))"},
        {"echo $((1 + @))", "inside $(( ))"},
        {"echo ${x:-@}", "inside ${ }"},
        {"echo \"${x:-@}\"", "inside ${ }"},
        {"echo ${@}", "inside ${ }"},
        {"cat <<EOF\n@\nEOF", "in a here-document"},
        {"cat <<'EOF'\n@\nEOF", "in a here-document"},
        {"cat <<EOF\nEOF @\n@", "in a here-document"},
        {"cat <<@\n@\n", "in a here-document"},
        {"cat <<E@\nE\n", "in a here-document"},
        {"# @", "in a comment"},
        {"echo a # @", "in a comment"},
        {"echo a;# it's @\n", "in a comment"},
        {"echo \\@", "after a backslash"},
        {"echo $@", "after a $"},
        {"ls x-[@]", "inside [ ]"}};
    for (const auto& [script, expected] : cases) {
        CAPTURE(script);
        CHECK(place(script) == expected);
    }
}

TEST_CASE("shell context: what shells disagree on is refused", "[action][shell]") {
    const auto* script = GENERATE(
        "echo $'it\\'s' @", "echo $\"a\" @", "echo $\\\n@", "echo \"$\\\n(echo \" @",
        "((a<<2))\necho @", "cat <<<a\necho @", "cat <(ls) @", "a[@]=1", "a[ @ ]=1", "a[x]=@",
        "[[ @ -eq 1 ]]", "echo $[1] @", "echo ${ ls; } @", "echo ${x:-'a'} @",
        "echo \"${x:-\"a\"}\" @", "echo ${x:-\\}} @", "echo ${x:-$(ls)} @", "echo ${x:-`ls`} @",
        "echo `echo '` @", "echo `echo \\`` @", "echo $(case x in x) ls;; esac) @",
        "echo $(# it's\nls) @", "echo $(cat <<E\n)\nE\n) @", "echo $((echo a) | (cat)) @",
        "echo $$$${x:- #} @", "cat <<E\n\\\nE\necho @", "cat <<E 'a\nb'\nE\necho @",
        "cat <<E \"a\nb\"\nE\necho @", "cat <<E $(ls\n)\nE\necho @", "cat <<E\\\nF\nEF\necho @",
        "cat <\\\n<E\nit's @\nE\n", "ec\\\nho @", "cat <<E\n$(cat <<F\nE\n'\nF\n)\nE\necho @",
        "cat <<$x\n@", "cat <<`x`\n@", "cat <<\"E\n\"\n@", "ls >#it's\n@'");
    CAPTURE(script);
    CHECK_FALSE(place(script).empty());
}

TEST_CASE("shell context: a value arrives whole or its place is refused", "[action][shell]") {
    const std::vector<std::string> pieces{"show ",
                                          "show a ",
                                          "echo ",
                                          ": ",
                                          "x=",
                                          "@",
                                          "@",
                                          "@",
                                          " @",
                                          " @ ",
                                          "a",
                                          "b ",
                                          " ",
                                          " ",
                                          "\n",
                                          "\n",
                                          ";",
                                          "; ",
                                          "'",
                                          "'",
                                          "\"",
                                          "\"",
                                          "`",
                                          "`",
                                          "$(",
                                          ")",
                                          "$((",
                                          "))",
                                          "(",
                                          ")",
                                          "{ ",
                                          "; }",
                                          "$",
                                          "$${",
                                          "$${y",
                                          "}",
                                          "$${y:-",
                                          "$${y#",
                                          "\\",
                                          "\\\n",
                                          "\\\n ",
                                          "#",
                                          " #",
                                          "# ",
                                          "<<E",
                                          "<<-E",
                                          "<<'E'",
                                          "<<\\E",
                                          "\nE\n",
                                          "\n\tE\n",
                                          "\nE",
                                          "E",
                                          "<<<",
                                          "cat <<E\n",
                                          "|cat",
                                          "&&",
                                          "||",
                                          "case ",
                                          " in ",
                                          " x) ",
                                          ";;",
                                          " esac ",
                                          "case x in ",
                                          "if ",
                                          "then ",
                                          "fi",
                                          "[ ",
                                          " ]",
                                          "[",
                                          "]",
                                          "a[",
                                          "]=",
                                          "$y",
                                          "$#",
                                          "$-",
                                          "=",
                                          "\t",

                                          "!",
                                          "for i in ",
                                          "; do ",
                                          " done\n",
                                          "[[ ",
                                          " ]]",
                                          "<(",
                                          "$'",
                                          "$\"",
                                          "$[",
                                          "~",
                                          ":",
                                          "+",
                                          "1",
                                          "*",
                                          "?",
                                          ",",
                                          "{a,",
                                          "function f { ",
                                          "f() { "};
    const std::vector<std::string> lines{"show a @ b",
                                         "x=@ show @",
                                         "x=@; show \"$x\" 'it'",
                                         "show 'a' \"b\"@ --c=@",
                                         "show $(echo a b) @",
                                         "show \"$(echo \"a b\")\" @",
                                         "show `echo a` @",
                                         "show $((1 + 2)) @",
                                         "show $${y:-a} @",
                                         "show \"$${#x}\" @",
                                         "if [ @ = a ]; then show a; else show b @; fi",
                                         "case @ in a) show a ;; *) show b @ ;; esac",
                                         "case a in @) show a ;; (b|a) show @ ;; esac",
                                         "for i in a @ b; do show \"$i\"; done",
                                         "(show @)",
                                         "{ show @; }",
                                         "f() { show @; }; f",
                                         "show @ | cat",
                                         "true && show @ || show b",
                                         "cat <<E\nit's $x\nE\nshow @",
                                         "cat <<'E'\n`\nE\nshow @",
                                         "cat <<-E; show @\n\ta\n\tE",
                                         "show a # it's\nshow @",
                                         "show a#b @",
                                         "show a \\\n  @",
                                         "show \\' @",
                                         "show @@",
                                         "show @'@'",
                                         "show \"@\"",
                                         "show $y@"};
    const auto values = hostile_values();
    const auto shells = shells_here();
    const char* given = std::getenv("ESCALATOR_SEED");
    const auto seed = given != nullptr ? std::strtoul(given, nullptr, 10) : 1;
    const char* wanted = std::getenv("ESCALATOR_CASES");
    const auto most = wanted != nullptr ? std::strtoul(wanted, nullptr, 10) : 600;
    std::mt19937_64 random(seed);
    const auto pick = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
    const std::string reference = "${vars.v}";
    std::size_t refused = 0;
    std::size_t told_nothing = 0;
    std::map<std::string, std::size_t> ran;
    for (std::size_t accepted = 0; accepted < most;) {
        // nonsense throughout, or whole lines with a few pieces thrown in
        std::string pattern;
        if (pick(3) == 0) {
            for (auto i = 2 + pick(14); i > 0; --i) pattern += pieces[pick(pieces.size())];
        } else {
            for (auto i = 1 + pick(3); i > 0; --i)
                pattern += lines[pick(lines.size())] + (pick(3) == 0 ? "; " : "\n");
            for (auto i = pick(3); i > 0; --i)
                pattern.insert(pick(pattern.size()), pieces[pick(pieces.size())]);
        }
        std::string script;
        bool has = false;
        for (const char c : pattern) {
            script += c == '@' ? reference : std::string(1, c);
            has = has || c == '@';
        }
        if (!has) script += " show " + reference;
        CAPTURE(seed, script);
        const auto usual = action::expand_shell(script, {{"vars.v", harmless}});
        if (!usual) {
            ++refused;
            CHECK_FALSE(usual.error().remedy().empty());
            continue;
        }
        if (usual->find("$$") != std::string::npos) continue;  // another number each time
        ++accepted;
        const auto& value = values[pick(values.size())];
        // an empty "$x" without its quotes vanishes
        if (value.empty() && script.find("$x") != std::string::npos) continue;
        const auto& shell = shells[pick(shells.size())];
        CAPTURE(value, shell);
        const auto expanded = action::expand_shell(script, {{"vars.v", value}});
        REQUIRE(expanded);
        test::TempDir first;
        test::TempDir second;
        // as compile() embeds it: on lines of its own in a subshell
        const auto around = [](const std::string& text) {
            return prelude + "(\n" + text + "\n)\n";
        };
        auto expected = run(shell, around(*usual), first.path());
        const auto got = run(shell, around(*expanded), second.path());
        if (!expected || !got) {
            CHECK_FALSE(expected);
            CHECK_FALSE(got);
            continue;
        }
        for (auto at = expected->find(harmless); at != std::string::npos;
             at = expected->find(harmless, at + value.size())) {
            expected->replace(at, harmless.size(), value);
        }
        REQUIRE_FALSE(std::filesystem::exists(second / "ran"));
        if (got != expected) WARN(*expanded);
        REQUIRE(got == expected);
        if (got->empty()) ++told_nothing;
        ++ran[shell.front()];
    }
    // the generator must keep making texts that the scanner lets through and that show something
    CHECK(refused > 0);
    CHECK(told_nothing < most / 2);
    for (const auto& [shell, times] : ran) UNSCOPED_INFO(shell << ": " << times);
}
