// SPDX-License-Identifier: Apache-2.0
#include "base/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdint>
#include <map>
#include <set>

namespace escalator {

std::string_view trim(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    for (;;) {
        const auto at = text.find(separator);
        parts.push_back(text.substr(0, at));
        if (at == std::string_view::npos) return parts;
        text.remove_prefix(at + 1);
    }
}

std::string join(std::span<const std::string> parts, std::string_view separator) {
    return fmt::format("{}", fmt::join(parts.begin(), parts.end(), separator));
}

std::string lowered(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

std::string counted(std::size_t count, std::string_view noun) {
    return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

std::string shell_quote(std::string_view word) {
    std::string out = "'";
    for (const char c : word) {
        if (c == '\'') {
            out += "'\\''";
        } else {
            out += c;
        }
    }
    return out + "'";
}

namespace {

std::size_t edit_distance(std::string_view a, std::string_view b) {
    // three rows of the Damerau-Levenshtein table (adjacent swaps count one)
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> previous(b.size() + 1);
    std::vector<std::size_t> current(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) previous[j] = j;
    const auto lower = [](char c) { return std::tolower(static_cast<unsigned char>(c)); };
    for (std::size_t i = 1; i <= a.size(); ++i) {
        current[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t cost = lower(a[i - 1]) == lower(b[j - 1]) ? 0 : 1;
            current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + cost});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                current[j] = std::min(current[j], before[j - 2] + 1);
            }
        }
        std::swap(before, previous);
        std::swap(previous, current);
    }
    return previous[b.size()];
}

}  // namespace

std::optional<std::string> closest(std::string_view word, std::span<const std::string> candidates) {
    std::optional<std::string> best;
    std::size_t best_distance = word.size() / 3 + 1;
    for (const auto& candidate : candidates) {
        const auto distance = edit_distance(word, candidate);
        if (distance < best_distance || (distance == best_distance && !best)) {
            if (distance > std::max<std::size_t>(1, word.size() / 3)) continue;
            best = candidate;
            best_distance = distance;
        }
    }
    return best;
}

std::string fold_names(std::span<const std::string> names) {
    // key: prefix, suffix, width of the last number in the name
    struct Key {
        std::string prefix;
        std::string suffix;
        std::size_t width;
        auto operator<=>(const Key&) const = default;
    };
    std::set<std::string> plain;
    std::map<Key, std::set<std::uint64_t>> numbered;
    for (const auto& name : names) {
        const auto last = name.find_last_of("0123456789");
        if (last == std::string::npos) {
            plain.insert(name);
            continue;
        }
        const auto before = name.find_last_not_of("0123456789", last);
        const auto first = before == std::string::npos ? 0 : before + 1;
        std::uint64_t value = 0;
        const auto digits = std::string_view(name).substr(first, last - first + 1);
        const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        if (parsed.ec != std::errc{}) {
            plain.insert(name);
            continue;
        }
        const auto width = digits.front() == '0' || digits.size() > 1 ? digits.size() : 1;
        numbered[{name.substr(0, first), name.substr(last + 1), width}].insert(value);
    }
    std::vector<std::string> parts(plain.begin(), plain.end());
    for (const auto& [key, values] : numbered) {
        std::vector<std::string> ranges;
        for (auto it = values.begin(); it != values.end();) {
            auto end = it;
            while (std::next(end) != values.end() && *std::next(end) == *end + 1) ++end;
            ranges.push_back(it == end
                                 ? fmt::format("{:0{}}", *it, key.width)
                                 : fmt::format("{:0{}}-{:0{}}", *it, key.width, *end, key.width));
            it = std::next(end);
        }
        const bool single = values.size() == 1;
        parts.push_back(fmt::format("{}{}{}{}{}", key.prefix, single ? "" : "[", join(ranges, ","),
                                    single ? "" : "]", key.suffix));
    }
    std::sort(parts.begin(), parts.end());
    return join(parts, ",");
}

namespace {

/// Length of the valid UTF-8 sequence at the start of `text` (RFC 3629), 0 when there is none.
std::size_t utf8_length(std::string_view text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto tail = [&](std::size_t i) { return i < text.size() && (byte(i) & 0xC0U) == 0x80; };
    const unsigned char c = byte(0);
    if (c < 0x80) return 1;
    if (c >= 0xC2 && c <= 0xDF) return tail(1) ? 2 : 0;
    if (c >= 0xE0 && c <= 0xEF) {
        if (!tail(1) || !tail(2)) return 0;
        if (c == 0xE0 && byte(1) < 0xA0) return 0;
        if (c == 0xED && byte(1) > 0x9F) return 0;
        return 3;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        if (!tail(1) || !tail(2) || !tail(3)) return 0;
        if (c == 0xF0 && byte(1) < 0x90) return 0;
        if (c == 0xF4 && byte(1) > 0x8F) return 0;
        return 4;
    }
    return 0;
}

}  // namespace

std::size_t valid_utf8(std::string_view text) {
    std::size_t at = 0;
    while (at < text.size()) {
        const auto length = utf8_length(text.substr(at));
        if (length == 0) break;
        at += length;
    }
    return at;
}

std::string printable(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto length = utf8_length(text);
        const auto c = static_cast<unsigned char>(text.front());
        const bool c1_control =
            length == 2 && c == 0xC2 && static_cast<unsigned char>(text[1]) < 0xA0;
        if (length == 0 || (length == 1 && (c < 0x20 || c == 0x7F) && c != '\n' && c != '\t') ||
            c1_control) {
            const auto count = std::max<std::size_t>(length, 1);
            for (std::size_t i = 0; i < count; ++i) {
                out += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
            }
            text.remove_prefix(count);
        } else {
            out += text.substr(0, length);
            text.remove_prefix(length);
        }
    }
    return out;
}

bool is_plain_name(std::string_view name) {
    if (name.empty() || name.size() > 128 || name == "." || name == "..") return false;
    return std::all_of(name.begin(), name.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '_' || c == '-';
    });
}

}  // namespace escalator
