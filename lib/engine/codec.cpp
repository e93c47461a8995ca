// SPDX-License-Identifier: Apache-2.0
#include "engine/codec.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_map>

#include "engine/engine.hpp"
#include "engine/words.hpp"

namespace escalator::engine {

namespace {

using nlohmann::json;

/// Events to JSON. Keys come out sorted, which makes the bytes deterministic.
class Encoder {
public:
    explicit Encoder(const planner::Plan& plan) : plan_(plan) {}

    std::string event;
    json data = json::object();

    void operator()(const RunStarted& e) {
        event = "run_started";
        data = {{"run", e.run}, {"plan", e.plan_digest}, {"by", e.by}, {"version", e.version}};
    }
    void operator()(const ControllerStarted& e) {
        event = "controller_started";
        data = {{"pid", e.pid}, {"host", e.host}, {"version", e.version}};
    }
    void operator()(const WaveStarted& e) {
        event = "wave_started";
        data = {{"procedure", procedure(e.procedure)}, {"wave", e.wave + 1}};
    }
    void operator()(const WaveEnded& e) {
        event = "wave_ended";
        data = {{"procedure", procedure(e.procedure)}, {"wave", e.wave + 1}};
    }
    void operator()(const StepStarted& e) {
        event = "step_started";
        data = attempt(e.step, e.phase, e.attempt);
    }
    void operator()(const StepEnded& e) {
        event = "step_ended";
        data = attempt(e.step, e.phase, e.attempt);
        data["outcome"] = word_of(e.outcome);
        data["exit_status"] = e.exit_status;
        if (!e.stage.empty()) data["stage"] = e.stage;
        if (!e.record.empty()) data["record"] = e.record;
        if (!e.message.empty()) data["message"] = e.message;
        if (e.reattached) data["reattached"] = true;
    }
    void operator()(const StepLate& e) {
        event = "step_late";
        data = attempt(e.step, e.phase, e.attempt);
    }
    void operator()(const NodeExcluded& e) {
        event = "node_excluded";
        data = {
            {"procedure", procedure(e.procedure)}, {"node", node(e.node)}, {"reason", e.reason}};
    }
    void operator()(const NodeGivenUp& e) {
        event = "node_given_up";
        data = {{"node", node(e.node)}, {"by", e.by}};
    }
    void operator()(const RollbackStarted& e) {
        event = "rollback_started";
        data = {{"scope", scope(e.scope)},
                {"by_operator", e.by_operator},
                {"past_no_return", e.past_no_return},
                {"reason", e.reason}};
    }
    void operator()(const RollbackEnded& e) {
        event = "rollback_ended";
        data = {{"scope", scope(e.scope)}, {"complete", e.complete}};
    }
    void operator()(const SuspendRequested& e) {
        event = "suspend_requested";
        data = {{"by", e.by}, {"abandon", e.abandon}};
    }
    void operator()(const Suspended& e) {
        event = "suspended";
        data = {{"why", word_of(e.why)}, {"reason", e.reason}};
        if (e.step) data["step"] = planner::step_id(plan_, *e.step);
    }
    void operator()(const Resumed& e) {
        event = "resumed";
        data = {{"ignore_window", e.ignore_window}, {"retry_excluded", e.retry_excluded}};
        if (!e.until.empty()) data["until"] = e.until;
    }
    void operator()(const Answered& e) {
        event = "answered";
        data = {
            {"step", planner::step_id(plan_, e.step)}, {"answer", word_of(e.answer)}, {"by", e.by}};
    }
    void operator()(const RunEnded& e) {
        event = "run_ended";
        data = {{"ending", word_of(e.ending)}};
    }

private:
    const std::string& procedure(std::uint32_t index) const { return plan_.procedures[index].name; }
    const std::string& node(NodeIndex index) const { return plan_.nodes[index].name; }

    json attempt(const StepRef& ref, Phase phase, std::uint32_t number) const {
        return {
            {"step", planner::step_id(plan_, ref)}, {"phase", word_of(phase)}, {"attempt", number}};
    }

