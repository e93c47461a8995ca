// SPDX-License-Identifier: Apache-2.0
#include "node/ssh_config.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>

#include "base/account.hpp"
#include "node/ssh_words.hpp"
#include "support/temp.hpp"

using namespace escalator;
using node::SshConfig;
using node::SshSettings;
using node::SshTarget;

namespace {

/// A configuration file of its own, and questions to it.
struct Config {
    test::TempDir dir;
    std::string file = (dir / "config").string();

    explicit Config(std::string_view text) { test::spill(file, text); }

    Result<SshSettings> ask(SshTarget target) const {
        auto config = SshConfig::read(file);
        if (!config) return std::move(config).take_error();
        return config->lookup(target);
    }
    SshSettings of(const std::string& name) const {
        auto out = ask({name, {}, {}, {}});
        INFO((out ? std::string() : out.error().text()));
        REQUIRE(out);
        return *out;
    }
    Error error_of(const std::string& name) const {
        auto out = ask({name, {}, {}, {}});
        REQUIRE_FALSE(out);
        return out.error();
    }
};

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("ssh_config: without a word about it, a host is itself", "[node][ssh_config]") {
    const auto it = Config("").of("Node1");
    CHECK(it.host == "node1");
    CHECK(it.port == 22);
    CHECK(it.user == own_account().name);
    CHECK(it.identity_files.empty());
    CHECK_FALSE(it.identities_only);
    CHECK(it.jumps.empty());
    const auto home = own_account().home.string();
    CHECK(it.known_hosts ==
          std::vector<std::string>{home + "/.ssh/known_hosts", home + "/.ssh/known_hosts2",
                                   "/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"});
}

TEST_CASE("ssh_config: the first value wins, identity files add up", "[node][ssh_config]") {
    const Config config(
        "Host web*\n"
        "  User ops\n"
        "  IdentityFile /keys/one\n"
        "Host web1 !web2\n"
        "  User other\n"
        "  Port 2222\n"
        "Host *\n"
        "  Port 22022\n"
        "  IdentityFile /keys/two\n"
        "  IdentitiesOnly yes\n");
    const auto it = config.of("web1");
    CHECK(it.user == "ops");
    CHECK(it.port == 2222);
    CHECK(it.identity_files == std::vector<std::string>{"/keys/one", "/keys/two"});
    CHECK(it.identities_only);
    CHECK(config.of("db1").identity_files == std::vector<std::string>{"/keys/two"});
}

TEST_CASE("ssh_config: a negated pattern keeps a host out", "[node][ssh_config]") {
    const Config config(
        "Host *.example.org !bastion.example.org\n  ProxyJump bastion.example.org\n");
    CHECK(config.of("db.example.org").jumps == std::vector<std::string>{"bastion.example.org"});
    CHECK(config.of("bastion.example.org").jumps.empty());
    CHECK(config.of("db.example.com").jumps.empty());
}

TEST_CASE("ssh_config: what the caller says wins over the file", "[node][ssh_config]") {
    const Config config("Host *\n  User a\n  Port 1\n  ProxyJump x\n");
    auto it = config.ask({"h", std::uint16_t{7}, "me", "y,z"});
    REQUIRE(it);
    CHECK(it->port == 7);
    CHECK(it->user == "me");
    CHECK(it->jumps == std::vector<std::string>{"y", "z"});
}

TEST_CASE("ssh_config: lines are cut as ssh cuts them", "[node][ssh_config]") {
    struct Case {
        const char* line;
        const char* keyword;
        std::vector<std::string> words;
    };
    for (const auto& it : std::vector<Case>{
             {"Port 22", "port", {"22"}},
             {"  \tPORT=22  \r", "port", {"22"}},
             {"Port = 22 # why", "port", {"22"}},
             {"IdentityFile \"/a b/c\"", "identityfile", {"/a b/c"}},
             {"Host a 'b c' d\\ e", "host", {"a", "b c", "d e"}},
             {"Host a#b", "host", {"a#b"}},
             {"X \"say \\\"hi\\\"\"", "x", {"say \"hi\""}},
             {"# comment", "", {}},
             {"", "", {}},
         }) {
        CAPTURE(it.line);
        const auto line = node::cut_line(it.line);
        REQUIRE(line);
        CHECK(line->keyword == it.keyword);
        CHECK(line->words == it.words);
    }
    CHECK_FALSE(node::cut_line("Host \"open"));
}

TEST_CASE("ssh_config: patterns know * and ? and nothing else", "[node][ssh_config]") {
    CHECK(node::fits_pattern("*", ""));
    CHECK(node::fits_pattern("a*c*e", "abcde"));
    CHECK(node::fits_pattern("10.0.?.1", "10.0.7.1"));
    CHECK(node::fits_pattern("HOST", "host"));
    CHECK_FALSE(node::fits_pattern("10.0.?.1", "10.0.77.1"));
    CHECK_FALSE(node::fits_pattern("[ab]", "a"));
    CHECK_FALSE(node::fits_pattern("a*b", "a"));
    CHECK_FALSE(node::fits_pattern("", "a"));
}

TEST_CASE("ssh_config: tokens are expanded", "[node][ssh_config]") {
    const Config config(
        "Host app\n"
        "  HostName %h.example.org\n"
        "  Port 2200\n"
        "  User deploy\n"
        "  IdentityFile ~/.ssh/%r@%h:%p-%n-%%\n"
        "  CertificateFile %d/c-%i-%u\n"
        "  UserKnownHostsFile /k/%k ~/.ssh/two\n"
        "  GlobalKnownHostsFile none\n"
        "  HostKeyAlias Shared\n"
        "  ProxyCommand nc \"-x p\" %h %p\n"
        "  IdentityAgent /run/%u.sock\n");
    const auto it = config.of("app");
    const auto& own = own_account();
    CHECK(it.host == "app.example.org");
    CHECK(it.identity_files ==
          std::vector<std::string>{own.home.string() + "/.ssh/deploy@app.example.org:2200-app-%"});
    CHECK(it.certificate_files ==
          std::vector<std::string>{own.home.string() + "/c-" + std::to_string(own.uid) + "-" +
                                   own.name});
    CHECK(it.known_hosts == std::vector<std::string>{"/k/shared", own.home.string() + "/.ssh/two"});
    CHECK(it.host_key_alias == "shared");
    CHECK(it.proxy_command == "nc \"-x p\" app.example.org 2200");
    CHECK(it.agent == "/run/" + own.name + ".sock");
}

TEST_CASE("ssh_config: environment variables in file names", "[node][ssh_config]") {
    ::setenv("ESCALATOR_TEST_KEYS", "/k", 1);
    CHECK(Config("IdentityFile ${ESCALATOR_TEST_KEYS}/a\n").of("h").identity_files ==
          std::vector<std::string>{"/k/a"});
    ::unsetenv("ESCALATOR_TEST_KEYS");
    CHECK(
        holds(Config("IdentityFile ${ESCALATOR_TEST_KEYS}/a\n").error_of("h").text(), "config:1"));
}

TEST_CASE("ssh_config: of ProxyJump and ProxyCommand the first is the only one",
          "[node][ssh_config]") {
    const auto jump = Config("ProxyJump a,u@b:2\nProxyCommand nc %h %p\n").of("h");
    CHECK(jump.jumps == std::vector<std::string>{"a", "u@b:2"});
    CHECK(jump.proxy_command.empty());
    const auto command = Config("ProxyCommand nc %h %p\nProxyJump a\n").of("h");
    CHECK(command.jumps.empty());
    CHECK(command.proxy_command == "nc h 22");
    const auto none = Config("Host h\n ProxyJump none\nHost *\n ProxyJump a\n").of("h");
    CHECK(none.jumps.empty());
}

TEST_CASE("ssh_config: Match looks at hosts and users", "[node][ssh_config]") {
    const Config config(
        "Host alias\n"
        "  HostName real.example.org\n"
        "Match host *.example.org user root\n"
        "  Port 1\n"
        "Match originalhost alias\n"
        "  Port 2\n"
        "Match !localuser " +
        own_account().name +
        "\n"
        "  Port 3\n"
        "Match all\n"
        "  Port 4\n");
    auto root = config.ask({"alias", {}, "root", {}});
    REQUIRE(root);
    CHECK(root->port == 1);
    auto ops = config.ask({"alias", {}, "ops", {}});
    REQUIRE(ops);
    CHECK(ops->port == 2);
    CHECK(config.of("other").port == 4);
}

TEST_CASE("ssh_config: Match final is looked at again with the real name", "[node][ssh_config]") {
    const Config config(
        "Match final host real\n  User late\n"
        "Host short\n  HostName real\n");
    CHECK(config.of("short").user == "late");
    CHECK(config.of("real").user == "late");
    CHECK(config.of("other").user == own_account().name);
}

TEST_CASE("ssh_config: Match exec is refused where it would decide", "[node][ssh_config]") {
    const Config config("\nMatch host inside exec \"on-vpn\"\n  Port 1\nMatch all\n  Port 2\n");
    const auto error = config.error_of("inside");
    CHECK(error.code() == ErrorCode::usage);
    CHECK(holds(error.text(), "config:2"));
    CHECK(holds(error.text(), "exec"));
    CHECK_FALSE(error.remedy().empty());
    CHECK(config.of("outside").port == 2);
}

TEST_CASE("ssh_config: Include takes globs and stays in its block", "[node][ssh_config]") {
    test::TempDir parts;
    test::spill(parts / "10-a", "User fromparts\nHost db\n  Port 10\n");
    test::spill(parts / "20-b", "Host *\n  Port 20\n");
    const Config config("Host web\n  Include " + parts.path().string() +
                        "/*\n  Compression yes\nHost *\n  Port 30\n");
    CHECK(config.of("web").user == "fromparts");
    CHECK(config.of("web").port == 20);
    CHECK(config.of("db").port == 30);
    CHECK(config.of("db").user == own_account().name);
    CHECK(Config("Include /nonexistent/*\nPort 5\n").of("h").port == 5);
}

TEST_CASE("ssh_config: a file that includes itself is refused", "[node][ssh_config]") {
    Config config("");
    test::spill(config.file, "Include " + config.file + "\n");
    CHECK(holds(config.error_of("h").text(), "include each other"));
}

TEST_CASE("ssh_config: mistakes are named with file and line", "[node][ssh_config]") {
    struct Case {
        const char* text;
        const char* line;
        const char* word;
    };
    for (const auto& it : std::vector<Case>{
             {"\n\nIdentiyFile /a\n", "config:3", "identityfile"},
             {"Port many\n", "config:1", "65535"},
             {"Port 0\n", "config:1", "65535"},
             {"Port\n", "config:1", "value"},
             {"IdentitiesOnly maybe\n", "config:1", "yes or no"},
             {"Host \"a\n", "config:1", "quote"},
             {"IdentityFile /k/%x\n", "config:1", "%x"},
             {"HostName %x\n", "config:1", "%x"},
             {"Match hots a\n", "config:1", "did you mean host"},
             {"Match user\n", "config:1", "value"},
             {"ProxyJump a:b\n", "config:1", "jump"},
             {"ProxyJump $(id)\n", "config:1", "jump"},
             {"ConnectTimeout soon\n", "config:1", "number"},
         }) {
        CAPTURE(it.text);
        const auto error = Config(it.text).error_of("h");
        CHECK(error.code() == ErrorCode::usage);
        CHECK(holds(error.text(), it.line));
        CHECK(holds(error.text(), it.word));
    }
    const auto missing = SshConfig::read("/nonexistent/config");
    REQUIRE_FALSE(missing);
    CHECK(missing.error().code() == ErrorCode::usage);
    CHECK(Config("IgnoreUnknown Fancy*\nFancyThing 1\nPort 9\n").of("h").port == 9);
}

TEST_CASE("ssh_config: jump hosts are read with user and port", "[node][ssh_config]") {
    const auto parse = [](std::string_view text) {
        auto out = node::parse_jump(text);
        REQUIRE(out);
        return *out;
    };
    const auto full = parse("ops@bastion.example.org:2222");
    CHECK(full.name == "bastion.example.org");
    CHECK(full.user == "ops");
    CHECK(full.port == std::uint16_t{2222});
    CHECK(parse("ssh://ops@b:22").name == "b");
    CHECK(parse("[2001:db8::1]:22").name == "2001:db8::1");
    CHECK(parse("2001:db8::1").name == "2001:db8::1");
    CHECK_FALSE(parse("b").port);
    for (const auto* bad : {"", "@b", "b:", "b:0", "b:70000", "[b", "-oProxyCommand=x", "a b"}) {
        CAPTURE(bad);
        CHECK_FALSE(node::parse_jump(bad));
    }
}

TEST_CASE("ssh_config: random text never breaks the reader", "[node][ssh_config]") {
    const std::vector<std::string> pieces{
        "Host ", "Match ", "host ", "exec ",     "\"",     "'",          "\\", "%", "%h",
        "~/",    "${",     "}",     "\n",        "=",      " ",          "#",  "!", "*",
        ",",     "Port ",  "User ", "HostName ", "final ", "ProxyJump ", "@",  ":"};
    std::uint32_t seed = 1;
    Config config("");
    for (int round = 0; round < 2000; ++round) {
        std::string text;
        for (int i = 0; i < 12; ++i) {
            seed = seed * 1664525U + 1013904223U;
            text += pieces[(seed >> 16U) % pieces.size()];
        }
        test::spill(config.file, text);
        auto out = config.ask({"host", {}, {}, {}});
        if (!out) CHECK(out.error().code() == ErrorCode::usage);
    }
}
