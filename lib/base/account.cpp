// SPDX-License-Identifier: Apache-2.0
#include "base/account.hpp"

#include <fmt/format.h>
#include <pwd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <vector>

namespace escalator {

namespace {

Account ask() {
    Account out;
    out.uid = ::getuid();
    out.name = std::to_string(out.uid);
    out.home = "/";
    // getpwuid_r: other threads may be asking the name service at the same time
    std::vector<char> buffer(4096);
    passwd entry{};
    passwd* found = nullptr;
    while (::getpwuid_r(out.uid, &entry, buffer.data(), buffer.size(), &found) == ERANGE) {
        buffer.resize(buffer.size() * 2);
    }
    if (found != nullptr) {
        out.name = found->pw_name;
        out.home = found->pw_dir;
    }
    if (const char* home = std::getenv("HOME"); home != nullptr && *home == '/') out.home = home;
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    out.host = host.data();
    return out;
}

}  // namespace

const Account& own_account() {
    static const Account account = ask();
    return account;
}

std::string whoami() { return fmt::format("{}@{}", own_account().name, own_account().host); }

}  // namespace escalator
