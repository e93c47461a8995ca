// SPDX-License-Identifier: Apache-2.0
// Preloaded into escalator by the kill sweep: the process gets SIGKILL right after its Nth
// fdatasync, that is after the Nth append to the journal and before anything is done about it.
#include <dlfcn.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdlib>

extern "C" int fdatasync(int fd) {
    using Sync = int (*)(int);
    static const auto real = reinterpret_cast<Sync>(dlsym(RTLD_NEXT, "fdatasync"));
    static const char* const text = std::getenv("DIE_AT_SYNC");
    static const long last = text == nullptr ? 0 : std::atol(text);
    static std::atomic<long> count{0};
    const int result = real(fd);
    if (last > 0 && ++count == last) kill(getpid(), SIGKILL);
    return result;
}
