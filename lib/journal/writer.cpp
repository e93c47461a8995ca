// SPDX-License-Identifier: Apache-2.0
#include "journal/writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "journal/line.hpp"
#include "journal/reader.hpp"

namespace escalator::journal {

namespace {

class RealFile final : public File {
public:
    explicit RealFile(Fd fd) : fd_(std::move(fd)) {}

    Status write(std::string_view bytes) override {
        while (!bytes.empty()) {
            const auto written = ::write(fd_.get(), bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written <= 0) {
                return Error(ErrorCode::io, fmt::format("cannot write the journal: {}",
                                                        errno_text(written < 0 ? errno : ENOSPC)));
            }
            bytes.remove_prefix(static_cast<std::size_t>(written));
        }
        return ok();
    }

    Status sync() override {
        if (::fdatasync(fd_.get()) == 0) return ok();
        return Error(ErrorCode::io, fmt::format("cannot sync the journal: {}", errno_text(errno)));
    }

private:
    Fd fd_;
};

Result<Fd> lock_dir(const std::filesystem::path& dir) {
    const auto path = dir / "lock";
    Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!fd) {
        return Error(ErrorCode::io,
                     fmt::format("cannot open {}: {}", path.string(), errno_text(errno)));
    }
    struct flock wanted {};
    wanted.l_type = F_WRLCK;
    if (fcntl(fd.get(), F_OFD_SETLK, &wanted) != 0) {
        const auto who = holder(dir);
        const auto pid = who ? who->pid : 0;
        return Error(ErrorCode::busy,
                     fmt::format("process {} is at work on the run in {}", pid, dir.string()))
            .advise("escalator status shows what it does; one run has one controller at a time");
    }
    const auto text = fmt::format("{}\n", getpid());
    if (::ftruncate(fd.get(), 0) != 0 || ::pwrite(fd.get(), text.data(), text.size(), 0) < 0) {
        return Error(ErrorCode::io,
                     fmt::format("cannot write {}: {}", path.string(), errno_text(errno)));
    }
    return fd;
}

}  // namespace

struct Writer::Impl {
    Fd lock;
    std::unique_ptr<File> file;
    std::string chain = chain_start();
    std::uint64_t seq = 0;
    Time last;
    bool broken = false;

    void follow(const History& history) {
        for (const auto& record : history.records) static_cast<void>(encode_line(record, chain));
        seq = history.records.size();
        if (!history.records.empty()) last = history.records.back().time;
    }
};

Writer::Writer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Writer::Writer(std::unique_ptr<File> file, const History& history)
    : impl_(std::make_unique<Impl>()) {
    impl_->file = std::move(file);
    impl_->follow(history);
}
Writer::~Writer() = default;
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;

Result<Writer> Writer::create(const std::filesystem::path& dir) {
    if (auto made = make_private_dir(dir); !made) return std::move(made).take_error();
    auto lock = lock_dir(dir);
    if (!lock) return std::move(lock).take_error();
    const auto path = dir / "journal.jsonl";
    Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600));
    if (!fd && errno == EEXIST) {
        return Error(ErrorCode::refused, fmt::format("{} holds a run already", dir.string()));
    }
    if (!fd) {
        return Error(ErrorCode::io,
                     fmt::format("cannot make {}: {}", path.string(), errno_text(errno)));
    }
    const Fd parent(::open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!parent || ::fsync(parent.get()) != 0) {
        return Error(ErrorCode::io,
                     fmt::format("cannot sync {}: {}", dir.string(), errno_text(errno)));
    }
    auto impl = std::make_unique<Impl>();
    impl->lock = std::move(*lock);
    impl->file = std::make_unique<RealFile>(std::move(fd));
    return Writer(std::move(impl));
}

Result<Writer> Writer::open(const std::filesystem::path& dir, History& history) {
    const auto path = dir / "journal.jsonl";
    if (std::error_code error; !std::filesystem::exists(path, error)) {
        return Error(ErrorCode::not_found, fmt::format("no journal in {}", dir.string()));
    }
    auto lock = lock_dir(dir);
    if (!lock) return std::move(lock).take_error();
    auto found = read(dir);
    if (!found) return std::move(found).take_error();
    history = std::move(*found);
    Fd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    if (!fd) {
        return Error(ErrorCode::io,
                     fmt::format("cannot open {}: {}", path.string(), errno_text(errno)));
    }
    if (history.torn_bytes > 0) {
        struct stat now {};
        const bool cut =
            ::fstat(fd.get(), &now) == 0 &&
            ::ftruncate(fd.get(), now.st_size - static_cast<off_t>(history.torn_bytes)) == 0 &&
            ::fsync(fd.get()) == 0;
        if (!cut) {
            return Error(ErrorCode::io, fmt::format("cannot cut the torn last record off {}: {}",
                                                    path.string(), errno_text(errno)));
        }
    }
    auto impl = std::make_unique<Impl>();
    impl->lock = std::move(*lock);
    impl->file = std::make_unique<RealFile>(std::move(fd));
    impl->follow(history);
    return Writer(std::move(impl));
}

Status Writer::append(std::span<Record> records) {
    auto& it = *impl_;
    if (it.broken) {
        return Error(ErrorCode::io,
                     "the journal could not be written before; nothing more is accepted");
    }
    std::string bytes;
    auto chain = it.chain;
    auto seq = it.seq;
    auto last = it.last;
    for (auto& record : records) {
        record.seq = ++seq;
        record.time = last = std::max(last, record.time);
        const auto line = encode_line(record, chain);
        if (line.size() > max_record_bytes) {
            return Error(ErrorCode::usage,
                         fmt::format("a {} record of {} bytes is longer than the {} allowed",
                                     record.event, line.size(), max_record_bytes));
        }
        bytes += line;
    }
    auto done = it.file->write(bytes);
    if (done) done = it.file->sync();
    if (!done) {
        it.broken = true;
        return done;
    }
    it.chain = std::move(chain);
    it.seq = seq;
    it.last = last;
    return ok();
}

}  // namespace escalator::journal
