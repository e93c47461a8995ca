// SPDX-License-Identifier: Apache-2.0
#include "node/ssh.hpp"

#include <fmt/format.h>
#include <libssh/libssh.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "base/text.hpp"
#include "node/known_hosts.hpp"
#include "node/tcp.hpp"

namespace escalator::node {

namespace {

/// How often a wait looks whether it should stop.
constexpr int stop_poll_ms = 100;
/// Bytes handed to libssh at once; its own buffer grows to this and no further.
constexpr std::size_t send_chunk = 65'536;
/// AES-GCM costs half the CPU of chacha20 where the processor has AES.
constexpr const char* ciphers =
    "aes128-gcm@openssh.com,aes256-gcm@openssh.com,chacha20-poly1305@openssh.com,aes256-ctr,aes128-"
    "ctr";
constexpr std::uint16_t ssh_port = 22;

struct SessionFree {
    void operator()(ssh_session it) const noexcept {
        ssh_disconnect(it);
        ssh_free(it);
    }
};
struct ChannelFree {
    void operator()(ssh_channel it) const noexcept { ssh_channel_free(it); }
};
struct KeyFree {
    void operator()(ssh_key it) const noexcept { ssh_key_free(it); }
};
using SessionPtr = std::unique_ptr<ssh_session_struct, SessionFree>;
using ChannelPtr = std::unique_ptr<ssh_channel_struct, ChannelFree>;
using KeyPtr = std::unique_ptr<ssh_key_struct, KeyFree>;

struct Wait {
    Deadline deadline;
    const std::stop_token& stop;
};

/// Waits until the connection has something to read, or takes what is left to write.
Status await(ssh_session session, const Wait& wait) {
    if (wait.stop.stop_requested()) return Error(ErrorCode::cancelled, "stopped");
    const auto left =
        std::chrono::duration_cast<Milliseconds>(wait.deadline - std::chrono::steady_clock::now())
            .count();
    if (left <= 0) return Error(ErrorCode::timeout, "no answer in time");
    pollfd it{ssh_get_fd(session), POLLIN, 0};
    if ((ssh_get_poll_flags(session) & SSH_WRITE_PENDING) != 0) it.events |= POLLOUT;
    ::poll(&it, 1, static_cast<int>(std::min<std::int64_t>(left, stop_poll_ms)));
    return ok();
}

/// Repeats a call until it no longer says "again". Errors: timeout, cancelled.
template <class Call>
Result<int> repeat(ssh_session session, int again, const Wait& wait, Call&& call) {
    for (;;) {
        const int rc = call();
        if (rc != again) return rc;
        if (auto ready = await(session, wait); !ready) return std::move(ready).take_error();
    }
}

Error cut(ssh_session session) {
    const std::string_view why = ssh_get_error(session);
    return {ErrorCode::unreachable,
            fmt::format("the connection was cut{}{}", why.empty() ? "" : ": ", printable(why))};
}

class SshLink final : public Link {
public:
    SshLink(ssh_session session, ChannelPtr channel)
        : session_(session), channel_(std::move(channel)) {}

    Status send(std::string_view bytes, Deadline deadline, const std::stop_token& stop) override {
        const Wait wait{deadline, stop};
        while (!bytes.empty()) {
            const auto size = static_cast<std::uint32_t>(std::min(bytes.size(), send_chunk));
            const int sent = ssh_channel_write(channel_.get(), bytes.data(), size);
            if (sent < 0 || ssh_channel_is_eof(channel_.get()) != 0) return cut(session_);
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            bool pending = sent == 0 || (ssh_get_poll_flags(session_) & SSH_WRITE_PENDING) != 0;
            while (pending) {
                if (auto ready = await(session_, wait); !ready) return ready;
                if (ssh_channel_poll(channel_.get(), 0) == SSH_ERROR) return cut(session_);
                pending = (ssh_get_poll_flags(session_) & SSH_WRITE_PENDING) != 0;
            }
        }
        return ok();
    }

