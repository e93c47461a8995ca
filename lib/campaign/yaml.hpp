// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <yaml-cpp/yaml.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "campaign/findings.hpp"

// Inside lib/campaign only: reading YAML with places, and finding fault with it.
namespace escalator::campaign {

/// The longest file that is read, in bytes.
inline constexpr std::size_t largest_file = 64U << 20U;
/// Levels of nesting that are followed; aliases can make circles.
inline constexpr int deepest = 100;

/// Hands a file's text to the findings, without a byte order mark. False, with a complaint, when it
/// is no text: UTF-16, control characters, bad UTF-8.
bool take_text(std::string& text, const std::string& shown_name, Findings& findings);

/// Parses a text that was taken. nullopt after a syntax error, which is then among the findings.
std::optional<YAML::Node> parse_yaml(const std::string& text, const std::string& shown_name,
                                     Findings& findings);

/// One node of a file with its place; reading from it files complaints instead of throwing.
class Value {
public:
    /// `key`: the place to tell when the value itself is empty. `file` must outlive the value.
    Value(const YAML::Node& node, const std::string& file, Findings& findings, Place key = {})
        : node_(node), file_(&file), findings_(&findings), key_(std::move(key)) {}

    Place place() const;
    bool is_map() const { return node_.IsMap(); }
    bool is_list() const { return node_.IsSequence(); }
    bool is_scalar() const { return node_.IsScalar(); }
    bool is_null() const { return !node_.IsDefined() || node_.IsNull(); }
    std::string scalar() const { return node_.Scalar(); }

    struct Entry;
    /// Key and value pairs; complains when this is no map, about keys given twice and unreadable
    /// ones.
    std::vector<Entry> entries(std::string_view what) const;
    std::vector<Value> items(std::string_view what) const;

    /// Complains unless it is a scalar; "" then.
    std::string text(std::string_view what) const;
    bool boolean(std::string_view what, bool otherwise) const;

    void error(std::string id, std::string message, std::string help = {}) const;
    void warning(std::string id, std::string message, std::string help = {}) const;
    /// About `length` bytes at `offset` of the scalar.
    void error_at(std::string id, std::size_t offset, std::size_t length, std::string message,
                  std::string help = {}) const;

private:
    std::uint32_t length() const;

    YAML::Node node_;
    const std::string* file_;
    Findings* findings_;
    Place key_;
};

struct Value::Entry {
    std::string key;
    Value name;
    Value value;
};

/// Complains about a key that is none of `known`, with the one that was probably meant.
void complain_unknown(const Value::Entry& entry, std::string_view where,
                      std::span<const std::string> known);

}  // namespace escalator::campaign
