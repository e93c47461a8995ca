// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.hpp"
#include "node/known_hosts.hpp"
#include "node/ssh_config.hpp"

namespace escalator::node {

/// Whether the key that a host shows is the one we know. Always strict: what is not known is
/// refused, with the command that makes it known.
class Trust {
public:
    /// Reads the known-hosts and revoked-keys files. Errors: usage (a revoked-keys file that cannot
    /// be read).
    static Result<Trust> for_host(const SshSettings& settings);

    /// For the key exchange: what we know first, so that the host shows a key we can compare.
    std::string algorithms() const;

    /// Errors: untrusted.
    Status judge(const KnownHosts::Key& shown, const std::string& fingerprint) const;

private:
    Error changed(const KnownHosts::Key& shown, const std::string& fingerprint) const;
    std::string add_command(const KnownHosts::Key& shown) const;

    std::string name_;   ///< as in the files: "[host]:2222", or the alias
    std::string where_;  ///< for messages: "host:2222"
    std::string file_;   ///< takes new keys
    std::string wanted_;
    KnownHosts::Found known_;
    std::vector<KnownHosts::Key> other_ports_;  ///< of the host at port 22, when known_ has none
};

}  // namespace escalator::node
