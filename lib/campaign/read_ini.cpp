// SPDX-License-Identifier: Apache-2.0
// Ansible's INI inventories.
#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "campaign/hosts.hpp"

namespace escalator::campaign {

namespace {

struct Word {
    std::string text;
    std::uint32_t column = 1;
};

/// Words of a line as Python's shlex splits it, which Ansible uses: blanks part them, quotes hold
/// them together, a backslash escapes, # begins a comment. nullopt when a quote stays open.
std::optional<std::vector<Word>> words_of(std::string_view line) {
    std::vector<Word> out;
    Word word;
    bool any = false;
    char quote = 0;
    const auto end_word = [&] {
        if (any) out.push_back(std::exchange(word, {}));
        any = false;
    };
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (!any) word.column = static_cast<std::uint32_t>(i + 1);
        const bool more = i + 1 < line.size();
        if (quote == '\'' ? c == '\'' : quote == '"' && c == '"') {
            quote = 0;
        } else if (quote == '"' && c == '\\' && more &&
                   (line[i + 1] == '"' || line[i + 1] == '\\')) {
            word.text += line[++i];
        } else if (quote != 0) {
            word.text += c;
        } else if (c == '"' || c == '\'') {
            quote = c;
            any = true;
        } else if (c == '\\' && more) {
            word.text += line[++i];
            any = true;
        } else if (c == ' ' || c == '\t' || c == '\r') {
            end_word();
        } else if (c == '#') {
            break;
        } else {
            word.text += c;
            any = true;
        }
    }
    if (quote != 0) return std::nullopt;
    end_word();
    return out;
}

/// Ansible reads values as Python's: quotes are taken off, True is true.
std::string python_value(std::string_view text) {
    if (text == "True") return "true";
    if (text == "False") return "false";
    const bool quoted =
        text.size() >= 2 && (text.front() == '"' || text.front() == '\'') &&
        text.back() == text.front() &&
        text.substr(1, text.size() - 2).find(text.front()) == std::string_view::npos;
    if (quoted) text = text.substr(1, text.size() - 2);
    return std::string(text);
}

class IniReader {
public:
    IniReader(const std::string& file, Findings& findings) : file_(file), findings_(findings) {
        out_.group("all", {file, 0, 0});
    }

    Hosts read(const std::string& text) {
        for (const auto raw : split(text, '\n')) {
            ++number_;
            const auto line = trim(raw);
            indent_ = static_cast<std::uint32_t>(line.empty() ? 0 : line.data() - raw.data());
            if (line.empty() || line.front() == '#' || line.front() == ';') continue;
            if (line.front() == '[' && starts_section(line)) {
                read_section(line);
            } else if (kind_ == "vars") {
                read_variable(line);
            } else if (kind_ == "children") {
                read_child(line);
            } else if (kind_ != "skip") {
                read_host(line);
            }
        }
        check_mentions();
        return std::move(out_);
    }

private:
    struct Mention {
        std::string group;
        Place place;
        std::string_view what;
    };

    Place place(std::uint32_t column = 1) const { return {file_, number_, indent_ + column}; }

    void wrong(std::string_view line, std::string message, std::string help) {
        findings_.error("ini-syntax", place(), std::move(message), std::move(help),
                        static_cast<std::uint32_t>(line.size()));
    }

    /// "[web]" and "[web:vars]" are sections; "[a:c].example.org" is a range of hosts.
    static bool starts_section(std::string_view line) {
        const auto close = line.find(']');
        if (close == std::string_view::npos) return true;
        const auto rest = trim(line.substr(close + 1));
        return rest.empty() || rest.front() == '#' || rest.front() == ';' ||
               line[close + 1] == ' ' || line[close + 1] == '\t';
    }

    void read_section(std::string_view line) {
        kind_ = "skip";
        const auto close = line.find(']');
        if (close == std::string_view::npos) {
            wrong(line, "this section header has no closing bracket", "write it like [web]");
            return;
        }
        const auto rest = trim(line.substr(close + 1));
        if (!rest.empty() && rest.front() != '#' && rest.front() != ';') {
            wrong(line, "only a comment can follow a section header", "write it like [web]");
            return;
        }
        const auto parts = split(line.substr(1, close - 1), ':');
        const auto kind = parts.size() > 1 ? std::string(parts[1]) : "hosts";
        const std::vector<std::string> kinds{"hosts", "children", "vars"};
        const bool known = std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
        if (parts[0].empty() || parts.size() > 2 || !known) {
            const auto close_to = closest(kind, kinds);
            wrong(line.substr(0, close + 1),
                  fmt::format("\"{}\" is no section{}", line.substr(0, close + 1),
                              !known && close_to
                                  ? fmt::format("; did you mean [{}:{}]?", parts[0], *close_to)
                                  : ""),
                  "sections are [group], [group:children] and [group:vars]");
            return;
        }
        section_ = std::string(parts[0]);
        kind_ = kind;
        if (!section_.empty() && !is_plain_name(section_)) {
            wrong(line.substr(0, close + 1), fmt::format("\"{}\" is no name for a group", section_),
                  "letters, digits, dots, dashes and underscores");
        }
        if (kind_ == "vars") {
            mentions_.push_back({section_, place(2), "variables are given for"});
        } else {
            out_.group(section_, place(2));
        }
    }