    json scope(const Scope& of) const {
        json out = {{"kind", word_of(of.kind)}};
        const auto kind = of.kind;
        if (kind == Scope::Kind::procedure || kind == Scope::Kind::wave ||
            kind == Scope::Kind::lane) {
            out["procedure"] = procedure(of.procedure);
        }
        if (kind == Scope::Kind::wave || kind == Scope::Kind::lane) out["wave"] = of.wave + 1;
        if (kind == Scope::Kind::node || kind == Scope::Kind::lane) out["node"] = node(of.node);
        return out;
    }

    const planner::Plan& plan_;
};

/// Thrown inside this file only, caught at its border.
struct Unreadable {
    std::string why;
};

class Decoder {
public:
    explicit Decoder(const planner::Plan& plan) {
        for (std::uint32_t p = 0; p < plan.procedures.size(); ++p) {
            const auto& procedure = plan.procedures[p];
            procedures_[procedure.name] = p;
            auto& steps = steps_.emplace_back();
            for (std::uint32_t s = 0; s < procedure.steps.size(); ++s) {
                steps[procedure.steps[s].name] = s;
            }
        }
        for (std::uint32_t n = 0; n < plan.nodes.size(); ++n) nodes_[plan.nodes[n].name] = n;
    }

    EventBody decode(const journal::Record& record) {
        data_ = json::parse(record.data, nullptr, false);
        if (!data_.is_object()) throw Unreadable{"its data is no JSON object"};
        const auto& event = record.event;
        if (event == "run_started") {
            return RunStarted{text("run"), text("plan"), text("by"), text("version")};
        }
        if (event == "controller_started") {
            return ControllerStarted{number<long>("pid"), text("host"), text("version")};
        }
        if (event == "wave_started") return WaveStarted{procedure(data_), wave(data_)};
        if (event == "wave_ended") return WaveEnded{procedure(data_), wave(data_)};
        if (event == "step_started") return StepStarted{step(), phase(), attempt()};
        if (event == "step_ended") return step_ended();
        if (event == "step_late") return StepLate{step(), phase(), attempt()};
        if (event == "node_excluded") {
            return NodeExcluded{procedure(data_), node(data_), text("reason")};
        }
        if (event == "node_given_up") return NodeGivenUp{node(data_), text("by")};
        if (event == "rollback_started") {
            return RollbackStarted{scope(), flag("by_operator"), flag("past_no_return"),
                                   text("reason")};
        }
        if (event == "rollback_ended") return RollbackEnded{scope(), flag("complete")};
        if (event == "suspend_requested") return SuspendRequested{text("by"), flag("abandon")};
        if (event == "suspended") {
            Suspended out{word("why", words_of_why()), std::nullopt, text("reason")};
            if (data_.contains("step")) out.step = step();
            return out;
        }
        if (event == "resumed") {
            return Resumed{text_or_empty("until"), flag("ignore_window"), flag("retry_excluded")};
        }
        if (event == "answered") {
            return Answered{step(), word("answer", words_of_answer()), text("by")};
        }
        if (event == "run_ended") return RunEnded{word("ending", words_of_ending())};
        throw Unreadable{fmt::format("the event \"{}\" is unknown", event)};
    }

private:
    StepEnded step_ended() const {
        StepEnded out;
        out.step = step();
        out.phase = phase();
        out.attempt = attempt();
        out.outcome = word("outcome", words_of_outcome());
        out.exit_status = number<int>("exit_status");
        out.stage = text_or_empty("stage");
        out.record = text_or_empty("record");
        out.message = text_or_empty("message");
        out.reattached = data_.contains("reattached") && flag("reattached");
        return out;
    }

    static const json& field(const json& in, const char* key) {
        const auto found = in.find(key);
        if (found == in.end()) throw Unreadable{fmt::format("the field \"{}\" is missing", key)};
        return *found;
    }

    static const std::string& text_in(const json& in, const char* key) {
        const auto& value = field(in, key);
        if (!value.is_string()) throw Unreadable{fmt::format("the field \"{}\" is no text", key)};
        return value.get_ref<const std::string&>();
    }

    const std::string& text(const char* key) const { return text_in(data_, key); }
    std::string text_or_empty(const char* key) const {
        return data_.contains(key) ? text(key) : std::string();
    }

    bool flag(const char* key) const {
        const auto& value = field(data_, key);
        if (!value.is_boolean()) throw Unreadable{fmt::format("the field \"{}\" is no flag", key)};
        return value.get<bool>();
    }

