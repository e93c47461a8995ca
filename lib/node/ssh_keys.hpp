// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "node/ssh_handle.hpp"

namespace escalator::node {

/// A private key file as far as it can be used, and the certificates that go with it.
struct Identity {
    std::string file;
    std::string blob;     ///< base64 of the public half; empty when not known
    std::string problem;  ///< why the key cannot be used from the file; empty when it can
    KeyPtr key;           ///< null when there is a problem
    std::vector<KeyPtr> certificates;     ///< the key with each certificate; as `key`
    std::vector<std::string> cert_blobs;  ///< base64 of each certificate
};

/// Reads a key file, FILE-cert.pub beside it, and those of `certificate_files` that belong to it.
/// Files are parsed once in this process; thread-safe. A key with a passphrase cannot be used, but
/// its public half is known, so that the agent can be asked for it.
Identity load_identity(const std::string& file, const std::vector<std::string>& certificate_files);

}  // namespace escalator::node
