// SPDX-License-Identifier: Apache-2.0
// Plays many random campaigns in the twin and has each one judged.
//   twin_campaigns [--count N] [--seed S] [--jobs J]     seeds S, S+1, ... S+N-1
//   twin_campaigns --only SEED [--trace]                 one of them again
#include <fmt/format.h>

#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "twin/play.hpp"

namespace {

using escalator::twin::play;
using escalator::twin::Played;

struct Options {
    std::uint64_t count = 1'000;
    std::uint64_t seed = 1;
    std::uint64_t jobs = 2;
    std::uint64_t only = 0;
    bool one = false;
    bool trace = false;
};

bool read_options(int argc, char** argv, Options& out) {
    for (int i = 1; i < argc; ++i) {
        const std::string_view flag = argv[i];
        if (flag == "--trace") {
            out.trace = true;
            continue;
        }
        auto* const number = flag == "--count"  ? &out.count
                             : flag == "--seed" ? &out.seed
                             : flag == "--jobs" ? &out.jobs
                             : flag == "--only" ? &out.only
                                                : nullptr;
        if (number == nullptr || i + 1 == argc) return false;
        const std::string_view text = argv[++i];
        const auto end = text.data() + text.size();
        if (std::from_chars(text.data(), end, *number).ptr != end) return false;
        if (flag == "--only") out.one = true;
    }
    return out.jobs > 0 && out.jobs <= 64;
}

/// What all campaigns came to; filled by several threads.
class Tally {
public:
    void add(std::uint64_t seed, const Played& played) {
        const std::lock_guard lock(mutex_);
        events_ += played.events;
        kills_ += played.kills;
        sessions_ += played.sessions;
        if (played.fault.empty()) {
            ++endings_[played.ending];
            return;
        }
        ++failures_;
        if (failures_ <= most_shown) {
            fmt::print("seed {}: {}\n", seed, played.fault);
            std::fflush(stdout);
        }
    }
    std::uint64_t failures() const { return failures_; }
    void tell(std::uint64_t count, double seconds) const {
        fmt::print("{} campaigns, {} events, {} controllers, {} of them killed, in {:.1f} s\n",
                   count, events_, sessions_, kills_, seconds);
        for (const auto& [ending, number] : endings_) fmt::print("  {} {}\n", ending, number);
        if (failures_ == 0) {
            fmt::print("every promise was kept\n");
        } else {
            fmt::print("{} campaigns broke a promise; see one with --only SEED --trace\n",
                       failures_);
        }
    }

private:
    static constexpr std::uint64_t most_shown = 20;
    std::mutex mutex_;
    std::uint64_t events_ = 0;
    std::uint64_t kills_ = 0;
    std::uint64_t sessions_ = 0;
    std::uint64_t failures_ = 0;
    std::map<std::string, std::uint64_t> endings_;
};

}  // namespace

int main(int argc, char** argv) {
    Options options;
    if (!read_options(argc, argv, options)) {
        fmt::print(stderr,
                   "twin_campaigns [--count N] [--seed S] [--jobs J] [--only SEED] [--trace]\n");
        return 2;
    }
    if (options.one) {
        const auto played = play(options.only, options.trace);
        fmt::print("seed {}: {} events, ended {}{}{}\n", options.only, played.events, played.ending,
                   played.fault.empty() ? "" : "\nBROKEN: ", played.fault);
        return played.fault.empty() ? 0 : 1;
    }
    const auto begun = std::chrono::steady_clock::now();
    Tally tally;
    std::atomic<std::uint64_t> next{0};
    {
        std::vector<std::jthread> threads;
        for (std::uint64_t i = 0; i < options.jobs; ++i) {
            threads.emplace_back([&] {
                for (auto at = next++; at < options.count; at = next++) {
                    tally.add(options.seed + at, play(options.seed + at, false));
                }
            });
        }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    tally.tell(options.count, took.count());
    return tally.failures() == 0 ? 0 : 1;
}
