// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/clock.hpp"
#include "base/result.hpp"

namespace escalator::node {

/// How to reach one node. What is unset comes from the SSH configuration, then from defaults.
struct Endpoint {
    std::string name;     ///< for messages
    std::string address;  ///< host, or a Host of the SSH configuration
    std::optional<std::uint16_t> port;
    std::optional<std::string> user;
    std::vector<std::string> identity_files;
    bool become = false;  ///< run the supervisor as root through sudo -n
    bool local = false;   ///< this machine, no SSH
};

struct Options {
    std::filesystem::path ssh_config;        ///< empty: ~/.ssh/config and /etc/ssh/ssh_config
    Milliseconds connect_timeout{10'000};    ///< one attempt, TCP to authenticated
    Milliseconds keepalive{15'000};          ///< no sign of life for this long = connection is dead
    Milliseconds reconnect_budget{120'000};  ///< how long a cut connection is retried within a job
    std::filesystem::path node_dir;          ///< empty: /var/lib/escalator-node for root on the
                                             ///< node, ~/.escalator-node otherwise
    std::uint64_t output_limit = 64U << 20U;  ///< bytes of a job's output kept in its file
    std::size_t tail_limit = 4096;            ///< bytes of output kept in the result
};

/// What a node says of itself when a session opens.
struct Hello {
    std::string boot_id;
    std::string user;
    std::string kernel;  ///< uname -r
    std::string os;      ///< ID and VERSION_ID of os-release: "debian 12"
    std::string hostname;
    std::int64_t clock_ms = 0;  ///< node's UTC clock, milliseconds (to the second) since 1970
};

/// A file that must be on the node before the job starts; lands at $ESCALATOR_FILES<name>.
struct Payload {
    std::string name;
    std::filesystem::path source;  ///< streamed from here; empty: `content`
    std::string content;
    std::uint64_t size = 0;
    std::string sha256;  ///< checked on the node before the job starts
};

/// One script to run under the supervisor. `key` is its identity on the node: whatever happens, a
/// key of a run is started at most once.
struct Job {
    std::string key;     ///< plain name: "computes.package.compute07.do.1"
    std::string script;  ///< POSIX sh; environment as in action/compile.hpp
    std::string record;  ///< content of $ESCALATOR_RECORD before the start
    std::string keep;    ///< plain name; $ESCALATOR_KEEP is a path prefix made of it that
                         ///< outlives the run, the same for perform and undo of a step
    std::vector<Payload> payloads;
    std::optional<std::string> run_as;
    Milliseconds timeout{0};        ///< 0 = none; then the remote process group is ended
    bool may_have_started = false;  ///< an earlier connection or controller may have started it
    bool attach_only =
        false;  ///< with may_have_started: if it never started, it must not start now;
                ///< the answer is then not_started, and it can't start later either
    bool expects_reboot = false;   ///< a new boot id is success; waits for the node to come back
    std::filesystem::path output;  ///< local file (0600) that the output is streamed to; may be ""
};

enum class JobEnd {
    finished,     ///< exit_status is valid
    rebooted,     ///< expects_reboot and the node is back with a new boot id
    timed_out,    ///< the process group was ended
    lost,         ///< it had started, and died without leaving an exit status (killed, rebooted)
    unreachable,  ///< the node can't be reached within the budget; it may still be running
    not_started,  ///< it certainly never started (no connection, upload failed, lease gone)
    cancelled,    ///< stop was requested; it goes on running on the node
};
std::string_view name_of(JobEnd end) noexcept;

struct JobResult {
    JobEnd end = JobEnd::not_started;
    int exit_status = 0;  ///< 128 + signal when a signal ended it, as a shell says it
    std::string stage;    ///< last word the script wrote to $ESCALATOR_STAGE
    std::string record;   ///< what the script left in $ESCALATOR_RECORD, at most 8 KiB
    std::string tail;     ///< last bytes of its output
    std::uint64_t output_bytes = 0;
    std::string detail;       ///< why, for every end but finished
    bool reattached = false;  ///< found running or finished instead of started here
};

/// What release() leaves on the node.
enum class Kept { for_rollback, nothing };

/// One node: one connection, many jobs over it. For one thread at a time. Reconnects by itself,
/// with back-off, within Options::reconnect_budget.
class Session {
public:
    virtual ~Session() = default;

    /// Connects, authenticates, starts the supervisor. Errors: unreachable, timeout, untrusted
    /// (with the command that mends it), unauthorised, usage, protocol, cancelled.
    virtual Result<Hello> open(const std::stop_token& stop) = 0;

    /// Takes the node for `run`. Holding it already is success. Errors: busy (names the run that
    /// holds it, its controller and since when), and open()'s; after these the next job tries
    /// again.
    virtual Status lease(const std::string& run, const std::string& controller,
                         const std::stop_token& stop) = 0;

    /// Takes the lease away from the run that holds it now, for `run`. For the operator's
    /// --steal-lease only. Errors: as lease(), and refused while a step of that run goes on there.
    virtual Status steal_lease(const std::string& run, const std::string& controller,
                               const std::stop_token& stop) = 0;

    /// Runs or re-attaches to a job of the leased run. Never throws, always comes back.
    virtual JobResult run(const Job& job, const std::stop_token& stop) = 0;

    /// Gives the lease back and removes what the run has on the node; what a later rollback needs
    /// (the kept files) stays if asked for.
    virtual Status release(const std::string& run, Kept kept, const std::stop_token& stop) = 0;

    /// Closes the connection; running jobs go on.
    virtual void close() noexcept = 0;
};

std::unique_ptr<Session> make_session(Endpoint endpoint, Options options);

}  // namespace escalator::node
