// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace escalator::campaign {

/// A place in a file that people wrote. Lines and columns (in bytes) count from 1; 0 = unknown.
struct Place {
    std::string file;
    std::uint32_t line = 0;
    std::uint32_t column = 0;
    bool operator==(const Place&) const = default;
};

enum class Severity { error, warning, note };

/// One finding, told as a good compiler does:
///   campaign.yaml:12:7: error: unknown key "expct"; did you mean "expect"?
///      12 |       expct: 90s
///         |       ^~~~~
struct Diagnostic {
    Severity severity = Severity::error;
    std::string id;  ///< stable, for --json and tests: "unknown-key"
    Place place;
    std::uint32_t length = 1;  ///< columns to underline
    std::string source_line;   ///< the line at `place`, "" when there is none
    std::string message;       ///< what is wrong and what was expected
    std::string help;          ///< what to do; may be empty
};

bool has_errors(const std::vector<Diagnostic>& diagnostics);

std::string_view name_of(Severity severity) noexcept;

/// Sorts by file (in order of first appearance), line and column; drops what is there twice.
void arrange(std::vector<Diagnostic>& diagnostics);

/// The diagnostic as text of a few lines, each ended. Long lines are cut to the part around the
/// mistake.
std::string format_diagnostic(const Diagnostic& diagnostic);

}  // namespace escalator::campaign
