// SPDX-License-Identifier: Apache-2.0
#include "node/ssh_wire.hpp"

#include <openssl/evp.h>

namespace escalator::node::wire {

std::string number(std::uint32_t value) {
    std::string out;
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        out += static_cast<char>(value >> shift & 0xFFU);
    return out;
}

std::string bytes(std::string_view value) {
    return number(static_cast<std::uint32_t>(value.size())) + std::string(value);
}

std::optional<std::uint32_t> take_number(std::string_view& from) {
    if (from.size() < 4) return std::nullopt;
    std::uint32_t value = 0;
    for (const char c : from.substr(0, 4)) value = value << 8U | static_cast<unsigned char>(c);
    from.remove_prefix(4);
    return value;
}

std::optional<std::string_view> take_bytes(std::string_view& from) {
    const auto size = take_number(from);
    if (!size || *size > from.size()) return std::nullopt;
    const auto out = from.substr(0, *size);
    from.remove_prefix(*size);
    return out;
}

std::string from_base64(std::string_view text) {
    std::string packed;
    std::size_t padding = 0;
    for (const char c : text) {
        if (c == '\n' || c == '\r' || c == ' ') continue;
        packed += c;
        padding += c == '=' ? 1 : 0;
    }
    std::string out(packed.size() + 1, '\0');
    const int size = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(packed.data()),
                                     static_cast<int>(packed.size()));
    // OpenSSL counts what stands for the padding
    const auto whole = size < 0 ? 0 : static_cast<std::size_t>(size);
    out.resize(whole < padding ? 0 : whole - padding);
    return out;
}

std::string to_base64(std::string_view value) {
    std::string out((value.size() + 2) / 3 * 4 + 1, '\0');
    const int size = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                     reinterpret_cast<const unsigned char*>(value.data()),
                                     static_cast<int>(value.size()));
    out.resize(static_cast<std::size_t>(size));
    return out;
}

}  // namespace escalator::node::wire
