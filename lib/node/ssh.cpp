// SPDX-License-Identifier: Apache-2.0
#include "node/ssh.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <libssh/libssh.h>

#include <algorithm>
#include <mutex>

#include "base/account.hpp"
#include "base/log.hpp"
#include "base/text.hpp"
#include "node/known_hosts.hpp"
#include "node/spawn.hpp"
#include "node/ssh_auth.hpp"
#include "node/ssh_config.hpp"
#include "node/ssh_link.hpp"
#include "node/ssh_session.hpp"
#include "node/ssh_trust.hpp"
#include "node/tcp.hpp"
#include "node/tunnel.hpp"

namespace escalator::node {

namespace {

/// AES-GCM costs half the CPU of chacha20 where the processor has AES.
constexpr const char* ciphers =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes128-"
    "ctr";
/// Jump hosts behind jump hosts; more is a circle.
constexpr int most_jumps = 8;

class SshConnector final : public Connector {
public:
    SshConnector(const Endpoint& endpoint, const Options& options)
        : endpoint_(endpoint), options_(options) {
        static std::once_flag once;
        std::call_once(once, [] { ssh_init(); });
    }

    Result<std::unique_ptr<Connection>> connect(Deadline deadline,
                                                const std::stop_token& stop) override {
        auto config = SshConfig::shared(options_.ssh_config);
        if (!config) return std::move(config).take_error();
        SshTarget target;
        target.name = endpoint_.address;
        target.port = endpoint_.port;
        target.user = endpoint_.user;
        auto session = log_in(**config, target, endpoint_.identity_files, 0, deadline, stop);
        if (!session) return std::move(session).take_error();
        return make_ssh_connection(std::move(*session));
    }

private:
    using Opened = Result<std::unique_ptr<SshSession>>;

    /// A session that has passed all of it: the way there, host key, login.
    Opened log_in(const SshConfig& config, const SshTarget& target,
                  const std::vector<std::string>& identity_files, int depth, Deadline deadline,
                  const std::stop_token& stop) const {
        auto settings = config.lookup(target);
        if (!settings) return std::move(settings).take_error();
        if (settings->connect_timeout) {
            deadline =
                std::min(deadline, std::chrono::steady_clock::now() + *settings->connect_timeout);
        }
        auto trust = Trust::for_host(*settings);
        if (!trust) return std::move(trust).take_error();
        std::unique_ptr<Carrier> carrier;
        auto fd = way_to(config, *settings, carrier, depth, deadline, stop);
        if (!fd) return std::move(fd).take_error();
        auto session = start(*settings, trust->algorithms(), std::move(*fd));
        if (!session) return std::move(session).take_error();
        (*session)->carry_over(std::move(carrier));
        if (auto met = greet(**session, *settings, *trust, deadline, stop); !met) {
            return std::move(met).take_error();
        }
        auto in = authenticate(**session, *settings, identity_files, deadline, stop);
        if (!in) {
            if (in.error().code() != ErrorCode::timeout) return std::move(in).take_error();
            return std::move(in).fail(place(*settings));
        }
        return session;
    }

    /// A stream to the host's sshd: a socket, through a jump host, or a program's.
    Result<Fd> way_to(const SshConfig& config, const SshSettings& settings,
                      std::unique_ptr<Carrier>& carrier, int depth, Deadline deadline,
                      const std::stop_token& stop) const {
        if (!settings.jumps.empty()) {
            return through_jump(config, settings, carrier, depth, deadline, stop);
        }
        if (settings.proxy_command.empty()) {
            return connect_tcp(settings.host, settings.port, settings.family, options_.keepalive,
                               deadline, stop);
        }
        const auto& command = settings.proxy_command;
        auto child = Child::start(command.starts_with("exec ") ? command : "exec " + command);
        if (!child) return std::move(child).fail("ProxyCommand");
        Fd fd(::fcntl(child->stream(), F_DUPFD_CLOEXEC, 0));
        carrier = std::make_unique<ProxyProgram>(std::move(*child));
        return fd;
    }

