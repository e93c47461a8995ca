// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "engine/event.hpp"

// Inside lib/engine only: the enumerations' words, for both directions of the codec.
namespace escalator::engine {

template <class Enum>
struct Word {
    Enum value;
    std::string_view text;
};

std::span<const Word<Phase>> words_of_phase() noexcept;
std::span<const Word<Outcome>> words_of_outcome() noexcept;
std::span<const Word<Why>> words_of_why() noexcept;
std::span<const Word<Ending>> words_of_ending() noexcept;
std::span<const Word<Answer>> words_of_answer() noexcept;
std::span<const Word<Scope::Kind>> words_of_kind() noexcept;

}  // namespace escalator::engine
