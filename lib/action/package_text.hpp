// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// Inside lib/action only: the shell text of the package action. Each manager offers the same
// functions, which the text of the action calls:
//   installed             "NAME VERSION" of everything there is, sorted
//   version NAME          of what is installed, "" for none
//   candidate NAME        what an upgrade would bring
//   versions NAME         what the sources offer, a line each
//   has_source NAME VER   whether it could be fetched again
//   held NAME, hold NAME..., unhold NAME...
//   mend                  finishes what an interrupted run of the manager has left
//   refresh_lists
//   note_marks            beside the list of packages: what else the undo must put back
//   put_marks             ... and puts it back, for the packages of $changes
//   keep_way_back WORDS   refuses what could not be undone; WORDS as for put_in and take_out
//   put_in PACKAGE...     install or upgrade NAME or NAME=VERSION
//   take_out NAME...
//   go_back               undoes $changes
//   new_configs           files that the manager put beside changed configuration
namespace escalator::action {

extern const std::string_view apt_text;
extern const std::string_view dnf_text;

}  // namespace escalator::action
