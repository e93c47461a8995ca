// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include "planner/plan.hpp"

namespace escalator::twin {

/// A small fast generator (splitmix64): the same seed makes the same campaign on every machine.
class Dice {
public:
    // neighbouring seeds must not walk the same sequence one step apart: the seed is mixed first
    explicit Dice(std::uint64_t seed) : state_(seed) { state_ = next() ^ (seed << 32); }
    std::uint64_t next() {
        auto z = (state_ += 0x9e3779b97f4a7c15ULL);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
        return z ^ (z >> 31);
    }
    /// 0 .. below-1
    std::uint32_t under(std::uint32_t below) { return static_cast<std::uint32_t>(next() % below); }
    std::uint32_t between(std::uint32_t low, std::uint32_t high) {
        return low + under(high - low + 1);
    }
    bool chance(std::uint32_t percent) { return under(100) < percent; }
    template <class T>
    const T& one_of(const std::vector<T>& list) {
        return list[under(static_cast<std::uint32_t>(list.size()))];
    }

private:
    std::uint64_t state_;
};

/// A random plan of the planner's own type; its waves are the planner's.
planner::Plan random_plan(Dice& dice);

}  // namespace escalator::twin
