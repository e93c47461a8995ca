// SPDX-License-Identifier: Apache-2.0
// An HTTP/1.1 server on loopback that answers what a test tells it to, also wrongly: half an
// answer, none at all, slowly, garbage. It records all that it is asked.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.hpp"
#include "base/fd.hpp"
#include "base/sync.hpp"
#include "base/text.hpp"

namespace escalator::test {

struct Asked {
    std::string method;
    std::string path;  ///< with its query
    std::map<std::string, std::string> headers;
    std::string body;

    std::string line() const { return method + " " + path; }
};

struct Answer {
    int status = 200;
    std::string body = "{}";
    std::vector<std::string> headers = {};
    std::string raw = {};   ///< sent in place of all that
    bool cut = false;       ///< the connection ends after it, however much was promised
    Milliseconds pause{0};  ///< before it
};

class FakeServer {
public:
    using Handler = std::function<Answer(const Asked&)>;

    explicit FakeServer(Handler handler) : handler_(std::move(handler)) { open(0); }
    ~FakeServer() { close(); }
    FakeServer(const FakeServer&) = delete;
    FakeServer& operator=(const FakeServer&) = delete;

    std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
    std::vector<Asked> asked() {
        return asked_.with([](const auto& all) { return all; });
    }
    std::vector<std::string> lines() {
        std::vector<std::string> out;
        for (const auto& one : asked()) out.push_back(one.line());
        return out;
    }
    std::size_t count(const std::string& line) {
        const auto all = lines();
        return static_cast<std::size_t>(std::count(all.begin(), all.end(), line));
    }
    std::size_t connections() const { return connections_; }

    /// Connections are refused from then on, until open_again.
    void close() {
        stop_.request_stop();
        if (acceptor_.joinable()) acceptor_.join();
        listener_.reset();
        threads_.clear();
    }
    void open_again() { open(port_); }

private:
    void open(std::uint16_t port) {
        stop_ = {};
        listener_ = Fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const int one = 1;
        ::setsockopt(listener_.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof address;
        auto* const generic = reinterpret_cast<sockaddr*>(&address);
        if (::bind(listener_.get(), generic, size) != 0 || ::listen(listener_.get(), 64) != 0)
            throw std::runtime_error("no port for the fake server");
        ::getsockname(listener_.get(), generic, &size);
        port_ = ntohs(address.sin_port);
        acceptor_ = std::jthread([this, stop = stop_.get_token()] { accept_all(stop); });
    }

    static bool readable(int fd, const std::stop_token& stop) {
        pollfd wait{fd, POLLIN, 0};
        while (!stop.stop_requested()) {
            if (::poll(&wait, 1, 20) > 0) return true;
        }
        return false;
    }

    void accept_all(const std::stop_token& stop) {
        while (readable(listener_.get(), stop)) {
            const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
            if (fd < 0) continue;
            ++connections_;
            threads_.emplace_back([this, fd, stop] { serve(Fd(fd), stop); });
        }
    }

    void serve(Fd fd, const std::stop_token& stop) {
        std::string buffer;
        for (;;) {
            Asked asked;
            if (!read_request(fd.get(), buffer, asked, stop)) return;
            asked_.with([&](auto& all) { all.push_back(asked); });
            const auto answer = handler_(asked);
            if (!wait_until(std::chrono::steady_clock::now() + answer.pause, stop)) return;
            auto bytes = answer.raw;
            if (bytes.empty() && !(answer.cut && answer.status == 0)) {
                bytes = "HTTP/1.1 " + std::to_string(answer.status) +
                        " Said\r\nContent-Length: " + std::to_string(answer.body.size()) + "\r\n";
                for (const auto& header : answer.headers) bytes += header + "\r\n";
                bytes += "\r\n" + (asked.method == "HEAD" ? std::string() : answer.body);
            }
            if (!bytes.empty() && ::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) < 0)
                return;
            if (answer.cut) return;
        }
    }

    static bool read_request(int fd, std::string& buffer, Asked& asked,
                             const std::stop_token& stop) {
        const auto more = [&] {
            char bytes[65536];
            if (!readable(fd, stop)) return false;
            const auto got = ::recv(fd, bytes, sizeof bytes, 0);
            if (got > 0) buffer.append(bytes, static_cast<std::size_t>(got));
            return got > 0;
        };
        std::size_t end = 0;
        while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
            if (!more()) return false;
        }
        const auto lines = split(std::string_view(buffer).substr(0, end), '\n');
        const auto words = split(trim(lines[0]), ' ');
        asked.method = words[0];
        asked.path = words.size() > 1 ? words[1] : "";
        for (std::size_t i = 1; i < lines.size(); ++i) {
            const auto colon = lines[i].find(':');
            if (colon == std::string_view::npos) continue;
            asked.headers[std::string(lines[i].substr(0, colon))] =
                trim(lines[i].substr(colon + 1));
        }
        const auto length = std::stoul(
            asked.headers.contains("Content-Length") ? asked.headers["Content-Length"] : "0");
        while (buffer.size() < end + 4 + length) {
            if (!more()) return false;
        }
        asked.body = buffer.substr(end + 4, length);
        buffer.erase(0, end + 4 + length);
        return true;
    }

    Handler handler_;
    std::stop_source stop_;
    Fd listener_;
    std::uint16_t port_ = 0;
    std::atomic<std::size_t> connections_{0};
    Sync<std::vector<Asked>> asked_;
    std::jthread acceptor_;
    std::vector<std::jthread> threads_;
};

}  // namespace escalator::test