    Result<bool> receive(std::string& buffer, Deadline deadline,
                         const std::stop_token& stop) override {
        const Wait wait{deadline, stop};
        for (;;) {
            const auto before = buffer.size();
            buffer.resize(before + read_size_);
            const int got = ssh_channel_read_nonblocking(channel_.get(), buffer.data() + before,
                                                         static_cast<std::uint32_t>(read_size_), 0);
            buffer.resize(before + static_cast<std::size_t>(std::max(got, 0)));
            if (got > 0) return true;
            drain_stderr();
            if (got == SSH_ERROR) return cut(session_);
            if (ssh_channel_is_eof(channel_.get()) != 0 ||
                ssh_channel_is_closed(channel_.get()) != 0) {
                return false;
            }
            if (ssh_is_connected(session_) == 0) return cut(session_);
            if (auto ready = await(session_, wait); !ready) return std::move(ready).take_error();
        }
    }

    std::string complaint() override {
        drain_stderr();
        return stderr_;
    }

private:
    void drain_stderr() {
        std::array<char, 1024> bytes{};
        for (;;) {
            const int got =
                ssh_channel_read_nonblocking(channel_.get(), bytes.data(), bytes.size(), 1);
            if (got <= 0) return;
            if (stderr_.size() < 4096) stderr_.append(bytes.data(), static_cast<std::size_t>(got));
        }
    }

    static constexpr std::size_t read_size_ = 16'384;
    ssh_session session_;
    ChannelPtr channel_;
    std::string stderr_;
};

class SshConnection final : public Connection {
public:
    explicit SshConnection(SessionPtr session) : session_(std::move(session)) {}

    Result<std::unique_ptr<Link>> exec(const std::string& command, Deadline deadline,
                                       const std::stop_token& stop) override {
        const Wait wait{deadline, stop};
        ChannelPtr channel(ssh_channel_new(session_.get()));
        if (!channel) return Error(ErrorCode::unreachable, "no channel");
        auto opened = repeat(session_.get(), SSH_AGAIN, wait,
                             [&] { return ssh_channel_open_session(channel.get()); });
        if (!opened) return std::move(opened).take_error();
        if (*opened != SSH_OK) return cut(session_.get());
        auto started = repeat(session_.get(), SSH_AGAIN, wait, [&] {
            return ssh_channel_request_exec(channel.get(), command.c_str());
        });
        if (!started) return std::move(started).take_error();
        if (*started != SSH_OK) return cut(session_.get());
        return std::unique_ptr<Link>(std::make_unique<SshLink>(session_.get(), std::move(channel)));
    }

private:
    SessionPtr session_;
};

std::string option(ssh_session session, ssh_options_e which) {
    char* value = nullptr;
    if (ssh_options_get(session, which, &value) != SSH_OK || value == nullptr) return {};
    std::string out = value;
    ssh_string_free_char(value);
    return out;
}

std::filesystem::path home() {
    const char* it = std::getenv("HOME");
    return it == nullptr ? std::filesystem::path("/") : std::filesystem::path(it);
}

std::string algorithms_for(const std::vector<KnownHosts::Key>& keys) {
    std::vector<std::string> out;
    for (const auto& key : keys) {
        for (const auto& name : key.type == "ssh-rsa"
                                    ? std::vector<std::string>{"rsa-sha2-512", "rsa-sha2-256"}
                                    : std::vector<std::string>{key.type}) {
            if (std::find(out.begin(), out.end(), name) == out.end()) out.push_back(name);
        }
    }
    return join(out, ",");
}

class SshConnector final : public Connector {
public:
    SshConnector(const Endpoint& endpoint, const Options& options)
        : endpoint_(endpoint), options_(options) {
        static std::once_flag once;
        std::call_once(once, [] { ssh_init(); });
    }

