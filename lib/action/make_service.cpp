// SPDX-License-Identifier: Apache-2.0
// service, reboot, wait.
#include <fmt/format.h>

#include "action/parts.hpp"
#include "base/text.hpp"

namespace escalator::action {

namespace {

// systemd where it runs, SysV scripts otherwise
constexpr std::string_view service_prelude = R"sh(
fail() { printf '%s\n' "$1" >&2; exit 1; }
if [ -d /run/systemd/system ]; then
    active() { systemctl is-active --quiet -- "$1"; }
    enabled() { systemctl is-enabled --quiet -- "$1" 2>/dev/null; }
    act() { systemctl "$1" -- "$2" || { systemctl status --no-pager -n 20 -- "$2" >&2; fail "systemctl $1 $2 failed"; }; }
else
    active() { service "$1" status >/dev/null 2>&1; }
    enabled() { set -- /etc/rc[2345].d/S??"$1"; [ -e "$1" ]; }
    act() {
        case $1 in
        enable | disable) update-rc.d "$2" "$1" ;;
        mask | unmask) fail "$1 needs systemd" ;;
        daemon-reload) : ;;
        *) service "$2" "$1" ;;
        esac || fail "$1 of service $2 failed"
    }
fi
is_in_state() {
    case $state in started) active "$1" ;; stopped) ! active "$1" ;; *) [ -z "$state" ] ;; esac || return 1
    case $enable in true) enabled "$1" ;; false) ! enabled "$1" ;; esac || return 1
}
remember() {
    [ -s "$ESCALATOR_RECORD" ] && return
    for n in "$@"; do
        a=inactive e=disabled
        active "$n" && a=active
        enabled "$n" && e=enabled
        printf '%s %s %s\n' "$n" "$a" "$e"
    done >"$ESCALATOR_RECORD"
}
)sh";

constexpr std::string_view service_undo = R"sh(
[ -s "$ESCALATOR_RECORD" ] || exit 0
while read -r n a e; do
    [ -z "$mask" ] || act unmask "$n"
    case $enable:$e in true:disabled) act disable "$n" ;; false:enabled) act enable "$n" ;; esac
    case $state:$a in
    started:inactive) act stop "$n" ;;
    stopped:active) act start "$n" ;;
    restarted:active | reloaded:active) act "${state%ed}" "$n" ;;
    restarted:inactive) act stop "$n" ;;
    esac
done <"$ESCALATOR_RECORD"
)sh";

constexpr std::string_view reboot_need = R"sh(
newest=$(ls -v /boot/vmlinuz-* 2>/dev/null | tail -n 1)
changed() { [ -n "$newest" ] && [ "${newest#/boot/vmlinuz-}" != "$(uname -r)" ]; }
)sh";

constexpr std::string_view reboot_default = R"sh(
if [ -d /run/systemd/system ]; then systemctl reboot
elif command -v shutdown >/dev/null 2>&1; then shutdown -r now
else reboot; fi
)sh";

constexpr std::string_view port_probe = R"sh(
try() {
    if command -v nc >/dev/null 2>&1; then nc -z -w 3 "$host" "$port"
    elif command -v bash >/dev/null 2>&1; then timeout 3 bash -c ': <"/dev/tcp/$0/$1"' "$host" "$port"
    elif command -v python3 >/dev/null 2>&1; then
        python3 -c 'import socket,sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 3)' "$host" "$port"
    else printf 'to look at a port, the node needs nc, bash or python3\n' >&2; exit 2; fi
} >/dev/null 2>&1
)sh";

