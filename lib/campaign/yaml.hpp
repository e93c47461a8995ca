// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <yaml-cpp/yaml.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "campaign/diagnostic.hpp"

// Inside lib/campaign only: reading YAML with places, and finding fault with it.
namespace escalator::campaign {

/// Collects findings; knows the lines of every file so that they can be shown.
class Findings {
public:
    /// Takes over a file's text; places in it can be shown from then on.
    void add_file(std::string name, std::string text);

    void error(std::string id, Place place, std::string message, std::string help = {},
               std::uint32_t length = 0);
    void warning(std::string id, Place place, std::string message, std::string help = {},
                 std::uint32_t length = 0);
    /// By file and line.
    std::vector<Diagnostic> take() &&;
    bool has_errors() const { return errors_ > 0; }

private:
    void add(Severity severity, std::string id, Place place, std::string message, std::string help,
             std::uint32_t length);

    struct File {
        std::string name;
        std::string text;
        std::vector<std::size_t> line_starts;
    };
    std::vector<std::unique_ptr<File>> files_;
    std::vector<Diagnostic> found_;
    std::size_t errors_ = 0;
};

/// Parses one file. nullopt after a syntax error, which is then among the findings. Refuses what
/// could exhaust memory or stack: files over 64 MiB, deep nesting, exploding aliases. Errors:
/// not_found, io, refused.
Result<std::optional<YAML::Node>> parse_yaml(const std::filesystem::path& path,
                                             const std::string& shown_name, Findings& findings,
                                             std::string* text_out = nullptr);

/// One node of a file with its place; reading from it files complaints instead of throwing.
class Value {
public:
    Value(YAML::Node node, const std::string& file, Findings& findings)
        : node_(std::move(node)), file_(&file), findings_(&findings) {}

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

private:
    std::uint32_t length() const;

    YAML::Node node_;
    const std::string* file_;
    Findings* findings_;
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
