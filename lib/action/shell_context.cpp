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
constexpr std::string_view arithmetic = "inside $(( ))";
constexpr std::string_view parameter = "inside ${ }";
constexpr std::string_view brackets = "inside [ ]";
constexpr std::string_view here_document = "in a here-document";
constexpr std::string_view comment = "in a comment";
constexpr std::string_view escaped = "after a backslash";
constexpr std::string_view dollar = "after a $";
constexpr std::string_view unclear = "after something whose quoting shells disagree on";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n'; }

bool ends_word(char c) {
    return is_blank(c) || std::string_view(";&|()<>").find(c) != std::string_view::npos;
}

bool in_identifier(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

class Scanner {
public:
    Scanner(std::string_view text, std::span<const std::size_t> holes)
        : text_(text), holes_(holes) {}

    std::vector<std::string_view> run() {
        while (at_ < text_.size() && !lost_) {
            fill(at_, bracket_in_word_ ? brackets : plain);
            step();
        }
        // at the very end, or after a give-up
        fill(text_.size(), lost_ ? unclear : bracket_in_word_ ? brackets : plain);
        return std::move(out_);
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

    /// Holes at or before `end` that are not placed yet stand in `place`. A hole is part of a word.
    void fill(std::size_t end, std::string_view place) {
        while (out_.size() < holes_.size() && holes_[out_.size()] <= end) {
            out_.push_back(place);
            previous_ = 'x';
        }
    }

    /// Is there a hole right at the next byte? Two tokens with a hole between them are two.
    bool hole_at(std::size_t offset) const {
        return std::binary_search(holes_.begin(), holes_.end(), offset);
    }

    /// From here on nothing is sure.
    void give_up() { lost_ = true; }

    /// Goes on to `end`, where what is between stands in `place`; a here-document that was
    /// announced on this line begins where shells disagree when a newline is among it.
    void pass(std::size_t end, std::string_view place) {
        end = std::min(end, text_.size());
        const auto inside = text_.substr(at_, end - at_);
        if (!pending_.empty() && inside.find('\n') != std::string_view::npos) give_up();
        // a hole right at `end` stands after what was passed
        if (end > at_) fill(end - 1, place);
        at_ = end;
    }

    /// One piece of text outside all quotes; `previous_` is the character before it that counts.
    void step() {
        const char c = peek();
        const bool word_start = ends_word(previous_);
        if (c == '\\') {
            backslash();
            return;
        }
        if (c == '\'') {
            skip_single();
        } else if (c == '"') {
            skip_double();
        } else if (c == '`') {
            skip_backticks();
        } else if (c == '$') {
            skip_dollar(plain);
        } else if (c == '#' && (previous_ == '<' || previous_ == '>')) {
            give_up();  // a comment where a file's name should be
        } else if (c == '#' && word_start) {
            pass(text_.find('\n', at_), comment);
            // a hole at the end of the line would still be comment
            fill(at_, comment);
            return;
        } else if (c == '<' && peek(1) == '<' && !hole_at(at_ + 1)) {
            note_here_document();
            previous_ = '<';
            return;
        } else if (c == '\n') {
            end_word('\n');
            ++at_;
            skip_here_documents();
            return;
        } else if (c == '(' && previous_ == '(') {
            give_up();  // arithmetic in some shells, two subshells in others
        } else if (c == '(' && (previous_ == '<' || previous_ == '>')) {
            give_up();  // process substitution in some
        } else if (c == '[' && word_start && peek(1) == '[') {
            give_up();  // a command of bash and ksh with rules of its own
        } else if (ends_word(c)) {
            end_word(c);
            ++at_;
            return;
        } else {
            if (c == '[' && identifier_ && !word_start) {
                give_up();  // an array element in some shells: its subscript is evaluated
                return;
            }
            if (c == '[' && (!word_start || !ends_word(peek(1)))) bracket_in_word_ = true;
            identifier_ = identifier_ && in_identifier(c);
            previous_ = c;
            ++at_;
            return;
        }
        previous_ = 'x';  // a quoted piece is part of a word
    }

    void end_word(char c) {
        previous_ = c;
        bracket_in_word_ = false;
        identifier_ = true;
    }

    /// A backslash outside quotes. Before a newline both vanish: harmless between words, but within
    /// one the parts of an operator could meet.
    void backslash() {
        if (peek(1) == '\n' && !hole_at(at_ + 1)) {
            const char next = peek(2);
            const bool between = is_blank(previous_) || (is_blank(next) && !hole_at(at_ + 2));
            if (!between || !pending_.empty()) {
                give_up();
                return;
            }
            at_ += 2;
            return;
        }
        ++at_;
        fill(at_, escaped);
        if (at_ < text_.size()) ++at_;
        previous_ = 'x';
    }

    void skip_single() {
        const auto close = text_.find('\'', at_ + 1);
        if (close == std::string_view::npos) {
            pass(text_.size(), single_quotes);
            fill(text_.size(), single_quotes);
            return;
        }
        ++at_;
        pass(close, single_quotes);
        fill(at_, single_quotes);
        ++at_;
    }

    void skip_double() {
        const auto from = at_++;
        while (at_ < text_.size() && !lost_) {
            fill(at_, double_quotes);
            const char c = peek();
            if (c == '"') {
                ++at_;
                if (!pending_.empty() &&
                    text_.substr(from, at_ - from).find('\n') != std::string_view::npos) {
                    give_up();
                }
                return;
            }
            if (c == '\\') {
                ++at_;
                fill(at_, double_quotes);
                if (at_ < text_.size()) ++at_;
            } else if (c == '`') {
                skip_backticks();
            } else if (c == '$') {
                skip_dollar(double_quotes);
            } else {
                ++at_;
            }
        }
        if (!lost_) fill(text_.size(), double_quotes);
    }

    /// Only simple ones: shells disagree on quotes in here.
    void skip_backticks() {
        const auto close = text_.find('`', at_ + 1);
        if (close == std::string_view::npos ||
            text_.substr(at_ + 1, close - at_ - 1).find_first_of("'\"#<\\\n") !=
                std::string_view::npos) {
            give_up();
            return;
        }
        ++at_;
        pass(close, backticks);
        fill(at_, backticks);
        ++at_;
    }

    void skip_dollar(std::string_view place) {
        const bool quoted = place == double_quotes;
        const char next = peek(1);
        if (hole_at(at_ + 1)) {
            ++at_;
            fill(at_, dollar);  // $'...' is a quote of its own in some shells
        } else if (next == '\\' && peek(2) == '\n') {
            give_up();  // "$" meets what follows on the next line
        } else if (next == '(' && !hole_at(at_ + 2) && peek(2) == '(') {
            skip_arithmetic();
        } else if (next == '(') {
            skip_substitution();
        } else if (next == '{') {
            skip_parameter();
        } else if (next == '[' || (!quoted && (next == '\'' || next == '"'))) {
            give_up();  // arithmetic, or quoting of its own, in some shells
        } else if (next == '$' || next == '#') {
            at_ += 2;
        } else {
            ++at_;
        }
    }

    /// ${x}, ${x%.*}, ${#x}, ${x:-word}: nothing nested or quoted inside.
    void skip_parameter() {
        const char first = peek(2);
        const bool known =
            in_identifier(first) ||
            (first != '\0' && std::string_view("#?@*!$-").find(first) != std::string_view::npos);
        const auto close = text_.find('}', at_);
        const auto inside =
            text_.substr(at_ + 2, close == std::string_view::npos ? 0 : close - at_ - 2);
        if (!known || inside.empty() ||
            inside.find_first_of("'\"\\`{\n$<(") != std::string_view::npos) {
            ++at_;
            fill(std::min(close, text_.size()), parameter);
            give_up();
            return;
        }
        ++at_;
        pass(close, parameter);
        fill(at_, parameter);
        ++at_;
    }

    /// $(( )) of names, numbers and operators only.
    void skip_arithmetic() {
        std::size_t depth = 0;
        for (auto i = at_ + 3; i < text_.size(); ++i) {
            const char c = text_[i];
            if (c == '(') ++depth;
            if (c == ')' && depth > 0) {
                --depth;
            } else if (c == ')') {
                if (text_.substr(i, 2) != "))" || hole_at(i + 1)) break;
                pass(i + 1, arithmetic);
                fill(at_, arithmetic);
                ++at_;
                return;
            }
            const bool simple =
                in_identifier(c) ||
                std::string_view(" +-*/%<>=!&|^~?:,()$").find(c) != std::string_view::npos;
            if (!simple || (c == '$' && !in_identifier(i + 1 < text_.size() ? text_[i + 1] : '\0')))
                break;
        }
        fill(at_ + 2, arithmetic);
        give_up();
    }

    void skip_substitution() {
        const auto from = at_;
        at_ += 2;
        std::size_t depth = 1;
        char before = '(';
        while (at_ < text_.size() && !lost_) {
            fill(at_, substitution);
            const char c = peek();
            const char earlier = before;
            before = 'x';
            if (c == '\\') {
                if (peek(1) == '\n') {
                    give_up();
                    return;
                }
                ++at_;
                fill(at_, substitution);
                if (at_ < text_.size()) ++at_;
            } else if (c == '\'') {
                skip_single();
            } else if (c == '"') {
                skip_double();
            } else if (c == '`') {
                skip_backticks();
            } else if (c == '$') {
                skip_dollar(substitution);
            } else if (starts_case(earlier) || (c == '#' && ends_word(earlier)) ||
                       (c == '<' && peek(1) == '<') || (c == '(' && earlier == '(')) {
                give_up();  // an unmatched ")" may follow, or be none
            } else {
                ++at_;
                before = c;
                if (c == '(') ++depth;
                if (c == ')' && --depth == 0) {
                    if (!pending_.empty() &&
                        text_.substr(from, at_ - from).find('\n') != std::string_view::npos) {
                        give_up();
                    }
                    return;
                }
            }
        }
        if (!lost_) fill(text_.size(), substitution);
    }

    bool starts_case(char before) const {
        return !in_identifier(before) && text_.substr(at_, 4) == "case" && !in_identifier(peek(4));
    }

    /// Reads "<<WORD" or "<<-WORD"; the text of it starts after the line's end.
    void note_here_document() {
        at_ += 2;
        HereDocument here;
        if (peek() == '<' || hole_at(at_)) {
            fill(at_, here_document);
            give_up();  // "<<<" is a here-string in some shells
            return;
        }
        if (peek() == '-') {
            here.tabs_stripped = true;
            ++at_;
        }
        while (!hole_at(at_) && (peek() == ' ' || peek() == '\t')) ++at_;
        const auto from = at_;
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
        const bool odd =
            here.delimiter.empty() || here.delimiter.find_first_of("\\\n$`") != std::string::npos;
        const bool holed = std::any_of(holes_.begin(), holes_.end(), [&](std::size_t hole) {
            return hole >= from && hole <= at_;
        });
        if (odd || holed) {
            fill(at_, here_document);
            give_up();
            return;
        }
        pending_.push_back(std::move(here));
    }

    /// A line of an unquoted here-document that cannot reach beyond itself: a backslash at its end
    /// joins the next line, which then may not be the delimiter, and substitutions may be longer.
    static bool simple_body(std::string_view line) {
        if (line.ends_with('\\')) return false;
        if (line.find_first_of("`$") == std::string_view::npos) return true;
        if (line.find("$(") == std::string_view::npos && line.find("${") == std::string_view::npos)
            return line.find('`') == std::string_view::npos;
        return std::count(line.begin(), line.end(), '(') ==
                   std::count(line.begin(), line.end(), ')') &&
               std::count(line.begin(), line.end(), '{') ==
                   std::count(line.begin(), line.end(), '}') &&
               line.find_first_of("`'\"\\#<") == std::string_view::npos;
    }

    void skip_here_documents() {
        if (pending_.empty()) return;
        for (const auto& here : pending_) {
            while (at_ < text_.size()) {
                const auto start = at_;
                const auto end = std::min(text_.find('\n', at_), text_.size());
                auto line = text_.substr(at_, end - at_);
                at_ = std::min(end + 1, text_.size());
                fill(end, here_document);
                if (here.tabs_stripped)
                    line.remove_prefix(std::min(line.find_first_not_of('\t'), line.size()));
                // with a value in it, the line need not be what it looks like
                const auto hole = std::lower_bound(holes_.begin(), holes_.end(), start);
                const bool holed = hole != holes_.end() && *hole <= end;
                if (line == here.delimiter && !holed) break;
                if (!here.quoted && !simple_body(line)) {
                    give_up();
                    return;
                }
            }
        }
        pending_.clear();
    }

    std::string_view text_;
    std::span<const std::size_t> holes_;
    std::vector<std::string_view> out_;
    std::size_t at_ = 0;
    char previous_ = '\n';
    bool bracket_in_word_ = false;
    bool identifier_ = true;  ///< the word so far could be a variable's name
    bool lost_ = false;
    std::vector<HereDocument> pending_;
};

}  // namespace

std::vector<std::string_view> places_of_holes(std::string_view text,
                                              std::span<const std::size_t> holes) {
    return Scanner(text, holes).run();
}

}  // namespace escalator::action
