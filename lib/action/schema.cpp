// SPDX-License-Identifier: Apache-2.0
#include "action/schema.hpp"

#include <algorithm>
#include <array>

namespace escalator::action {

namespace {

using enum FieldKind;

// what a program is run with, the same in command and local
constexpr std::string_view dir_help = "directory to run in; default: the user's home";
constexpr std::string_view env_help = "environment variables added for it";

constexpr std::array command_fields{
    Field{"run", argv, true, "", "program and its arguments, or POSIX shell text"},
    Field{"dir", text, false, "", dir_help},
    Field{"env", map, false, "", env_help},
};

constexpr std::array script_fields{
    Field{"src", text, true, "", "script on the controller, relative to the campaign"},
    Field{"args", list, false, "", "its arguments"},
    Field{"interpreter", list, false, "",
          "program that runs it, with options; default: the script's #! line, else sh"},
    Field{"dir", text, false, "", dir_help},
    Field{"env", map, false, "", env_help},
};

constexpr std::array file_fields{
    Field{"dest", text, true, "", "absolute path on the node; its directory must exist"},
    Field{"src", text, false, "",
          "file on the controller, relative to the campaign, sent as it is"},
    Field{"content", text, false, "", "the content itself; variables are replaced"},
    Field{"template", text, false, "",
          "text file on the controller in which variables are replaced"},
    Field{"state", choice, false, "absent", "absent: remove the file"},
    Field{"mode", mode, false, "", "permissions; default: the old file's, 0644 for a new one"},
    Field{"owner", text, false, "", "user name or number; default: the old file's"},
    Field{"group", text, false, "", "group name or number; default: the old file's"},
    Field{"backup", boolean, false, "", "leave the old file beside it as DEST.escalator-old"},
    Field{"follow", boolean, false, "",
          "write to the file that DEST points to when DEST is a symbolic link"},
};

constexpr std::array package_fields{
    Field{"upgrade", list_or_map, false, "",
          "packages to bring to a version: names, name=version, or a map name: version"},
    Field{"install", list_or_map, false, "", "packages to install, written as for upgrade"},
    Field{"remove", list, false, "", "packages to remove; their configuration stays"},
    Field{"hold", list, false, "", "packages that nothing else may upgrade from now on"},
    Field{"unhold", list, false, "", "packages to release from their hold"},
    Field{"refresh", boolean, false, "", "read the package lists anew before; default: false"},
    Field{"allow_downgrade", boolean, false, "", "accept a version lower than the installed one"},
    Field{"allow_remove", boolean, false, "",
          "accept that other packages are removed by it; default: refuse"},
    Field{"allow_no_way_back", boolean, false, "",
          "accept that a version which no package source has any more is replaced or removed; "
          "default: refuse"},
    Field{"lock_wait", duration, false, "",
          "how long to wait for another package manager to finish; default: 5m (dnf waits until "
          "the step's timeout)"},
    Field{"manager", choice, false, "apt|dnf|yum", "default: the one the node has"},
};

constexpr std::array service_fields{
    Field{"name", list, true, "", "service or unit, or several, handled in this order"},
    Field{"state", choice, false, "started|stopped|restarted|reloaded", "what it shall be or do"},
    Field{"enabled", boolean, false, "", "whether it starts with the machine"},
    Field{"masked", boolean, false, "", "whether it is barred from being started (systemd only)"},
    Field{"daemon_reload", boolean, false, "", "have systemd read its unit files anew before"},
};

constexpr std::array reboot_fields{
    Field{"when", choice, false, "always|kernel-changed|required",
          "always (default); kernel-changed: a newer kernel is installed than the one that runs; "
          "required: that, or the system asks for it"},
    Field{"command", argv, false, "", "how to reboot; default: systemctl reboot or what there is"},
    Field{"go_down", duration, false, "",
          "how long the machine may take to go down before the step fails; default: 5m"},
};

constexpr std::array wait_fields{
    Field{"port", text, false, "", "host:port that must accept a TCP connection"},
    Field{"http", text, false, "", "URL (http or https) that must answer"},
    Field{"status", number, false, "", "with http: the status it must answer; default: any 2xx"},
    Field{"contains", text, false, "", "with http: text that the answer's body must contain"},
    Field{"command", argv, false, "", "command that must exit with 0"},
    Field{"file", text, false, "", "path that must exist"},
    Field{"absent", boolean, false, "",
          "with file: the path must not exist; with port: nothing may accept connections"},
    Field{"timeout", duration, false, "", "give up after this; default: 5m"},
    Field{"interval", duration, false, "", "pause between two tries; default: 2s, at least 1s"},
    Field{"from", choice, false, "node|controller", "where to look from; default: node"},
};

constexpr std::array local_fields{
    Field{"run", argv, true, "", "program and its arguments, or POSIX shell text"},
    Field{"dir", text, false, "", "directory to run in; default: the campaign's"},
    Field{"env", map, false, "", env_help},
};

constexpr std::array plugin_fields{
    Field{"name", text, true, "", "program in the plugin path"},
    Field{"args", free, false, "", "what the plugin understands; see its own description"},
};

constexpr std::array all_schemas{
    Schema{"command", "Run a program or shell text on the node", Where::node, WayBack::step, false,
           "run", "", command_fields},
    Schema{"script", "Run a script of the controller on the node", Where::node, WayBack::step,
           false, "src", "", script_fields},
    Schema{"file", "Put a file on the node, or remove one", Where::node, WayBack::builtin, true, "",
           "src|content|template|state", file_fields},
    Schema{"package", "Upgrade, install, remove or hold packages (apt, dnf, yum)", Where::node,
           WayBack::builtin, true, "", "upgrade|install|remove|hold|unhold", package_fields},
    Schema{"service", "Start, stop, restart, enable or mask services", Where::node,
           WayBack::builtin, true, "", "", service_fields},
    Schema{"reboot", "Reboot the node; a new boot id is the proof (to undo it, nothing is done)",
           Where::node, WayBack::builtin, false, "when", "", reboot_fields},
    Schema{"wait", "Wait for a port, a URL, a command or a file", Where::node, WayBack::read_only,
           true, "", "port|http|command|file", wait_fields},
    Schema{"local", "Run a program or shell text on the controller", Where::controller,
           WayBack::step, false, "run", "", local_fields},
    Schema{"plugin", "Have a plugin do the step", Where::controller, WayBack::builtin, false,
           "name", "", plugin_fields},
};

}  // namespace

std::span<const Schema> schemas() { return all_schemas; }

const Schema* find_schema(std::string_view action) {
    const auto* found = std::find_if(all_schemas.begin(), all_schemas.end(),
                                     [&](const Schema& s) { return s.action == action; });
    return found == all_schemas.end() ? nullptr : found;
}

}  // namespace escalator::action
