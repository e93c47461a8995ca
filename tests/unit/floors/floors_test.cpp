// SPDX-License-Identifier: Apache-2.0
// The house has floors, and includes point down: a file may include its own folder's headers and
// those of the floors below. A library's interface stays in the folder that wraps it.
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace {

namespace fs = std::filesystem;

const fs::path source = ESCALATOR_SOURCE_DIR;

/// What each folder may include, besides itself.
const std::map<std::string, std::set<std::string>> allowed{
    {"lib/base", {}},
    {"lib/journal", {"base"}},
    {"lib/action", {"base"}},
    {"lib/campaign", {"base", "action"}},
    {"lib/node", {"base"}},
    {"lib/facts", {"base"}},
    {"lib/cloud", {"base", "facts"}},
    {"lib/planner", {"base", "action", "campaign"}},
    {"lib/engine", {"base", "journal", "action", "campaign", "planner"}},
    {"lib/twin", {"base", "journal", "action", "campaign", "planner", "engine"}},
    {"lib/runner", {"base", "journal", "action", "campaign", "node", "planner", "engine"}},
    {"cmd",
     {"base", "journal", "action", "campaign", "node", "facts", "cloud", "planner", "engine",
      "runner", "twin"}},
};

/// Headers of libraries, and the folders that wrap them (none: any).
const std::map<std::string, std::set<std::string>> kept_in{
    {"yaml-cpp/", {"lib/campaign", "lib/cloud"}},
    {"libssh/", {"lib/node"}},
    {"curl/", {"lib/cloud"}},
    {"spdlog/", {"lib/base"}},
    {"openssl/", {}},
    {"CLI/", {"cmd"}},
};

struct Include {
    fs::path file;
    std::string what;
    bool angled = false;
};

std::vector<Include> includes_of(const fs::path& file) {
    static const std::regex line(R"(^\s*#\s*include\s*([<"])([^>"]+)[>"])");
    std::vector<Include> out;
    std::ifstream in(file);
    for (std::string text; std::getline(in, text);) {
        std::smatch found;
        if (std::regex_search(text, found, line)) out.push_back({file, found[2], found[1] == "<"});
    }
    return out;
}

std::vector<Include> includes_below(const std::string& folder) {
    std::vector<Include> out;
    for (const auto& entry : fs::recursive_directory_iterator(source / folder)) {
        const auto extension = entry.path().extension();
        if (extension != ".cpp" && extension != ".hpp") continue;
        const auto more = includes_of(entry.path());
        out.insert(out.end(), more.begin(), more.end());
    }
    return out;
}

}  // namespace

TEST_CASE("floors: every folder of lib is on a floor", "[floors]") {
    for (const auto& entry : fs::directory_iterator(source / "lib")) {
        if (!entry.is_directory()) continue;
        CAPTURE(entry.path());
        CHECK(allowed.contains("lib/" + entry.path().filename().string()));
    }
}

TEST_CASE("floors: includes point down", "[floors]") {
    std::size_t seen = 0;
    for (const auto& [folder, below] : allowed) {
        if (!fs::exists(source / folder)) continue;
        const auto own = fs::path(folder).filename().string();
        for (const auto& include : includes_below(folder)) {
            if (include.angled) continue;
            ++seen;
            const auto target = include.what.substr(0, include.what.find('/'));
            CAPTURE(include.file, include.what);
            CHECK((target == own || below.contains(target)));
        }
    }
    CHECK(seen > 200);
}

TEST_CASE("floors: libraries are seen only where they belong", "[floors]") {
    std::set<std::string> private_headers;  // those that show a library
    for (const auto& [folder, below] : allowed) {
        if (!fs::exists(source / folder)) continue;
        for (const auto& include : includes_below(folder)) {
            if (!include.angled) continue;
            for (const auto& [prefix, homes] : kept_in) {
                if (!include.what.starts_with(prefix)) continue;
                CAPTURE(include.file, include.what);
                CHECK((homes.empty() || homes.contains(folder)));
                if (include.file.extension() == ".hpp")
                    private_headers.insert(fs::relative(include.file, source / "lib").string());
            }
        }
    }
    for (const auto& [folder, below] : allowed) {
        if (!fs::exists(source / folder)) continue;
        for (const auto& include : includes_below(folder)) {
            if (!private_headers.contains(include.what)) continue;
            CAPTURE(include.file, include.what);
            CHECK(folder == "lib/" + include.what.substr(0, include.what.find('/')));
        }
    }
}

TEST_CASE("floors: headers include each other without a circle", "[floors]") {
    std::map<std::string, std::vector<std::string>> graph;
    for (const auto& [folder, below] : allowed) {
        if (!fs::exists(source / folder)) continue;
        const auto base = folder == "cmd" ? source : source / "lib";
        for (const auto& include : includes_below(folder)) {
            if (include.file.extension() != ".hpp" || include.angled) continue;
            graph[fs::relative(include.file, base).string()].push_back(include.what);
        }
    }
    std::set<std::string> done;
    std::set<std::string> open;
    const std::function<void(const std::string&)> visit = [&](const std::string& header) {
        if (done.contains(header)) return;
        CAPTURE(header);
        REQUIRE(open.insert(header).second);
        for (const auto& next : graph[header]) visit(next);
        open.erase(header);
        done.insert(header);
    };
    const auto headers = graph;
    for (const auto& [header, ignored] : headers) visit(header);
}
