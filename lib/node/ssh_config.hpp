// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"
#include "node/tcp.hpp"

namespace escalator::node {

/// Whom to ask the configuration about. What is set here wins over the files.
struct SshTarget {
    std::string name;  ///< as a user would give it to ssh
    std::optional<std::uint16_t> port;
    std::optional<std::string> user;
    std::optional<std::string> proxy_jump;
};

/// What the SSH configuration says of one target; tokens are expanded, defaults filled in.
struct SshSettings {
    std::string name;  ///< what was asked for
    std::string host;  ///< where to connect to
    std::uint16_t port = 22;
    std::string user;
    Family family = Family::any;
    std::vector<std::string> identity_files;  ///< in order; empty: none are configured
    std::vector<std::string> certificate_files;
    bool identities_only = false;
    std::string agent;                     ///< socket of the agent; empty: there is none
    std::vector<std::string> jumps;        ///< each [user@]host[:port], the first is nearest to us
    std::string proxy_command;             ///< instead of jumps; empty: none
    std::vector<std::string> known_hosts;  ///< user's, then global files; the first takes new keys
    std::vector<std::string> revoked_keys_files;
    std::string host_key_alias;
    std::string host_key_algorithms;  ///< as written; empty: libssh's
    std::optional<Milliseconds> connect_timeout;
};

/// Files of ssh_config(5), read once: Host, Match (but exec), Include, the first value wins.
/// Immutable after it was read; thread-safe.
class SshConfig {
public:
    struct Item;
    using Items = std::vector<Item>;
    /// A line; for Include, with what the included files say.
    struct Item {
        std::string keyword;  ///< lower case
        std::vector<std::string> words;
        std::string rest;   ///< the words as written, for a shell
        std::string place;  ///< "/home/ops/.ssh/config:12"
        Items included;
    };

    /// Reads `file`, which must exist; if empty, what there is of ~/.ssh/config and
    /// /etc/ssh/ssh_config. Errors: usage, with file and line.
    static Result<SshConfig> read(const std::filesystem::path& file);

    /// The same, once in this process for each file.
    static Result<std::shared_ptr<const SshConfig>> shared(const std::filesystem::path& file);

    /// Errors: usage (a value that makes no sense, Match exec), with file and line.
    Result<SshSettings> lookup(const SshTarget& target) const;

private:
    Items items_;
};

/// A host of ProxyJump: [user@]host[:port], or ssh://[user@]host[:port]. Errors: usage.
Result<SshTarget> parse_jump(std::string_view text);

}  // namespace escalator::node
