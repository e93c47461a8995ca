// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "action/parts.hpp"
#include "base/text.hpp"

namespace escalator::action {

namespace {

// What both package managers share. `installed` lists "name version" of everything; what an action
// changed is the difference of two such lists, kept on the node and, cut at 8 KiB, in the record.
constexpr std::string_view prelude = R"sh(
fail() { printf '%s\n' "$1" >&2; exit 1; }
changes="${ESCALATOR_KEEP}changes"
before="${ESCALATOR_KEEP}before"
if [ -z "$manager" ]; then
    for m in apt-get dnf yum; do if command -v $m >/dev/null 2>&1; then manager=$m; break; fi; done
fi
case $manager in apt | apt-get) manager=apt ;; dnf | yum) ;; *) fail 'the node has neither apt-get nor dnf nor yum' ;; esac
export DEBIAN_FRONTEND=noninteractive
apt() { apt-get -y -q -o "DPkg::Lock::Timeout=$lock_wait" -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"; }
if [ $manager = apt ]; then
    installed() { dpkg-query -W -f '${binary:Package} ${Version} ${db:Status-Status}\n' | sed -n 's/ installed$//p' | sort; }
    version() { dpkg-query -W -f '${db:Status-Status} ${Version}' -- "$1" 2>/dev/null | sed -n 's/^installed //p'; }
    candidate() { LC_ALL=C apt-cache policy -- "$1" | sed -n 's/^  Candidate: //p'; }
    held() { apt-mark showhold -- "$1" 2>/dev/null | grep -q .; }
else
    installed() { rpm -qa --qf '%{NAME}.%{ARCH} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' | sort; }
    version() { rpm -q --qf '%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' -- "$1" 2>/dev/null | tail -n 1 | sed 's/^0://'; }
    candidate() { $manager -q repoquery --latest-limit=1 --qf '%{epoch}:%{version}-%{release}' -- "$1" | tail -n 1 | sed 's/^0://'; }
    held() { $manager -q versionlock list 2>/dev/null | grep -q -- "$1"; }
fi
name_of() { printf '%s' "${1%%=*}"; }
wanted() { case $1 in *=*) printf '%s' "${1#*=}" ;; *) candidate "$1" ;; esac; }
is_at() { v=$(version "$(name_of "$1")"); [ -n "$v" ] && [ "$v" = "$(wanted "$1")" ]; }
note_before() { [ -e "$before" ] || { installed >"$before.new" && mv -f "$before.new" "$before"; } || fail 'cannot list the packages'; }
note_changes() {
    installed | join -a 1 -a 2 -e - -o 0,1.2,2.2 "$before" - | awk '$2 != $3' >"$changes"
    head -c 8000 "$changes" >"$ESCALATOR_RECORD"
}
)sh";

constexpr std::string_view act_install = R"sh(
note_before
trap note_changes EXIT
[ -z "$refresh" ] || { if [ $manager = apt ]; then apt update; else $manager -y makecache; fi; } || fail 'the package lists could not be read anew'
flags=
if [ $manager = apt ]; then
    [ -n "$allow_remove" ] || flags="$flags --no-remove"
    [ -z "$allow_downgrade" ] || flags="$flags --allow-downgrades"
    [ -z "$only_upgrade" ] || flags="$flags --only-upgrade"
    for p in "$@"; do if held "$(name_of "$p")"; then flags="$flags --allow-change-held-packages"; fi; done
    apt $flags install -- "$@" || fail "apt-get could not install: $*"
else
    n=$#
    while [ $n -gt 0 ]; do
        case $1 in *=*) set -- "$@" "${1%%=*}-${1#*=}" ;; *) set -- "$@" "$1" ;; esac
        shift; n=$((n - 1))
    done
    [ -z "$allow_remove" ] || flags="$flags --allowerasing"
    if [ -n "$allow_downgrade" ]; then $manager -y $flags downgrade "$@" || $manager -y $flags install "$@"
    else $manager -y $flags install "$@"; fi || fail "$manager could not install: $*"
fi
)sh";

constexpr std::string_view undo_changes = R"sh(
[ -s "$changes" ] || { [ -s "$ESCALATOR_RECORD" ] && cp "$ESCALATOR_RECORD" "$changes"; } || exit 0
set --
while read -r name old new; do
    if [ $manager = apt ]; then
        if [ "$old" = - ]; then set -- "$@" "$name-"; else set -- "$@" "$name=$old"; fi
    elif [ "$old" = - ]; then $manager -y remove "$name" || fail "$manager could not remove $name"
    else
        $manager -y downgrade "${name%.*}-${old#0:}" || $manager -y install "${name%.*}-${old#0:}" || fail "$manager could not go back to $name $old"
    fi
