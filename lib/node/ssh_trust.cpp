// SPDX-License-Identifier: Apache-2.0
#include "node/ssh_trust.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include "base/account.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "node/ssh_words.hpp"

namespace escalator::node {

namespace {

/// Host-key algorithms of libssh 0.10 in the order of OpenSSH 9; certificates are none of them.
const std::vector<std::string>& usual_algorithms() {
    static const std::vector<std::string> all{"ssh-ed25519",         "ecdsa-sha2-nistp256",
                                              "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521",
                                              "rsa-sha2-512",        "rsa-sha2-256"};
    return all;
}

std::vector<std::string> algorithms_of(const std::string& key_type) {
    if (key_type == "ssh-rsa") return {"rsa-sha2-512", "rsa-sha2-256"};
    return {key_type};
}

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> out;
    for (const auto part : split(text, ',')) {
        if (!trim(part).empty()) out.emplace_back(trim(part));
    }
    return out;
}

/// HostKeyAlgorithms: a list, or a change to the usual one: +more, -less, ^first.
std::vector<std::string> allowed(std::string_view text) {
    if (text.empty()) return usual_algorithms();
    const char how = text.front();
    if (how != '+' && how != '-' && how != '^') return words_of(text);
    auto given = words_of(text.substr(1));
    auto out = usual_algorithms();
    const auto is_given = [&](const std::string& it) { return fits_patterns(given, it); };
    if (how == '-' || how == '^')
        out.erase(std::remove_if(out.begin(), out.end(), is_given), out.end());
    if (how == '+') out.insert(out.end(), given.begin(), given.end());
    if (how == '^') out.insert(out.begin(), given.begin(), given.end());
    return out;
}

/// RevokedHostKeys in its text form; the binary form (KRL) is ssh's own.
Result<std::vector<KnownHosts::Key>> read_revoked(const std::string& file) {
    auto text = read_file(file);
    if (!text) return Error(ErrorCode::usage, "RevokedHostKeys: " + text.error().message());
    if (text->starts_with("SSHKRL")) {
        return Error(ErrorCode::usage,
                     fmt::format("RevokedHostKeys: {} is a KRL, which escalator cannot read", file))
            .advise("list the keys as text, one public key a line");
    }
    std::vector<KnownHosts::Key> out;
    std::size_t number = 0;
    for (const auto line : split(*text, '\n')) {
        ++number;
        KnownHosts::Key key;
        std::istringstream words{std::string(line)};
        words >> key.type >> key.blob;
        if (key.type.starts_with('#') || key.blob.empty()) continue;
        key.file = file;
        key.line = number;
        out.push_back(std::move(key));
    }
    return out;
}

const KnownHosts::Key* find_same(const std::vector<KnownHosts::Key>& keys,
                                 const KnownHosts::Key& wanted) {
    for (const auto& key : keys) {
        if (key.blob == wanted.blob) return &key;
    }
    return nullptr;
}

}  // namespace

Result<Trust> Trust::for_host(const SshSettings& settings) {
    Trust out;
    const auto hosts = KnownHosts::shared(settings.known_hosts);
    const bool alias = !settings.host_key_alias.empty();
    out.name_ = alias ? settings.host_key_alias : known_name(settings.host, settings.port);
    out.where_ = known_name(settings.host, settings.port);
    if (alias) out.where_ += fmt::format(" (HostKeyAlias {})", settings.host_key_alias);
    out.known_ = hosts->find(out.name_);
    if (!alias && settings.port != 22 && out.known_.keys.empty()) {
        // as ssh does: a key known for the host is good for its other ports, too
        const auto bare = hosts->find(settings.host);
        out.other_ports_ = bare.keys;
        out.known_.revoked.insert(out.known_.revoked.end(), bare.revoked.begin(),
                                  bare.revoked.end());
    }
    for (const auto& file : settings.revoked_keys_files) {
        auto revoked = read_revoked(file);
        if (!revoked) return std::move(revoked).take_error();
        out.known_.revoked.insert(out.known_.revoked.end(), revoked->begin(), revoked->end());
    }
    out.file_ = settings.known_hosts.empty() || settings.known_hosts[0] == "/dev/null"
                    ? own_account().home.string() + "/.ssh/known_hosts"
                    : settings.known_hosts[0];
    out.wanted_ = settings.host_key_algorithms;
    return out;
}

