// SPDX-License-Identifier: Apache-2.0
#include "node/ssh_auth.hpp"

#include <fmt/format.h>
#include <libssh/libssh.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/account.hpp"
#include "base/text.hpp"
#include "node/known_hosts.hpp"
#include "node/ssh_agent.hpp"
#include "node/ssh_keys.hpp"
#include "node/ssh_wire.hpp"
#include "node/ssh_words.hpp"

namespace escalator::node {

namespace {

/// One login: what was tried, and what came of it.
class Login {
public:
    Login(SshSession& session, const SshSettings& settings, Deadline deadline,
          const std::stop_token& stop)
        : session_(session), settings_(settings), deadline_(deadline), stop_(stop) {}

    Status run(const std::vector<std::string>& own_files) {
        auto files = own_files;
        for (auto& file : files) file = expand_home(file);
        files.insert(files.end(), settings_.identity_files.begin(), settings_.identity_files.end());
        const bool named = !files.empty();
        if (!named) files = default_files();
        for (const auto& file : files) {
            if (file == "none") continue;
            const bool seen = std::any_of(identities_.begin(), identities_.end(),
                                          [&](const Identity& it) { return it.file == file; });
            if (!seen) identities_.push_back(load_identity(file, settings_.certificate_files));
        }
        auto in = named ? with_files() : with_agent();
        if (in && !*in) in = named ? with_agent() : with_files();
        if (!in) return std::move(in).take_error();
        return *in ? ok() : refused();
    }

private:
    static std::vector<std::string> default_files() {
        std::vector<std::string> out;
        for (const auto* name : {"id_ed25519", "id_ecdsa", "id_rsa"}) {
            auto file = (own_account().home / ".ssh" / name).string();
            if (::access(file.c_str(), F_OK) == 0) out.push_back(std::move(file));
        }
        return out;
    }

    Result<bool> with_files() {
        for (const auto& identity : identities_) {
            if (!identity.key) continue;
            for (const auto& certified : identity.certificates) {
                auto in = with_key(certified.get(), identity.file + " with its certificate");
                if (!in || *in) return in;
            }
            auto in = with_key(identity.key.get(), identity.file);
            if (!in || *in) return in;
        }
        return false;
    }

    Result<bool> with_key(ssh_key key, const std::string& name) {
        auto rc = session_.repeat(SSH_AUTH_AGAIN, deadline_, stop_, [&] {
            return ssh_userauth_publickey(session_.get(), nullptr, key);
        });
        return outcome(std::move(rc), name);
    }

    Result<bool> outcome(Result<int> rc, const std::string& name) {
        if (!rc) {
            if (rc.error().code() == ErrorCode::unreachable) return broken(name);
            return std::move(rc).take_error();
        }
        if (*rc == SSH_AUTH_SUCCESS) return true;
        if (*rc == SSH_AUTH_PARTIAL) {
            return Error(ErrorCode::unauthorised,
                         fmt::format("{} accepts {} for user {}, but wants a second proof",
                                     settings_.host, name, settings_.user))
                .advise("escalator can log in with one key only: allow that in the node's sshd");
        }
        if (*rc == SSH_AUTH_ERROR) return broken(name);
        problems_.push_back(fmt::format("{} is not accepted", name));
        return false;
    }

    /// The other side ended the connection, or libssh cannot use the key.
    Result<bool> broken(const std::string& name) {
        const auto why = session_.why();
        if (why.find("Too many authentication failures") != std::string::npos) {
            return Error(ErrorCode::unauthorised,
                         fmt::format("{} ended the login of {} after too many keys", settings_.host,
                                     settings_.user))
                .advise(
                    "name the right key as identity_file in the inventory, or with IdentityFile "
                    "and IdentitiesOnly yes in the SSH configuration");
        }
        if (ssh_is_connected(session_.get()) == 0) return session_.cut();
        problems_.push_back(fmt::format("{}: {}", name, why));
        return false;
    }

