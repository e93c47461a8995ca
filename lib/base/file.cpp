// SPDX-License-Identifier: Apache-2.0
#include "base/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/fd.hpp"

namespace escalator {

std::string errno_text(int number) { return std::generic_category().message(number); }

namespace {
Error io_error(std::string_view doing, const std::filesystem::path& path, int number) {
    const auto code = number == ENOENT ? ErrorCode::not_found : ErrorCode::io;
    return {code, fmt::format("cannot {} {}: {}", doing, path.string(), errno_text(number))};
}
}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t limit) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return io_error("read", path, errno);
    struct stat info {};
    if (::fstat(fd.get(), &info) != 0) return io_error("read", path, errno);
    if (S_ISDIR(info.st_mode)) {
        return Error(ErrorCode::refused,
                     fmt::format("{} is a directory, not a file", path.string()));
    }
    std::string bytes;
    bytes.resize(static_cast<std::size_t>(std::max<off_t>(info.st_size, 0)) + 1);
    std::size_t have = 0;
    for (;;) {
        if (have == bytes.size()) bytes.resize(bytes.size() * 2 + 4096);
        const auto got = ::read(fd.get(), bytes.data() + have, bytes.size() - have);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return io_error("read", path, errno);
        if (got == 0) break;
        have += static_cast<std::size_t>(got);
        if (have > limit) {
            return Error(ErrorCode::refused,
                         fmt::format("{} is larger than {} bytes", path.string(), limit));
        }
    }
    bytes.resize(have);
    return bytes;
}

Status write_file(const std::filesystem::path& path, std::string_view bytes) {
    const auto parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    auto temporary = (parent / ("." + path.filename().string() + ".XXXXXX")).string();
    const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));  // mode 0600
    if (!fd) return io_error("write", path, errno);
    const auto abandon = [&](int number) {
        ::unlink(temporary.c_str());
        return io_error("write", path, number);
    };
    while (!bytes.empty()) {
        const auto put = ::write(fd.get(), bytes.data(), bytes.size());
        if (put < 0 && errno == EINTR) continue;
        if (put < 0) return abandon(errno);
        bytes.remove_prefix(static_cast<std::size_t>(put));
    }
    if (::fsync(fd.get()) != 0) return abandon(errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return abandon(errno);
    const Fd dir(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!dir || ::fsync(dir.get()) != 0) return io_error("sync", parent, errno);
    return ok();
}

Status make_private_dir(const std::filesystem::path& path) {
    std::filesystem::path sofar;
    for (const auto& part : path) {
        sofar /= part;
        if (::mkdir(sofar.c_str(), 0700) == 0 || errno == EEXIST || errno == EISDIR) continue;
        if (errno == EROFS && std::filesystem::is_directory(sofar)) continue;
        return io_error("create", sofar, errno);
    }
    std::error_code ignored;
    if (!std::filesystem::is_directory(path, ignored)) {
        return Error(ErrorCode::io, fmt::format("{} is not a directory", path.string()));
    }
    return ok();
}

}  // namespace escalator
