// SPDX-License-Identifier: Apache-2.0
#include "node/known_hosts.hpp"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <sstream>

#include "base/file.hpp"
#include "base/sync.hpp"
#include "base/text.hpp"
#include "node/ssh_wire.hpp"
#include "node/ssh_words.hpp"

namespace escalator::node {

namespace {

constexpr std::string_view hash_magic = "|1|";
constexpr std::size_t sha1_size = 20;

/// HMAC-SHA1 many times over: a file may have ten thousand hashed lines, and setting OpenSSL up
/// costs several times what the sum does.
class Hmac {
public:
    Hmac() : algorithm_(EVP_MAC_fetch(nullptr, "HMAC", nullptr)) {
        context_ = algorithm_ == nullptr ? nullptr : EVP_MAC_CTX_new(algorithm_);
    }
    ~Hmac() {
        EVP_MAC_CTX_free(context_);
        EVP_MAC_free(algorithm_);
    }
    Hmac(const Hmac&) = delete;
    Hmac& operator=(const Hmac&) = delete;

    bool equals(std::string_view salt, std::string_view text, std::string_view sum) {
        if (context_ == nullptr) return false;
        std::array<char, 5> digest{"SHA1"};
        const std::array<OSSL_PARAM, 2> parameters{
            OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
            OSSL_PARAM_construct_end()};
        std::array<unsigned char, sha1_size> out{};
        std::size_t size = 0;
        const auto* key = reinterpret_cast<const unsigned char*>(salt.data());
        const auto* data = reinterpret_cast<const unsigned char*>(text.data());
        return EVP_MAC_init(context_, key, salt.size(), first_ ? parameters.data() : nullptr) ==
                   1 &&
               (first_ = false, EVP_MAC_update(context_, data, text.size()) == 1) &&
               EVP_MAC_final(context_, out.data(), &size, out.size()) == 1 &&
               std::string_view(reinterpret_cast<const char*>(out.data()), size) == sum;
    }

private:
    EVP_MAC* algorithm_;
    EVP_MAC_CTX* context_;
    bool first_ = true;
};

/// What tells one state of a file from another.
struct Stamp {
    timespec changed{};
    off_t size = -1;
    ino_t inode = 0;
    bool operator==(const Stamp& other) const {
        return changed.tv_sec == other.changed.tv_sec && changed.tv_nsec == other.changed.tv_nsec &&
               size == other.size && inode == other.inode;
    }
};

Stamp stamp_of(const std::string& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) return {};
    return {info.st_mtim, info.st_size, info.st_ino};
}

}  // namespace

KnownHosts::KnownHosts(const std::vector<std::string>& files) {
    for (const auto& file : files) {
        const auto text = read_file(file);
        if (!text) continue;
        std::size_t number = 0;
        for (const auto line : split(*text, '\n')) add(trim(line), file, ++number);
    }
}

void KnownHosts::add(std::string_view text, const std::string& file, std::size_t number) {
    if (text.empty() || text.front() == '#') return;
    std::istringstream words{std::string(text)};
    Line line;
    std::string hosts;
    words >> hosts;
    if (hosts.starts_with('@')) {
        if (hosts == "@revoked") line.mark = Mark::revoked;
        if (hosts == "@cert-authority") line.mark = Mark::authority;
        if (line.mark == Mark::none) return;
        words >> hosts;
    }
    words >> line.key.type >> line.key.blob;
    if (line.key.blob.empty()) return;
    line.key.file = file;
    line.key.line = number;
    const auto index = lines_.size();
    if (hosts.starts_with(hash_magic)) {
        const auto parts = split(std::string_view(hosts).substr(hash_magic.size()), '|');
        if (parts.size() != 2) return;
        line.salt = wire::from_base64(parts[0]);
        line.hash = wire::from_base64(parts[1]);
        hashed_.push_back(index);
    } else {
        for (const auto part : split(hosts, ',')) line.patterns.push_back(lowered(part));
        line.key.wildcard = hosts.find_first_of("*?!") != std::string::npos;
        if (line.key.wildcard) {
            patterns_.push_back(index);
        } else {
            for (const auto& name : line.patterns) named_[name].push_back(index);
        }
    }
    lines_.push_back(std::move(line));
}

KnownHosts::Found KnownHosts::find(std::string_view host) const {
    const auto name = lowered(host);
    std::set<std::size_t> fitting;  // in the order of the files
    if (const auto at = named_.find(name); at != named_.end()) {
        fitting.insert(at->second.begin(), at->second.end());
    }
    for (const auto index : patterns_) {
        if (fits_patterns(lines_[index].patterns, name)) fitting.insert(index);
    }
    if (!hashed_.empty()) {
        Hmac hmac;
        for (const auto index : hashed_) {
            if (hmac.equals(lines_[index].salt, name, lines_[index].hash)) fitting.insert(index);
        }
    }
    Found found;
    for (const auto index : fitting) {
        const auto& line = lines_[index];
        switch (line.mark) {
            case Mark::none:
                found.keys.push_back(line.key);
                break;
            case Mark::revoked:
                found.revoked.push_back(line.key);
                break;
            case Mark::authority:
                found.authority = true;
                break;
        }
    }
    return found;
}

std::shared_ptr<const KnownHosts> KnownHosts::shared(const std::vector<std::string>& files) {
    // shared: sessions of many threads look into the same parsed files. A run may last for hours
    // in which the operator adds the key of a node that was reinstalled, so changes are seen.
    struct Entry {
        std::vector<Stamp> stamps;
        std::shared_ptr<const KnownHosts> hosts;
    };
    static Sync<std::map<std::vector<std::string>, Entry>> cache;
    std::vector<Stamp> stamps;
    stamps.reserve(files.size());
    for (const auto& file : files) stamps.push_back(stamp_of(file));
    return cache.with([&](auto& known) {
        auto& entry = known[files];
        if (!entry.hosts || entry.stamps != stamps) {
            entry = {stamps, std::make_shared<const KnownHosts>(files)};
        }
        return entry.hosts;
    });
}

std::string known_name(std::string_view host, std::uint16_t port) {
    return port == 22 ? std::string(host) : fmt::format("[{}]:{}", host, port);
}

}  // namespace escalator::node
