// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>

#include "base/text.hpp"
#include "campaign/loader.hpp"

namespace escalator::campaign {

namespace {

struct RemedyWord {
    std::string_view word;
    Remedy remedy;
};
constexpr RemedyWord remedies[] = {{"suspend", Remedy::suspend},
                                   {"exclude", Remedy::exclude},
                                   {"undo-node", Remedy::undo_node},
                                   {"undo-wave", Remedy::undo_wave},
                                   {"undo-procedure", Remedy::undo_procedure},
                                   {"undo-all", Remedy::undo_all}};

Remedy read_remedy(const Value& value, Remedy otherwise) {
    const auto word = value.text("what to do");
    if (word.empty()) return otherwise;
    std::vector<std::string> known;
    for (const auto& it : remedies) {
        if (it.word == word) return it.remedy;
        known.emplace_back(it.word);
    }
    const auto close = closest(word, known);
    value.error("bad-policy",
                fmt::format("\"{}\" is nothing that can be done about a failure{}", word,
                            close ? fmt::format("; did you mean \"{}\"?", *close) : ""),
                fmt::format("one of: {}", join(known, ", ")));
    return otherwise;
}

}  // namespace

Milliseconds read_duration(const Value& value, std::string_view what, Milliseconds otherwise) {
    const auto text = value.text(what);
    if (text.empty()) return otherwise;
    const auto duration = parse_duration(text);
    if (duration) return *duration;
    value.error("bad-duration", fmt::format("{}: {}", what, duration.error().message()));
    return otherwise;
}

std::optional<Amount> read_amount(const Value& value, std::string_view what) {
    const auto text = value.text(what);
    if (text.empty()) return std::nullopt;
    const auto amount = parse_amount(text);
    if (amount) return *amount;
    value.error("bad-amount", fmt::format("{}: {}", what, amount.error().message()));
    return std::nullopt;
}

std::uint32_t read_count(const Value& value, std::string_view what) {
    const auto text = value.text(what);
    std::uint32_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size() || out > 100) {
        value.error("bad-number", fmt::format("{} must be a whole number from 0 to 100", what));
        return 0;
    }
    return out;
}

Selector read_selector(const Value& value, std::string_view what) {
    const auto text = value.text(what);
    auto selector = Selector::parse(text);
    if (selector) return *selector;
    value.error("bad-selector",
                fmt::format("{} is no label selector: {}", what, selector.error().message()),
                "write it like: role=compute, site in (east, west), !spare");
    return Selector{};
}

void read_policy(const Value& value, FailurePolicy& policy, Amount* tolerate) {
    static const std::vector<std::string> known{"retry", "backoff", "then", "else", "tolerate"};
    for (const auto& entry : value.entries("on_failure")) {
        if (entry.key == "retry") {
            policy.retry = read_count(entry.value, "retry");
        } else if (entry.key == "backoff") {
            policy.backoff = read_duration(entry.value, "backoff", policy.backoff);
        } else if (entry.key == "then") {
            policy.then = read_remedy(entry.value, policy.then);
        } else if (entry.key == "else") {
            policy.otherwise = read_remedy(entry.value, policy.otherwise);
        } else if (entry.key == "tolerate") {
            const auto amount = read_amount(entry.value, "tolerate");
            if (tolerate != nullptr && amount) {
                *tolerate = *amount;
            } else if (tolerate == nullptr) {
                entry.name.error("misplaced-key", "tolerate counts over the whole campaign",
                                 "write it at the top level of the campaign");
            }
        } else {
            complain_unknown(entry, "on_failure", known);
        }
    }
    const auto gives_up = [](Remedy remedy) {
        return remedy == Remedy::exclude || remedy == Remedy::undo_node;
    };
    if (gives_up(policy.otherwise)) {
        value.error("bad-policy",
                    "else is for when no more nodes may be given up, so it cannot give one up",
                    "use suspend, undo-wave, undo-procedure or undo-all");
        policy.otherwise = Remedy::suspend;
    }
}

void check_text(const Value& value, const std::string& text, bool shell, const Names& names) {
    if (text.find('$') == std::string::npos) return;
    auto references = action::references_in(text, shell);
    if (!references) {
        value.error("bad-variable", references.error().message(),
                    "variables look like ${node.name}; $${ writes a literal ${");
        return;
    }
    auto scope = names.scope;
    for (const auto& it : *references) {
        if (it.name.starts_with("node.label.")) scope[it.name] = "x";
    }
    const auto expanded =
        shell ? action::expand_shell(text, scope) : action::expand_text(text, scope);
    if (!expanded) value.error("bad-variable", expanded.error().text(), expanded.error().remedy());
}

std::vector<Limit> read_limits(const Value& value) {
    std::vector<Limit> out;
    for (const auto& entry : value.entries("unavailable")) {
        const auto amount = read_amount(entry.value, fmt::format("unavailable {}", entry.key));
        if (!amount) continue;
        if (amount->value == 0) {
            entry.value.error("impossible-limit",
                              "a limit of 0 lets no node be taken out of service at all",
                              "the least that works is 1");
            continue;
        }
        out.push_back({entry.key == "total" ? "" : entry.key, *amount});
    }
    return out;
}

}  // namespace escalator::campaign
