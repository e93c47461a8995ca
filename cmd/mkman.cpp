// SPDX-License-Identifier: Apache-2.0
// Build-time program: the command table and the commands' declarations, with the prose of
// man/<page>.in, become the manual pages of section 1.
//   mkman PROSE_DIR OUT_DIR
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/text.hpp"
#include "cmd/commands.hpp"

namespace {

using namespace escalator;

constexpr std::string_view date = "2026-11-26";

/// Plain text as roff: nothing in it is taken for a request.
std::string roff(std::string_view text) {
    std::string out;
    for (const char c : text) {
        const bool first = out.empty() || out.back() == '\n';
        if (first && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else if (c == '\'') {
            out += "\\(aq";
        } else {
            out += c;
        }
    }
    return out;
}

std::string bold(std::string_view text) { return fmt::format("\\fB{}\\fR", roff(text)); }
std::string italic(std::string_view text) { return fmt::format("\\fI{}\\fR", roff(text)); }

std::string page_of(std::string_view command) {
    return command.empty() ? "escalator" : fmt::format("escalator-{}", command);
}

std::string head(std::string_view page, std::string_view summary) {
    std::string title;
    for (const char c : page) title += static_cast<char>(std::toupper(c));
    return fmt::format(
        ".\\\" SPDX-License-Identifier: Apache-2.0\n"
        ".TH {} 1 {} \"escalator {}\" \"User Commands\"\n.SH NAME\n{} \\- {}\n",
        roff(title), date, ESCALATOR_VERSION, roff(page), roff(summary));
}

/// "-y, --yes" or "-i, --inventory FILE", set in the usual fonts.
std::string flag_line(const CLI::Option& option) {
    std::vector<std::string> names;
    for (const auto& name : option.get_snames()) names.push_back(bold("-" + name));
    for (const auto& name : option.get_lnames()) names.push_back(bold("--" + name));
    auto out = join(names, ", ");
    if (option.get_items_expected_max() > 0) out += " " + italic(option.get_type_name());
    return out;
}

std::string options_section(const CLI::App& app, bool positional) {
    std::string out;
    for (const auto* option : app.get_options()) {
        if (option->get_positional() != positional) continue;
        out += fmt::format(".TP\n{}\n{}.\n",
                           positional ? italic(option->get_type_name()) : flag_line(*option),
                           roff(option->get_description()));
    }
    return out;
}

std::string synopsis(const cmd::Entry& entry, const CLI::App& app) {
    auto out = fmt::format(".SH SYNOPSIS\n.B escalator {}\n.RI [ OPTION ...]\n", entry.name);
    for (const auto* option : app.get_options()) {
        if (!option->get_positional()) continue;
        const auto name = roff(option->get_type_name());
        out += option->get_required() ? fmt::format(".I {}\n", name)
                                      : fmt::format(".RI [ {} ]\n", name);
    }
    return out;
}

std::string exit_section(const cmd::Touches& touches) {
    std::string out = ".SH EXIT STATUS\n";
    for (const auto& it : cmd::exit_meanings()) {
        if ((touches.nodes || !it.nodes) && (touches.changes || !it.changes))
            out += fmt::format(".TP\n.B {}\n{}.\n", static_cast<int>(it.status), roff(it.meaning));
    }
    return out;
}

std::string item(std::string_view name, std::string_view text) {
    return fmt::format(".TP\n{}\n{}.\n", bold(name), roff(text));
}

std::string environment_section(const cmd::Touches& touches) {
    std::string out = ".SH ENVIRONMENT\n";
    if (touches.inventory)
        out += item("ESCALATOR_INVENTORY", "The inventory when --inventory is not given");
    if (touches.state) {
        out += item("ESCALATOR_STATE", "The state directory when --state is not given");
        out += item("XDG_STATE_HOME",
                    "For users other than root, runs are kept in its directory escalator; default: "
                    "~/.local/state");
    }
    if (touches.nodes) {
        out += item("ESCALATOR_PLUGINS",
                    "Directories with plugins, separated by colons, searched after those of "
                    "--plugins and before the installed ones");
        out += item("SSH_AUTH_SOCK", "The SSH agent whose keys are offered to nodes");
    }
    if (touches.cloud) {
        out += item("OS_CLOUD", "The cloud when none is named");
        out += item("OS_CLIENT_CONFIG_FILE", "Read in place of clouds.yaml");
        out += item("OS_AUTH_URL, OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME ...",
                    "Describe a cloud when none is named: all that openstack(1) knows");
    }
    return out + item("NO_COLOR", "When not empty, nothing is coloured unless --color asks for it");
}

std::string files_section(const cmd::Touches& touches) {
    std::string out;
    if (touches.state) {
        out +=
            ".TP\n.IB STATE / RUN /journal.jsonl\nWhat a run did, and is about to do; see\n"
            ".BR escalator\\-journal (5).\n";
        out +=
            ".TP\n.IB STATE / RUN /plan.json\nThe plan it carries out; see\n"
            ".BR escalator\\-plan (5).\n";
        out +=
            ".TP\n.IB STATE / RUN /log.jsonl\nA line for each event, for log collectors: time, "
            "object, action, error code.\n";
        out += ".TP\n.IB STATE / RUN /steps/\nThe output of each attempt of each step.\n";
    }
    if (touches.nodes) {
        out += ".TP\n.I ~/.ssh/config\nHow nodes are reached, as for\n.BR ssh (1).\n";
        out += fmt::format(".TP\n.I {}\nThe installed plugins.\n", roff(ESCALATOR_PLUGIN_DIR));
        out +=
            ".TP\n.I /var/lib/escalator\\-node\nOn each node: its lease and the steps under "
            "way; ~/.escalator\\-node for users that cannot write there.\n";
    }
    if (touches.cloud) {
        out +=
            ".TP\n.I ./clouds.yaml, ~/.config/openstack/clouds.yaml, /etc/openstack/clouds.yaml\n"
            "The clouds; the first of these counts.\n.I secure.yaml\nand\n.I clouds\\-public.yaml\n"
            "are looked for in the same places.\n";
    }
    return out.empty() ? out : ".SH FILES\n" + out;
}

std::string examples_section(std::string_view examples) {
    return fmt::format(".SH EXAMPLES\n.EX\n{}.EE\n", roff(examples));
}

std::string see_also(std::string_view self, const cmd::Touches& touches) {
    std::vector<std::string> pages;
    if (!self.empty()) pages.emplace_back("escalator (1)");
    for (const auto& entry : cmd::entries()) {
        if (entry.name != self) pages.push_back(page_of(entry.name) + " (1)");
    }
    pages.emplace_back("escalator-campaign (5)");
    if (touches.inventory || self.empty()) pages.emplace_back("escalator-inventory (5)");
    pages.emplace_back("escalator-plan (5)");
    if (touches.state) pages.emplace_back("escalator-journal (5)");
    if (touches.nodes) pages.emplace_back("escalator-actions (7)");
    if (touches.nodes) pages.emplace_back("escalator-nodes (7)");
    if (touches.nodes) pages.emplace_back("escalator-plugin (7)");
    std::string out = ".SH SEE ALSO\n";
    for (std::size_t i = 0; i < pages.size(); ++i)
        out += fmt::format(".BR {}{}\n", roff(pages[i]), i + 1 < pages.size() ? "," : "");
    return out;
}

/// The DESCRIPTION, which people write.
std::string prose(const std::filesystem::path& dir, const std::string& page) {
    const auto path = dir / (page + ".1.in");
    std::ifstream in(path);
    std::ostringstream text;
    text << in.rdbuf();
    if (!in || text.str().empty()) throw std::runtime_error("cannot read " + path.string());
    return text.str();
}

std::string command_page(const cmd::Entry& entry, const std::filesystem::path& dir) {
    cmd::Frame frame;
    const auto app = cmd::make_app(frame, &entry);
    const auto& sub = *app->get_subcommand(std::string(entry.name));
    const auto page = page_of(entry.name);
    auto out = head(page, entry.summary) + synopsis(entry, sub) + prose(dir, page);
    out += ".SH OPTIONS\n" + options_section(sub, true) + options_section(sub, false) +
           ".SS Options of all commands\n" + options_section(*app, false);
    return out + exit_section(entry.touches) + environment_section(entry.touches) +
           files_section(entry.touches) + examples_section(entry.examples) +
           see_also(entry.name, entry.touches);
}

std::string main_page(const std::filesystem::path& dir) {
    cmd::Frame frame;
    const auto app = cmd::make_app(frame, nullptr);
    const cmd::Touches all{true, true, true, true, true};
    auto out = head("escalator", "upgrade clouds and the nodes below them") +
               ".SH SYNOPSIS\n.B escalator\n.RI [ OPTION ...]\n.I COMMAND\n.RI [ ARGUMENT ...]\n" +
               prose(dir, "escalator") + ".SH COMMANDS\n";
    for (const auto& entry : cmd::entries()) {
        out +=
            fmt::format(".TP\n.BR {} (1)\n{}.\n", roff(page_of(entry.name)), roff(entry.summary));
    }
    out += ".SH OPTIONS\n" + options_section(*app, false);
    return out + exit_section(all) + environment_section(all) + files_section(all) +
           examples_section(cmd::first_examples()) + see_also("", all);
}

/// Long lines of text broken between words, as mandoc's lint wants them; examples stay.
std::string wrapped(const std::string& page) {
    constexpr std::size_t longest = 78;
    std::string out;
    bool as_it_is = false;
    for (const auto whole : split(std::string_view(page).substr(0, page.size() - 1), '\n')) {
        auto line = whole;
        if (line == ".EX" || line == ".nf") as_it_is = true;
        if (line == ".EE" || line == ".fi") as_it_is = false;
        while (!as_it_is && line.size() > longest && !line.starts_with('.')) {
            const auto blank = line.rfind(' ', longest);
            if (blank == std::string_view::npos) break;
            out += fmt::format("{}\n", line.substr(0, blank));
            line.remove_prefix(blank + 1);
            if (line.starts_with('.') || line.starts_with('\'')) out += "\\&";
        }
        out += fmt::format("{}\n", line);
    }
    return out;
}

void save(const std::filesystem::path& path, const std::string& text) {
    std::ofstream out(path, std::ios::trunc);
    out << wrapped(text);
    if (!out.flush()) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        std::cerr << "usage: mkman PROSE_DIR OUT_DIR\n";
        return 2;
    }
    try {
        const std::filesystem::path prose_dir(argv[1]);
        const std::filesystem::path out_dir(argv[2]);
        std::filesystem::create_directories(out_dir);
        save(out_dir / "escalator.1", main_page(prose_dir));
        for (const auto& entry : cmd::entries())
            save(out_dir / (page_of(entry.name) + ".1"), command_page(entry, prose_dir));
    } catch (const std::exception& error) {
        std::cerr << "mkman: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
