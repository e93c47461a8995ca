// SPDX-License-Identifier: Apache-2.0
// A connection that is cut at every byte of a conversation, either way: the job runs exactly once.
#include <algorithm>
#include <atomic>
#include <limits>
#include <mutex>

#include "fixture.hpp"
#include "node/supervisor.hpp"

using namespace escalator;

namespace {

enum class Way { up, down };

/// Bytes that may still pass; shared by all connections of one session.
struct Budget {
    Way way = Way::up;
    std::size_t left = std::numeric_limits<std::size_t>::max();
    std::size_t up = 0;  ///< bytes that have passed
    std::size_t down = 0;

    /// How many of `bytes` pass before the cut. The next connection is whole again.
    std::size_t take(Way going, std::size_t bytes) {
        (going == Way::up ? up : down) += bytes;
        if (going != way || left == std::numeric_limits<std::size_t>::max()) return bytes;
        const auto passed = std::min(bytes, left);
        left -= passed;
        return passed;
    }
    bool spent() const { return left == 0; }
};

Error cut() { return {ErrorCode::unreachable, "cut by the test"}; }

class CutLink final : public node::Link {
public:
    CutLink(std::unique_ptr<node::Link> inner, Budget& budget)
        : inner_(std::move(inner)), budget_(budget) {}

    Status send(std::string_view bytes, Deadline deadline, const std::stop_token& stop) override {
        if (dead_) return cut();
        const auto passed = budget_.take(Way::up, bytes.size());
        auto sent = inner_->send(bytes.substr(0, passed), deadline, stop);
        if (!budget_.spent()) return sent;
        die();
        return cut();
    }
    Result<bool> receive(std::string& buffer, Deadline deadline,
                         const std::stop_token& stop) override {
        if (dead_) return cut();
        const auto before = buffer.size();
        auto more = inner_->receive(buffer, deadline, stop);
        buffer.resize(before + budget_.take(Way::down, buffer.size() - before));
        if (!budget_.spent()) return more;
        die();
        if (buffer.size() > before) return true;
        return cut();
    }
    std::string complaint() override { return {}; }

private:
    void die() {
        dead_ = true;
        budget_.left = std::numeric_limits<std::size_t>::max();
        inner_.reset();
    }
    std::unique_ptr<node::Link> inner_;
    Budget& budget_;
    bool dead_ = false;
};

class CutConnection final : public node::Connection {
public:
    CutConnection(std::unique_ptr<node::Connection> inner, Budget& budget)
        : inner_(std::move(inner)), budget_(budget) {}
    Result<std::unique_ptr<node::Link>> exec(const std::string& command, Deadline deadline,
                                             const std::stop_token& stop) override {
        auto link = inner_->exec(command, deadline, stop);
        if (!link) return link;
        return std::unique_ptr<node::Link>(std::make_unique<CutLink>(std::move(*link), budget_));
    }

private:
    std::unique_ptr<node::Connection> inner_;
    Budget& budget_;
};

class CutConnector final : public node::Connector {
public:
    explicit CutConnector(Budget& budget) : budget_(budget) {}
    Result<std::unique_ptr<node::Connection>> connect(Deadline deadline,
                                                      const std::stop_token& stop) override {
        auto inner = node::make_local_connector()->connect(deadline, stop);
        if (!inner) return inner;
        return std::unique_ptr<node::Connection>(
            std::make_unique<CutConnection>(std::move(*inner), budget_));
    }

private:
    Budget& budget_;
};

/// What is wrong with one case; "" when the job ran once and its end was told.
std::string play(const std::filesystem::path& dir, Budget& budget) {
    std::filesystem::create_directories(dir);
    node::Endpoint endpoint;
    endpoint.name = "here";
    endpoint.local = true;
    node::Options options;
    options.node_dir = dir / "node";
    const std::stop_source source;
    const auto stop = source.get_token();
    const auto session =
        node::make_session(endpoint, options, std::make_unique<CutConnector>(budget));
    // the runner asks again for what had not started yet; a job tries again by itself
    auto leased = session->lease("run1", "controller", stop);
    node::Job job;
    job.key = "job";
    job.record = "before\n";
    job.script =
        "echo ran >>" + (dir / "log").string() +
        "; echo after >>\"$ESCALATOR_RECORD\"; echo output; cat \"${ESCALATOR_FILES}f\"; exit 3";
    job.payloads.push_back({"f",
                            {},
                            "content\n",
                            8,
                            "434728a410a78f56fc1b5899c3593436e61ab0c731e9072d95e96db290205e53"});
    const auto result = session->run(job, stop);
    if (result.end != node::JobEnd::finished || result.exit_status != 3) {
        return std::string(node::name_of(result.end)) + ": " + result.detail;
    }
    if (result.record != "before\nafter\n") return "record: " + result.record;
    if (result.tail != "output\ncontent\n") return "output: " + result.tail;
    if (test::slurp(dir / "log") != "ran\n") return "log: " + test::slurp(dir / "log");
    auto released = session->release("run1", node::Kept::nothing, stop);
    if (!released) return released.error().text();
    if (!std::filesystem::is_empty(dir / "node")) return "something is left on the node";
    return {};
}

}  // namespace

TEST_CASE("session: cut at every byte, a job runs exactly once", "[node][crash]") {
    const test::TempDir dir;
    Budget whole;
    REQUIRE(play(dir / "whole", whole) == "");
    const auto program = node::supervisor(std::string(24, 'x'), (dir / "whole/node").string(),
                                          node::Options{}.output_limit, false)
                             .program.size();
    REQUIRE(whole.up > program);
    // of the program itself, which the node starts only when it is whole, a few places
    std::vector<std::pair<Way, std::size_t>> cases;
    for (std::size_t at = 1; at <= whole.up; at += at < program ? 997 : 1)
        cases.emplace_back(Way::up, at);
    for (std::size_t at = 1; at <= whole.down; ++at) cases.emplace_back(Way::down, at);
    std::atomic<std::size_t> next = 0;
    std::mutex mutex;
    std::vector<std::string> wrong;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 16; ++i) {  // most of a case is waiting before the next try
            threads.emplace_back([&] {
                for (auto at = next++; at < cases.size(); at = next++) {
                    Budget budget{cases[at].first, cases[at].second};
                    const auto here = dir / std::to_string(at);
                    const auto what = play(here, budget);
                    std::filesystem::remove_all(here);
                    if (what.empty()) continue;
                    const std::lock_guard lock(mutex);
                    wrong.push_back((cases[at].first == Way::up ? "up " : "down ") +
                                    std::to_string(cases[at].second) + ": " + what);
                }
            });
        }
    }
    for (const auto& it : wrong) UNSCOPED_INFO(it);
    CHECK(wrong.empty());
    WARN("cut at " << cases.size() << " places");
}
