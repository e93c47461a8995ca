// SPDX-License-Identifier: Apache-2.0
#include "action/shell_context.hpp"

#include <algorithm>
#include <string>

namespace escalator::action {

namespace {

constexpr std::string_view plain;
constexpr std::string_view single_quotes = "inside single quotes";
constexpr std::string_view double_quotes = "inside double quotes";
constexpr std::string_view backticks = "inside backticks";
constexpr std::string_view substitution = "inside $( )";
constexpr std::string_view parameter = "inside ${ }";
constexpr std::string_view here_document = "in a here-document";
constexpr std::string_view comment = "in a comment";
constexpr std::string_view escaped = "after a backslash";
constexpr std::string_view unclear =
    "after a construct that is too involved to be sure of the quoting";

bool ends_word(char c) {
    return std::string_view(" \t\n;&|()<>").find(c) != std::string_view::npos;
}

bool in_identifier(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

class ShellContext::Scanner {
public:
    Scanner(std::string_view text, std::vector<Stretch>& out) : text_(text), out_(out) {}

    void run() {
        enter(plain);
        while (at_ < text_.size() && !lost_) step();
    }

private:
    struct HereDocument {
        std::string delimiter;
        bool tabs_stripped = false;
        bool quoted = false;
    };

    char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }

    void enter(std::string_view place) { out_.push_back({at_, place}); }

    /// From here on nothing is sure.
    void give_up() {
        enter(unclear);
        lost_ = true;
    }

    /// One piece of text outside all quotes; `previous_` is the character before it that counts.
    void step() {
        const char c = peek();
        if (c == '\\') {
            skip_escaped(plain);
            return;
        }
        if (c == '\'') {
            skip_single(plain);
        } else if (c == '"') {
            skip_double(plain);
        } else if (c == '`') {
            skip_backticks(plain);
        } else if (c == '$') {
            skip_dollar(plain);
        } else if (c == '#' && ends_word(previous_)) {
            skip_comment(plain);
            return;
        } else if (c == '<' && peek(1) == '<') {
            note_here_document();
        } else if (c == '\n') {
            previous_ = '\n';
            ++at_;
            skip_here_documents();
            return;
        } else {
            previous_ = c;
            ++at_;
            return;
        }
        previous_ = 'x';  // a quoted piece is part of a word
    }

    void skip_escaped(std::string_view back_to) {
        ++at_;
        if (peek() == '\n') {  // a continued line: as if both characters were not there
            ++at_;
            return;
        }
        enter(escaped);
        if (at_ < text_.size()) ++at_;
        enter(back_to);
        previous_ = 'x';
    }

    void skip_single(std::string_view back_to) {
        enter(single_quotes);
        const auto close = text_.find('\'', at_ + 1);
        at_ = close == std::string_view::npos ? text_.size() : close + 1;
        enter(back_to);
    }

    void skip_double(std::string_view back_to) {
        enter(double_quotes);
        ++at_;
        while (at_ < text_.size() && !lost_) {
            const char c = peek();
            if (c == '"') {
                ++at_;
                enter(back_to);
                return;
            }
            if (c == '\\') {
                at_ = std::min(at_ + 2, text_.size());
            } else if (c == '`') {
                skip_backticks(double_quotes);
            } else if (c == '$') {
                skip_dollar(double_quotes);
            } else {
                ++at_;
            }
        }
    }

    void skip_backticks(std::string_view back_to) {
        enter(backticks);
        ++at_;
        while (at_ < text_.size() && peek() != '`') {
            // shells disagree on quotes in here
            if (std::string_view("'\"#<").find(peek()) != std::string_view::npos) {
                give_up();
                return;
            }
            at_ = std::min(at_ + (peek() == '\\' ? 2 : 1), text_.size());
        }
        if (at_ < text_.size()) ++at_;
        enter(back_to);
    }

    void skip_dollar(std::string_view back_to) {
        if (peek(1) == '$' && peek(2) == '{') {
            ++at_;  // "$${" stands for the shell's own "${"
            skip_parameter(back_to);
        } else if (peek(1) == '(') {
            skip_substitution(back_to);
        } else if (peek(1) == '{') {
            // a reference of ours looks the same; its own place was entered before
            skip_parameter(back_to);
        } else if (peek(1) == '\'' && back_to.empty()) {
            give_up();  // quoting of its own in bash, not in dash
        } else if (peek(1) == '$' || peek(1) == '#') {
            at_ += 2;
        } else {
            ++at_;
        }
    }

    void skip_parameter(std::string_view back_to) {
        at_ += 2;
        enter(parameter);
        while (at_ < text_.size() && peek() != '}') {
            const bool nested = peek() == '$' && !in_identifier(peek(1));
            if (nested || std::string_view("'\"\\`{\n").find(peek()) != std::string_view::npos) {
                ++at_;  // the place of what is nested here is still "inside"
                give_up();
                return;
            }
            ++at_;
        }
        if (at_ < text_.size()) ++at_;
        enter(back_to);
    }

    void skip_comment(std::string_view back_to) {
        enter(comment);
        const auto end = text_.find('\n', at_);
        at_ = end == std::string_view::npos ? text_.size() : end;
        enter(back_to);
    }

    void skip_substitution(std::string_view back_to) {
        at_ += 2;
        enter(substitution);
        std::size_t depth = 1;
        char before = '(';
        while (at_ < text_.size() && !lost_) {
            const char c = peek();
            const char earlier = before;
            before = 'x';
            if (c == '\\') {
                at_ = std::min(at_ + 2, text_.size());
            } else if (c == '\'') {
                skip_single(substitution);
            } else if (c == '"') {
                skip_double(substitution);
            } else if (c == '`') {
                skip_backticks(substitution);
            } else if (c == '$') {
                skip_dollar(substitution);
            } else if (c == '#' && ends_word(earlier)) {
                skip_comment(substitution);
                before = '\n';
            } else if (starts_case(earlier) || (c == '<' && peek(1) == '<')) {
                give_up();  // unmatched ")" may follow
            } else {
                ++at_;
                before = c;
                if (c == '(') ++depth;
                if (c == ')' && --depth == 0) {
                    enter(back_to);
                    return;
                }
            }
        }
    }

    bool starts_case(char before) const {
        return !in_identifier(before) && text_.substr(at_, 4) == "case" && !in_identifier(peek(4));
    }

    /// Reads "<<WORD" or "<<-WORD"; the text of it starts after the line's end.
    void note_here_document() {
        enter(here_document);
        at_ += 2;
        HereDocument here;
        if (peek() == '-') {
            here.tabs_stripped = true;
            ++at_;
        }
        while (peek() == ' ' || peek() == '\t') ++at_;
        while (at_ < text_.size() && !ends_word(peek())) {
            const char c = peek();
            if (c == '$' || c == '`') {
                give_up();
                return;
            }
            if (c == '\'' || c == '"') {
                here.quoted = true;
                const auto close = text_.find(c, at_ + 1);
                if (close == std::string_view::npos) {
                    give_up();
                    return;
                }
                here.delimiter += text_.substr(at_ + 1, close - at_ - 1);
                at_ = close + 1;
            } else {
                if (c == '\\') {
                    here.quoted = true;
                    ++at_;
                }
                if (at_ < text_.size()) here.delimiter += text_[at_++];
            }
        }
        if (here.delimiter.empty() || here.delimiter.find_first_of("\\\n") != std::string::npos) {
            give_up();
            return;
        }
        pending_.push_back(std::move(here));
        enter(plain);
    }

    void skip_here_documents() {
        if (pending_.empty()) return;
        enter(here_document);
        for (const auto& here : pending_) {
            while (at_ < text_.size()) {
                const auto end = std::min(text_.find('\n', at_), text_.size());
                auto line = text_.substr(at_, end - at_);
                at_ = std::min(end + 1, text_.size());
                if (here.tabs_stripped)
                    line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
                if (line == here.delimiter) break;
                if (!here.quoted && !line.empty() && line.back() == '\\') {
                    give_up();  // joins the next line, which then may not be the end
                    return;
                }
            }
        }
        pending_.clear();
        enter(plain);
    }

    std::string_view text_;
    std::vector<Stretch>& out_;
    std::size_t at_ = 0;
    char previous_ = '\n';
    bool lost_ = false;
    std::vector<HereDocument> pending_;
};

ShellContext::ShellContext(std::string_view text) { Scanner(text, stretches_).run(); }

std::string_view ShellContext::at(std::size_t offset) const {
    const auto next =
        std::upper_bound(stretches_.begin(), stretches_.end(), offset,
                         [](std::size_t o, const Stretch& stretch) { return o < stretch.begin; });
    return next == stretches_.begin() ? plain : std::prev(next)->place;
}

}  // namespace escalator::action
