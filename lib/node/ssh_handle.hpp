// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

// libssh's handles, as its headers name them; those are for this folder's .cpp files only.
using ssh_session = struct ssh_session_struct*;
using ssh_channel = struct ssh_channel_struct*;
using ssh_key = struct ssh_key_struct*;

namespace escalator::node {

/// Frees; a session is disconnected first.
struct SshFree {
    void operator()(ssh_channel it) const noexcept;
    void operator()(ssh_key it) const noexcept;
    void operator()(ssh_session it) const noexcept;
};
using ChannelPtr = std::unique_ptr<ssh_channel_struct, SshFree>;
using KeyPtr = std::unique_ptr<ssh_key_struct, SshFree>;
using SessionPtr = std::unique_ptr<ssh_session_struct, SshFree>;

/// "SHA256:..."
std::string fingerprint(ssh_key key);

/// The public half of a key as in known_hosts and .pub files.
std::string base64_blob(ssh_key key);

}  // namespace escalator::node
