// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "campaign/diagnostic.hpp"

// Inside lib/campaign only.
namespace escalator::campaign {

/// Collects what is wrong; knows the text of every file, so that its lines can be shown.
class Findings {
public:
    /// Takes over a file's text; places in it can be shown from then on.
    void add_file(std::string name, std::string text);

    void error(std::string id, Place place, std::string message, std::string help = {},
               std::uint32_t length = 0);
    void warning(std::string id, Place place, std::string message, std::string help = {},
                 std::uint32_t length = 0);

    /// Sorted by file and line, nothing twice.
    std::vector<Diagnostic> take() &&;
    bool has_errors() const { return errors_ > 0; }

    /// Where the byte `offset` of a scalar's value is written, when the scalar begins at `begin`;
    /// `begin` itself where escapes or folded lines make that unclear.
    Place inside(const Place& begin, std::string_view scalar, std::size_t offset) const;

    /// To be called for every value read. False, with a finding, once there were so many that
    /// aliases must have multiplied them: a few lines could keep us busy for years.
    bool may_read(const Place& place);

private:
    struct File {
        std::string name;
        std::string text;
        std::vector<std::size_t> line_starts;
    };
    const File* file_of(const std::string& name) const;
    void add(Severity severity, std::string id, Place place, std::string message, std::string help,
             std::uint32_t length);

    std::vector<std::unique_ptr<File>> files_;
    std::vector<Diagnostic> found_;
    std::size_t errors_ = 0;
    std::size_t values_left_ = 1'000'000;  ///< grows with the files
    bool too_many_told_ = false;
};

}  // namespace escalator::campaign
