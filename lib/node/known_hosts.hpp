// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace escalator::node {

/// Lines of OpenSSH known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), read once and asked
/// often. Immutable after construction; thread-safe.
class KnownHosts {
public:
    struct Key {
        std::string type;  ///< "ssh-ed25519"
        std::string blob;  ///< base64
        bool operator==(const Key&) const = default;
    };
    struct Found {
        std::vector<Key> keys;
        std::vector<Key> revoked;
        bool authority =
            false;  ///< a @cert-authority line fits; host certificates are not supported
    };

    /// Files that do not exist hold nothing; lines that make no sense are passed over, as ssh does.
    explicit KnownHosts(const std::vector<std::filesystem::path>& files);

    /// Keys for a host name or address on a port.
    Found find(std::string_view host, std::uint16_t port) const;

    /// The same files parsed once in this process.
    static std::shared_ptr<const KnownHosts> shared(
        const std::vector<std::filesystem::path>& files);

private:
    enum class Mark { none, revoked, authority };
    struct Line {
        Mark mark = Mark::none;
        std::string hosts;  ///< patterns, or |1|salt|hash
        Key key;
    };
    std::vector<Line> lines_;
};

}  // namespace escalator::node
