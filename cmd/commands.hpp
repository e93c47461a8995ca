// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "cmd/command.hpp"

// One line for each subcommand; each is defined in the file of its name.
namespace escalator::cmd {

extern const Entry validate_command;
extern const Entry plan_command;
extern const Entry run_command;
extern const Entry test_command;
extern const Entry rollback_command;
extern const Entry status_command;
extern const Entry cloud_command;

}  // namespace escalator::cmd
