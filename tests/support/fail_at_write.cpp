// SPDX-License-Identifier: Apache-2.0
// Preloaded into escalator by the journal's fault tests: from its Nth write or sync of a file named
// journal.jsonl on, every one fails.
//   FAIL_AT=N         the first operation that fails (writes and fdatasyncs counted together)
//   FAIL_ERRNO=E      with this errno
//   FAIL_KEEPS=B      the first failing write still writes B bytes, as a disk that fills up does
#include <dlfcn.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace {

long setting(const char* name) {
    const char* text = std::getenv(name);
    return text == nullptr ? 0 : std::atol(text);
}

bool is_journal(int fd) {
    std::array<char, 64> link{};
    std::array<char, 4096> path{};
    std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
    const auto size = readlink(link.data(), path.data(), path.size() - 1);
    return size > 0 && strstr(path.data(), "journal.jsonl") != nullptr;
}

/// 0: let it through; else how many failing operations there have been, this one included.
long failing(int fd) {
    static const long first = setting("FAIL_AT");
    static std::atomic<long> count{0};
    if (first == 0 || !is_journal(fd)) return 0;
    return std::max(0L, ++count - first + 1);
}

}  // namespace

extern "C" ssize_t write(int fd, const void* bytes, size_t size) {
    using Write = ssize_t (*)(int, const void*, size_t);
    static const auto real = reinterpret_cast<Write>(dlsym(RTLD_NEXT, "write"));
    const auto nth = failing(fd);
    if (nth == 0) return real(fd, bytes, size);
    const auto keeps = nth == 1 ? std::min(size, static_cast<size_t>(setting("FAIL_KEEPS"))) : 0;
    if (keeps > 0) return real(fd, bytes, keeps);
    errno = static_cast<int>(setting("FAIL_ERRNO"));
    return -1;
}

extern "C" int fdatasync(int fd) {
    using Sync = int (*)(int);
    static const auto real = reinterpret_cast<Sync>(dlsym(RTLD_NEXT, "fdatasync"));
    if (failing(fd) == 0) return real(fd);
    errno = static_cast<int>(setting("FAIL_ERRNO"));
    return -1;
}
