// SPDX-License-Identifier: Apache-2.0
#include "node/known_hosts.hpp"

#include <catch2/catch.hpp>

#include "node/ssh_trust.hpp"
#include "support/temp.hpp"

using namespace escalator;
using node::KnownHosts;

namespace {

/// What ssh-keygen -H makes of node1 and of [node1]:2222.
constexpr const char* hashed =
    "|1|fI9ySrqZGlxZPh4qNtQIiVO0mVw=|8c0uh1gv6yOaQzz+aISRN2qMTGY= ssh-ed25519 AAAA\n"
    "|1|Lg+dTMU+iJkar8LrozkyINcSkcc=|zsx5AQ5rz+bE2Qn+zP+HhAZJAlE= ssh-ed25519 BBBB\n";

struct Files {
    test::TempDir dir;
    std::string user = (dir / "known_hosts").string();
    node::SshSettings settings;

    explicit Files(std::string_view text) {
        test::spill(user, text);
        settings.host = "node1";
        settings.known_hosts = {user};
    }
    KnownHosts::Found find(std::string_view name) const { return KnownHosts({user}).find(name); }
    node::Trust trust() const {
        auto out = node::Trust::for_host(settings);
        REQUIRE(out);
        return *out;
    }
    /// Message and remedy of a refusal; empty when the key is trusted.
    std::string judge(const std::string& type, const std::string& blob) const {
        KnownHosts::Key shown;
        shown.type = type;
        shown.blob = blob;
        const auto status = trust().judge(shown, "SHA256:print");
        if (status) return {};
        CHECK(status.error().code() == ErrorCode::untrusted);
        return status.error().message() + " | " + status.error().remedy();
    }
};

bool holds(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::vector<std::string> blobs(const std::vector<KnownHosts::Key>& keys) {
    std::vector<std::string> out;
    for (const auto& key : keys) out.push_back(key.blob);
    return out;
}

using Blobs = std::vector<std::string>;

}  // namespace

TEST_CASE("known_hosts: names, lists, patterns, ports, case", "[node][known_hosts]") {
    const Files it(
        "# comment\n"
        "\n"
        "node1,10.0.0.1 ssh-ed25519 AAAA comment here\n"
        "*.example.org,!bad.example.org ssh-rsa RRRR\n"
        "[node1]:2222 ssh-ed25519 PPPP\n"
        "Node1 ecdsa-sha2-nistp256 EEEE\n"
        "node2 ssh-ed25519\n"
        "@strange node1 ssh-ed25519 XXXX\n");
    CHECK(blobs(it.find("NODE1").keys) == Blobs{"AAAA", "EEEE"});
    CHECK(blobs(it.find("10.0.0.1").keys) == Blobs{"AAAA"});
    CHECK(blobs(it.find("a.example.org").keys) == Blobs{"RRRR"});
    CHECK(it.find("bad.example.org").keys.empty());
    CHECK(blobs(it.find("[node1]:2222").keys) == Blobs{"PPPP"});
    CHECK(it.find("node2").keys.empty());
    CHECK(it.find("node1").keys[1].line == 6);
}

TEST_CASE("known_hosts: hashed names", "[node][known_hosts]") {
    const Files it(std::string(hashed) + "|1|short|x ssh-ed25519 CCCC\n|1| ssh-ed25519 DDDD\n");
    CHECK(blobs(it.find("node1").keys) == Blobs{"AAAA"});
    CHECK(blobs(it.find("[Node1]:2222").keys) == Blobs{"BBBB"});
    CHECK(it.find("node2").keys.empty());
}

TEST_CASE("known_hosts: marks", "[node][known_hosts]") {
    const Files it(
        "@revoked * ssh-ed25519 EVIL\n"
        "@cert-authority *.example.org ssh-ed25519 CA\n"
        "a.example.org ssh-ed25519 AAAA\n");
    const auto found = it.find("a.example.org");
    CHECK(blobs(found.keys) == Blobs{"AAAA"});
    CHECK(blobs(found.revoked) == Blobs{"EVIL"});
    CHECK(found.authority);
    CHECK_FALSE(it.find("other").authority);
}

TEST_CASE("known_hosts: a changed file is read again", "[node][known_hosts]") {
    const Files it("node1 ssh-ed25519 AAAA\n");
    const auto first = KnownHosts::shared({it.user});
    CHECK(KnownHosts::shared({it.user}) == first);
    test::spill(it.user, "node1 ssh-ed25519 AAAA\nnode1 ssh-rsa RRRR\n");
    CHECK(KnownHosts::shared({it.user})->find("node1").keys.size() == 2);
}

TEST_CASE("trust: a known key is trusted, an unknown one comes with its command",
          "[node][known_hosts]") {
    Files it("node1 ssh-ed25519 AAAA\n");
    CHECK(it.judge("ssh-ed25519", "AAAA").empty());
    it.settings.host = "node2";
    it.settings.port = 2222;
    const auto said = it.judge("ssh-ed25519", "AAAA");
    CHECK(holds(said, "[node2]:2222 is not known"));
    CHECK(holds(said, "SHA256:print"));
    CHECK(holds(said, "echo '[node2]:2222 ssh-ed25519 AAAA' >> '" + it.user + "'"));
}

TEST_CASE("trust: a changed key names the line, and the commands in order", "[node][known_hosts]") {
    Files it("# first\nnode1 ssh-ed25519 AAAA\nnode* ssh-rsa RRRR\nnod* ssh-rsa SSSS\n");
    const auto said = it.judge("ssh-ed25519", "BBBB");
    CHECK(holds(said, "has changed"));
    CHECK(holds(said, it.user + ":2"));
    CHECK(holds(said, "sed -i 4d '" + it.user + "' && sed -i 3d '" + it.user +
                          "' && ssh-keygen -f '" + it.user +
                          "' -R 'node1' && echo 'node1 ssh-ed25519 BBBB' >> "));
}

TEST_CASE("trust: a revoked key is refused even if it is known", "[node][known_hosts]") {
    Files it("node1 ssh-ed25519 AAAA\n@revoked * ssh-ed25519 AAAA\n");
    CHECK(holds(it.judge("ssh-ed25519", "AAAA"), "revoked in " + it.user + ":2"));

    Files listed("node1 ssh-ed25519 AAAA\n");
    const auto file = (listed.dir / "revoked").string();
    listed.settings.revoked_keys_files = {file};
    CHECK_FALSE(node::Trust::for_host(listed.settings));
    test::spill(file, "# stolen\nssh-ed25519 AAAA node1\n");
    CHECK(holds(listed.judge("ssh-ed25519", "AAAA"), "revoked in " + file + ":2"));
    test::spill(file, "SSHKRL\n");
    CHECK_FALSE(node::Trust::for_host(listed.settings));
}

TEST_CASE("trust: a host that only an authority vouches for is refused", "[node][known_hosts]") {
    const Files it("@cert-authority * ssh-ed25519 CA\n");
    CHECK(holds(it.judge("ssh-ed25519", "AAAA"), "cannot verify host certificates"));
}

TEST_CASE("trust: an alias stands for name and port", "[node][known_hosts]") {
    Files it("shared ssh-ed25519 AAAA\n");
    it.settings.port = 2222;
    CHECK(holds(it.judge("ssh-ed25519", "AAAA"), "not known"));
    it.settings.host_key_alias = "shared";
    CHECK(it.judge("ssh-ed25519", "AAAA").empty());
    CHECK(holds(it.judge("ssh-ed25519", "BBBB"), "-R 'shared'"));
}

TEST_CASE("trust: a key of the host is good for its other ports", "[node][known_hosts]") {
    Files it("node1 ssh-ed25519 AAAA\n");
    it.settings.port = 2222;
    CHECK(it.judge("ssh-ed25519", "AAAA").empty());
    CHECK(holds(it.judge("ssh-ed25519", "BBBB"), "not known"));
}

TEST_CASE("trust: the key exchange asks for what is known first", "[node][known_hosts]") {
    Files it("node1 ssh-rsa RRRR\nnode1 ecdsa-sha2-nistp384 EEEE\n");
    CHECK(it.trust().algorithms().starts_with("rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp384,"));
    CHECK(holds(it.trust().algorithms(), "ssh-ed25519"));
    it.settings.host_key_algorithms = "ssh-ed25519,rsa-sha2-256";
    CHECK(it.trust().algorithms() == "rsa-sha2-256,ssh-ed25519");
    it.settings.host_key_algorithms = "-ssh-ed25519,rsa*";
    CHECK(it.trust().algorithms() == "ecdsa-sha2-nistp384,ecdsa-sha2-nistp256,ecdsa-sha2-nistp521");
    it.settings.host_key_algorithms = "^ssh-ed25519";
    it.settings.host = "other";
    CHECK(it.trust().algorithms().starts_with("ssh-ed25519,ecdsa"));
}

TEST_CASE("trust: the command makes a missing directory", "[node][known_hosts]") {
    Files it("");
    it.settings.known_hosts = {(it.dir / "new").string() + "/known_hosts"};
    CHECK(holds(it.judge("ssh-ed25519", "AAAA"), "mkdir -p -m 700 '"));
}

TEST_CASE("known_hosts: ten thousand hashed lines are asked quickly enough to be bearable",
          "[node][known_hosts][.][slow]") {
    std::string text;
    for (int i = 0; i < 5'000; ++i) text += hashed;
    const Files it(text);
    const KnownHosts hosts({it.user});
    std::size_t keys = 0;
    for (int i = 0; i < 100; ++i) keys += hosts.find("node1").keys.size();
    CHECK(keys == 500'000);
}
