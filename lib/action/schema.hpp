// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace escalator::action {

/// How a field of an action is written in a campaign and how it reaches the args JSON.
enum class FieldKind {
    text,         ///< string, variables expanded as text -> JSON string
    shell,        ///< POSIX shell text, variables expanded quoted -> JSON string
    argv,         ///< list of words, each one argument, or shell text -> JSON array or string
    list,         ///< list of text, or one text -> JSON array of strings
    map,          ///< text to text -> JSON object
    list_or_map,  ///< as list, or as map -> JSON array of strings or JSON object
    number,       ///< non-negative integer -> JSON number
    boolean,      ///< true/false -> JSON boolean
    duration,     ///< "90s" -> JSON number of milliseconds
    size,         ///< "2GiB" -> JSON number of bytes
    mode,         ///< octal file mode "0640" -> JSON string
    choice,       ///< one of Field::choices -> JSON string
    free,         ///< any YAML -> JSON as it is (a plugin's own arguments)
};

struct Field {
    std::string_view name;
    FieldKind kind = FieldKind::text;
    bool required = false;
    std::string_view choices;  ///< "started|stopped|restarted" for choice
    std::string_view help;     ///< one line for man page and diagnostics
};

/// Where the way back of an action comes from, when the step itself says nothing.
enum class WayBack {
    builtin,  ///< the action knows how to undo itself (its undo may be that nothing is left to do)
    read_only,  ///< it changes nothing
    step,       ///< the step must give `undo:`, `read_only: true` or `no_return: true`
    no_return,  ///< it can't be undone and that is in its nature
};

enum class Where { node, controller };

struct Schema {
    std::string_view action;   ///< key in the campaign: "package"
    std::string_view summary;  ///< one line
    Where where = Where::node;
    WayBack way_back = WayBack::step;
    bool idempotent = false;  ///< re-running it is harmless (its check decides what is left to do)
    std::string_view shorthand;  ///< field that a plain scalar or list stands for, "" for none
    /// Exactly one of these fields must be given ("upgrade|hold|..."), "" for no such rule.
    std::string_view one_of;
    std::span<const Field> fields;
};

/// All built-in actions, in the order of the manual.
std::span<const Schema> schemas();
/// nullptr when there is no such action.
const Schema* find_schema(std::string_view action);

}  // namespace escalator::action
