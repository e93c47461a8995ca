// SPDX-License-Identifier: Apache-2.0
// What a single argument of an action must look like beyond its kind.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "campaign/loader.hpp"

namespace escalator::campaign {

namespace {

bool has_variable(const std::string& text) { return text.find("${") != std::string::npos; }

bool is_variable_name(const std::string& name) {
    const auto fits = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    return !name.empty() && !(name.front() >= '0' && name.front() <= '9') &&
           std::all_of(name.begin(), name.end(), fits);
}

void check_package(const Value& value, const std::string& text) {
    if (has_variable(text)) return;
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    const bool bad = name.empty() || name.front() == '-' ||
                     name.find_first_of(" \t\n;|&<>'\"") != std::string::npos;
    if (bad) {
        value.error("bad-package", fmt::format("\"{}\" is no name of a package", text),
                    "write NAME or NAME=VERSION, one a list item");
    } else if (equals != std::string::npos && equals + 1 == text.size()) {
        value.error("bad-package", fmt::format("\"{}\" has no version after the \"=\"", text),
                    "write NAME or NAME=VERSION");
    }
}

}  // namespace

void check_argument(const Value& value, std::string_view action, std::string_view field,
                    const std::filesystem::path& base_dir) {
    const bool one = value.is_scalar();
    const auto text = one ? value.scalar() : std::string();
    if (field == "env" && value.is_map()) {
        for (const auto& entry : value.entries("env")) {
            if (!is_variable_name(entry.key)) {
                entry.name.error(
                    "bad-name",
                    fmt::format("\"{}\" is no name for an environment variable", entry.key),
                    "letters, digits and underscores, no digit first");
            }
        }
    }
    if (action == "package" && field != "manager" && value.is_list()) {
        for (const auto& item : value.items(field)) {
            if (item.is_scalar()) check_package(item, item.scalar());
        }
    }
    if (!one || has_variable(text)) return;
    if (action == "package" && (field == "upgrade" || field == "install" || field == "remove" ||
                                field == "hold" || field == "unhold")) {
        check_package(value, text);
    }
    if (action == "file" && field == "dest" && !text.starts_with('/')) {
        value.error("bad-path", fmt::format("dest: \"{}\" is no absolute path", text),
                    "begin it with /");
    }
    if (action == "file" && (field == "owner" || field == "group") && !is_plain_name(text)) {
        value.error(
            "bad-name",
            fmt::format("\"{}\" is no name of a {}", text, field == "owner" ? "user" : "group"),
            "write a name or a number; owner and group are keys of their own");
    }
    if ((action == "file" || action == "script") && (field == "src" || field == "template")) {
        std::error_code ignored;
        const auto path = base_dir / text;
        if (!std::filesystem::is_regular_file(path, ignored)) {
            value.error("missing-source",
                        fmt::format("{}: there is no file {}", field, path.string()),
                        "paths are relative to the campaign file");
        }
    }
    if (action == "wait" && field == "http" && !text.starts_with("http://") &&
        !text.starts_with("https://")) {
        value.error("bad-url", fmt::format("\"{}\" is no http or https URL", text),
                    "write it like http://localhost:5000/v3");
    }
    if (action == "wait" && field == "port") {
        const auto port = text.substr(text.rfind(':') + 1);
        std::uint32_t number = 0;
        for (const char c : port.substr(0, 6))
            number =
                c >= '0' && c <= '9' ? number * 10 + static_cast<std::uint32_t>(c - '0') : 99999;
        if (number == 0 || number > 65535) {
            value.error("bad-port", fmt::format("\"{}\" is no port", text),
                        "write it like localhost:5672, with a port from 1 to 65535");
        }
    }
}

}  // namespace escalator::campaign
