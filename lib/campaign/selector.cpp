// SPDX-License-Identifier: Apache-2.0
#include "campaign/selector.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace escalator::campaign {

namespace {

bool is_name_char(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.' || c == '/';
}

class Parser {
public:
    explicit Parser(std::string_view text) : text_(text) {}
    std::size_t offset() const { return at_; }

    Result<std::vector<Selector::Term>> parse() {
        std::vector<Selector::Term> terms;
        skip();
        if (trim(rest()) == "*") return terms;
        if (rest().empty()) return wrong("a selector cannot be empty; \"*\" selects every node");
        for (;;) {
            auto term = one();
            if (!term) return std::move(term).take_error();
            terms.push_back(std::move(*term));
            skip();
            if (at_ == text_.size()) return terms;
            if (text_[at_] != ',') return wrong("expected a comma between two terms");
            ++at_;
        }
    }

private:
    Result<Selector::Term> one() {
        Selector::Term term;
        skip();
        const bool negated = take("!");
        term.key = name();
        if (term.key.empty()) return wrong("expected a label name");
        if (negated) {
            term.op = Selector::Operator::not_exists;
            return term;
        }
        skip();
        if (take("!=")) {
            term.op = Selector::Operator::not_equals;
            return value(std::move(term));
        }
        if (take("==") || take("=")) {
            term.op = Selector::Operator::equals;
            return value(std::move(term));
        }
        const auto before = at_;
        const auto word = name();
        if (word == "in" || word == "notin") {
            term.op = word == "in" ? Selector::Operator::in : Selector::Operator::not_in;
            return values(std::move(term));
        }
        if (!word.empty()) {
            at_ = before;
            const std::vector<std::string> words{"in", "notin"};
            const auto near = closest(word, words);
            return wrong(fmt::format("expected =, !=, in, notin or a comma{}",
                                     near ? fmt::format("; did you mean \"{}\"?", *near) : ""));
        }
        return term;
    }

    Result<Selector::Term> value(Selector::Term term) {
        skip();
        term.values.push_back(name());
        const auto after = at_;
        skip();
        if (at_ < text_.size() && text_[at_] != ',')
            return wrong(term.values.back().empty() ? "expected a value"
                                                    : "expected a comma between two terms");
        at_ = after;
        return term;
    }

    Result<Selector::Term> values(Selector::Term term) {
        skip();
        if (!take("(")) return wrong("expected \"(\" after in or notin");
        for (;;) {
            skip();
            term.values.push_back(name());
            if (term.values.back().empty()) return wrong("expected a value");
            skip();
            if (take(")")) return term;
            if (!take(",")) return wrong("expected a comma or \")\" in the list of values");
        }
    }

    void skip() {
        while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t')) ++at_;
    }
    bool take(std::string_view token) {
        if (!rest().starts_with(token)) return false;
        at_ += token.size();
        return true;
    }
    std::string name() {
        const auto from = at_;
        while (at_ < text_.size() && is_name_char(text_[at_])) ++at_;
        return std::string(text_.substr(from, at_ - from));
    }
    std::string_view rest() const { return text_.substr(at_); }
    Error wrong(std::string_view what) const { return {ErrorCode::usage, std::string(what)}; }

    std::string_view text_;
    std::size_t at_ = 0;
};

}  // namespace

bool is_label_name(std::string_view name) {
    return !name.empty() && std::all_of(name.begin(), name.end(), is_name_char);
}

Result<Selector> Selector::parse(std::string_view text, std::size_t* offset) {
    Parser parser(text);
    auto terms = parser.parse();
    if (!terms) {
        if (offset != nullptr) *offset = parser.offset();
        return std::move(terms).take_error();
    }
    Selector out;
    out.terms_ = std::move(*terms);
    return out;
}

bool Selector::matches(const Labels& labels) const {
    return std::all_of(terms_.begin(), terms_.end(), [&](const Term& term) {
        const auto found = labels.find(term.key);
        const bool has = found != labels.end();
        const bool listed = has && std::find(term.values.begin(), term.values.end(),
                                             found->second) != term.values.end();
        switch (term.op) {
            case Operator::equals:
            case Operator::in:
                return listed;
            case Operator::not_equals:
            case Operator::not_in:
                return !listed;
            case Operator::exists:
                return has;
            case Operator::not_exists:
                return !has;
        }
        return false;
    });
}

std::string Selector::text() const {
    if (terms_.empty()) return "*";
    std::vector<std::string> parts;
    for (const auto& term : terms_) {
        const auto first = term.values.empty() ? std::string() : term.values.front();
        switch (term.op) {
            case Operator::equals:
                parts.push_back(fmt::format("{}={}", term.key, first));
                break;
            case Operator::not_equals:
                parts.push_back(fmt::format("{}!={}", term.key, first));
                break;
            case Operator::in:
                parts.push_back(fmt::format("{} in ({})", term.key, join(term.values, ", ")));
                break;
            case Operator::not_in:
                parts.push_back(fmt::format("{} notin ({})", term.key, join(term.values, ", ")));
                break;
            case Operator::exists:
                parts.push_back(term.key);
                break;
            case Operator::not_exists:
                parts.push_back("!" + term.key);
                break;
        }
    }
    return join(parts, ", ");
}

}  // namespace escalator::campaign
