// SPDX-License-Identifier: Apache-2.0
// What the benchmark measures against: the least that a program has to do over libssh. A pool of
// threads; each takes a node, connects, checks the host key, logs in, works, disconnects. No
// journal, no supervision, no lease, no configuration.
//
//   bench_plain_ssh KEY KNOWN_HOSTS FANOUT TASK [FILE SHA256] < "ADDRESS PORT DIR" lines
//     a  one command     b  ten commands, one after the other     c  FILE to DIR/file, checked
#include <libssh/libssh.h>

#include <atomic>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

struct Free {
    void operator()(ssh_session it) const noexcept {
        ssh_disconnect(it);
        ssh_free(it);
    }
    void operator()(ssh_channel it) const noexcept { ssh_channel_free(it); }
    void operator()(ssh_key it) const noexcept { ssh_key_free(it); }
};

struct Node {
    std::string address;
    std::string port;
    std::string dir;
};

struct Task {
    std::string key_file;
    std::string known_hosts;
    char kind = 'a';
    std::string content;
    std::string sum;
};

/// Runs a command with the given stdin; its stdout, or a complaint in `error`.
std::string run(ssh_session session, const std::string& command, std::string_view input,
                std::string& error) {
    const std::unique_ptr<ssh_channel_struct, Free> channel(ssh_channel_new(session));
    if (ssh_channel_open_session(channel.get()) != SSH_OK ||
        ssh_channel_request_exec(channel.get(), command.c_str()) != SSH_OK) {
        error = ssh_get_error(session);
        return {};
    }
    while (!input.empty()) {
        const int sent = ssh_channel_write(channel.get(), input.data(),
                                           static_cast<std::uint32_t>(input.size()));
        if (sent < 0) {
            error = ssh_get_error(session);
            return {};
        }
        input.remove_prefix(static_cast<std::size_t>(sent));
    }
    ssh_channel_send_eof(channel.get());
    std::string out;
    char buffer[4096];
    for (int got = 0; (got = ssh_channel_read(channel.get(), buffer, sizeof buffer, 0)) > 0;) {
        out.append(buffer, static_cast<std::size_t>(got));
    }
    const int status = ssh_channel_get_exit_status(channel.get());
    if (status != 0) error = "exit status " + std::to_string(status);
    return out;
}

std::string work(const Node& node, const Task& task) {
    const std::unique_ptr<ssh_session_struct, Free> owner(ssh_new());
    ssh_session session = owner.get();
    const int off = 0;
    const int nodelay = 1;
    const char* ciphers = "aes128-gcm@openssh.com";
    ssh_options_set(session, SSH_OPTIONS_PROCESS_CONFIG, &off);
    ssh_options_set(session, SSH_OPTIONS_HOST, node.address.c_str());
    ssh_options_set(session, SSH_OPTIONS_PORT_STR, node.port.c_str());
    ssh_options_set(session, SSH_OPTIONS_KNOWNHOSTS, task.known_hosts.c_str());
    ssh_options_set(session, SSH_OPTIONS_GLOBAL_KNOWNHOSTS, "/dev/null");
    ssh_options_set(session, SSH_OPTIONS_CIPHERS_C_S, ciphers);
    ssh_options_set(session, SSH_OPTIONS_CIPHERS_S_C, ciphers);
    ssh_options_set(session, SSH_OPTIONS_NODELAY, &nodelay);
    if (ssh_connect(session) != SSH_OK) return ssh_get_error(session);
    if (ssh_session_is_known_server(session) != SSH_KNOWN_HOSTS_OK) return "unknown host key";
    ssh_key raw = nullptr;
    if (ssh_pki_import_privkey_file(task.key_file.c_str(), nullptr, nullptr, nullptr, &raw) !=
        SSH_OK) {
        return "no key";
    }
    const std::unique_ptr<ssh_key_struct, Free> key(raw);
    if (ssh_userauth_publickey(session, nullptr, key.get()) != SSH_AUTH_SUCCESS) {
        return ssh_get_error(session);
    }
    std::string error;
    if (task.kind == 'a') run(session, "true", {}, error);
    for (int i = 0; task.kind == 'b' && i < 10 && error.empty(); ++i) {
        run(session, "true", {}, error);
    }
    if (task.kind == 'c') {
        const auto file = node.dir + "/file";
        const auto said = run(
            session,
            "cat > " + file + ".new && sha256sum < " + file + ".new && mv " + file + ".new " + file,
            task.content, error);
        if (error.empty() && !said.starts_with(task.sum)) error = "the file arrived changed";
    }
    return error;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 5) return 2;
    Task task{argv[1], argv[2], argv[4][0], {}, {}};
    if (task.kind == 'c') {
        if (argc < 7) return 2;
        std::ifstream in(argv[5], std::ios::binary);
        task.content.assign(std::istreambuf_iterator<char>(in), {});
        task.sum = argv[6];
    }
    std::vector<Node> nodes;
    for (Node node; std::cin >> node.address >> node.port >> node.dir;) nodes.push_back(node);
    ssh_init();
    std::atomic<std::size_t> next{0};
    std::atomic<int> failed{0};
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < std::stoi(argv[3]); ++i) {
            threads.emplace_back([&] {
                for (std::size_t mine = next++; mine < nodes.size(); mine = next++) {
                    const auto error = work(nodes[mine], task);
                    if (error.empty()) continue;
                    ++failed;
                    std::fprintf(stderr, "%s: %s\n", nodes[mine].address.c_str(), error.c_str());
                }
            });
        }
    }
    return failed == 0 ? 0 : 1;
}