    template <class Number>
    Number number(const char* key) const {
        const auto& value = field(data_, key);
        if (!value.is_number_integer()) {
            throw Unreadable{fmt::format("the field \"{}\" is no whole number", key)};
        }
        return value.get<Number>();
    }

    template <class Enum>
    static Enum word_in(const json& in, const char* key, std::span<const Word<Enum>> words) {
        const auto& value = text_in(in, key);
        for (const auto& word : words) {
            if (word.text == value) return word.value;
        }
        throw Unreadable{fmt::format("\"{}\" is no known {}", value, key)};
    }

    template <class Enum>
    Enum word(const char* key, std::span<const Word<Enum>> words) const {
        return word_in(data_, key, words);
    }

    using Index = std::unordered_map<std::string, std::uint32_t>;
    static std::uint32_t find(const Index& index, const std::string& name, const char* what) {
        const auto found = index.find(name);
        if (found == index.end()) {
            throw Unreadable{fmt::format("the plan has no {} \"{}\"", what, name)};
        }
        return found->second;
    }

    std::uint32_t procedure(const json& in) const {
        return find(procedures_, text_in(in, "procedure"), "procedure");
    }
    NodeIndex node(const json& in) const { return find(nodes_, text_in(in, "node"), "node"); }

    static std::uint32_t wave(const json& in) {
        const auto& value = field(in, "wave");
        if (!value.is_number_unsigned() || value.get<std::uint64_t>() == 0 ||
            value.get<std::uint64_t>() > 1'000'000) {
            throw Unreadable{"the field \"wave\" is no wave number"};
        }
        return value.get<std::uint32_t>() - 1;
    }

    StepRef step() const {
        const auto& id = text("step");
        const auto first = id.find(':');
        const auto second = first == std::string::npos ? first : id.find(':', first + 1);
        if (second == std::string::npos) throw Unreadable{fmt::format("\"{}\" is no step", id)};
        StepRef ref;
        ref.procedure = find(procedures_, id.substr(0, first), "procedure");
        ref.step = find(steps_[ref.procedure], id.substr(first + 1, second - first - 1), "step");
        ref.node = find(nodes_, id.substr(second + 1), "node");
        return ref;
    }

    Phase phase() const { return word("phase", words_of_phase()); }
    std::uint32_t attempt() const { return number<std::uint32_t>("attempt"); }

    Scope scope() const {
        const auto& in = field(data_, "scope");
        if (!in.is_object()) throw Unreadable{"the field \"scope\" is no object"};
        Scope out;
        out.kind = word_in(in, "kind", words_of_kind());
        if (in.contains("procedure")) out.procedure = procedure(in);
        if (in.contains("wave")) out.wave = wave(in);
        if (in.contains("node")) out.node = node(in);
        return out;
    }

    Index procedures_;
    Index nodes_;
    std::vector<Index> steps_;
    json data_;
};

}  // namespace

journal::Record to_record(const planner::Plan& plan, const Event& event) {
    Encoder encoder(plan);
    std::visit(encoder, event.body);
    journal::Record record;
    record.time = event.time;
    record.event = encoder.event;
    // bytes from a node need not be UTF-8; the journal's JSON must be
    record.data = encoder.data.dump(-1, ' ', false, json::error_handler_t::replace);
    return record;
}

Result<std::vector<Event>> from_records(const planner::Plan& plan,
                                        std::span<const journal::Record> records) {
    Decoder decoder(plan);
    std::vector<Event> events;
    events.reserve(records.size());
    for (const auto& record : records) {
        try {
            events.push_back({record.time, decoder.decode(record)});
        } catch (const Unreadable& unreadable) {
            return Error(ErrorCode::corrupt,
                         fmt::format("record {}: {}", record.seq, unreadable.why))
                .advise(
                    "the journal does not belong to this plan, or was written by another version");
        }
    }
    return events;
}

Result<State> replay_records(const planner::Plan& plan, std::span<const journal::Record> records) {
    auto events = from_records(plan, records);
    if (!events) return std::move(events).take_error();
    return replay(plan, *events);
}

}  // namespace escalator::engine
