// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

namespace escalator {

/// Who runs this process, and where.
struct Account {
    std::string name;  ///< login name; the number when it has none
    uid_t uid = 0;
    std::filesystem::path home;  ///< $HOME, else the account's own
    std::string host;            ///< this machine's name
};

/// Asked of the system once in this process. Thread-safe.
const Account& own_account();

/// "ops@controller1".
std::string whoami();

}  // namespace escalator
