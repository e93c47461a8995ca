// SPDX-License-Identifier: Apache-2.0
// From lines to what holds for one target: Host, Match, the first value wins, tokens.
#include "node/ssh_config.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <map>

#include "base/account.hpp"
#include "base/text.hpp"
#include "node/ssh_words.hpp"

namespace escalator::node {

namespace {

using Item = SshConfig::Item;

Error wrong(const Item& item, std::string_view what) {
    return {ErrorCode::usage, fmt::format("SSH configuration: {}: {}", item.place, what)};
}

/// Keywords of which every value counts; of the others, the first.
bool is_list(std::string_view keyword) {
    return keyword == "identityfile" || keyword == "certificatefile";
}

/// The lines that hold for a target, as a walk from top to bottom gathers them.
class Walk {
public:
    explicit Walk(const SshTarget& target) : target_(target) {}

    Status go(const SshConfig::Items& items) {
        if (auto done = walk(items, true); !done) return done;
        if (!saw_final_) return ok();
        // "Match final" asks for a second look, now that the host name is known
        final_ = true;
        return walk(items, true);
    }

    const Item* first(const std::string& keyword) const {
        const auto at = firsts_.find(keyword);
        return at == firsts_.end() ? nullptr : at->second;
    }
    std::vector<const Item*> all(std::string_view keyword) const {
        std::vector<const Item*> out;
        for (const auto* item : lists_) {
            if (item->keyword == keyword) out.push_back(item);
        }
        return out;
    }

    /// HostName so far, else the name that was asked for.
    Result<std::string> host() const {
        const auto* item = first("hostname");
        if (item == nullptr) return target_.name;
        Tokens tokens;
        tokens.host = tokens.original = target_.name;
        auto out = expand_tokens(item->words[0], tokens);
        if (!out) return wrong(*item, out.error().message()).advise(out.error().remedy());
        return out;
    }

    std::string user() const {
        if (target_.user) return *target_.user;
        const auto* item = first("user");
        return item == nullptr ? own_account().name : item->words[0];
    }

private:
    Status walk(const SshConfig::Items& items, bool outer) {
        bool active = outer;
        for (const auto& item : items) {
            if (item.keyword == "host") {
                auto name = final_ ? host() : Result<std::string>(target_.name);
                if (!name) return std::move(name).take_error();
                active = outer && fits_patterns(item.words, *name);
            } else if (item.keyword == "match") {
                auto fits = matches(item);
                if (!fits) return std::move(fits).take_error();
                active = outer && *fits;
            } else if (item.keyword == "include") {
                if (auto done = walk(item.included, active); !done) return done;
            } else if (active) {
                take(item);
            }
        }
        return ok();
    }

    void take(const Item& item) {
        if (is_list(item.keyword)) {
            if (std::find(lists_.begin(), lists_.end(), &item) == lists_.end()) {
                lists_.push_back(&item);
            }
            return;
        }
        // of ProxyJump and ProxyCommand, whichever comes first is the only one
        const bool proxy = item.keyword == "proxyjump" || item.keyword == "proxycommand";
        firsts_.emplace(proxy ? "proxy" : item.keyword, &item);
    }

    Result<bool> matches(const Item& item) {
        bool fits = true;
        const auto& words = item.words;
        for (std::size_t i = 0; i < words.size(); ++i) {
            auto name = std::string_view(words[i]);
            const bool negated = name.starts_with('!');
            if (negated) name.remove_prefix(1);
            std::string value;
            if (const auto equals = name.find('='); equals != std::string_view::npos) {
                value = name.substr(equals + 1);
                name = name.substr(0, equals);
            }
            const auto word = lowered(name);
            const bool bare = word == "all" || word == "final" || word == "canonical";
            if (!bare && value.empty()) {
                if (++i == words.size()) return wrong(item, fmt::format("{} needs a value", word));
                value = words[i];
            }
            auto one = criterion(item, word, value, fits);
            if (!one) return one;
            fits = fits && *one != negated;
        }
        return fits;
    }