    void read_variable(std::string_view line) {
        const auto equals = line.find('=');
        if (equals == std::string_view::npos || equals == 0) {
            wrong(line, "expected NAME=VALUE in a :vars section", "");
            return;
        }
        vars_[section_][std::string(trim(line.substr(0, equals)))] =
            python_value(trim(line.substr(equals + 1)));
    }

    void read_child(std::string_view line) {
        const auto words = words_of(line);
        if (!words || words->size() != 1) {
            if (!words || !words->empty())
                wrong(line, "expected the name of one group in a :children section", "");
            return;
        }
        out_.group(section_, place()).children.push_back(words->front().text);
        mentions_.push_back({words->front().text, place(), "the child"});
    }

    void read_host(std::string_view line) {
        const auto words = words_of(line);
        if (!words) {
            wrong(line, "a quote is never closed on this line", "add the missing quote");
            return;
        }
        if (words->empty()) return;
        auto pattern = words->front().text;
        Variables vars;
        // "host:2222" of old inventories; a bare IPv6 address has more colons
        const auto colon = pattern.rfind(':');
        const bool port = colon != std::string::npos &&
                          pattern.find(']', colon) == std::string::npos &&
                          (pattern.find(':') == colon || (colon > 0 && pattern[colon - 1] == ']') ||
                           pattern.rfind(']') != std::string::npos);
        if (port) {
            vars["ansible_port"] = pattern.substr(colon + 1);
            pattern.resize(colon);
        }
        for (std::size_t i = 1; i < words->size(); ++i) {
            const auto& word = (*words)[i];
            const auto equals = word.text.find('=');
            if (equals == std::string::npos || equals == 0) {
                findings_.error("ini-syntax", place(word.column),
                                fmt::format("expected NAME=VALUE instead of \"{}\"", word.text),
                                "put values with blanks in quotes, and one host on a line",
                                static_cast<std::uint32_t>(word.text.size()));
                continue;
            }
            vars[word.text.substr(0, equals)] = python_value(word.text.substr(equals + 1));
        }
        auto& group = out_.group(section_, place());
        for (const auto& name : names_of(pattern, place(), findings_)) {
            out_.add_host(name, place());
            group.hosts.push_back(name);
            for (const auto& [key, value] : vars) out_.vars[name][key] = value;
        }
    }

    /// Groups may be named before they are declared, so this comes last.
    void check_mentions() {
        std::vector<std::string> names;
        for (const auto& [name, group] : out_.groups) names.push_back(name);
        for (const auto& it : mentions_) {
            if (out_.groups.contains(it.group) || it.group == "ungrouped") continue;
            const auto near = closest(it.group, names);
            findings_.error("unknown-group", it.place,
                            fmt::format("there is no group \"{}\"{}", it.group,
                                        near ? fmt::format("; did you mean \"{}\"?", *near) : ""),
                            fmt::format("declare it: [{}]", it.group),
                            static_cast<std::uint32_t>(it.group.size()));
        }
        for (auto& [name, group] : out_.groups) {
            std::erase_if(group.children,
                          [&](const auto& child) { return !out_.groups.contains(child); });
            std::sort(group.hosts.begin(), group.hosts.end());
            group.hosts.erase(std::unique(group.hosts.begin(), group.hosts.end()),
                              group.hosts.end());
        }
        for (auto& [name, vars] : vars_) {
            if (const auto found = out_.groups.find(name); found != out_.groups.end())
                found->second.vars = std::move(vars);
        }
    }

    const std::string& file_;
    Findings& findings_;
    Hosts out_;
    std::map<std::string, Variables> vars_;
    std::vector<Mention> mentions_;
    std::string section_ = "ungrouped";
    std::string kind_ = "hosts";
    std::uint32_t number_ = 0;
    std::uint32_t indent_ = 0;
};

}  // namespace

Hosts read_ini(const std::string& text, const std::string& file, Findings& findings) {
    return IniReader(file, findings).read(text);
}

}  // namespace escalator::campaign
