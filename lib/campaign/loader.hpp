// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "action/schema.hpp"
#include "action/vars.hpp"
#include "campaign/model.hpp"
#include "campaign/yaml.hpp"

// Inside lib/campaign only: from YAML values to the parts of the model, finding every fault.
namespace escalator::campaign {

/// What the names in a text may be: known variables, with a value that stands for any.
struct Names {
    action::Scope scope;
    std::map<std::string, std::string> params;  ///< "param.x" -> value, of the include being read
    std::filesystem::path base_dir;             ///< where paths on the controller begin
};

/// Which list a step stands in.
enum class StepKind { procedure, verify };

/// A text in which only parameters of the include may stand, since it must be known before any node
/// is.
std::string read_name(const Value& value, std::string_view what, const Names& names);

Milliseconds read_duration(const Value& value, std::string_view what, Milliseconds otherwise);
std::optional<Amount> read_amount(const Value& value, std::string_view what);
Selector read_selector(const Value& value, std::string_view what, const Names& names);
std::uint32_t read_count(const Value& value, std::string_view what);

/// retry, backoff, then, else. Keys not given keep the values of `policy`. With `tolerate`, that
/// key too.
void read_policy(const Value& value, FailurePolicy& policy, Amount* tolerate);

/// Complains about unknown variables in `text`, and unsafe places when it is shell text.
void check_text(const Value& value, const std::string& text, bool shell, const Names& names);

/// Steps of a list; their policies start from `policy`.
std::vector<Step> read_steps(const Value& list, StepKind kind, const FailurePolicy& policy,
                             const Names& names);

/// The action's arguments as the schema wants them, as JSON text.
std::string read_args(const Value& value, const action::Schema& schema, const Names& names);

/// Complains about an argument that has the right kind and makes no sense all the same.
void check_argument(const Value& value, std::string_view action, std::string_view field,
                    const std::filesystem::path& base_dir);

/// `policy` is the campaign's.
Procedure read_procedure(const Value& value, const FailurePolicy& policy, const Names& names);

std::vector<Limit> read_limits(const Value& value);

}  // namespace escalator::campaign
