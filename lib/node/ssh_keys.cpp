// SPDX-License-Identifier: Apache-2.0
#include "node/ssh_keys.hpp"

#include <fmt/format.h>
#include <libssh/libssh.h>
#include <sys/stat.h>

#include <map>

#include "base/account.hpp"
#include "base/file.hpp"
#include "base/sync.hpp"
#include "base/text.hpp"
#include "node/ssh_wire.hpp"

namespace escalator::node {

namespace {

constexpr std::string_view openssh_begin = "-----BEGIN OPENSSH PRIVATE KEY-----";
constexpr std::string_view openssh_end = "-----END OPENSSH PRIVATE KEY-----";
constexpr std::size_t largest_key_file = 1U << 20U;

struct Outside {
    bool locked = false;  ///< it has a passphrase
    std::string blob;     ///< base64 of the public half
};

/// What a private key file tells without its passphrase (OpenSSH's PROTOCOL.key).
Outside look_from_outside(const std::string& text) {
    Outside out;
    if (text.find("ENCRYPTED") != std::string::npos) out.locked = true;  // PEM and PKCS#8
    const auto begin = text.find(openssh_begin);
    const auto end = text.find(openssh_end);
    if (begin == std::string::npos || end == std::string::npos || end < begin) return out;
    const auto from = begin + openssh_begin.size();
    const auto bytes = wire::from_base64(std::string_view(text).substr(from, end - from));
    constexpr std::string_view magic("openssh-key-v1\0", 15);
    std::string_view rest = bytes;
    if (!rest.starts_with(magic)) return out;
    rest.remove_prefix(magic.size());
    const auto cipher = wire::take_bytes(rest);
    if (!cipher || !wire::take_bytes(rest) || !wire::take_bytes(rest) || rest.size() < 4)
        return out;
    rest.remove_prefix(4);  // the number of keys: always one
    const auto blob = wire::take_bytes(rest);
    if (!blob) return out;
    out.locked = *cipher != "none";
    out.blob = wire::to_base64(*blob);
    return out;
}

std::string public_blob(const std::string& file) {
    ssh_key raw = nullptr;
    if (ssh_pki_import_pubkey_file(file.c_str(), &raw) != SSH_OK) return {};
    const KeyPtr key(raw);
    return base64_blob(key.get());
}

/// Private keys that others can read are refused, as ssh does.
bool others_can_read(const std::string& file) {
    struct stat info {};
    return ::stat(file.c_str(), &info) == 0 && info.st_uid == own_account().uid &&
           (info.st_mode & 077U) != 0;
}

struct Parsed {
    std::string blob;
    std::string problem;
    KeyPtr key;
};

Parsed parse_key(const std::string& file) {
    Parsed out;
    const auto text = read_file(file, largest_key_file);
    if (!text) {
        out.blob = public_blob(file + ".pub");
        out.problem = text.error().message();
        return out;
    }
    if (text->find("PRIVATE KEY") == std::string::npos) {
        out.blob = public_blob(file);
        out.problem = file + (out.blob.empty() ? " is no key"
                                               : " is a public key, and the agent has not got it");
        return out;
    }
    if (others_can_read(file)) {
        out.problem = fmt::format("{} can be read by other users (chmod 600)", file);
        return out;
    }
    const auto outside = look_from_outside(*text);
    ssh_key raw = nullptr;
    if (!outside.locked &&
        ssh_pki_import_privkey_base64(text->c_str(), nullptr, nullptr, nullptr, &raw) == SSH_OK) {
        out.key.reset(raw);
        out.blob = base64_blob(raw);
        return out;
    }
    out.blob = outside.blob.empty() ? public_blob(file + ".pub") : outside.blob;
    out.problem = outside.locked
                      ? fmt::format("{} has a passphrase and is not in the agent (ssh-add {})",
                                    file, shell_quote(file))
                      : fmt::format("{} is damaged, or of a kind that escalator cannot use", file);
    return out;
}

struct Certificate {
    std::string bytes;
    KeyPtr key;
};

Certificate parse_certificate(const std::string& file) {
    Certificate out;
    ssh_key raw = nullptr;
    if (ssh_pki_import_cert_file(file.c_str(), &raw) != SSH_OK) return out;
    out.key.reset(raw);
    out.bytes = wire::from_base64(base64_blob(raw));
    return out;
}

/// A certificate (OpenSSH's PROTOCOL.certkeys) begins with its type and a nonce, then comes the key
/// as it stands behind the type of a plain one. libssh compares keys of the same type only.
bool belongs(const Certificate& certificate, const std::string& blob) {
    const auto bytes = wire::from_base64(blob);
    std::string_view plain = bytes;
    std::string_view certified = certificate.bytes;
    return wire::take_bytes(plain) && wire::take_bytes(certified) && wire::take_bytes(certified) &&
           !plain.empty() && certified.starts_with(plain);
}

/// Everything parsed so far. Handles are copied for each use: libssh does not promise that two
/// threads may sign with one.
class Ring {
public:
    Identity load(const std::string& file, const std::vector<std::string>& certificate_files) {
        const auto& parsed = key(file);
        Identity out;
        out.file = file;
        out.blob = parsed.blob;
        out.problem = parsed.problem;
        if (parsed.key) out.key.reset(ssh_key_dup(parsed.key.get()));
        auto files = certificate_files;
        files.push_back(file + "-cert.pub");
        for (const auto& name : files) {
            const auto& cert = certificate(name);
            if (!belongs(cert, parsed.blob)) continue;
            out.cert_blobs.push_back(wire::to_base64(cert.bytes));
            if (!parsed.key) continue;
            KeyPtr with(ssh_key_dup(parsed.key.get()));
            if (ssh_pki_copy_cert_to_privkey(cert.key.get(), with.get()) == SSH_OK) {
                out.certificates.push_back(std::move(with));
            }
        }
        return out;
    }

private:
    const Parsed& key(const std::string& file) {
        const auto at = keys_.find(file);
        return at != keys_.end() ? at->second : keys_.emplace(file, parse_key(file)).first->second;
    }
    const Certificate& certificate(const std::string& file) {
        const auto at = certificates_.find(file);
        if (at != certificates_.end()) return at->second;
        return certificates_.emplace(file, parse_certificate(file)).first->second;
    }

    std::map<std::string, Parsed> keys_;
    std::map<std::string, Certificate> certificates_;
};

}  // namespace

Identity load_identity(const std::string& file, const std::vector<std::string>& certificate_files) {
    static Sync<Ring> ring;
    return ring.with([&](Ring& it) { return it.load(file, certificate_files); });
}

}  // namespace escalator::node
