// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace escalator::node {

/// Lines of OpenSSH known_hosts files (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT), read once and asked
/// often. Immutable after construction; thread-safe.
class KnownHosts {
public:
    struct Key {
        std::string type;  ///< "ssh-ed25519"
        std::string blob;  ///< base64
        std::string file{};
        std::size_t line = 0;   ///< counted from 1
        bool wildcard = false;  ///< its line is for many hosts
    };
    struct Found {
        std::vector<Key> keys;
        std::vector<Key> revoked;
        bool authority = false;  ///< a @cert-authority line fits
    };

    /// Files that do not exist hold nothing; lines that make no sense are passed over, as ssh does.
    explicit KnownHosts(const std::vector<std::string>& files);

    /// Keys for a name as it stands in the files: "host", "[host]:2222" or a HostKeyAlias.
    Found find(std::string_view name) const;

    /// The same files, parsed once in this process and again after they have changed.
    static std::shared_ptr<const KnownHosts> shared(const std::vector<std::string>& files);

private:
    enum class Mark { none, revoked, authority };
    struct Line {
        Mark mark = Mark::none;
        std::vector<std::string> patterns;  ///< empty: hashed
        std::string salt;
        std::string hash;
        Key key;
    };
    void add(std::string_view text, const std::string& file, std::size_t number);

    std::vector<Line> lines_;
    std::unordered_map<std::string, std::vector<std::size_t>> named_;  ///< by plain name
    std::vector<std::size_t> patterns_;  ///< lines that have to be looked at one by one
    std::vector<std::size_t> hashed_;
};

/// "host", or "[host]:port" for a port that is not 22.
std::string known_name(std::string_view host, std::uint16_t port);

}  // namespace escalator::node