    Result<bool> criterion(const Item& item, const std::string& word, const std::string& value,
                           bool needed) {
        std::vector<std::string> patterns;
        for (const auto part : split(value, ',')) patterns.emplace_back(part);
        if (word == "all") return true;
        if (word == "canonical") return false;  // names are not canonicalised here
        if (word == "final") {
            saw_final_ = true;
            return final_;
        }
        if (word == "host") {
            auto name = host();
            if (!name) return std::move(name).take_error();
            return fits_patterns(patterns, *name);
        }
        if (word == "originalhost") return fits_patterns(patterns, target_.name);
        if (word == "user") return fits_patterns(patterns, user());
        if (word == "localuser") return fits_patterns(patterns, own_account().name);
        // what stands before it on the line does not fit: ssh would not ask either
        if (!needed) return false;
        if (word == "exec") {
            return wrong(item, "escalator runs no programs for Match exec")
                .advise(
                    "say what it decides with Host or Match host, or give escalator a "
                    "configuration without it (--ssh-config)");
        }
        static const std::vector<std::string> known{"all",  "final",        "host",
                                                    "user", "originalhost", "localuser"};
        const auto meant = closest(word, known);
        return wrong(item, fmt::format("escalator knows no Match {}{}", printable(word),
                                       meant ? fmt::format("; did you mean {}?", *meant) : ""))
            .advise("it knows all, host, originalhost, user, localuser and final");
    }

    const SshTarget& target_;
    std::map<std::string, const Item*> firsts_;
    std::vector<const Item*> lists_;
    bool saw_final_ = false;
    bool final_ = false;
};

/// Reads the gathered lines, expanding tokens; remembers the first mistake.
class Filler {
public:
    Filler(const Walk& walk, const Tokens& tokens) : walk_(walk), tokens_(tokens) {}

