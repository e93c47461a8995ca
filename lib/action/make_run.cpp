// SPDX-License-Identifier: Apache-2.0
// command, script, local, plugin: programs that the author brings.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "action/parts.hpp"
#include "base/text.hpp"

namespace escalator::action {

Result<Parts> make_command(const Ingredients& in) {
    Parts parts;
    auto surroundings = in.surroundings("");
    if (!surroundings) return std::move(surroundings).take_error();
    auto program = in.program("run");
    if (!program) return std::move(program).take_error();
    parts.prelude = std::move(*surroundings);
    parts.act = std::move(*program);
    return parts;
}

Result<Parts> make_local(const Ingredients& in) {
    Parts parts;
    auto surroundings = in.surroundings(in.request.base_dir.string());
    if (!surroundings) return std::move(surroundings).take_error();
    auto program = in.program("run");
    if (!program) return std::move(program).take_error();
    parts.prelude = std::move(*surroundings);
    parts.act = std::move(*program);
    parts.where = Where::controller;
    return parts;
}

Result<Parts> make_script(const Ingredients& in) {
    Parts parts;
    auto source = in.source("src");
    if (!source) return std::move(source).take_error();
    auto upload = upload_of("script", *source);
    if (!upload) return std::move(upload).take_error();
    auto surroundings = in.surroundings("");
    if (!surroundings) return std::move(surroundings).take_error();
    auto interpreter = in.list("interpreter");
    if (!interpreter) return std::move(interpreter).take_error();
    auto args = in.list("args");
    if (!args) return std::move(args).take_error();

    // named here rather than by the kernel: the node's directory may be mounted noexec
    std::string program = quoted_words(*interpreter);
    if (program.empty()) {
        std::ifstream file(*source);
        std::string first;
        std::getline(file, first);
        program = "sh";
        if (first.starts_with("#!")) {
            const auto line = trim(std::string_view(first).substr(2));
            const auto blank = line.find_first_of(" \t");
            program = shell_quote(line.substr(0, blank));
            if (blank != std::string_view::npos)
                program += " " + shell_quote(trim(line.substr(blank)));
        }
    }
    parts.prelude = std::move(*surroundings);
    parts.act = fmt::format("{} \"${{ESCALATOR_FILES}}script\" {}", program, quoted_words(*args));
    parts.uploads.push_back(std::move(*upload));
    return parts;
}

Result<Parts> make_plugin(const Ingredients& in) {
    auto name = in.text("name");
    if (!name) return std::move(name).take_error();
    if (!is_plain_name(*name)) {
        return Error(ErrorCode::usage, fmt::format("\"{}\" is no plugin name", printable(*name)));
    }
    std::filesystem::path program;
    for (const auto& dir : in.request.plugin_path) {
        for (const auto& candidate : {dir / *name, dir / *name / *name}) {
            std::error_code ignored;
            const bool file = std::filesystem::is_regular_file(candidate, ignored);
            if (file && ::access(candidate.c_str(), X_OK) == 0) {
                program = candidate;
                break;
            }
        }
        if (!program.empty()) break;
    }
    if (program.empty()) {
        std::vector<std::string> looked;
        for (const auto& dir : in.request.plugin_path) looked.push_back(dir.string());
        return Error(ErrorCode::not_found, fmt::format("there is no plugin \"{}\"", *name))
            .advise(fmt::format("plugins are looked for in {}; --plugins adds a directory",
                                join(looked, ":")));
    }
    // strings of the arguments may have variables
    const auto expand = [&](const auto& self,
                            const nlohmann::json& value) -> Result<nlohmann::json> {
        if (value.is_string()) {
            auto text = expand_text(value.get_ref<const std::string&>(), in.scope);
            if (!text) return std::move(text).take_error();
            return nlohmann::json(*text);
        }
        if (!value.is_structured()) return value;
        auto out = value;
        for (auto it = out.begin(); it != out.end(); ++it) {
            auto item = self(self, *it);
            if (!item) return item;
            *it = std::move(*item);
        }
        return out;
    };
    auto args = expand(expand, in.has("args") ? in.args["args"] : nlohmann::json::object());
    if (!args) return std::move(args).fail("args");
    auto node = nlohmann::json::object();
    for (const auto& [key, value] : in.scope) {
        if (key.starts_with("node.")) node[key.substr(5)] = value;
    }
    const nlohmann::json request = {
        {"args", *args},
        {"node", node},
        {"run", in.scope.contains("run.id") ? in.scope.find("run.id")->second : ""}};
    // this program again is the plugin's host: a process of its own that can judge JSON
    std::error_code error;
    auto host = std::filesystem::read_symlink("/proc/self/exe", error).string();
    if (error) return Error(ErrorCode::io, "cannot find my own program: " + error.message());
    constexpr std::string_view replaced = " (deleted)";  // by a newer one, under the same name
    if (host.ends_with(replaced)) host.resize(host.size() - replaced.size());
    Parts parts;
    parts.where = Where::controller;
    parts.checks_itself = true;
    parts.prelude = fmt::format(
        "request={}\nhost() {{ printf '%s\\n' \"$request\" | {} __plugin \"$1\" {} {}; }}\n",
        shell_quote(request.dump()), shell_quote(host), shell_quote(program.string()),
        in.request.needs_undo ? "needs-undo" : "");
    parts.check = "host check";
    parts.act = "host perform";
    parts.undo = "host undo";
    return parts;
}

}  // namespace escalator::action
