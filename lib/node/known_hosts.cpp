// SPDX-License-Identifier: Apache-2.0
#include "node/known_hosts.hpp"

#include <fmt/format.h>
#include <fnmatch.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>
#include <sstream>

#include "base/file.hpp"
#include "base/sync.hpp"
#include "base/text.hpp"

namespace escalator::node {

namespace {

constexpr std::string_view hash_magic = "|1|";
constexpr std::size_t sha1_size = 20;

std::string from_base64(std::string_view text) {
    std::string out(text.size(), '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(text.data()),
                                     static_cast<int>(text.size()));
    if (size < 0) return {};
    out.resize(static_cast<std::size_t>(size));
    return out;
}

bool hashed_match(std::string_view field, std::string_view host) {
    const auto parts = split(field.substr(hash_magic.size()), '|');
    if (parts.size() != 2) return false;
    auto salt = from_base64(parts[0]);
    auto hash = from_base64(parts[1]);
    if (salt.size() < sha1_size || hash.size() < sha1_size) return false;
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned length = 0;
    HMAC(EVP_sha1(), salt.data(), static_cast<int>(sha1_size),
         reinterpret_cast<const unsigned char*>(host.data()), host.size(), sum.data(), &length);
    return length == sha1_size &&
           std::equal(sum.begin(), sum.begin() + sha1_size, hash.begin(),
                      [](unsigned char a, char b) { return a == static_cast<unsigned char>(b); });
}

bool plain_match(std::string_view patterns, const std::string& host) {
    bool matched = false;
    for (auto pattern : split(patterns, ',')) {
        const bool negated = pattern.starts_with('!');
        if (negated) pattern.remove_prefix(1);
        // ssh's patterns know * and ? only, and take brackets as they are
        std::string glob;
        for (const char c : pattern) {
            if (c == '[' || c == ']' || c == '\\') glob += '\\';
            glob += c;
        }
        if (fnmatch(glob.c_str(), host.c_str(), FNM_CASEFOLD) != 0) continue;
        if (negated) return false;
        matched = true;
    }
    return matched;
}

}  // namespace

KnownHosts::KnownHosts(const std::vector<std::filesystem::path>& files) {
    for (const auto& file : files) {
        const auto text = read_file(file);
        if (!text) continue;
        for (const auto raw : split(*text, '\n')) {
            const auto trimmed = trim(raw);
            if (trimmed.empty() || trimmed.front() == '#') continue;
            std::istringstream words{std::string(trimmed)};
            Line line;
            words >> line.hosts;
            if (line.hosts.starts_with('@')) {
                if (line.hosts == "@revoked") line.mark = Mark::revoked;
                if (line.hosts == "@cert-authority") line.mark = Mark::authority;
                if (line.mark == Mark::none) continue;
                words >> line.hosts;
            }
            words >> line.key.type >> line.key.blob;
            if (!line.key.blob.empty()) lines_.push_back(std::move(line));
        }
    }
}

KnownHosts::Found KnownHosts::find(std::string_view host, std::uint16_t port) const {
    const auto name = port == 22 ? std::string(host) : fmt::format("[{}]:{}", host, port);
    Found found;
    for (const auto& line : lines_) {
        const bool fits = line.hosts.starts_with(hash_magic) ? hashed_match(line.hosts, name)
                                                             : plain_match(line.hosts, name);
        if (!fits) continue;
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

std::shared_ptr<const KnownHosts> KnownHosts::shared(
    const std::vector<std::filesystem::path>& files) {
    // shared: sessions of many threads look into the same parsed files
    using Cache = std::map<std::vector<std::filesystem::path>, std::shared_ptr<const KnownHosts>>;
    static Sync<Cache> cache;
    return cache.with([&](Cache& known) {
        auto& entry = known[files];
        if (!entry) entry = std::make_shared<const KnownHosts>(files);
        return entry;
    });
}

}  // namespace escalator::node