    std::string word(const std::string& keyword) {
        const auto* item = walk_.first(keyword);
        return item == nullptr ? std::string() : item->words[0];
    }
    std::optional<std::int64_t> number(const std::string& keyword, std::int64_t from,
                                       std::int64_t to) {
        const auto* item = walk_.first(keyword);
        if (item == nullptr) return std::nullopt;
        const auto& text = item->words[0];
        std::int64_t value = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
        if (read.ec == std::errc{} && read.ptr == text.data() + text.size() && value >= from &&
            value <= to) {
            return value;
        }
        keep(wrong(*item, fmt::format("{} must be a number from {} to {}, not \"{}\"", keyword,
                                      from, to, printable(text))));
        return std::nullopt;
    }
    bool flag(const std::string& keyword) {
        const auto* item = walk_.first(keyword);
        if (item == nullptr) return false;
        const auto text = lowered(item->words[0]);
        if (text == "yes" || text == "true") return true;
        if (text != "no" && text != "false") {
            keep(wrong(*item,
                       fmt::format("{} must be yes or no, not \"{}\"", keyword, printable(text))));
        }
        return false;
    }
    std::string path(const Item& item, std::string_view text) {
        auto out = expand_path(text, tokens_);
        if (out) return std::move(*out);
        keep(wrong(item, out.error().message()).advise(out.error().remedy()));
        return {};
    }
    /// Files of the first such line, or the defaults; "none" is no file.
    std::vector<std::string> files(const std::string& keyword,
                                   const std::vector<std::string>& otherwise) {
        const auto* item = walk_.first(keyword);
        if (item == nullptr) return otherwise;
        std::vector<std::string> out;
        for (const auto& text : item->words) {
            if (lowered(text) != "none") out.push_back(path(*item, text));
        }
        return out;
    }
    std::vector<std::string> all_files(std::string_view keyword) {
        std::vector<std::string> out;
        for (const auto* item : walk_.all(keyword)) {
            const auto& text = item->words[0];
            out.push_back(lowered(text) == "none" ? "none" : path(*item, text));
        }
        return out;
    }
    void keep(Error error) {
        if (!error_) error_ = std::move(error);
    }
    const std::optional<Error>& error() const { return error_; }

private:
    const Walk& walk_;
    const Tokens& tokens_;
    std::optional<Error> error_;
};

std::string agent_of(const Walk& walk, Filler& fill) {
    const char* env = std::getenv("SSH_AUTH_SOCK");
    std::string usual = env == nullptr ? "" : env;
    const auto* item = walk.first("identityagent");
    if (item == nullptr || item->words[0] == "SSH_AUTH_SOCK") return usual;
    const auto& text = item->words[0];
    if (lowered(text) == "none") return {};
    if (text.starts_with('$') && !text.starts_with("${")) {
        const char* value = std::getenv(text.c_str() + 1);
        return value == nullptr ? "" : value;
    }
    return fill.path(*item, text);
}

std::vector<std::string> jumps_of(std::string_view text) {
    std::vector<std::string> out;
    if (text.empty() || lowered(text) == "none") return out;
    for (const auto part : split(text, ',')) out.emplace_back(trim(part));
    return out;
}

/// ProxyJump and ProxyCommand: the target's own, else the first line with either.
void fill_proxy(const SshTarget& target, const Walk& walk, const Tokens& tokens, Filler& fill,
                SshSettings& into) {
    if (target.proxy_jump) {
        into.jumps = jumps_of(*target.proxy_jump);
        return;
    }
    const auto* item = walk.first("proxy");
    if (item == nullptr) return;
    const auto& text = item->rest;
    if (lowered(text) == "none") return;
    auto expanded = expand_tokens(text, tokens);
    if (!expanded) {
        fill.keep(wrong(*item, expanded.error().message()).advise(expanded.error().remedy()));
    } else if (item->keyword == "proxyjump") {
        into.jumps = jumps_of(*expanded);
        for (const auto& jump : into.jumps) {
            if (auto parsed = parse_jump(jump); !parsed) {
                fill.keep(wrong(*item, parsed.error().message()));
            }
        }
    } else {
        into.proxy_command = std::move(*expanded);
    }
}

}  // namespace

Result<SshSettings> SshConfig::lookup(const SshTarget& target) const {
    Walk walk(target);
    if (auto done = walk.go(items_); !done) return std::move(done).take_error();
    auto host = walk.host();
    if (!host) return std::move(host).take_error();
    SshSettings out;
    out.name = target.name;
    out.host = lowered(*host);
    out.user = walk.user();
    Tokens tokens{out.host, target.name, target.name, "", "", out.user};
    Filler fill(walk, tokens);
    out.port = target.port.value_or(
        static_cast<std::uint16_t>(fill.number("port", 1, 65'535).value_or(22)));
    tokens.port = std::to_string(out.port);
    out.host_key_alias = lowered(fill.word("hostkeyalias"));
    if (!out.host_key_alias.empty()) tokens.alias = out.host_key_alias;
    fill_proxy(target, walk, tokens, fill, out);
    tokens.jump = join(out.jumps, ",");

    const auto family = lowered(fill.word("addressfamily"));
    out.family = family == "inet" ? Family::inet : family == "inet6" ? Family::inet6 : Family::any;
    out.identity_files = fill.all_files("identityfile");
    out.certificate_files = fill.all_files("certificatefile");
    out.identities_only = fill.flag("identitiesonly");
    out.agent = agent_of(walk, fill);
    const auto dot_ssh = own_account().home.string() + "/.ssh/";
    out.known_hosts =
        fill.files("userknownhostsfile", {dot_ssh + "known_hosts", dot_ssh + "known_hosts2"});
    for (auto& file : fill.files("globalknownhostsfile",
                                 {"/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"})) {
        out.known_hosts.push_back(std::move(file));
    }
    out.revoked_keys_files = fill.files("revokedhostkeys", {});
    out.host_key_algorithms = fill.word("hostkeyalgorithms");
    if (lowered(fill.word("connecttimeout")) != "none") {
        if (const auto seconds = fill.number("connecttimeout", 0, 86'400);
            seconds && *seconds > 0) {
            out.connect_timeout = Milliseconds{*seconds * 1000};
        }
    }
    if (fill.error()) return *fill.error();
    return out;
}

Result<SshTarget> parse_jump(std::string_view text) {
    const auto bad = [whole = std::string(text)] {
        return Error(ErrorCode::usage,
                     fmt::format("\"{}\" is no host to jump through", printable(whole)))
            .advise("write [user@]host[:port], several with commas between them");
    };
    SshTarget out;
    if (text.starts_with("ssh://")) text.remove_prefix(6);
    if (text.ends_with('/')) text.remove_suffix(1);
    if (const auto at = text.rfind('@'); at != std::string_view::npos) {
        if (at == 0) return bad();
        out.user = std::string(text.substr(0, at));
        text.remove_prefix(at + 1);
    }
    std::string_view port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        if (end == std::string_view::npos) return bad();
        port = text.substr(end + 1);
        text = text.substr(1, end - 1);
        if (!port.empty() && port.front() != ':') return bad();
    } else if (const auto colon = text.find(':');
               colon != std::string_view::npos && text.rfind(':') == colon) {  // no IPv6 address
        port = text.substr(colon);
        text = text.substr(0, colon);
    }
    if (port.starts_with(':')) {
        port.remove_prefix(1);
        std::uint16_t number = 0;
        const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
        if (read.ec != std::errc{} || read.ptr != port.data() + port.size() || number == 0) {
            return bad();
        }
        out.port = number;
    }
    const bool odd = text.empty() || text.starts_with('-') ||
                     text.find_first_of(" \t'\"`$\\;&<>|()/,") != std::string_view::npos;
    if (odd) return bad();
    out.name = std::string(text);
    return out;
}

}  // namespace escalator::node
