// SPDX-License-Identifier: Apache-2.0
#include "campaign/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/text.hpp"
#include "campaign/graph.hpp"
#include "campaign/loader.hpp"
#include "campaign/needs.hpp"

namespace escalator::campaign {

namespace {

std::optional<std::uint32_t> minute_of(const Value& value, std::string_view what) {
    const auto text = value.text(what);
    std::uint32_t hour = 99;
    std::uint32_t minute = 99;
    if (text.size() == 5 && text[2] == ':') {
        std::from_chars(text.data(), text.data() + 2, hour);
        std::from_chars(text.data() + 3, text.data() + 5, minute);
    }
    if (hour < 24 && minute < 60) return hour * 60 + minute;
    value.error("bad-time", fmt::format("{} must be a time of day", what),
                "write it in quotes, like \"02:00\"");
    return std::nullopt;
}

class Loader {
public:
    explicit Loader(std::filesystem::path path) : path_(std::move(path)) {}

    Result<Loaded> load() {
        shown_.push_back(path_.string());
        // values refer to the name for as long as they live
        const auto name = shown_.back();
        auto text = read_file(path_, largest_file);
        if (!text) {
            return std::move(text).take_error().advise(
                "name a campaign file; a relative path begins in the current directory");
        }
        note_file(path_, *text);
        std::error_code ignored;
        out_.base_dir = std::filesystem::absolute(path_, ignored).parent_path();
        std::optional<YAML::Node> root;
        if (take_text(*text, name, findings_)) root = parse_yaml(*text, name, findings_);
        if (root) read_campaign(Value(*root, name, findings_));
        out_.digest = digest_.hex();
        check_graph(out_, findings_);
        return Loaded{std::move(out_), std::move(findings_).take()};
    }

private:
    void note_file(const std::filesystem::path& path, const std::string& text) {
        digest_.feed(fmt::format("{}\n", text.size()));
        digest_.feed(text);
        std::error_code ignored;
        out_.files.push_back(std::filesystem::absolute(path, ignored).string());
    }

    void read_campaign(const Value& root) {
        static const std::vector<std::string> known{
            "escalator",   "campaign",   "vars",    "modules",    "budgets", "window",   "tolerate",
            "unavailable", "on_failure", "include", "procedures", "verify",  "verify_on"};
        if (!root.is_map()) {
            root.error(root.is_null() ? "empty-file" : "wrong-type",
                       root.is_null()
                           ? "the file is empty"
                           : fmt::format("a campaign is a map of keys and values, not {}",
                                         root.is_list() ? "a list" : "one text"),
                       "begin it with escalator: 1 and campaign: NAME");
            return;
        }
        const auto entries = root.entries("the campaign");
        const auto find = [&](std::string_view key) -> const Value* {
            const auto at = std::find_if(entries.begin(), entries.end(),
                                         [&](const auto& it) { return it.key == key; });
            return at == entries.end() ? nullptr : &at->value;
        };
        for (const auto& entry : entries) {
            if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
                complain_unknown(entry, "the campaign", known);
            }
        }
        const auto* version = find("escalator");
        if (version == nullptr) {
            root.error("missing-field", "the file does not say which campaign format it is in",
                       "begin it with escalator: 1");
        } else if (version->is_scalar() && version->scalar() != "1") {
            version->error("bad-version",
                           fmt::format("the campaign is in format {}, and this escalator reads "
                                       "format 1",
                                       version->scalar()),
                           "write escalator: 1, or use the escalator it was written for");
        }
        if (const auto* it = find("campaign")) {
            out_.name = it->text("campaign");
            if (!is_plain_name(out_.name)) {
                it->error("bad-name", fmt::format("\"{}\" is no name for a campaign", out_.name),
                          "letters, digits, dots, dashes and underscores");
            }
        } else {
            root.error("missing-field", "the campaign has no name", "add campaign: NAME");
        }
        for (const auto* name : {"node.name", "node.address", "campaign.name", "run.id"})
            names_.scope[name] = "x";
        names_.base_dir = path_.parent_path();
        if (const auto* it = find("vars")) read_vars(*it);
        if (const auto* it = find("modules")) read_modules(*it);
        if (const auto* it = find("budgets")) read_budgets(*it);
        if (const auto* it = find("window")) read_window(*it);
        if (const auto* it = find("tolerate")) {
            if (const auto amount = read_amount(*it, "tolerate")) out_.tolerate = *amount;
        }
        if (const auto* it = find("unavailable")) out_.unavailable = read_limits(*it);
        if (const auto* it = find("on_failure")) read_policy(*it, out_.on_failure, &out_.tolerate);
        if (const auto* it = find("include")) read_includes(*it, path_.parent_path());
        if (const auto* it = find("procedures")) read_procedures(*it);
        if (const auto* it = find("verify")) {
            out_.verify = read_steps(*it, StepKind::verify, out_.on_failure, names_);
        }
        if (const auto* it = find("verify_on")) {
            out_.verify_on_controller = it->is_scalar() && it->scalar() == "@controller";
            out_.verify_on_place = it->place();
            if (!out_.verify_on_controller)
                out_.verify_on = read_selector(*it, "verify_on", names_);
        }
        if (out_.procedures.empty() && !findings_.has_errors()) {
            root.error("no-procedures", "the campaign has no procedures, so it would do nothing",
                       "add procedures: or include:");
        }
    }

