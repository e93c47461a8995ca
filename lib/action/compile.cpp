// SPDX-License-Identifier: Apache-2.0
#include "action/compile.hpp"

#include <fmt/format.h>

#include <array>

#include "action/parts.hpp"
#include "base/digest.hpp"
#include "base/file.hpp"
#include "base/text.hpp"

namespace escalator::action {

namespace {

using Maker = Result<Parts> (*)(const Ingredients&);

struct Entry {
    std::string_view action;
    Maker make;
};

constexpr std::array makers{
    Entry{"command", make_command}, Entry{"script", make_script},   Entry{"local", make_local},
    Entry{"file", make_file},       Entry{"package", make_package}, Entry{"service", make_service},
    Entry{"reboot", make_reboot},   Entry{"wait", make_wait},       Entry{"plugin", make_plugin}};

/// A stage that a full disk swallows would make "already" look like "done", and a rollback undo
/// what the step has not done: EX_IOERR instead.
std::string stage(std::string_view word) {
    return fmt::format("printf '{}\\n' >\"$ESCALATOR_STAGE\" || exit 74\n", word);
}

/// check -> do -> verify in one script. What is not there costs nothing.
std::string perform_of(const Parts& parts) {
    if (parts.check.empty() && parts.verify.empty()) return parts.prelude + parts.act;
    std::string out = parts.prelude;
    const bool check_first = !parts.check.empty() && !parts.checks_itself;
    if (check_first) {
        out += stage("check");
        out += fmt::format("if (\n{}\n) >/dev/null 2>&1; then\n{}exit 0\nfi\n", parts.check,
                           stage("already"));
    }
    out += stage("do");
    out += fmt::format("(\n{}\n) || exit\n", parts.act);
    if (parts.checks_itself) {
        out += "read -r stage <\"$ESCALATOR_STAGE\"\n[ \"$stage\" != already ] || exit 0\n";
    }
    if (!parts.verify.empty()) {
        out += stage("verify");
        out += fmt::format("(\n{}\n)\n", parts.verify);
    }
    return out;
}

}  // namespace

Result<std::string> Ingredients::text(const char* key) const {
    if (!has(key)) return std::string();
    auto out = expand_text(args[key].get_ref<const std::string&>(), scope);
    if (!out) return std::move(out).fail(key);
    if (out->find('\0') != std::string::npos) {
        return Error(ErrorCode::usage, fmt::format("{}: the text has a NUL byte", key));
    }
    return out;
}

Result<std::string> Ingredients::word(const char* key) const {
    auto out = text(key);
    if (out) *out = shell_quote(*out);
    return out;
}

Result<std::vector<std::string>> Ingredients::list(const char* key) const {
    std::vector<std::string> out;
    if (!has(key)) return out;
    const auto& value = args[key];
    const auto add = [&](const nlohmann::json& item) -> Status {
        auto expanded = expand_text(item.get_ref<const std::string&>(), scope);
        if (!expanded) return std::move(expanded).fail(key);
        out.push_back(std::move(*expanded));
        return ok();
    };
    if (value.is_string()) {
        if (auto added = add(value); !added) return std::move(added).take_error();
    } else if (value.is_object()) {  // name: version
        for (const auto& [name, version] : value.items()) {
            if (auto added = add(name + "=" + version.get<std::string>()); !added) {
                return std::move(added).take_error();
            }
        }
    } else {
        for (const auto& item : value) {
            if (auto added = add(item); !added) return std::move(added).take_error();
        }
    }
    return out;
}

std::int64_t Ingredients::seconds(const char* key, std::int64_t otherwise) const {
    if (!has(key)) return otherwise;
    return std::max<std::int64_t>(1, args[key].get<std::int64_t>() / 1000);
}

bool Ingredients::flag(const char* key) const { return has(key) && args[key].get<bool>(); }

Result<std::string> Ingredients::program(const char* key) const {
    if (args[key].is_string()) {
        auto out = expand_shell(args[key].get_ref<const std::string&>(), scope);
        if (!out) return std::move(out).fail(key);
        return out;
    }
    auto words = list(key);
    if (!words) return std::move(words).take_error();
    return quoted_words(*words);
}

Result<std::string> Ingredients::surroundings(std::string_view default_dir) const {
    std::string out;
    auto dir = text("dir");
    if (!dir) return dir;
    if (dir->empty()) dir = std::string(default_dir);
    if (!dir->empty()) out += fmt::format("cd -- {} || exit\n", shell_quote(*dir));
    if (has("env")) {
        for (const auto& [name, value] : args["env"].items()) {
            auto expanded = expand_text(value.get_ref<const std::string&>(), scope);
            if (!expanded) return std::move(expanded).fail("env");
            out += fmt::format("export {}={}\n", name, shell_quote(*expanded));
        }
    }
    return out;
}

Result<std::filesystem::path> Ingredients::source(const char* key) const {
    auto name = text(key);
    if (!name) return std::move(name).take_error();
    return request.base_dir / *name;
}

Result<Upload> upload_of(std::string name, const std::filesystem::path& source) {
    auto digest = sha256_file(source);
    if (!digest) return std::move(digest).take_error();
    std::error_code error;
    const auto size = std::filesystem::file_size(source, error);
    if (error)
        return Error(ErrorCode::io,
                     fmt::format("cannot read {}: {}", source.string(), error.message()));
    return Upload{std::move(name), source, {}, size, std::move(*digest)};
}

Upload upload_text(std::string name, std::string content) {
    Upload out;
    out.name = std::move(name);
    out.size = content.size();
    out.sha256 = sha256_hex(content);
    out.content = std::move(content);
    return out;
}

std::string quoted_words(const std::vector<std::string>& words) {
    std::vector<std::string> quoted;
    quoted.reserve(words.size());
    for (const auto& word : words) quoted.push_back(shell_quote(word));
    return join(quoted, " ");
}

Result<Compiled> compile(const Request& request, const Scope& scope) {
    const auto entry = std::find_if(makers.begin(), makers.end(),
                                    [&](const Entry& it) { return it.action == request.action; });
    if (entry == makers.end()) {
        return Error(ErrorCode::usage, fmt::format("there is no action \"{}\"", request.action));
    }
    const auto args = nlohmann::json::parse(request.args, nullptr, false);
    if (!args.is_object())
        return Error(ErrorCode::usage, "the action's arguments are no JSON object");
    auto parts = entry->make(Ingredients{args, scope, request});
    if (!parts) return std::move(parts).fail(std::string(request.action));

    // what the author says replaces the action's own check and undo, and adds to its verification
    const auto author = [&](std::string_view text, const char* what) -> Result<std::string> {
        auto out = expand_shell(text, scope);
        if (!out) return std::move(out).fail(what);
        return out;
    };
    auto check = author(request.check, "check");
    if (!check) return std::move(check).take_error();
    auto verify = author(request.verify, "verify");
    if (!verify) return std::move(verify).take_error();
    auto undo = author(request.undo, "undo");
    if (!undo) return std::move(undo).take_error();
    if (!check->empty()) {
        parts->check = std::move(*check);
        parts->checks_itself = false;
    }
    if (!verify->empty()) {
        parts->verify = parts->verify.empty()
                            ? std::move(*verify)
                            : fmt::format("(\n{}\n) || exit\n{}", parts->verify, *verify);
    }

    Compiled out;
    out.where = parts->where;
    out.perform = perform_of(*parts);
    if (parts->checks_itself) {
        out.check = fmt::format("{}{}\n", parts->prelude, parts->check);
    } else if (!parts->check.empty()) {
        out.check =
            fmt::format("{}if (\n{}\n); then exit 0; fi\nexit 1\n", parts->prelude, parts->check);
    }
    if (!undo->empty()) {
        out.undo = parts->prelude + *undo;
    } else if (!parts->undo.empty()) {
        out.undo = parts->prelude + parts->undo;
    }
    out.uploads = std::move(parts->uploads);
    out.expects_reboot = parts->expects_reboot;
    if (!request.run_as.empty()) out.run_as = std::string(request.run_as);
    return out;
}

}  // namespace escalator::action
