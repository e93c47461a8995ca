// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "action/schema.hpp"
#include "action/vars.hpp"
#include "base/clock.hpp"
#include "base/result.hpp"

namespace escalator::action {

/// A file that must lie beside a script before it starts: "${ESCALATOR_FILES}NAME" there.
struct Upload {
    std::string name;              ///< plain name, unique within the step
    std::filesystem::path source;  ///< local file to stream; empty: `content` is it
    std::string content;
    std::uint64_t size = 0;
    std::string sha256;  ///< of source or content; verified on the node
};

/// What a step's action comes down to: POSIX-sh scripts that the supervisor runs. They may count on
/// these variables (set by the supervisor):
///   ESCALATOR_FILES   prefix of the paths of the uploads
///   ESCALATOR_STAGE   path; the script writes its stage there: check, do, verify (plain words)
///   ESCALATOR_RECORD  path; what the undo must know later (at most 8 KiB, kept in the journal)
///   ESCALATOR_KEEP    directory prefix on the node that stays for the undo (earlier contents of
///   files)
/// and end with exit status 0 when done. A script that finds its work already done writes the
/// stage "already" and exits 0.
struct Compiled {
    Where where = Where::node;
    std::string perform;  ///< check -> do -> verify in one script, one round trip
    std::string check;    ///< "" without a check; exits 0 when the work is done, 1 when it is not
    std::string undo;     ///< "" without an undo; finds the record of perform in $ESCALATOR_RECORD
    std::vector<Upload> uploads;  ///< for perform
    bool expects_reboot = false;  ///< losing the node to a new boot id is how perform succeeds
    std::optional<std::string> run_as;  ///< run as this user instead of the session's
};

/// The parts of a step that compile() needs; texts are unexpanded, as the campaign has them.
struct Request {
    std::string_view action;
    std::string_view args;   ///< JSON object text, as FieldKind says
    std::string_view check;  ///< the step's own check/verify/undo shell text, "" for none
    std::string_view verify;
    std::string_view undo;
    std::string_view run_as;                         ///< "" = the session's user
    bool needs_undo = false;  ///< the way back of the step is the action's own undo
    std::filesystem::path base_dir;                  ///< relative source paths start here
    std::vector<std::filesystem::path> plugin_path;  ///< where plugins are looked for, in order
};

/// Pure but for reading local source files (file, script) and looking plugins up.
/// Errors: usage (args or variables wrong), not_found, io.
Result<Compiled> compile(const Request& request, const Scope& scope);

}  // namespace escalator::action
