// SPDX-License-Identifier: Apache-2.0
#include "node/ssh_handle.hpp"

#include <libssh/libssh.h>

namespace escalator::node {

namespace {

/// Takes over a string that libssh has allocated.
std::string take_string(char* text) {
    std::string out = text == nullptr ? "" : text;
    ssh_string_free_char(text);
    return out;
}

}  // namespace

void SshFree::operator()(ssh_channel it) const noexcept { ssh_channel_free(it); }

void SshFree::operator()(ssh_key it) const noexcept { ssh_key_free(it); }

void SshFree::operator()(ssh_session it) const noexcept {
    ssh_disconnect(it);
    ssh_free(it);
}

std::string fingerprint(ssh_key key) {
    unsigned char* hash = nullptr;
    std::size_t size = 0;
    if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != SSH_OK) return {};
    auto out = take_string(ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size));
    ssh_clean_pubkey_hash(&hash);
    return out;
}

std::string base64_blob(ssh_key key) {
    char* text = nullptr;
    if (ssh_pki_export_pubkey_base64(key, &text) != SSH_OK) return {};
    return take_string(text);
}

}  // namespace escalator::node
