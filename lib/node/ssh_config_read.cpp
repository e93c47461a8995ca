// SPDX-License-Identifier: Apache-2.0
// From files to lines: Include, unknown keywords, file permissions.
#include <fmt/format.h>
#include <glob.h>
#include <sys/stat.h>

#include <algorithm>
#include <map>

#include "base/account.hpp"
#include "base/file.hpp"
#include "base/sync.hpp"
#include "base/text.hpp"
#include "node/ssh_config.hpp"
#include "node/ssh_words.hpp"

namespace escalator::node {

namespace {

/// ssh's own limit (READCONF_MAX_DEPTH).
constexpr int deepest_include = 16;

/// ssh_config(5) up to OpenSSH 9.9, and the old names that ssh still takes. What escalator has no
/// use for is passed over, as long as ssh itself would know it.
const std::vector<std::string>& known_keywords() {
    static const std::vector<std::string> words = [] {
        constexpr std::string_view text =
            "addkeystoagent addressfamily batchmode bindaddress bindinterface canonicaldomains "
            "canonicalizefallbacklocal canonicalizehostname canonicalizemaxdots "
            "canonicalizepermittedcnames casignaturealgorithms certificatefile channeltimeout "
            "challengeresponseauthentication checkhostip cipher ciphers clearallforwardings "
            "compression compressionlevel connectionattempts connecttimeout controlmaster "
            "controlpath controlpersist dsaauthentication dynamicforward enableescapecommandline "
            "enablesshkeysign escapechar exitonforwardfailure fallbacktorsh fingerprinthash "
            "forkafterauthentication forwardagent forwardx11 forwardx11timeout forwardx11trusted "
            "gatewayports globalknownhostsfile globalknownhostsfile2 gssapiauthentication "
            "gssapiclientidentity gssapidelegatecredentials gssapikeyexchange "
            "gssapirenewalforcesrekey gssapiserveridentity gssapitrustdns gssapikexalgorithms "
            "hashknownhosts host "
            "hostbasedacceptedalgorithms hostbasedauthentication hostbasedkeytypes "
            "hostkeyalgorithms hostkeyalias hostname identitiesonly identityagent identityfile "
            "identityfile2 ignoreunknown include ipqos kbdinteractiveauthentication "
            "kbdinteractivedevices keepalive kexalgorithms knownhostscommand localcommand "
            "localforward loglevel logverbose macs match nohostauthenticationforlocalhost "
            "numberofpasswordprompts obscurekeystroketiming passwordauthentication "
            "permitlocalcommand permitremoteopen pkcs11provider port preferredauthentications "
            "protocol proxycommand proxyjump proxyusefdpass pubkeyacceptedalgorithms "
            "pubkeyacceptedkeytypes pubkeyauthentication rekeylimit remotecommand remoteforward "
            "requesttty requiredrsasize revokedhostkeys rhostsauthentication "
            "rhostsrsaauthentication rsaauthentication securitykeyprovider sendenv "
            "serveralivecountmax serveraliveinterval sessiontype setenv skeyauthentication "
            "smartcarddevice stdinnull streamlocalbindmask streamlocalbindunlink "
            "stricthostkeychecking syslogfacility tag tcpkeepalive tisauthentication tunnel "
            "tunneldevice updatehostkeys useprivilegedport userknownhostsfile "
            "user userknownhostsfile2 useroaming usersh usekeychain verifyhostkeydns "
            "versionaddendum visualhostkey xauthlocation";
        std::vector<std::string> out;
        for (const auto word : split(text, ' ')) out.emplace_back(word);
        return out;
    }();
    return words;
}

Error wrong(std::string_view place, std::string_view what) {
    return {ErrorCode::usage, fmt::format("{}: {}", place, what)};
}

class Reader {
public:
    /// Relative names of Include are below `base`.
    explicit Reader(std::filesystem::path base) : base_(std::move(base)) {}