done <"$changes"
[ $# = 0 ] || apt --allow-downgrades --allow-change-held-packages install -- "$@" || fail "apt-get could not go back to: $*"
while read -r name old new; do
    now=$(version "${name%.*}")
    [ $manager = apt ] && now=$(version "$name")
    [ "$old" = - ] && old=
    [ "$now" = "${old#0:}" ] || fail "$name is at ${now:-none}, it was at ${old:-none}"
done <"$changes"
)sh";

constexpr std::string_view hold_act = R"sh(
for p in "$@"; do if held "$p"; then printf '%s held\n' "$p"; else printf '%s free\n' "$p"; fi; done >"$before.held"
[ -s "$ESCALATOR_RECORD" ] || cp "$before.held" "$ESCALATOR_RECORD"
if [ $manager = apt ]; then apt-mark "$verb" -- "$@"
elif [ "$verb" = hold ]; then $manager -y versionlock add "$@"
else $manager -y versionlock delete "$@"; fi
)sh";

constexpr std::string_view hold_undo = R"sh(
[ -s "$ESCALATOR_RECORD" ] || exit 0
while read -r name was; do
    case $manager:$was in
    apt:held) apt-mark hold -- "$name" ;;
    apt:free) apt-mark unhold -- "$name" ;;
    *:held) $manager -y versionlock add "$name" ;;
    *) $manager -y versionlock delete "$name" ;;
    esac || fail "the hold of $name could not be put back"
done <"$ESCALATOR_RECORD"
)sh";

}  // namespace

Result<Parts> make_package(const Ingredients& in) {
    const auto* field = in.has("upgrade")   ? "upgrade"
                        : in.has("install") ? "install"
                        : in.has("remove")  ? "remove"
                        : in.has("hold")    ? "hold"
                                            : "unhold";
    auto packages = in.list(field);
    if (!packages) return std::move(packages).take_error();
    for (const auto& name : *packages) {
        const bool plain = !name.empty() && name[0] != '-' &&
                           name.find_first_of(" \t\n'\"\\") == std::string::npos;
        if (!plain)
            return Error(ErrorCode::usage,
                         fmt::format("\"{}\" is no package name", printable(name)));
    }
    const std::string_view what = field;
    Parts parts;
    parts.prelude = fmt::format(
        "manager={} refresh={} allow_downgrade={} allow_remove={} lock_wait={} only_upgrade={} "
        "verb={}{}",
        in.has("manager") ? in.args["manager"].get<std::string>() : "",
        in.flag("refresh") ? "1" : "", in.flag("allow_downgrade") ? "1" : "",
        in.flag("allow_remove") ? "1" : "", in.seconds("lock_wait", 300),
        what == "upgrade" ? "1" : "", what, prelude);
    const auto words = quoted_words(*packages);
    const auto each = [&](std::string_view test) {
        return fmt::format("for p in {}; do {} || exit 1; done", words, test);
    };
    if (what == "hold" || what == "unhold") {
        parts.check = each(what == "hold" ? "held \"$p\"" : "! held \"$p\"");
        parts.act = fmt::format("set -- {}{}", words, hold_act);
        parts.undo = std::string(hold_undo);
        return parts;
    }
    if (what == "remove") {
        parts.check = each("[ -z \"$(version \"$p\")\" ]");
        parts.act = fmt::format(
            "note_before\ntrap note_changes EXIT\nif [ $manager = apt ]; then apt remove -- {0}; "
            "else $manager -y remove {0}; fi || fail 'the packages could not be removed'",
            words);
    } else {
        // with refresh a newer candidate may appear: only exact versions can be known to be there
        // already
        parts.check = each("{ [ -z \"$refresh\" ] || [ \"$p\" != \"${p#*=}\" ]; } && is_at \"$p\"");
        parts.act = fmt::format("set -- {}{}", words, act_install);
        parts.verify = fmt::format(
            "for p in {}; do is_at \"$p\" || fail \"$(name_of \"$p\") is at $(version \"$(name_of "
            "\"$p\")\") "
            "instead of $(wanted \"$p\")\"; done",
            words);
    }
    parts.undo = std::string(undo_changes);
    return parts;
}

}  // namespace escalator::action
