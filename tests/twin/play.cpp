// SPDX-License-Identifier: Apache-2.0
#include "twin/play.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "engine/codec.hpp"
#include "twin/controller.hpp"
#include "twin/generate.hpp"
#include "twin/judge.hpp"
#include "twin/trace.hpp"

namespace escalator::twin {

namespace {

using namespace engine;

/// After so many controllers nothing goes wrong any more and the operator wants the run to end...
constexpr std::size_t wild_sessions = 10;
/// ... which must then be within so many more.
constexpr std::size_t calm_sessions = 25;

/// Random faults, until calm() is called.
class BadLuck final : public Fortune {
public:
    explicit BadLuck(Dice& dice)
        : dice_(dice), trouble_(dice.under(30)), kills_(dice.chance(60) ? dice.under(12) : 0) {}

    void calm() { trouble_ = kills_ = 0; }
    bool is_calm() const { return trouble_ == 0 && kills_ == 0 && calm_; }
    void be_calm() {
        calm();
        calm_ = true;
    }

    Fate fate(const JobIntent& job, const campaign::Step& step) override {
        Fate out;
        out.takes = step.expect;
        if (!dice_.chance(trouble_)) return out;
        out.reaches_goal = dice_.chance(40);
        static const std::vector<std::string> stages{"check", "do", "do", "verify"};
        switch (dice_.under(job.phase == Phase::check ? 4 : 8)) {
            case 0:
                out.takes = step.expect * dice_.between(2, 4);  // late, and well in the end
                break;
            case 1:
                out.outcome = Outcome::timed_out;
                out.takes = step.timeout;
                break;
            case 2:
                out.outcome = Outcome::lost;
                break;
            case 3:
                out.silent = Milliseconds{dice_.between(1, 600) * 1'000};
                break;
            default:
                out.outcome = Outcome::failed;
                out.stage = job.phase == Phase::perform ? dice_.one_of(stages) : "do";
                if (out.stage != "verify" && job.phase == Phase::perform) out.reaches_goal = false;
                break;
        }
        return out;
    }
    std::size_t written(std::size_t batch) override {
        if (!dice_.chance(kills_)) return batch;
        return dice_.under(static_cast<std::uint32_t>(batch) + 1);
    }
    std::size_t handed_over(std::size_t jobs) override {
        if (jobs == 0 || !dice_.chance(kills_ / 2)) return jobs;
        return dice_.under(static_cast<std::uint32_t>(jobs));
    }
    bool dies_waiting() override { return dice_.chance(kills_ / 2); }
    int signals() override {
        if (calm_ || !dice_.chance(2)) return 0;
        return dice_.chance(30) ? 2 : 1;
    }
    bool sure_not_delivered() override { return dice_.chance(50); }

private:
    Dice& dice_;
    std::uint32_t trouble_;
    std::uint32_t kills_;
    bool calm_ = false;
};

/// The person at the console: knows what the tool tells him, and the state of the nodes.
class Operator {
public:
    Operator(const planner::Plan& plan, Dice& dice, World& world)
        : plan_(plan), dice_(dice), world_(world) {}

    Wish first() {
        Wish wish;
        if (dice_.chance(10)) wish.until = place();
        wish.ignore_window = dice_.chance(10);
        return wish;
    }

    Wish next(const Controller& controller, Stop stop) {
        const auto& state = controller.state();
        Wish wish;
        if (dice_.chance(5)) wish.until = place();
        wish.ignore_window = dice_.chance(30);
        wish.retry_excluded = dice_.chance(10);
        if (state.status == RunStatus::ended || dice_.chance(stop == Stop::suspended ? 20 : 6)) {
            wish.rollback =
                RollbackStarted{scope(), true, dice_.chance(25), "asked by the operator"};
        }
        // a rollback that is under way may simply be asked for again
        if (wish.rollback && state.rollback && dice_.chance(50)) {
            wish.rollback->scope = state.rollback->scope;
            wish.rollback->past_no_return = state.rollback->past_no_return;
        }
        if (dice_.chance(4)) wish.exclude.push_back(node());
        answer(controller, wish, 80);
        return wish;
    }

    /// He wants the run to end, and does what the tool advises.
    Wish calm(const Controller& controller) {
        const auto& state = controller.state();
        Wish wish;
        wish.ignore_window = true;
        // what the excluded nodes use up is free again once they are mended
        const auto why = state.suspension ? state.suspension->why : Why::operator_asked;
        wish.retry_excluded = why == Why::limit;
        if (why == Why::limit && (state.rollback || state.excluded.empty())) {
            // a node that an earlier rollback left half way is in the way of this one: it is out
            // of service already, so that its own way back is free
            Scope scope;
            scope.kind = Scope::Kind::node;
            for (const auto& lane : state.lanes) {
                if (lane.out_of_service) scope.node = lane.node;
            }
            wish.rollback = RollbackStarted{scope, true, true, "first the node that is out"};
        }
        if (state.rollback && why == Why::no_return) {
            wish.rollback = RollbackStarted{state.rollback->scope, true, true, "go past it"};
        }
        answer(controller, wish, 100);
        return wish;
    }

private:
    std::string place() {
        const auto p = dice_.under(static_cast<std::uint32_t>(plan_.procedures.size()));
        const auto& procedure = plan_.procedures[p];
        if (dice_.chance(50)) return procedure.name;
        return fmt::format("{}:{}", procedure.name,
                           1 + dice_.under(static_cast<std::uint32_t>(procedure.waves.size())));
    }

