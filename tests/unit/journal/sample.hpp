// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "journal/reader.hpp"
#include "journal/writer.hpp"
#include "support/temp.hpp"

// Records for the journal's tests; what their events mean does not matter here.
namespace escalator::test {

inline journal::Record sample_record(const std::string& event, std::string data, std::int64_t ms) {
    journal::Record record;
    record.event = event;
    record.data = std::move(data);
    record.time = Time(Milliseconds{1'795'000'000'000 + ms});
    return record;
}

/// Four records of very different lengths, with everything in them that could be mistaken for the
/// end of a line or of a record.
inline std::vector<journal::Record> sample_records() {
    return {sample_record("run_started", R"({"by":"ops@c1","run":"20261123-030000-4f2a"})", 0),
            sample_record("step_started", "{}", 5),
            sample_record("step_ended",
                          R"({"message":"a \"}\n{\"seq\":9, \u00e4 ,\"sha256\":\"","step":"a:b:c"})", 5),
            sample_record("run_ended", "{\"ending\":\"" + std::string(700, 'x') + "\"}", 90)};
}

/// Writes the sample, a batch of two and two alone; hands back what was written.
inline std::vector<journal::Record> write_sample(const std::filesystem::path& dir) {
    auto records = sample_records();
    auto writer = journal::Writer::create(dir);
    if (!writer) throw std::runtime_error(writer.error().text());
    for (const auto& [from, count] : {std::pair(0U, 2U), std::pair(2U, 1U), std::pair(3U, 1U)}) {
        auto done = writer->append(std::span(records).subspan(from, count));
        if (!done) throw std::runtime_error(done.error().text());
    }
    return records;
}

inline bool is_prefix(const std::vector<journal::Record>& part,
                      const std::vector<journal::Record>& whole) {
    return part.size() <= whole.size() && std::equal(part.begin(), part.end(), whole.begin());
}

}  // namespace escalator::test
