// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "action/parts.hpp"
#include "base/text.hpp"

namespace escalator::action {

namespace {

// systemd where it runs, SysV scripts otherwise
constexpr std::string_view prelude = R"sh(
fail() { printf '%s\n' "$1" >&2; exit 1; }
if [ -d /run/systemd/system ]; then
    exists() { [ "$(systemctl show -p LoadState --value -- "$1")" != not-found ]; }
    active() { case $(systemctl is-active -- "$1") in active | reloading) return 0 ;; esac; return 1; }
    # a oneshot service has done its work when it is inactive again
    up() { active "$1" || [ "$(systemctl show -p Type -p Result -p ActiveState -- "$1" | sort | tr '\n' ' ')" = 'ActiveState=inactive Result=success Type=oneshot ' ]; }
    boot_state() { systemctl is-enabled -- "$1" 2>/dev/null; }
    told() { systemctl status --no-pager -l -n 20 -- "$1" >&2; }
    act() { systemctl "$1" -- "$2" || { told "$2"; fail "systemctl $1 $2 failed"; }; }
    read_units() { [ -z "$reload" ] || systemctl daemon-reload || fail 'systemctl daemon-reload failed'; }
    disable() { # its unit file may have gone again already
        if exists "$1"; then act disable "$1"; else find /etc/systemd/system -type l -name "${1%.service}.service" -delete; fi
    }
else
    exists() { [ -x "/etc/init.d/${1%.service}" ]; }
    active() { service "${1%.service}" status >/dev/null 2>&1; }
    up() { active "$1"; }
    boot_state() { set -- /etc/rc[2345].d/S[0-9][0-9]"${1%.service}"; if [ -e "$1" ]; then echo enabled; else echo disabled; fi; }
    told() { :; }
    act() {
        case $1 in
        enable | disable)
            if command -v update-rc.d >/dev/null 2>&1; then update-rc.d "${2%.service}" defaults && update-rc.d "${2%.service}" "$1"
            else case $1 in enable) chkconfig "$2" on ;; *) chkconfig "$2" off ;; esac; fi ;;
        mask | unmask) fail "$1 needs systemd, which does not run on this node" ;;
        *) service "${2%.service}" "$1" ;;
        esac || fail "$1 of service $2 failed"
    }
    read_units() { :; }
    disable() { act disable "$1"; }
fi
enabled() { case $1 in enabled | enabled-runtime) return 0 ;; esac; return 1; }
masked() { case $1 in masked | masked-runtime) return 0 ;; esac; return 1; }
is_in_state() {
    case $state in started) active "$1" ;; stopped) ! active "$1" ;; *) [ -z "$state" ] ;; esac || return 1
    at_boot=$(boot_state "$1")
    case $enable in true) enabled "$at_boot" ;; false) ! enabled "$at_boot" ;; esac || return 1
    case $mask in mask) masked "$at_boot" ;; unmask) ! masked "$at_boot" ;; esac
}
remember() { # a second attempt must not take the first one's work for what was there
    noted="${ESCALATOR_KEEP}noted"
    if [ ! -s "$noted" ]; then
        for n in "$@"; do
            a=inactive e=$(boot_state "$n")
            active "$n" && a=active
            printf '%s %s %s\n' "$n" "$a" "${e:-disabled}"
        done >"$noted.new" && mv -f -- "$noted.new" "$noted" || fail 'cannot note the state of the services: is the disk full?'
    fi
    cat -- "$noted" >"$ESCALATOR_RECORD"
}
)sh";

constexpr std::string_view act_text = R"sh(
read_units
for n in "$@"; do exists "$n" || fail "there is no service $n on this node"; done
remember "$@"
for n in "$@"; do
    [ -z "$mask" ] || act "$mask" "$n"
    case $enable in true) act enable "$n" ;; false) act disable "$n" ;; esac
    [ -z "$verb" ] || act "$verb" "$n"
done
)sh";

// A service that dies of its configuration does so in its first moments, after "start" said it was
// fine.
constexpr std::string_view verify_up = R"sh(
for n in "$@"; do up "$n" || { told "$n"; fail "service $n does not run"; }; done
sleep 1
for n in "$@"; do up "$n" || { told "$n"; fail "service $n started and ended again at once"; }; done
)sh";

constexpr std::string_view verify_state = R"sh(
for n in "$@"; do is_in_state "$n" || { told "$n"; fail "service $n is not as asked"; }; done
)sh";

constexpr std::string_view undo_text = R"sh(
[ -s "$ESCALATOR_RECORD" ] || exit 0
read_units
while read -r n a e; do
    [ "$mask" != mask ] || masked "$e" || act unmask "$n"
    case $enable in
    true) enabled "$e" || disable "$n" ;;
    false) ! enabled "$e" || act enable "$n" ;;
    esac
    case $state:$a in
    started:inactive | restarted:inactive) ! active "$n" || act stop "$n" ;;
    stopped:active) active "$n" || act start "$n" ;;
    restarted:active) act restart "$n" ;;
    reloaded:active) if active "$n"; then act reload "$n"; else act start "$n"; fi ;;
    esac
    [ "$mask" != unmask ] || ! masked "$e" || act mask "$n"
    [ "$a" = inactive ] || [ -z "$state" ] || up "$n" || { told "$n"; fail "service $n does not run any more"; }
done <"$ESCALATOR_RECORD"
rm -f -- "${ESCALATOR_KEEP}noted"
)sh";

}  // namespace

Result<Parts> make_service(const Ingredients& in) {
    Parts parts;
    auto names = in.list("name");
    if (!names) return std::move(names).take_error();
    for (const auto& name : *names) {
        const bool plain =
            !name.empty() && name.find_first_of(" \t\n/") == std::string::npos && name[0] != '-';
        if (!plain) {
            return Error(ErrorCode::usage,
                         fmt::format("\"{}\" is no service name", printable(name)));
        }
    }
    auto state = in.text("state");
    if (!state) return std::move(state).take_error();
    const auto enable = in.has("enabled") ? (in.flag("enabled") ? "true" : "false") : "";
    const auto mask = in.has("masked") ? (in.flag("masked") ? "mask" : "unmask") : "";
    if (state->empty() && *enable == '\0' && *mask == '\0') {
        return Error(ErrorCode::usage, "nothing to do: give state, enabled or masked");
    }
    const std::string verb = *state == "started"     ? "start"
                             : *state == "stopped"   ? "stop"
                             : *state == "restarted" ? "restart"
                             : *state == "reloaded"  ? "reload"
                                                     : "";
    parts.prelude = fmt::format("state={} verb={} enable={} mask={} reload={}\nset -- {}{}", *state,
                                verb, enable, mask, in.flag("daemon_reload") ? "1" : "",
                                quoted_words(*names), prelude);
    // a restart is never done already, and new unit files have to be read in any case
    const bool again = *state == "restarted" || *state == "reloaded" || in.flag("daemon_reload");
    if (!again)
        parts.check = "for n in \"$@\"; do exists \"$n\" && is_in_state \"$n\" || exit 1; done";
    parts.act = std::string(act_text);
    const bool runs = !state->empty() && *state != "stopped";
    if (runs) parts.verify += verify_up;
    if (!runs || *enable != '\0' || *mask != '\0') {
        // what is asked of the boot, and with a oneshot service "active" is not
        parts.verify += fmt::format("{}{}", runs ? "state=\n" : "", verify_state);
    }
    parts.undo = std::string(undo_text);
    return parts;
}

}  // namespace escalator::action