    Status read(const std::filesystem::path& file, SshConfig::Items& into, int depth) {
        auto text = read_file(file, 4U << 20U);
        if (!text) return Error(ErrorCode::usage, text.error().message());
        std::size_t number = 0;
        for (const auto raw : split(*text, '\n')) {
            ++number;
            const auto place = fmt::format("{}:{}", file.string(), number);
            auto line = cut_line(raw);
            if (!line) return std::move(line).fail(place);
            if (line->keyword.empty()) continue;
            if (auto taken = take(std::move(*line), place, into, depth); !taken) return taken;
        }
        return ok();
    }

private:
    Status take(ConfigLine line, const std::string& place, SshConfig::Items& into, int depth) {
        const auto& known = known_keywords();
        if (std::find(known.begin(), known.end(), line.keyword) == known.end()) {
            if (fits_patterns(ignored_, line.keyword)) return ok();
            const auto meant = closest(line.keyword, known);
            return wrong(place, fmt::format("ssh knows no \"{}\"{}", printable(line.keyword),
                                            meant ? fmt::format("; did you mean {}?", *meant) : ""))
                .advise(fmt::format("mend the line, or put above it: IgnoreUnknown {}",
                                    printable(line.keyword)));
        }
        if (line.words.empty()) {
            return wrong(place, fmt::format("{} needs a value", line.keyword));
        }
        if (line.keyword == "ignoreunknown") {
            for (const auto word : split(line.words[0], ',')) ignored_.emplace_back(word);
            return ok();
        }
        SshConfig::Item item{
            std::move(line.keyword), std::move(line.words), std::move(line.rest), place, {}};
        if (item.keyword == "include") {
            if (auto done = include(item, depth); !done) return done;
        }
        into.push_back(std::move(item));
        return ok();
    }

    Status include(SshConfig::Item& item, int depth) {
        if (depth >= deepest_include) {
            return wrong(item.place, "too many files include each other")
                .advise("does a file include itself?");
        }
        for (const auto& word : item.words) {
            const std::filesystem::path wanted = expand_home(word);
            const auto pattern = wanted.is_absolute() ? wanted : base_ / wanted;
            glob_t found{};
            const int rc = ::glob(pattern.c_str(), 0, nullptr, &found);
            const std::vector<std::string> files(found.gl_pathv, found.gl_pathv + found.gl_pathc);
            ::globfree(&found);
            if (rc != 0) continue;  // as ssh: what is not there includes nothing
            for (const auto& file : files) {
                if (auto done = read(file, item.included, depth + 1); !done) {
                    return std::move(done).fail("included at " + item.place);
                }
            }
        }
        return ok();
    }

    std::filesystem::path base_;
    std::vector<std::string> ignored_;
};

/// A file that others can write to would let them choose what ssh runs and trusts.
Status check_owner(const std::filesystem::path& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) return ok();
    const bool ours = info.st_uid == 0 || info.st_uid == own_account().uid;
    if (ours && (info.st_mode & 022U) == 0) return ok();
    return Error(ErrorCode::usage, fmt::format("{} can be changed by other users", file.string()))
        .advise(fmt::format("chmod 600 {}; it must be yours", file.string()));
}

}  // namespace

Result<SshConfig> SshConfig::read(const std::filesystem::path& file) {
    SshConfig out;
    const auto dot_ssh = own_account().home / ".ssh";
    if (!file.empty()) {
        auto done = Reader(dot_ssh).read(file, out.items_, 0);
        if (!done) return std::move(done).fail("SSH configuration");
        return out;
    }
    // Host lines at the end of one file do not reach into the next: each is read as if included
    for (const auto& [path, base] : {std::pair(dot_ssh / "config", dot_ssh),
                                     std::pair(std::filesystem::path("/etc/ssh/ssh_config"),
                                               std::filesystem::path("/etc/ssh"))}) {
        std::error_code ignored;
        if (!std::filesystem::exists(path, ignored)) continue;
        if (base == dot_ssh) {
            if (auto safe = check_owner(path); !safe) return std::move(safe).take_error();
        }
        Item whole{"include", {path.string()}, path.string(), path.string(), {}};
        auto done = Reader(base).read(path, whole.included, 0);
        if (!done) return std::move(done).fail("SSH configuration");
        out.items_.push_back(std::move(whole));
    }
    return out;
}

Result<std::shared_ptr<const SshConfig>> SshConfig::shared(const std::filesystem::path& file) {
    // shared: sessions of many threads ask the same parsed files
    using Shared = Result<std::shared_ptr<const SshConfig>>;
    static Sync<std::map<std::filesystem::path, Shared>> cache;
    return cache.with([&](auto& known) -> Shared {
        const auto at = known.find(file);
        if (at != known.end()) return at->second;
        auto config = read(file);
        auto entry = config ? Shared(std::make_shared<const SshConfig>(std::move(*config)))
                            : Shared(std::move(config).take_error());
        return known.emplace(file, std::move(entry)).first->second;
    });
}

}  // namespace escalator::node