    void read_vars(const Value& value) {
        for (const auto& entry : value.entries("vars")) {
            if (!is_plain_name(entry.key)) {
                entry.name.error("bad-name",
                                 fmt::format("\"{}\" is no name for a variable", entry.key));
                continue;
            }
            const auto name = "vars." + entry.key;
            out_.vars[name] = entry.value.text("a variable");
            names_.scope[name] = "x";
        }
    }

    static void read_need(const Value& value, Module& module) {
        const auto need = value.text("needs");
        if (need.empty()) return;
        if (const auto modules = modules_needed(need); !modules) {
            value.error("bad-need", modules.error().message(), modules.error().remedy());
            return;
        }
        module.needs.push_back(need);
        module.need_places.push_back(value.place());
    }

    /// Whatever a package manager may take for a version: no blanks, no operators.
    static std::string read_version(const Value& value, std::string_view what) {
        auto text = value.text(what);
        const bool fits = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                   std::string_view(".:+~^_-").find(c) != std::string_view::npos;
        });
        if (fits || !value.is_scalar()) return text;
        value.error("bad-version", fmt::format("{}: \"{}\" is no version", what, text),
                    "write it as the package manager does, like \"2:26.3.0-1\"");
        return {};
    }

    void read_modules(const Value& value) {
        static const std::vector<std::string> known{"on", "package", "from", "to", "needs"};
        for (const auto& entry : value.entries("modules")) {
            Module module;
            module.name = entry.key;
            module.place = entry.name.place();
            if (!is_plain_name(module.name)) {
                entry.name.error("bad-name",
                                 fmt::format("\"{}\" is no name for a module", module.name));
            }
            bool has_on = false;
            for (const auto& [key, name, it] : entry.value.entries("a module")) {
                if (key == "on") {
                    has_on = true;
                    module.on = read_selector(it, "on", names_);
                } else if (key == "package") {
                    module.package = it.text("package");
                } else if (key == "from") {
                    module.from = read_version(it, "from");
                } else if (key == "to") {
                    module.to = read_version(it, "to");
                } else if (key == "needs") {
                    for (const auto& item : it.is_list() ? it.items("needs") : std::vector{it})
                        read_need(item, module);
                } else {
                    complain_unknown({key, name, it}, "a module", known);
                }
            }
            if (!entry.value.is_map() && !entry.value.is_null()) continue;
            if (!has_on) {
                entry.name.error(
                    "missing-field",
                    fmt::format("the module \"{}\" does not say on which nodes it is", module.name),
                    "add on: SELECTOR, like on: role=compute");
            }
            for (const auto& [suffix, version] :
                 {std::pair(".to", module.to), std::pair(".from", module.from)}) {
                if (version.empty()) continue;
                out_.vars["versions." + module.name + suffix] = version;
                names_.scope["versions." + module.name + suffix] = "x";
            }
            out_.modules.push_back(std::move(module));
        }
    }

    void read_budgets(const Value& value) {
        static const std::vector<std::string> known{"upgrade", "rollback", "interruption",
                                                    "outage"};
        for (const auto& entry : value.entries("budgets")) {
            auto* target = entry.key == "upgrade"        ? &out_.budgets.upgrade
                           : entry.key == "rollback"     ? &out_.budgets.rollback
                           : entry.key == "interruption" ? &out_.budgets.interruption
                           : entry.key == "outage"       ? &out_.budgets.outage
                                                         : nullptr;
            if (target == nullptr) {
                complain_unknown(entry, "budgets", known);
            } else {
                *target = read_duration(entry.value, entry.key, {});
            }
        }
    }

    void read_window(const Value& value) {
        bool told = false;
        static const std::vector<std::string> known{"from", "to", "length"};
        for (const auto& entry : value.entries("window")) {
            if (entry.key == "from") {
                out_.window.start_minute = minute_of(entry.value, "from");
                told = told || !out_.window.start_minute;
            } else if (entry.key == "to") {
                out_.window.end_minute = minute_of(entry.value, "to");
                told = told || !out_.window.end_minute;
            } else if (entry.key == "length") {
                out_.window.length = read_duration(entry.value, "length", Milliseconds{1});
                if (out_.window.length == Milliseconds{0})
                    entry.value.error("bad-window", "a window of no length lets nothing start",
                                      "write how long the run may take, like 4h");
            } else {
                complain_unknown(entry, "window", known);
                told = true;
            }
        }
        const auto& window = out_.window;
        if (told) return;
        if (window.start_minute.has_value() != window.end_minute.has_value()) {
            value.error("bad-window", "a window has both from and to",
                        "add the other, like to: \"05:00\"");
        } else if (window.start_minute && window.start_minute == window.end_minute) {
            value.error("bad-window", "the window closes the moment it opens",
                        "from and to must differ; to may be on the next day");
        } else if (!window.start_minute && !window.length) {
            value.error("bad-window", "a window has from and to, or a length",
                        "write window: { from: \"01:00\", to: \"05:00\" } or { length: 4h }");
        }
    }

    void read_procedures(const Value& value) {
        for (const auto& item : value.items("procedures")) {
            out_.procedures.push_back(read_procedure(item, out_.on_failure, names_));
        }
    }

    void read_includes(const Value& value, const std::filesystem::path& dir) {
        static const std::vector<std::string> known{"file", "with"};
        for (const auto& item : value.items("include")) {
            std::string file;
            std::map<std::string, std::string> with;
            std::optional<Value> at;
            bool told = !item.is_scalar() && !item.is_map();
            if (item.is_scalar()) {
                file = item.scalar();
                at = item;
            }
            for (const auto& entry :
                 item.is_scalar() ? std::vector<Value::Entry>{} : item.entries("include")) {
                if (entry.key == "file") {
                    file = entry.value.text("file");
                    at = entry.value;
                } else if (entry.key == "with") {
                    for (const auto& it : entry.value.entries("with"))
                        with[it.key] = it.value.text("a parameter");
                } else {
                    complain_unknown(entry, "include", known);
                    told = true;
                }
            }
            if (!at && told) continue;
            if (!at) {
                item.error("missing-field", "an include needs file: PATH");
                continue;
            }
            include(*at, dir / file, std::move(with));
        }
    }

    void include(const Value& at, const std::filesystem::path& path,
                 std::map<std::string, std::string> with) {
        const auto shown = path.string();
        if (std::find(shown_.begin(), shown_.end(), shown) != shown_.end()) {
            at.error("include-cycle", fmt::format("this file includes itself: {} -> {}",
                                                  join(shown_, " -> "), shown));
            return;
        }
        const auto root = parsed(path, shown, at);
        if (!root) return;
        const auto outer = names_;
        shown_.push_back(shown);
        // values refer to the name for as long as they live
        file_names_.push_back(std::make_unique<std::string>(shown));
        read_included(Value(*root, *file_names_.back(), findings_, {shown, 1, 1}), at,
                      path.parent_path(), std::move(with));
        shown_.pop_back();
        names_ = outer;
    }

    /// A file may be included many times, with other parameters each time.
    std::optional<YAML::Node> parsed(const std::filesystem::path& path, const std::string& shown,
                                     const Value& at) {
        const auto known = parsed_.find(shown);
        if (known != parsed_.end()) return known->second;
        auto& out = parsed_[shown];
        auto text = read_file(path, largest_file);
        if (!text) {
            at.error("missing-include", text.error().message(),
                     "paths are relative to the file that includes");
            return out;
        }
        note_file(path, *text);
        if (take_text(*text, shown, findings_)) out = parse_yaml(*text, shown, findings_);
        return out;
    }

    void read_included(const Value& root, const Value& at, const std::filesystem::path& dir,
                       std::map<std::string, std::string> with) {
        static const std::vector<std::string> known{"escalator_procedures", "parameters", "include",
                                                    "procedures"};
        const auto entries = root.entries("a file of procedures");
        if (!root.is_map()) return;
        for (const auto& entry : entries) {
            if (entry.key != "escalator") continue;
            entry.name.error("wrong-type", "this is a campaign, and a campaign cannot be included",
                             "move its procedures to a file that begins with "
                             "escalator_procedures: 1");
            return;
        }
        std::vector<std::string> parameters;
        names_.params.clear();
        std::erase_if(names_.scope, [](const auto& it) { return it.first.starts_with("param."); });
        bool versioned = false;
        for (const auto& entry : entries) {
            if (entry.key == "parameters") {
                for (const auto& it : entry.value.entries("parameters")) {
                    parameters.push_back(it.key);
                    const auto given = with.find(it.key);
                    std::optional<std::string> value;
                    if (!it.value.is_null()) value = it.value.text("a parameter's default");
                    if (given != with.end()) value = given->second;
                    if (!value) {
                        at.error(
                            "missing-parameter",
                            fmt::format("{} needs the parameter \"{}\"", shown_.back(), it.key),
                            fmt::format("add with: {{ {}: VALUE }}", it.key));
                    }
                    names_.params["param." + it.key] = value.value_or("");
                    names_.scope["param." + it.key] = "x";
                    with.erase(it.key);
                }
            } else if (entry.key == "escalator_procedures") {
                versioned = entry.value.text("escalator_procedures") == "1";
            } else if (std::find(known.begin(), known.end(), entry.key) == known.end()) {
                complain_unknown(entry, "a file of procedures", known);
            }
        }
        if (!versioned)
            root.error("bad-version", "the file does not say that it has procedures of format 1",
                       "begin it with escalator_procedures: 1");
        for (const auto& [name, value] : with) {
            const auto near = closest(name, parameters);
            at.error("unknown-parameter",
                     fmt::format("{} has no parameter \"{}\"{}", shown_.back(), name,
                                 near ? fmt::format("; did you mean \"{}\"?", *near) : ""),
                     near ? "" : fmt::format("its parameters: {}", join(parameters, ", ")));
        }
        for (const auto& entry : entries) {
            if (entry.key == "include") read_includes(entry.value, dir);
            if (entry.key == "procedures") read_procedures(entry.value);
        }
    }

    std::filesystem::path path_;
    std::vector<std::string> shown_;
    std::vector<std::unique_ptr<std::string>> file_names_;
    std::map<std::string, std::optional<YAML::Node>> parsed_;
    Findings findings_;
    Campaign out_;
    Names names_;
    Sha256 digest_;
};

}  // namespace

Result<Loaded> load_campaign(const std::filesystem::path& path) { return Loader(path).load(); }

}  // namespace escalator::campaign