    Result<Fd> through_jump(const SshConfig& config, const SshSettings& settings,
                            std::unique_ptr<Carrier>& carrier, int depth, Deadline deadline,
                            const std::stop_token& stop) const {
        const auto& nearest = settings.jumps.back();
        if (depth >= most_jumps) {
            return Error(ErrorCode::usage,
                         fmt::format("ProxyJump goes in circles at {}", printable(nearest)))
                .advise(fmt::format("does the jump host's own Host block have ProxyJump? Exclude "
                                    "it: Host * !{}",
                                    printable(nearest)));
        }
        auto hop = parse_jump(nearest);
        if (!hop) return std::move(hop).take_error();
        // of a,b,c the last is next to the host, and is itself reached through a,b
        if (settings.jumps.size() > 1) {
            hop->proxy_jump = join({settings.jumps.data(), settings.jumps.size() - 1}, ",");
        }
        auto outer = log_in(config, *hop, {}, depth + 1, deadline, stop);
        if (!outer) return std::move(outer).fail("jump host " + nearest);
        Fd inner;
        auto tunnel = Tunnel::open(std::move(*outer), nearest, settings.host, settings.port, inner,
                                   deadline, stop);
        if (!tunnel) return std::move(tunnel).take_error();
        carrier = std::move(*tunnel);
        return inner;
    }

    static Opened start(const SshSettings& settings, const std::string& algorithms, Fd fd) {
        SessionPtr raw(ssh_new());
        if (!raw) return Error(ErrorCode::unreachable, "no memory for an SSH session");
        ssh_session it = raw.get();
        // all of it is said here, so that libssh neither reads files nor looks the account up
        const int off = 0;
        const auto dot_ssh = (own_account().home / ".ssh").string();
        ssh_options_set(it, SSH_OPTIONS_PROCESS_CONFIG, &off);
        ssh_options_set(it, SSH_OPTIONS_SSH_DIR, dot_ssh.c_str());
        ssh_options_set(it, SSH_OPTIONS_HOST, settings.host.c_str());
        ssh_options_set(it, SSH_OPTIONS_USER, settings.user.c_str());
        ssh_options_set(it, SSH_OPTIONS_KNOWNHOSTS, "/dev/null");
        ssh_options_set(it, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
        ssh_options_set(it, SSH_OPTIONS_CIPHERS_C_S, ciphers);
        ssh_options_set(it, SSH_OPTIONS_CIPHERS_S_C, ciphers);
        if (ssh_options_set(it, SSH_OPTIONS_HOSTKEYS, algorithms.c_str()) != SSH_OK) {
            return Error(ErrorCode::usage,
                         fmt::format("HostKeyAlgorithms {} has none that escalator can use",
                                     printable(settings.host_key_algorithms)));
        }
        ssh_set_blocking(it, 0);
        socket_t socket = fd.release();
        ssh_options_set(it, SSH_OPTIONS_FD, &socket);
        ssh_connect(it);  // takes the socket over, and sends our version
        return std::make_unique<SshSession>(std::move(raw));
    }

    /// Key exchange, and the host's proof of who it is.
    static Status greet(SshSession& session, const SshSettings& settings, const Trust& trust,
                        Deadline deadline, const std::stop_token& stop) {
        auto done =
            session.repeat(SSH_AGAIN, deadline, stop, [&] { return ssh_connect(session.get()); });
        if (!done) {
            auto error = std::move(done).take_error();
            if (error.code() != ErrorCode::timeout) return std::move(error).within(place(settings));
            return Error(ErrorCode::timeout,
                         fmt::format("{} accepted the connection, but no SSH server spoke in time",
                                     place(settings)));
        }
        if (*done != SSH_OK) {
            return Error(ErrorCode::unreachable,
                         fmt::format("{}: no SSH: {}", place(settings), session.why()))
                .advise("is it an SSH server that listens there, and is its port the right one?");
        }
        ssh_key raw = nullptr;
        if (ssh_get_server_publickey(session.get(), &raw) != SSH_OK) {
            return Error(ErrorCode::protocol,
                         fmt::format("{} showed no host key", place(settings)));
        }
        const KeyPtr key(raw);
        KnownHosts::Key shown;
        shown.type = ssh_key_type_to_char(ssh_key_type(key.get()));
        shown.blob = base64_blob(key.get());
        return trust.judge(shown, fingerprint(key.get()));
    }

    static std::string place(const SshSettings& settings) {
        return fmt::format("{}:{}", settings.host, settings.port);
    }

    const Endpoint& endpoint_;
    const Options& options_;
};

}  // namespace

std::unique_ptr<Connector> make_ssh_connector(const Endpoint& endpoint, const Options& options) {
    return std::make_unique<SshConnector>(endpoint, options);
}

}  // namespace escalator::node
