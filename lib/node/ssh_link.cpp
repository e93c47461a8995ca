// SPDX-License-Identifier: Apache-2.0
#include "node/ssh_link.hpp"

#include <fmt/format.h>
#include <libssh/callbacks.h>
#include <libssh/libssh.h>

#include <algorithm>

namespace escalator::node {

namespace {

/// Bytes handed to libssh at once; its own buffer grows to this and no further.
constexpr std::size_t send_chunk = 65'536;
/// Kept of what a program says on stderr.
constexpr std::size_t longest_complaint = 4096;
/// A program that talks this much while it is being talked to does not keep to the protocol.
constexpr std::size_t most_unread = 8U << 20U;

/// A program on the node. libssh hands over what arrives as it comes, so there is no need to ask
/// (and poll) before each wait.
class SshLink final : public Link {
public:
    SshLink(SshSession& session, ChannelPtr channel)
        : session_(session), channel_(std::move(channel)) {
        callbacks_.userdata = this;
        callbacks_.channel_data_function = &SshLink::arrived;
        ssh_callbacks_init(&callbacks_);
        ssh_set_channel_callbacks(channel_.get(), &callbacks_);
    }
    ~SshLink() override { ssh_remove_channel_callbacks(channel_.get(), &callbacks_); }
    SshLink(const SshLink&) = delete;
    SshLink& operator=(const SshLink&) = delete;

    /// libssh's answer to asking for a program.
    int request(const std::string& command) {
        return ssh_channel_request_exec(channel_.get(), command.c_str());
    }

    Status send(std::string_view bytes, Deadline deadline, const std::stop_token& stop) override {
        while (!bytes.empty()) {
            const auto size = static_cast<std::uint32_t>(std::min(bytes.size(), send_chunk));
            const int sent = ssh_channel_write(channel_.get(), bytes.data(), size);
            if (sent < 0 || ssh_channel_is_eof(channel_.get()) != 0) return session_.cut();
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            if (sent == 0) {  // the other side's window is full
                if (auto ready = session_.await(deadline, stop); !ready) return ready;
            } else {
                // not ssh_channel_poll: it leaves the socket alone once the channel has ended
                auto flushed = session_.repeat(SSH_AGAIN, deadline, stop, [&] {
                    return ssh_blocking_flush(session_.get(), 0);
                });
                if (!flushed) return std::move(flushed).take_error();
                if (*flushed == SSH_ERROR) return session_.cut();
            }
            if (unread_.size() > most_unread) {
                return Error(ErrorCode::protocol,
                             "the program on the node talks without listening");
            }
        }
        session_.pump();
        return ok();
    }

    Result<bool> receive(std::string& buffer, Deadline deadline,
                         const std::stop_token& stop) override {
        for (;;) {
            if (!unread_.empty()) {
                if (buffer.empty()) {
                    buffer.swap(unread_);
                } else {
                    buffer += unread_;
                    unread_.clear();
                }
                return true;
            }
            if (ssh_channel_is_eof(channel_.get()) != 0 ||
                ssh_channel_is_closed(channel_.get()) != 0) {
                if (ssh_is_connected(session_.get()) == 0) return session_.cut();
                return false;
            }
            if (ssh_is_connected(session_.get()) == 0) return session_.cut();
            if (auto ready = session_.await(deadline, stop); !ready) {
                return std::move(ready).take_error();
            }
            if (ssh_channel_poll(channel_.get(), 0) == SSH_ERROR && unread_.empty()) {
                return session_.cut();
            }
        }
    }

    std::string complaint() override { return complaint_; }

private:
    static int arrived(ssh_session /*session*/, ssh_channel /*channel*/, void* data,
                       std::uint32_t size, int is_stderr, void* self) {
        auto& link = *static_cast<SshLink*>(self);
        const std::string_view bytes(static_cast<const char*>(data), size);
        if (is_stderr == 0) {
            link.unread_ += bytes;
        } else {
            link.complaint_ += bytes.substr(0, longest_complaint - link.complaint_.size());
        }
        return static_cast<int>(size);
    }

    SshSession& session_;
    ChannelPtr channel_;
    ssh_channel_callbacks_struct callbacks_{};
    std::string unread_;
    std::string complaint_;
};

class SshConnection final : public Connection {
public:
    explicit SshConnection(std::unique_ptr<SshSession> session) : session_(std::move(session)) {}

    Result<std::unique_ptr<Link>> exec(const std::string& command, Deadline deadline,
                                       const std::stop_token& stop) override {
        ChannelPtr channel(ssh_channel_new(session_->get()));
        if (!channel) return session_->cut();
        auto opened = session_->repeat(SSH_AGAIN, deadline, stop,
                                       [&] { return ssh_channel_open_session(channel.get()); });
        if (!opened) return std::move(opened).take_error();
        if (*opened != SSH_OK) return refused("opens no session");
        auto link = std::make_unique<SshLink>(*session_, std::move(channel));
        auto started =
            session_->repeat(SSH_AGAIN, deadline, stop, [&] { return link->request(command); });
        if (!started) return std::move(started).take_error();
        if (*started != SSH_OK) return refused("runs no command");
        return std::unique_ptr<Link>(std::move(link));
    }

private:
    Error refused(std::string_view what) const {
        if (ssh_is_connected(session_->get()) == 0) return session_->cut();
        return {ErrorCode::refused, fmt::format("the node {} for us: {}", what, session_->why())};
    }

    std::unique_ptr<SshSession> session_;
};

}  // namespace

std::unique_ptr<Connection> make_ssh_connection(std::unique_ptr<SshSession> session) {
    return std::make_unique<SshConnection>(std::move(session));
}

}  // namespace escalator::node
