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
    if (!value.is_scalar()) return otherwise;
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

std::string read_name(const Value& value, std::string_view what, const Names& names) {
    auto text = value.text(what);
    if (text.find("${") == std::string::npos) return text;
    const action::Scope params(names.params.begin(), names.params.end());
    bool good = true;
    for (const auto& it : action::references_in(text, false)) {
        if (it.name.starts_with("param.") || !names.scope.contains(it.name)) continue;
        value.error_at("bad-variable", it.offset, it.length,
                       fmt::format("\"${{{}}}\" cannot stand in {}, which must be known before the "
                                   "run",
                                   it.name, what),
                       "only parameters of an include can: ${param.x}");
        good = false;
    }
    if (!good) return {};
    for (const auto& it : action::mistakes_in(text, false, params)) {
        value.error_at("bad-variable", it.offset, it.length, it.message, it.remedy);
        good = false;
    }
    if (!good) return {};
    return *action::expand_text(text, params);
}

Milliseconds read_duration(const Value& value, std::string_view what, Milliseconds otherwise) {
    const auto text = value.text(what);
    if (!value.is_scalar()) return otherwise;
    const auto duration = parse_duration(text);
    if (duration) return *duration;
    value.error("bad-duration", fmt::format("{}: {}", what, duration.error().message()),
                duration.error().remedy());
    return otherwise;
}

std::optional<Amount> read_amount(const Value& value, std::string_view what) {
    const auto text = value.text(what);
    if (!value.is_scalar()) return std::nullopt;
    const auto amount = parse_amount(text);
    if (amount) return *amount;
    value.error("bad-amount", fmt::format("{}: {}", what, amount.error().message()),
                amount.error().remedy());
    return std::nullopt;
}

std::uint32_t read_count(const Value& value, std::string_view what) {
    const auto text = value.text(what);
    if (!value.is_scalar()) return 0;
    std::uint32_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc{} || end != text.data() + text.size() || out > 100) {
        value.error("bad-number",
                    fmt::format("{}: \"{}\" is no whole number from 0 to 100", what, text));
        return 0;
    }
    return out;
}

Selector read_selector(const Value& value, std::string_view what, const Names& names) {
    const auto text = read_name(value, what, names);
    const bool told = text.empty() && (!value.is_scalar() || !value.scalar().empty());
    if (told) return Selector{};
    std::size_t offset = 0;
    auto selector = Selector::parse(text, &offset);
    if (selector) return *selector;
    value.error_at("bad-selector", offset, 1,
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
    for (const auto& it : action::mistakes_in(text, shell, names.scope))
        value.error_at("bad-variable", it.offset, it.length, it.message, it.remedy);
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
        if (!is_label_name(entry.key)) {
            entry.name.error("bad-name", fmt::format("\"{}\" is no name for a label", entry.key),
                             "use total, or a label that nodes have, like rack");
            continue;
        }
        out.push_back({entry.key == "total" ? "" : entry.key, *amount, entry.name.place()});
    }
    return out;
}

}  // namespace escalator::campaign