    Result<bool> with_agent() {
        if (settings_.agent.empty()) return false;
        auto agent = Agent::connect(settings_.agent, deadline_, stop_);
        if (!agent) return without_agent(std::move(agent).take_error());
        auto held = agent->keys(deadline_, stop_);
        if (!held) return without_agent(std::move(held).take_error());
        auto offers = choose(*held);
        if (offers.empty()) {
            if (held->empty()) problems_.emplace_back("the agent has no keys");
            return false;
        }
        const auto count = offers.size();
        const AgentGate gate(std::move(*agent), std::move(offers), deadline_, stop_);
        if (gate.socket() < 0) return false;
        ssh_set_agent_socket(session_.get(), gate.socket());
        auto rc = session_.repeat(SSH_AUTH_AGAIN, deadline_, stop_,
                                  [&] { return ssh_userauth_agent(session_.get(), nullptr); });
        ssh_set_agent_socket(session_.get(), SSH_INVALID_SOCKET);
        if (stop_.stop_requested()) return Error(ErrorCode::cancelled, "stopped");
        return outcome(std::move(rc), count == 1
                                          ? "the agent's key"
                                          : fmt::format("none of the agent's {} keys", count));
    }

    /// There may be other ways in.
    Result<bool> without_agent(Error error) {
        if (error.code() == ErrorCode::cancelled) return error;
        problems_.push_back(error.text());
        return false;
    }

    /// The agent's keys that are worth trying: those of the named files that could not be used from
    /// the file come first, then the others unless IdentitiesOnly.
    std::vector<Agent::Offer> choose(const std::vector<Agent::Offer>& held) {
        std::vector<Agent::Offer> out;
        std::vector<std::string> done;
        for (auto& identity : identities_) {
            const auto blob = wire::from_base64(identity.blob);
            if (blob.empty()) continue;
            done.push_back(blob);
            const auto at = std::find_if(held.begin(), held.end(),
                                         [&](const Agent::Offer& it) { return it.blob == blob; });
            if (identity.key || at == held.end()) continue;
            identity.problem.clear();
            for (const auto& text : identity.cert_blobs) {
                out.push_back({wire::from_base64(text), at->comment, blob});
                done.push_back(out.back().blob);
            }
            out.push_back(*at);
        }
        if (settings_.identities_only) return out;
        for (const auto& offer : held) {
            if (std::find(done.begin(), done.end(), offer.blob) == done.end()) out.push_back(offer);
        }
        return out;
    }

    Error refused() const {
        std::vector<std::string> all;
        for (const auto& identity : identities_) {
            if (!identity.problem.empty()) all.push_back(identity.problem);
        }
        all.insert(all.end(), problems_.begin(), problems_.end());
        if (all.empty()) all.emplace_back("there is no key, and no agent");
        const int methods = ssh_userauth_list(session_.get(), nullptr);
        const bool keys = methods == SSH_AUTH_METHOD_UNKNOWN ||
                          (static_cast<unsigned>(methods) & SSH_AUTH_METHOD_PUBLICKEY) != 0;
        return Error(ErrorCode::unauthorised,
                     fmt::format("{} does not let user {} in: {}{}",
                                 known_name(settings_.host, settings_.port), settings_.user,
                                 join(all, "; "), keys ? "" : "; its sshd takes no keys at all"))
            .advise(
                "is it the right user and key? Name the key as identity_file in the inventory or "
                "IdentityFile in the SSH configuration, or put it into the agent (ssh-add); its "
                "public half belongs into ~/.ssh/authorized_keys of that user on the node");
    }

    SshSession& session_;
    const SshSettings& settings_;
    Deadline deadline_;
    const std::stop_token& stop_;
    std::vector<Identity> identities_;
    std::vector<std::string> problems_;
};

}  // namespace

Status authenticate(SshSession& session, const SshSettings& settings,
                    const std::vector<std::string>& identity_files, Deadline deadline,
                    const std::stop_token& stop) {
    return Login(session, settings, deadline, stop).run(identity_files);
}

}  // namespace escalator::node
