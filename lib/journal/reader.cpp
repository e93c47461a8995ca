// SPDX-License-Identifier: Apache-2.0
#include "journal/reader.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <charconv>

#include "base/fd.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "journal/line.hpp"

namespace escalator::journal {

namespace {

Error place(std::size_t line, std::size_t byte, std::string_view what) {
    return Error(ErrorCode::corrupt,
                 fmt::format("the journal is damaged at line {} (byte {}): {}", line, byte, what))
        .advise(
            "nothing was changed; keep the directory as it is and compare it with a copy - a "
            "journal must never be edited");
}

}  // namespace

Result<History> parse(std::string_view bytes) {
    History history;
    auto chain = chain_start();
    std::size_t at = 0;
    while (at < bytes.size()) {
        const auto number = history.records.size() + 1;
        const auto end = bytes.find('\n', at);
        if (end == std::string_view::npos) {
            const auto tail = bytes.substr(at);
            if (!could_be_torn(tail, number)) {
                return place(number, at, "the last line is neither whole nor cut off");
            }
            history.torn_bytes = tail.size();
            break;
        }
        auto record = decode_line(bytes.substr(at, end - at), chain);
        if (!record) return place(number, at, record.error().message());
        if (record->seq != number) return place(number, at, "its sequence number is wrong");
        if (!history.records.empty() && record->time < history.records.back().time) {
            return place(number, at, "its time lies before that of the line in front of it");
        }
        history.records.push_back(std::move(*record));
        at = end + 1;
    }
    return history;
}

Result<History> read(const std::filesystem::path& dir) {
    auto bytes = read_file(dir / "journal.jsonl", std::size_t{4} << 30U);
    if (!bytes) return std::move(bytes).take_error();
    auto history = parse(*bytes);
    if (!history) return std::move(history).fail((dir / "journal.jsonl").string());
    return history;
}

Result<Holder> holder(const std::filesystem::path& dir) {
    const Fd lock(::open((dir / "lock").c_str(), O_RDONLY | O_CLOEXEC));
    Holder out;
    if (!lock) return out;
    struct flock probe {};
    probe.l_type = F_WRLCK;
    // an open-file-description lock is asked for, never taken: looking must not keep a writer away
    if (fcntl(lock.get(), F_OFD_GETLK, &probe) == 0 && probe.l_type != F_UNLCK) {
        out.held = true;
        auto text = read_file(dir / "lock", 64);
        if (text) {
            const auto word = trim(*text);
            std::from_chars(word.data(), word.data() + word.size(), out.pid);
        }
    }
    return out;
}

}  // namespace escalator::journal
