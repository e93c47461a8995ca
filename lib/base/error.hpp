// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace escalator {

/// What kind of refusal the outside world gave. One function (exit_status in cmd/) maps these to
/// the program's exit statuses.
enum class ErrorCode {
    usage,         ///< the caller or a file the user wrote is wrong
    not_found,     ///< a file, run, node or program does not exist
    busy,          ///< another run holds the journal or the node
    corrupt,       ///< stored data is damaged
    stale,         ///< a saved plan no longer fits its inputs
    unauthorised,  ///< keys, passwords or policy refuse
    untrusted,     ///< a host key is unknown, changed or revoked
    unreachable,   ///< no connection, or it was cut
    timeout,       ///< a deadline passed
    cancelled,     ///< the operator asked to stop
    io,            ///< reading or writing failed
    refused,       ///< the request was understood and declined
    unanswered,    ///< it was sent, and may have taken effect: look before doing it again
    protocol,      ///< a peer (node, plugin, API) said something senseless
    bug,           ///< this program broke its own rules
};

/// "not_found" for ErrorCode::not_found; stable, used in journal and JSON.
std::string_view name_of(ErrorCode code) noexcept;

/// A refusal: code, message for people, and context added while it rises (outermost first).
class Error {
public:
    Error(ErrorCode code, std::string message) : code_(code), message_(std::move(message)) {}

    ErrorCode code() const noexcept { return code_; }
    const std::string& message() const noexcept { return message_; }
    /// What the reader can do about it; empty when nothing sensible can be said.
    const std::string& remedy() const noexcept { return remedy_; }

    /// Adds where it happened ("host=compute07"); the last added is printed first.
    Error&& within(std::string context) &&;
    Error&& advise(std::string remedy) &&;

    /// "context: context: message", without the remedy.
    std::string text() const;

private:
    ErrorCode code_;
    std::string message_;
    std::string remedy_;
    std::vector<std::string> context_;
};

}  // namespace escalator