std::string Trust::algorithms() const {
    const auto all = allowed(wanted_);
    std::vector<std::string> out;
    for (const auto& key : known_.keys.empty() ? other_ports_ : known_.keys) {
        for (const auto& name : algorithms_of(key.type)) {
            const bool fine = std::find(all.begin(), all.end(), name) != all.end();
            if (fine && std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
        }
    }
    for (const auto& name : all) {
        if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
    }
    return join(out, ",");
}

std::string Trust::add_command(const KnownHosts::Key& shown) const {
    // the very key that was shown: a second look at the host might be answered by another
    auto command =
        fmt::format("echo '{} {} {}' >> {}", name_, shown.type, shown.blob, shell_quote(file_));
    const auto parent = std::filesystem::path(file_).parent_path();
    std::error_code ignored;
    if (!parent.empty() && !std::filesystem::is_directory(parent, ignored)) {
        command = fmt::format("mkdir -p -m 700 {} && {}", shell_quote(parent.string()), command);
    }
    return command;
}

Error Trust::changed(const KnownHosts::Key& shown, const std::string& fingerprint) const {
    const auto& first = known_.keys.front();
    std::vector<std::string> steps;
    const auto add = [&](std::string step) {
        if (std::find(steps.begin(), steps.end(), step) == steps.end()) {
            steps.push_back(std::move(step));
        }
    };
    // from the last line up, so that the numbers stay right
    for (auto key = known_.keys.rbegin(); key != known_.keys.rend(); ++key) {
        if (key->wildcard) add(fmt::format("sed -i {}d {}", key->line, shell_quote(key->file)));
    }
    for (const auto& key : known_.keys) {
        if (key.wildcard) continue;
        add(fmt::format("ssh-keygen -f {} -R {}", shell_quote(key.file), shell_quote(name_)));
    }
    steps.push_back(add_command(shown));
    return Error(ErrorCode::untrusted,
                 fmt::format("the host key of {} has changed: it now shows {} {}, but {}:{} has "
                             "another. Someone may be listening in, or the node was reinstalled",
                             where_, shown.type, fingerprint, first.file, first.line))
        .advise(fmt::format("if the fingerprint on the node's console is the same: {}",
                            join(steps, " && ")));
}

Status Trust::judge(const KnownHosts::Key& shown, const std::string& fingerprint) const {
    if (const auto* key = find_same(known_.revoked, shown)) {
        return Error(ErrorCode::untrusted,
                     fmt::format("{} shows the host key {} {}, which is revoked in {}:{}", where_,
                                 shown.type, fingerprint, key->file, key->line))
            .advise(
                "find out who answers there; if it is the node, give it a new host key: "
                "rm /etc/ssh/ssh_host_*_key* && ssh-keygen -A, and restart its sshd");
    }
    if (find_same(known_.keys, shown) != nullptr) return ok();
    if (find_same(other_ports_, shown) != nullptr) return ok();
    if (!known_.keys.empty()) return changed(shown, fingerprint);
    const auto advice =
        fmt::format("if the fingerprint on the node's console is the same: {}", add_command(shown));
    if (known_.authority) {
        return Error(ErrorCode::untrusted,
                     fmt::format("{} is known by a certificate authority only, and escalator "
                                 "cannot verify host certificates; its host key is {} {}",
                                 where_, shown.type, fingerprint))
            .advise(advice);
    }
    return Error(ErrorCode::untrusted,
                 fmt::format("the host key of {} is not known: it shows {} {}", where_, shown.type,
                             fingerprint))
        .advise(advice);
}

}  // namespace escalator::node
