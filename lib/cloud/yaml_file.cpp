// SPDX-License-Identifier: Apache-2.0
#include "cloud/yaml_file.hpp"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <nlohmann/json.hpp>

#include "base/file.hpp"
#include "base/text.hpp"

namespace escalator::cloud {

namespace {

constexpr std::size_t largest_file = 4U << 20U;
constexpr int deepest = 20;
constexpr std::size_t most_values = 100'000;  // aliases can multiply

nlohmann::json json_of(const YAML::Node& node, int depth, std::size_t& count) {
    if (depth > deepest || ++count > most_values) {
        throw YAML::Exception(node.Mark(), "nested too deep, or too much by its aliases");
    }
    if (node.IsMap()) {
        auto out = nlohmann::json::object();
        for (const auto& entry : node) {
            if (!entry.first.IsScalar()) throw YAML::Exception(entry.first.Mark(), "no plain key");
            out[entry.first.Scalar()] = json_of(entry.second, depth + 1, count);
        }
        return out;
    }
    if (node.IsSequence()) {
        auto out = nlohmann::json::array();
        for (const auto& item : node) out.push_back(json_of(item, depth + 1, count));
        return out;
    }
    if (node.IsScalar()) return node.Scalar();
    return nullptr;
}

}  // namespace

Result<nlohmann::json> read_yaml(const std::filesystem::path& file) {
    auto text = read_file(file, largest_file);
    if (!text) return std::move(text).fail(file.string());
    if (valid_utf8(*text) != text->size()) {
        return Error(ErrorCode::usage, fmt::format("{}: is not UTF-8", file.string()));
    }
    try {
        std::size_t count = 0;
        auto out = json_of(YAML::Load(*text), 0, count);
        if (out.is_null()) out = nlohmann::json::object();
        if (!out.is_object()) {
            return Error(ErrorCode::usage, fmt::format("{}: is no mapping", file.string()));
        }
        return out;
    } catch (const YAML::Exception& error) {
        // the library's own text would quote the file, which may hold passwords
        return Error(ErrorCode::usage,
                     fmt::format("{}:{}:{}: {}", file.string(), error.mark.line + 1,
                                 error.mark.column + 1, printable(error.msg)));
    }
}

}  // namespace escalator::cloud