    Result<std::unique_ptr<Connection>> connect(Deadline deadline,
                                                const std::stop_token& stop) override {
        const Wait wait{deadline, stop};
        SessionPtr session(ssh_new());
        if (!session) return Error(ErrorCode::unreachable, "no memory for an SSH session");
        if (auto set = configure(session.get()); !set) return std::move(set).take_error();
        const auto known = known_keys(session.get());
        const auto algorithms = algorithms_for(known.keys);
        if (!algorithms.empty()) {
            ssh_options_set(session.get(), SSH_OPTIONS_HOSTKEYS, algorithms.c_str());
        }
        if (option(session.get(), SSH_OPTIONS_PROXYCOMMAND).empty()) {
            auto fd = connect_tcp(host_, port_, options_.keepalive, deadline, stop);
            if (!fd) return std::move(fd).take_error();
            socket_t socket = fd->release();
            ssh_options_set(session.get(), SSH_OPTIONS_FD, &socket);
        }
        ssh_set_blocking(session.get(), 0);
        auto done =
            repeat(session.get(), SSH_AGAIN, wait, [&] { return ssh_connect(session.get()); });
        if (!done) return std::move(done).fail(fmt::format("{}:{}", host_, port_));
        if (*done != SSH_OK) {
            return Error(ErrorCode::unreachable,
                         fmt::format("{}:{}: no SSH: {}", host_, port_,
                                     printable(ssh_get_error(session.get()))));
        }
        if (auto trusted = verify(session.get(), known); !trusted)
            return std::move(trusted).take_error();
        if (auto in = authenticate(session.get(), wait); !in) return std::move(in).take_error();
        return std::unique_ptr<Connection>(std::make_unique<SshConnection>(std::move(session)));
    }

private:
    Status configure(ssh_session session) {
        const int off = 0;
        ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &off);
        ssh_options_set(session, SSH_OPTIONS_HOST, endpoint_.address.c_str());
        ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, ciphers);
        ssh_options_set(session, SSH_OPTIONS_CIPHERS_S_C, ciphers);
        const auto file = options_.ssh_config.string();
        if (!file.empty() && ::access(file.c_str(), R_OK) != 0) {
            return Error(ErrorCode::usage,
                         fmt::format("cannot read the SSH configuration {}", file));
        }
        if (ssh_options_parse_config(session, file.empty() ? nullptr : file.c_str()) != 0) {
            return Error(ErrorCode::usage, fmt::format("the SSH configuration is wrong: {}",
                                                       printable(ssh_get_error(session))));
        }
        // what the inventory says wins over the configuration
        if (endpoint_.port) {
            const unsigned port = *endpoint_.port;
            ssh_options_set(session, SSH_OPTIONS_PORT, &port);
        }
        if (endpoint_.user) ssh_options_set(session, SSH_OPTIONS_USER, endpoint_.user->c_str());
        host_ = option(session, SSH_OPTIONS_HOST);
        unsigned port = ssh_port;
        ssh_options_get_port(session, &port);
        port_ = static_cast<std::uint16_t>(port);
        return ok();
    }

    KnownHosts::Found known_keys(ssh_session session) {
        user_file_ = option(session, SSH_OPTIONS_KNOWNHOSTS);
        if (user_file_.empty()) user_file_ = (home() / ".ssh/known_hosts").string();
        auto global = option(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS);
        if (global.empty()) global = "/etc/ssh/ssh_known_hosts";
        return KnownHosts::shared({user_file_, global})->find(host_, port_);
    }

    Status verify(ssh_session session, const KnownHosts::Found& known) const {
        ssh_key raw = nullptr;
        if (ssh_get_server_publickey(session, &raw) != SSH_OK) {
            return Error(ErrorCode::protocol, fmt::format("{} showed no host key", host_));
        }
        const KeyPtr key(raw);
        char* text = nullptr;
        if (ssh_pki_export_pubkey_base64(key.get(), &text) != SSH_OK) {
            return Error(ErrorCode::protocol, fmt::format("{} showed a senseless host key", host_));
        }
        const KnownHosts::Key shown{ssh_key_type_to_char(ssh_key_type(key.get())), text};
        ssh_string_free_char(text);
        const auto same = [&](const KnownHosts::Key& it) { return it.blob == shown.blob; };
        const auto who = port_ == ssh_port ? host_ : fmt::format("[{}]:{}", host_, port_);
        if (std::any_of(known.revoked.begin(), known.revoked.end(), same)) {
            return Error(
                       ErrorCode::untrusted,
                       fmt::format("{} shows a host key that {} says is revoked", who, user_file_))
                .advise(
                    "do not connect: find out who answers there, and give the node a new host key");
        }
        if (std::any_of(known.keys.begin(), known.keys.end(), same)) return ok();
        const auto print = fingerprint(key.get());
        if (!known.keys.empty()) {
            return Error(ErrorCode::untrusted,
                         fmt::format("the host key of {} is not the known one: it now shows {} {}",
                                     who, shown.type, print))
                .advise(fmt::format(
                    "if the node was reinstalled, compare the fingerprint on its console, then: "
                    "ssh-keygen -f {} -R '{}'",
                    user_file_, who));
        }
        if (known.authority) {
            return Error(ErrorCode::untrusted, fmt::format("{} is known by a certificate authority "
                                                           "only, and escalator cannot verify "
                                                           "host certificates",
                                                           who))
                .advise(add_advice(who));
        }
        return Error(ErrorCode::untrusted,
                     fmt::format("the host key of {} is not known: it shows {} {}", who, shown.type,
                                 print))
            .advise(add_advice(who));
    }