    NodeIndex node() { return dice_.under(static_cast<std::uint32_t>(plan_.nodes.size())); }

    Scope scope() {
        Scope out;
        static const std::vector<Scope::Kind> kinds{Scope::Kind::all, Scope::Kind::procedure,
                                                    Scope::Kind::wave, Scope::Kind::node};
        out.kind = dice_.one_of(kinds);
        const auto p = dice_.under(static_cast<std::uint32_t>(plan_.procedures.size()));
        if (out.kind == Scope::Kind::procedure || out.kind == Scope::Kind::wave) out.procedure = p;
        if (out.kind == Scope::Kind::wave) {
            out.wave = dice_.under(static_cast<std::uint32_t>(plan_.procedures[p].waves.size()));
        }
        if (out.kind == Scope::Kind::node) out.node = node();
        return out;
    }

    void answer(const Controller& controller, Wish& wish, std::uint32_t percent) {
        const auto& state = controller.state();
        for (const auto& lane : state.lanes) {
            for (std::uint32_t s = 0; s < lane.steps.size(); ++s) {
                const auto& step = lane.steps[s];
                if (step.in_flight || !dice_.chance(percent)) continue;
                const StepRef ref{lane.procedure, lane.node, s};
                const bool excluded = lane.status == LaneStatus::excluded ||
                                      std::find(wish.exclude.begin(), wish.exclude.end(),
                                                lane.node) != wish.exclude.end();
                const bool asked = state.suspension && state.suspension->step == ref;
                if (excluded && !asked && !dice_.chance(10)) continue;
                const bool of_undo = step.status == StepStatus::undo_failed || step.undo_doubtful;
                if (!of_undo && step.status != StepStatus::uncertain) continue;
                static const std::vector<Answer> all{Answer::done, Answer::redo, Answer::failed};
                const auto answer = percent == 100 ? Answer::done : dice_.one_of(all);
                if (answer == Answer::done) {
                    world_.mend(ref, of_undo ? Truth::clean : Truth::applied, controller.now(),
                                controller.journal().size());
                }
                wish.answers.emplace_back(ref, answer);
            }
        }
    }

    const planner::Plan& plan_;
    Dice& dice_;
    World& world_;
};

class Game {
public:
    explicit Game(std::uint64_t seed)
        : dice_(seed),
          plan_(random_plan(dice_)),
          luck_(dice_),
          world_(plan_, luck_),
          operator_(plan_, dice_, world_),
          controller_(plan_, world_, luck_, Time{Milliseconds{1'000'000}}) {}

    Played play() {
        Played out;
        auto stop = controller_.start(operator_.first(), fanout());
        ++out.sessions;
        while (true) {
            if (stop == Stop::broken) {
                out.fault = controller_.fault();
                break;
            }
            if (stop == Stop::killed) ++out.kills;
            if (stop == Stop::ended && (luck_.is_calm() || !dice_.chance(25))) break;
            if (out.sessions >= wild_sessions) luck_.be_calm();
            if (out.sessions > wild_sessions + calm_sessions) {
                out.fault = "the run does not come to an end";
                break;
            }
            between();
            const auto wish =
                luck_.is_calm() ? operator_.calm(controller_) : operator_.next(controller_, stop);
            stop = controller_.resume(wish, fanout());
            if (stop == Stop::refused) stop = controller_.resume(operator_.calm(controller_), 50);
            if (stop == Stop::refused) break;  // it has ended
            ++out.sessions;
        }
        if (const auto verdict =
                judge({plan_, controller_.journal(), world_.ledger(), controller_.parts()})) {
            out.fault = out.fault.empty() ? *verdict : *verdict + "; and " + out.fault;
        }
        out.events = controller_.journal().size();
        const auto& ending = controller_.state().ending;
        out.ending = ending ? std::string(word_of(*ending)) : "";
        return out;
    }

    std::string tell() const {
        return plan_text(plan_) + journal_text(controller_, world_) +
               state_text(plan_, controller_.state());
    }

private:
    std::uint32_t fanout() { return dice_.chance(20) ? dice_.between(1, 3) : 50; }

    /// What happens while no controller runs.
    void between() {
        const auto calm = luck_.is_calm();
        controller_.rest(Milliseconds{dice_.under(calm ? 2 : 200) * 1'000 + dice_.under(1'000)});
        for (NodeIndex n = 0; n < plan_.nodes.size(); ++n) {
            if (calm) world_.silence(n, Time{});
            if (!calm && dice_.chance(5)) world_.reboot(n, controller_.now());
            if (!calm && dice_.chance(3)) {
                world_.silence(n, controller_.now() + Milliseconds{dice_.under(3'000'000)});
            }
        }
    }

    Dice dice_;
    planner::Plan plan_;
    BadLuck luck_;
    World world_;
    Operator operator_;
    Controller controller_;
};

}  // namespace

Played play(std::uint64_t seed, bool trace) {
    Game game(seed);
    auto out = game.play();
    if (trace) fmt::print("{}", game.tell());
    return out;
}

}  // namespace escalator::twin
