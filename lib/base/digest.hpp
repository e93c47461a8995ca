// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace escalator {

/// SHA-256 (FIPS 180-4) over pieces fed one after the other; OpenSSL's libcrypto does the work.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;

    void feed(std::string_view bytes);
    /// 64 lower-case hex digits; call once, at the end.
    std::string hex();

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

std::string sha256_hex(std::string_view bytes);
/// Reads the file in pieces. Errors: not_found, io.
Result<std::string> sha256_file(const std::filesystem::path& path);

/// `bytes` random bytes from the operating system as lower-case hex.
std::string random_hex(std::size_t bytes);

}  // namespace escalator
