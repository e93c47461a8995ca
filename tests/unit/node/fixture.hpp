// SPDX-License-Identifier: Apache-2.0
// A node that is this machine: the real supervisor under a real shell, over the local transport.
#pragma once

#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "base/text.hpp"
#include "node/link.hpp"
#include "node/local.hpp"
#include "node/remote.hpp"
#include "node/session.hpp"
#include "support/eventually.hpp"
#include "support/temp.hpp"

namespace escalator::test {

/// Whether the process runs; one that only waits to be reaped does not.
inline bool lives(const std::string& pid) {
    std::ifstream in("/proc/" + pid + "/stat");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto close = text.rfind(") ");
    return close != std::string::npos && text[close + 2] != 'Z' && text[close + 2] != 'X';
}

/// The pid that a script has written to the file, once it is there.
inline std::string pid_in(const std::filesystem::path& file) {
    REQUIRE(
        eventually([&] { return std::filesystem::exists(file) && slurp(file).ends_with('\n'); }));
    return std::string(trim(slurp(file)));
}

inline std::string which(const std::string& program) {
    const char* path = std::getenv("PATH");
    for (const auto dir : split(path == nullptr ? "/usr/bin:/bin" : path, ':')) {
        const auto file = std::string(dir) + "/" + program;
        if (::access(file.c_str(), X_OK) == 0) return file;
    }
    return {};
}

/// The shells that can play /bin/sh here. "busybox" brings its own head, dd, sleep ... with it.
inline std::vector<std::string> shells() {
    std::vector<std::string> out;
    for (const std::string name : {"dash", "bash", "busybox", "mksh"}) {
        if (!which(name).empty()) out.push_back(name);
    }
    return out;
}

/// The local transport, with another shell as sh; `nested`: in a session that another process
/// leads.
class ShellConnector final : public node::Connector {
public:
    ShellConnector(const std::filesystem::path& dir, const std::string& shell, bool nested)
        : local_(node::make_local_connector()), bin_(dir), nested_(nested) {
        std::filesystem::create_directories(dir);
        auto names = std::vector<std::string>{"sh"};
        if (shell == "busybox") {
            for (const auto* name : {"head", "tail", "dd", "sha256sum", "sleep", "setsid", "mkdir",
                                     "rm", "rmdir", "cat", "id", "chown", "chmod"}) {
                names.emplace_back(name);
            }
        }
        for (const auto& name : names) {
            if (!std::filesystem::exists(bin_ / name)) {
                std::filesystem::create_symlink(which(shell), bin_ / name);
            }
        }
    }
    Result<std::unique_ptr<node::Connection>> connect(Deadline deadline,
                                                      const std::stop_token& stop) override {
        auto inner = local_->connect(deadline, stop);
        if (!inner) return std::move(inner).take_error();
        return std::unique_ptr<node::Connection>(
            std::make_unique<InShell>(std::move(*inner), bin_.string(), nested_));
    }

private:
    class InShell final : public node::Connection {
    public:
        InShell(std::unique_ptr<node::Connection> inner, std::string bin, bool nested)
            : inner_(std::move(inner)), bin_(std::move(bin)), nested_(nested) {}
        Result<std::unique_ptr<node::Link>> exec(const std::string& command, Deadline deadline,
                                                 const std::stop_token& stop) override {
            return inner_->exec("PATH=" + shell_quote(bin_) + ":$PATH; export PATH; " +
                                    (nested_ ? "(" + command + "); true" : command),
                                deadline, stop);
        }

    private:
        std::unique_ptr<node::Connection> inner_;
        std::string bin_;
        bool nested_;
    };
    std::unique_ptr<node::Connector> local_;
    std::filesystem::path bin_;
    bool nested_;
};

struct Node {
    TempDir dir;
    std::string shell;
    bool nested = false;
    std::stop_source source;
    node::Options options;
    std::unique_ptr<node::Session> session;

    explicit Node(std::string its_shell = "dash") : shell(std::move(its_shell)) {
        options.node_dir = dir / "node";
        options.reconnect_budget = Milliseconds{20'000};
        spill(dir / "boot_id", "11111111-1111-1111-1111-111111111111\n");
        ::setenv("ESCALATOR_BOOT_ID_FILE", (dir / "boot_id").c_str(), 1);
        session = make();
    }
    ~Node() { ::unsetenv("ESCALATOR_BOOT_ID_FILE"); }
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    std::unique_ptr<node::Connector> connector() {
        return std::make_unique<ShellConnector>(dir / "bin", shell, nested);
    }
    std::unique_ptr<node::Session> make() {
        node::Endpoint endpoint;
        endpoint.name = "here";
        endpoint.local = true;
        return node::make_session(endpoint, options, connector());
    }
    std::stop_token stop() { return source.get_token(); }
    void lease(node::Session& it, const std::string& run = "run1") {
        const auto got = it.lease(run, "controller", stop());
        INFO((got ? std::string() : got.error().text()));
        REQUIRE(got);
    }
    node::Job job(std::string key, std::string script) {
        node::Job out;
        out.key = std::move(key);
        out.script = std::move(script);
        out.output = dir / (out.key + ".log");
        return out;
    }
    node::JobResult run(const node::Job& job) { return session->run(job, stop()); }
    std::filesystem::path on_node(const std::string& name) { return dir / "node" / "run1" / name; }
    std::string path(const std::string& name) { return (dir / name).string(); }
};

}  // namespace escalator::test