constexpr std::string_view http_probe = R"sh(
try() {
    b=${ESCALATOR_STAGE}.http
    if command -v curl >/dev/null 2>&1; then c=$(curl -s -o "$b" -m 10 -w '%{http_code}' -- "$url") || return 1
    elif command -v python3 >/dev/null 2>&1; then
        c=$(python3 -c 'import sys,urllib.request,urllib.error
try: r = urllib.request.urlopen(sys.argv[1], timeout=10)
except urllib.error.HTTPError as e: r = e
open(sys.argv[2], "wb").write(r.read(1 << 20)); print(r.getcode())' "$url" "$b" 2>/dev/null) || return 1
    elif command -v wget >/dev/null 2>&1 && [ -z "$status" ]; then wget -q -T 10 -O "$b" -- "$url" && c=200 || return 1
    else printf 'to look at a URL, curl, python3 or wget is needed\n' >&2; exit 2; fi
    case $c in "$status") ;; 2??) [ -z "$status" ] || return 1 ;; *) return 1 ;; esac
    [ -z "$contains" ] || grep -qF -- "$contains" "$b"
}
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
    parts.prelude =
        fmt::format("state={} enable={} mask={}{}", *state, enable, mask, service_prelude);
    const auto words = quoted_words(*names);
    const bool comparable =
        (state->empty() || *state == "started" || *state == "stopped") && *mask == '\0';
    const auto all_right = fmt::format("for n in {}; do is_in_state \"$n\" || exit 1; done", words);
    if (comparable) {
        parts.check = all_right;
        parts.verify = fmt::format(
            "for n in {}; do is_in_state \"$n\" || fail \"service $n is not as asked\"; done",
            words);
    }
    const std::string verb = *state == "started"     ? "start"
                             : *state == "stopped"   ? "stop"
                             : *state == "restarted" ? "restart"
                             : *state == "reloaded"  ? "reload"
                                                     : "";
    parts.act = fmt::format("remember {}\n", words);
    if (in.flag("daemon_reload"))
        parts.act +=
            "[ ! -d /run/systemd/system ] || systemctl daemon-reload || fail 'daemon-reload "
            "failed'\n";
    parts.act += fmt::format("for n in {}; do\n", words);
    if (*mask != '\0') parts.act += fmt::format("act {} \"$n\"\n", mask);
    if (*enable != '\0')
        parts.act += fmt::format("act {} \"$n\"\n", in.flag("enabled") ? "enable" : "disable");
    if (!verb.empty()) parts.act += fmt::format("act {} \"$n\"\n", verb);
    parts.act += ":\ndone";
    if (*state == "restarted") {
        parts.verify = fmt::format(
            "for n in {}; do active \"$n\" || fail \"service $n does not run\"; done", words);
    }
    parts.undo = std::string(service_undo);
    return parts;
}

Result<Parts> make_reboot(const Ingredients& in) {
    Parts parts;
    auto when = in.text("when");
    if (!when) return std::move(when).take_error();
    if (*when == "kernel-changed") {
        parts.check = fmt::format("{}! changed", reboot_need);
    } else if (*when == "required") {
        parts.check = fmt::format("{}! changed && [ ! -e /run/reboot-required ]", reboot_need);
    }
    if (in.has("command")) {
        auto command = in.program("command");
        if (!command) return std::move(command).take_error();
        parts.act = std::move(*command);
    } else {
        parts.act = std::string(reboot_default);
    }
    parts.expects_reboot = true;
    return parts;
}

Result<Parts> make_wait(const Ingredients& in) {
    Parts parts;
    std::string what;
    if (in.has("port")) {
        auto text = in.text("port");
        if (!text) return std::move(text).take_error();
        const auto colon = text->rfind(':');
        const auto host =
            colon == std::string::npos ? std::string("127.0.0.1") : text->substr(0, colon);
        const auto port = colon == std::string::npos ? *text : text->substr(colon + 1);
        if (port.empty() || port.size() > 5 ||
            port.find_first_not_of("0123456789") != std::string::npos) {
            return Error(ErrorCode::usage, fmt::format("\"{}\" is no host:port", printable(*text)));
        }
        parts.prelude = fmt::format("host={} port={}{}", shell_quote(host), port, port_probe);
        what = "port " + *text;
    } else if (in.has("http")) {
        auto url = in.text("http");
        auto contains = in.word("contains");
        if (!url) return std::move(url).take_error();
        if (!contains) return std::move(contains).take_error();
        if (!url->starts_with("http://") && !url->starts_with("https://")) {
            return Error(ErrorCode::usage,
                         fmt::format("\"{}\" is no http or https URL", printable(*url)));
        }
        const auto status =
            in.has("status") ? std::to_string(in.args["status"].get<std::int64_t>()) : "";
        parts.prelude = fmt::format("url={} status={} contains={}{}", shell_quote(*url), status,
                                    *contains, http_probe);
        what = *url;
    } else if (in.has("command")) {
        auto command = in.program("command");
        if (!command) return std::move(command).take_error();
        parts.prelude = fmt::format("try() {{ (\n{}\n); }}\n", *command);
        what = "the command";
    } else {
        auto file = in.word("file");
        if (!file) return std::move(file).take_error();
        parts.prelude =
            fmt::format("try() {{ {} [ -e {} ]; }}\n", in.flag("absent") ? "!" : "", *file);
        what = *file;
    }
    parts.act = fmt::format(
        "end=$(($(date +%s) + {}))\nuntil try; do\n[ \"$(date +%s)\" -lt \"$end\" ] || "
        "{{ printf 'waited {}s in vain for %s\\n' {} >&2; exit 1; }}\nsleep {}\ndone",
        in.seconds("timeout", 300), in.seconds("timeout", 300), shell_quote(what),
        in.seconds("interval", 2));
    if (in.has("from") && in.args["from"] == "controller") parts.where = Where::controller;
    return parts;
}

}  // namespace escalator::action
