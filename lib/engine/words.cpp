// SPDX-License-Identifier: Apache-2.0
#include "engine/words.hpp"

#include "engine/codec.hpp"

namespace escalator::engine {

namespace {

template <class Enum>
std::string_view word_in(std::span<const Word<Enum>> words, Enum value) noexcept {
    for (const auto& word : words) {
        if (word.value == value) return word.text;
    }
    return "unknown";
}

constexpr Word<Phase> phases[] = {
    {Phase::perform, "perform"}, {Phase::check, "check"}, {Phase::undo, "undo"}};
constexpr Word<Outcome> outcomes[] = {{Outcome::done, "done"},
                                      {Outcome::already, "already"},
                                      {Outcome::not_done, "not_done"},
                                      {Outcome::failed, "failed"},
                                      {Outcome::timed_out, "timed_out"},
                                      {Outcome::lost, "lost"},
                                      {Outcome::unreachable, "unreachable"},
                                      {Outcome::not_started, "not_started"}};
constexpr Word<Why> whys[] = {{Why::operator_asked, "operator_asked"},
                              {Why::step_failed, "step_failed"},
                              {Why::step_lost, "step_lost"},
                              {Why::node_unreachable, "node_unreachable"},
                              {Why::undo_failed, "undo_failed"},
                              {Why::limit, "limit"},
                              {Why::window, "window"},
                              {Why::until, "until"},
                              {Why::wave_undone, "wave_undone"},
                              {Why::no_return, "no_return"},
                              {Why::tolerance, "tolerance"}};
constexpr Word<Ending> endings[] = {{Ending::done, "done"},
                                    {Ending::rolled_back, "rolled_back"},
                                    {Ending::partly_rolled_back, "partly_rolled_back"}};
constexpr Word<Answer> answers[] = {
    {Answer::done, "done"}, {Answer::redo, "redo"}, {Answer::failed, "failed"}};
constexpr Word<Scope::Kind> kinds[] = {{Scope::Kind::all, "all"},
                                       {Scope::Kind::procedure, "procedure"},
                                       {Scope::Kind::wave, "wave"},
                                       {Scope::Kind::node, "node"},
                                       {Scope::Kind::lane, "lane"}};

}  // namespace

std::span<const Word<Phase>> words_of_phase() noexcept { return phases; }
std::span<const Word<Outcome>> words_of_outcome() noexcept { return outcomes; }
std::span<const Word<Why>> words_of_why() noexcept { return whys; }
std::span<const Word<Ending>> words_of_ending() noexcept { return endings; }
std::span<const Word<Answer>> words_of_answer() noexcept { return answers; }
std::span<const Word<Scope::Kind>> words_of_kind() noexcept { return kinds; }

std::string_view word_of(Phase phase) noexcept { return word_in(words_of_phase(), phase); }
std::string_view word_of(Outcome outcome) noexcept { return word_in(words_of_outcome(), outcome); }
std::string_view word_of(Why why) noexcept { return word_in(words_of_why(), why); }
std::string_view word_of(Ending ending) noexcept { return word_in(words_of_ending(), ending); }
std::string_view word_of(Answer answer) noexcept { return word_in(words_of_answer(), answer); }
std::string_view word_of(Scope::Kind kind) noexcept { return word_in(words_of_kind(), kind); }

std::optional<Answer> answer_of(std::string_view word) noexcept {
    for (const auto& answer : answers) {
        if (answer.text == word) return answer.value;
    }
    return std::nullopt;
}

}  // namespace escalator::engine
