// SPDX-License-Identifier: Apache-2.0
#include "node/ssh_words.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>

#include "base/account.hpp"
#include "base/text.hpp"

namespace escalator::node {

namespace {

char lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\f'; }

std::string_view short_name(std::string_view host) { return host.substr(0, host.find('.')); }

std::string sha1_hex(std::string_view text) {
    std::array<unsigned char, EVP_MAX_MD_SIZE> sum{};
    unsigned size = 0;
    EVP_Digest(text.data(), text.size(), sum.data(), &size, EVP_sha1(), nullptr);
    std::string out;
    for (unsigned i = 0; i < size; ++i) out += fmt::format("{:02x}", sum[i]);
    return out;
}

std::optional<std::string> token(char which, const Tokens& tokens) {
    const auto& own = own_account();
    switch (which) {
        case '%':
            return "%";
        case 'C':
            return sha1_hex(own.host + tokens.host + tokens.port + tokens.user + tokens.jump);
        case 'd':
            return own.home.string();
        case 'h':
            return tokens.host;
        case 'i':
            return std::to_string(own.uid);
        case 'j':
            return tokens.jump;
        case 'k':
            return tokens.alias;
        case 'L':
            return std::string(short_name(own.host));
        case 'l':
            return own.host;
        case 'n':
            return tokens.original;
        case 'p':
            return tokens.port;
        case 'r':
            return tokens.user;
        case 'u':
            return own.name;
        default:
            return std::nullopt;
    }
}

}  // namespace

Result<ConfigLine> cut_line(std::string_view line) {
    ConfigLine out;
    line = trim(line);
    if (line.empty() || line.front() == '#') return out;
    const auto end = line.find_first_of(" \t\f=");
    for (const char c : line.substr(0, end)) out.keyword += lower(c);
    line.remove_prefix(std::min(end, line.size()));
    line = trim(line);
    if (line.starts_with('=')) line = trim(line.substr(1));
    out.rest = line;
    for (std::size_t i = 0; i < line.size();) {
        if (is_blank(line[i])) {
            ++i;
            continue;
        }
        if (line[i] == '#') break;
        std::string word;
        char quote = '\0';
        for (; i < line.size() && (quote != '\0' || !is_blank(line[i])); ++i) {
            const char c = line[i];
            const char next = i + 1 < line.size() ? line[i + 1] : '\0';
            const bool escaped = c == '\\' && (next == '\\' || next == '"' || next == '\'' ||
                                               (quote == '\0' && next == ' '));
            if (escaped) {
                word += next;
                ++i;
            } else if (quote == '\0' && (c == '"' || c == '\'')) {
                quote = c;
            } else if (c == quote && quote != '\0') {
                quote = '\0';
            } else {
                word += c;
            }
        }
        if (quote != '\0') return Error(ErrorCode::usage, "a quote is not closed");
        out.words.push_back(std::move(word));
    }
    return out;
}

bool fits_pattern(std::string_view pattern, std::string_view text) {
    // the usual two-pointer walk: on a mismatch, let the last * take one character more
    std::size_t p = 0;
    std::size_t t = 0;
    auto star = std::string_view::npos;
    std::size_t from = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            from = t;
        } else if (p < pattern.size() &&
                   (pattern[p] == '?' || lower(pattern[p]) == lower(text[t]))) {
            ++p;
            ++t;
        } else if (star != std::string_view::npos) {
            p = star + 1;
            t = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool fits_patterns(const std::vector<std::string>& patterns, std::string_view text) {
    bool some = false;
    for (const std::string_view pattern : patterns) {
        const bool negated = pattern.starts_with('!');
        if (!fits_pattern(pattern.substr(negated ? 1 : 0), text)) continue;
        if (negated) return false;
        some = true;
    }
    return some;
}

Result<std::string> expand_tokens(std::string_view text, const Tokens& tokens) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        const auto value = i + 1 < text.size() ? token(text[i + 1], tokens) : std::nullopt;
        if (!value) {
            return Error(ErrorCode::usage,
                         fmt::format("\"{}\" has an unknown token \"{}\"", text, text.substr(i, 2)))
                .advise(
                    "tokens are %% %C %d %h %i %j %k %L %l %n %p %r %u; write %% for a percent");
        }
        out += *value;
        ++i;
    }
    return out;
}

std::string expand_home(std::string_view text) {
    if (text != "~" && !text.starts_with("~/")) return std::string(text);
    return own_account().home.string() + std::string(text.substr(1));
}

Result<std::string> expand_path(std::string_view text, const Tokens& tokens) {
    std::string out = expand_home(text);
    for (std::size_t at = 0; (at = out.find("${", at)) != std::string::npos;) {
        const auto end = out.find('}', at);
        const auto name = end == std::string::npos ? "" : out.substr(at + 2, end - at - 2);
        const char* value = name.empty() ? nullptr : std::getenv(name.c_str());
        if (value == nullptr) {
            return Error(ErrorCode::usage,
                         fmt::format("\"{}\" names an environment variable that is not set", text));
        }
        out.replace(at, end + 1 - at, value);
        at += std::string_view(value).size();
    }
    return expand_tokens(out, tokens);
}

}  // namespace escalator::node