    std::string add_advice(const std::string& who) const {
        return fmt::format(
            "compare the fingerprint on the console of {}, then: ssh-keyscan -p {} {} >> {}", who,
            port_, host_, user_file_);
    }

    static std::string fingerprint(ssh_key key) {
        unsigned char* hash = nullptr;
        std::size_t size = 0;
        if (ssh_get_publickey_hash(key, SSH_PUBLICKEY_HASH_SHA256, &hash, &size) != SSH_OK)
            return {};
        char* text = ssh_get_fingerprint_hash(SSH_PUBLICKEY_HASH_SHA256, hash, size);
        std::string out = text == nullptr ? "" : text;
        ssh_clean_pubkey_hash(&hash);
        ssh_string_free_char(text);
        return out;
    }

    Status authenticate(ssh_session session, const Wait& wait) const {
        std::vector<std::string> problems;
        auto files = endpoint_.identity_files;
        const bool given = !files.empty();
        if (!given) {
            const auto configured = option(session, SSH_OPTIONS_IDENTITY);
            if (!configured.empty()) files.push_back(configured);
        }
        for (const auto& file : files) {
            auto in = with_file(session, expand(file), wait, problems);
            if (!in) return std::move(in).take_error();
            if (*in) return ok();
        }
        auto rc = repeat(session, SSH_AUTH_AGAIN, wait,
                         [&] { return ssh_userauth_publickey_auto(session, nullptr, nullptr); });
        if (!rc) return std::move(rc).take_error();
        if (*rc == SSH_AUTH_SUCCESS) return ok();
        const auto user = option(session, SSH_OPTIONS_USER);
        return Error(ErrorCode::unauthorised,
                     fmt::format("{} lets user {} in with none of our keys{}{}", host_, user,
                                 problems.empty() ? "" : ": ", join(problems, "; ")))
            .advise(
                "put the right key into the agent (ssh-add), or name it as identity_file in the "
                "inventory "
                "or the SSH configuration");
    }

    static std::string expand(const std::string& file) {
        return file.starts_with("~/") ? (home() / file.substr(2)).string() : file;
    }

    static Result<bool> with_file(ssh_session session, const std::string& file, const Wait& wait,
                                  std::vector<std::string>& problems) {
        ssh_key raw = nullptr;
        if (ssh_pki_import_privkey_file(file.c_str(), nullptr, nullptr, nullptr, &raw) != SSH_OK) {
            problems.push_back(fmt::format(
                "{} cannot be read, or has a passphrase and is not in the agent", file));
            return false;
        }
        const KeyPtr key(raw);
        const auto certificate = file + "-cert.pub";
        if (::access(certificate.c_str(), R_OK) == 0) {
            ssh_key cert = nullptr;
            if (ssh_pki_import_cert_file(certificate.c_str(), &cert) == SSH_OK) {
                const KeyPtr owned(cert);
                ssh_key with_cert = ssh_key_dup(key.get());
                const KeyPtr owned_key(with_cert);
                if (ssh_pki_copy_cert_to_privkey(cert, with_cert) == SSH_OK) {
                    auto rc = repeat(session, SSH_AUTH_AGAIN, wait, [&] {
                        return ssh_userauth_publickey(session, nullptr, with_cert);
                    });
                    if (!rc) return std::move(rc).take_error();
                    if (*rc == SSH_AUTH_SUCCESS) return true;
                }
            }
        }
        auto rc = repeat(session, SSH_AUTH_AGAIN, wait,
                         [&] { return ssh_userauth_publickey(session, nullptr, key.get()); });
        if (!rc) return std::move(rc).take_error();
        if (*rc != SSH_AUTH_SUCCESS) problems.push_back(fmt::format("{} is not accepted", file));
        return *rc == SSH_AUTH_SUCCESS;
    }

    const Endpoint& endpoint_;
    const Options& options_;
    std::string host_;
    std::uint16_t port_ = ssh_port;
    std::string user_file_;
};

}  // namespace

std::unique_ptr<Connector> make_ssh_connector(const Endpoint& endpoint, const Options& options) {
    return std::make_unique<SshConnector>(endpoint, options);
}

}  // namespace escalator::node
