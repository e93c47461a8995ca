// SPDX-License-Identifier: Apache-2.0
#include "base/digest.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/random.h>

#include <cerrno>
#include <fstream>
#include <stdexcept>
#include <vector>

namespace escalator {

struct Sha256::Impl {
    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                    &EVP_MD_CTX_free};
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
    // fetched once: EVP_sha256() alone looks the implementation up at every init
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    if (EVP_DigestInit_ex(impl_->context.get(), algorithm, nullptr) != 1) {
        throw std::runtime_error("libcrypto offers no SHA-256");
    }
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::feed(std::string_view bytes) {
    EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size());
}

std::string Sha256::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    EVP_DigestFinal_ex(impl_->context.get(), digest.data(), &length);
    std::string out;
    out.reserve(std::size_t{length} * 2);
    constexpr std::string_view digits = "0123456789abcdef";
    for (unsigned i = 0; i < length; ++i) {
        out += digits[digest[i] >> 4U];
        out += digits[digest[i] & 15U];
    }
    return out;
}

std::string sha256_hex(std::string_view bytes) {
    Sha256 sum;
    sum.feed(bytes);
    return sum.hex();
}

Result<std::string> sha256_file(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) return Error(ErrorCode::not_found, fmt::format("cannot open {}", path.string()));
    Sha256 sum;
    std::vector<char> buffer(65536);
    while (in.read(buffer.data(), static_cast<std::streamsize>(buffer.size())) || in.gcount() > 0) {
        sum.feed({buffer.data(), static_cast<std::size_t>(in.gcount())});
    }
    if (in.bad()) return Error(ErrorCode::io, fmt::format("cannot read {}", path.string()));
    return sum.hex();
}

std::string random_hex(std::size_t bytes) {
    std::vector<unsigned char> buffer(bytes);
    std::size_t have = 0;
    while (have < bytes) {
        const auto got = ::getrandom(buffer.data() + have, bytes - have, 0);
        if (got < 0 && errno != EINTR) throw std::runtime_error("getrandom failed");
        if (got > 0) have += static_cast<std::size_t>(got);
    }
    std::string out;
    for (const auto b : buffer) out += fmt::format("{:02x}", b);
    return out;
}

}  // namespace escalator
