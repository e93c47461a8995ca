// SPDX-License-Identifier: Apache-2.0
#include "journal/line.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/digest.hpp"

namespace escalator::journal {

namespace {

constexpr std::string_view hash_key = ",\"sha256\":\"";
constexpr std::size_t hash_size = 64;
/// `,"sha256":"` + 64 hex digits + `"}`
constexpr std::size_t trailer_size = hash_key.size() + hash_size + 2;

Error damage(std::string what) { return {ErrorCode::corrupt, std::move(what)}; }

std::string chained(std::string_view chain, std::string_view body) {
    Sha256 sum;
    sum.feed(chain);
    sum.feed("\n");
    sum.feed(body);
    return sum.hex();
}

bool take(std::string_view& text, std::string_view expected) {
    if (!text.starts_with(expected)) return false;
    text.remove_prefix(expected.size());
    return true;
}

bool is_event_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(),
                                        [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
}

}  // namespace

std::string chain_start() { return std::string(hash_size, '0'); }

std::string encode_line(const Record& record, std::string& chain) {
    auto line = fmt::format(R"({{"seq":{},"time":"{}","event":"{}","data":{})", record.seq,
                            format_utc(record.time), record.event, record.data);
    chain = chained(chain, line);
    line += hash_key;
    line += chain;
    line += "\"}\n";
    return line;
}

Result<Record> decode_line(std::string_view line, std::string& chain) {
    if (line.size() <= trailer_size) return damage("the line is too short for a record");
    const auto body = line.substr(0, line.size() - trailer_size);
    auto trailer = line.substr(body.size());
    if (!take(trailer, hash_key)) return damage("the line has no sha256 at its end");
    const auto hash = trailer.substr(0, hash_size);
    trailer.remove_prefix(hash_size);
    if (trailer != "\"}") return damage("the line does not end as a record does");
    const auto expected = chained(chain, body);
    if (hash != expected) {
        return damage(
            "its sha256 does not fit: this line, or one before it, is not what was written");
    }
    Record record;
    auto rest = body;
    if (!take(rest, "{\"seq\":")) return damage("the line does not begin as a record does");
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), record.seq);
    if (error != std::errc{}) return damage("it has no sequence number");
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    constexpr std::size_t time_size = 24;
    if (!take(rest, ",\"time\":\"") || rest.size() < time_size) return damage("it has no time");
    const auto time = parse_utc(rest.substr(0, time_size));
    if (!time) return damage("it has no time");
    record.time = *time;
    rest.remove_prefix(time_size);
    if (!take(rest, "\",\"event\":\"")) return damage("it has no event");
    const auto quote = std::min(rest.find('"'), rest.size());
    record.event = rest.substr(0, quote);
    rest.remove_prefix(quote);
    if (!is_event_name(record.event)) return damage("it has no event");
    if (!take(rest, "\",\"data\":")) return damage("it has no data");
    if (!rest.starts_with('{') || !nlohmann::json::accept(rest))
        return damage("its data is no JSON object");
    record.data = rest;
    chain = expected;
    return record;
}

bool could_be_torn(std::string_view bytes, std::uint64_t seq) {
    const auto start = fmt::format("{{\"seq\":{},\"time\":\"", seq);
    const auto common = std::min(start.size(), bytes.size());
    if (bytes.substr(0, common) != std::string_view(start).substr(0, common)) return false;
    // a whole record followed by something that is no newline was changed, not cut
    const auto close = bytes.rfind("\"}");
    if (close == std::string_view::npos || close + 2 == bytes.size()) return true;
    const auto before = bytes.substr(0, close);
    const bool whole =
        before.size() > hash_size + hash_key.size() &&
        before.substr(before.size() - hash_size - hash_key.size(), hash_key.size()) == hash_key;
    return !whole;
}

}  // namespace escalator::journal
