// SPDX-License-Identifier: Apache-2.0
#include "action/package_text.hpp"

namespace escalator::action {

// needrestart and listchanges would ask or restart services behind the campaign's back
const std::string_view apt_text = R"sh(
export DEBIAN_FRONTEND=noninteractive DEBIAN_PRIORITY=critical UCF_FORCE_CONFFOLD=1 APT_LISTCHANGES_FRONTEND=none NEEDRESTART_MODE=l NEEDRESTART_SUSPEND=1
apt() { apt-get -y -q -o "DPkg::Lock::Timeout=$lock_wait" -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"; }
# apt waits for dpkg's lock by itself, but not for that of the package lists, and dpkg for none
patiently() {
    until "$@" >"$ESCALATOR_STAGE.said" 2>&1; do
        cat "$ESCALATOR_STAGE.said"
        grep -qi 'lock' "$ESCALATOR_STAGE.said" || return 1
        [ "$lock_wait" -gt 0 ] || fail "another package manager has held its lock for too long; lock_wait says how long to wait"
        lock_wait=$((lock_wait - 2))
        sleep 2
    done
    cat "$ESCALATOR_STAGE.said"
}
installed() { dpkg-query -W -f '${binary:Package} ${Version} ${db:Status-Status}\n' | sed -n -E '/ (not-installed|config-files)$/!s/ [^ ]*$//p' | sort; }
version() { dpkg-query -W -f '${db:Status-Status} ${Version}\n' -- "$1" 2>/dev/null | sed -n 's/^installed //p' | head -n 1; }
candidate() { apt-cache policy -- "$1" | sed -n 's/^  Candidate: //p' | head -n 1; }
versions() { apt-cache madison -- "$1" | awk -F ' *[|] *' '/Packages$/ { print $2 }'; }
has_source() { versions "$1" | grep -qxF -- "$2" || versions "${1%:*}" | grep -qxF -- "$2"; }
held() { apt-mark showhold -- "$1" 2>/dev/null | grep -q .; }
hold() { apt-mark hold -- "$@"; }
unhold() { apt-mark unhold -- "$@"; }
mend() {
    [ -z "$(ls /var/lib/dpkg/updates)" ] && [ -z "$(dpkg --audit)" ] && return
    printf 'dpkg was interrupted earlier; finishing that first: dpkg --configure -a\n'
    patiently dpkg --force-confdef --force-confold --configure -a || fail 'dpkg --configure -a failed: mend that by hand, then go on'
}
refresh_lists() { patiently apt update; }
note_marks() {
    apt-mark showauto | sort >"${ESCALATOR_KEEP}auto"
    apt-mark showhold | sort >"${ESCALATOR_KEEP}held"
}
put_marks() { # one call each: apt-mark reads all its lists every time
    awk '$2 != "-" { print $1 }' "$changes" | while read -r name; do
        [ -n "$(version "$name")" ] || continue
        if grep -qxF -e "$name" -e "${name%:*}" "${ESCALATOR_KEEP}auto"; then printf 'auto %s\n' "$name"; else printf 'manual %s\n' "$name"; fi
    done >"${ESCALATOR_KEEP}marks"
    for mark in auto manual; do
        names=$(sed -n "s/^$mark //p" "${ESCALATOR_KEEP}marks")
        [ -z "$names" ] || apt-mark $mark $names >/dev/null || return
    done
    names=$(apt-mark showhold | sort | comm -13 - "${ESCALATOR_KEEP}held")
    [ -z "$names" ] || apt-mark hold $names >/dev/null
}
kept_deb() { printf '%s' "${ESCALATOR_KEEP}$1.deb"; }
keep_way_back() {
    apt -s "$@" >"${ESCALATOR_KEEP}simulated" || fail "apt-get finds no way to do that: $*"
    lost=
    sed -n -E 's/^(Inst|Remv) ([^ ]+) \[([^]]+)\].*/\2 \3/p' "${ESCALATOR_KEEP}simulated" >"${ESCALATOR_KEEP}leaving"
    while read -r name old; do
        if has_source "$name" "$old"; then continue; fi
        for deb in "/var/cache/apt/archives/${name%:*}_$(printf '%s' "$old" | sed 's/:/%3a/')"_*.deb; do
            [ -e "$deb" ] && cp -- "$deb" "$(kept_deb "$name")" && continue 2
        done
        lost="$lost $name=$old"
    done <"${ESCALATOR_KEEP}leaving"
    [ -z "$lost" ] || [ -n "$allow_no_way_back" ] || fail "there would be no way back: no package source has$lost any more. Add a source that has it, put its .deb into /var/cache/apt/archives, or say allow_no_way_back: true"
    [ -z "$lost" ] || printf 'no way back to:%s\n' "$lost"
}
flags_of() {
    flags=
    [ -n "$allow_remove" ] || flags="$flags --no-remove"
    [ -z "$allow_downgrade" ] || flags="$flags --allow-downgrades"
    for p in "$@"; do if held "$(name_of "$p")"; then flags="$flags --allow-change-held-packages"; break; fi; done
}
put_in() {
    flags_of "$@"
    keep_way_back $flags install -- "$@"
    apt $flags install -- "$@" || fail "apt-get could not install: $*"
}
take_out() {
    flags=--allow-change-held-packages
    keep_way_back $flags remove -- "$@"
    if [ -z "$allow_remove" ]; then
        others=$(sed -n -E 's/^Remv ([^ ]+) .*/\1/p' "${ESCALATOR_KEEP}simulated" | while read -r name; do
            for p in "$@"; do [ "$name" != "$p" ] || continue 2; done
            printf ' %s' "$name"
        done)
        [ -z "$others" ] || fail "these need it and would be removed too:$others; name them, or say allow_remove: true"
    fi
    apt $flags remove -- "$@" || fail 'the packages could not be removed'
}
go_back() {
    set --
    while read -r name old new; do
        if [ "$old" = - ]; then
            if [ -n "$(version "$name")" ]; then set -- "$@" "$name-"; fi
        elif ! has_source "$name" "$old" && [ -e "$(kept_deb "$name")" ]; then set -- "$@" "$(kept_deb "$name")"
        else set -- "$@" "$name=$old"; fi
    done <"$changes"
    [ $# = 0 ] || apt --allow-downgrades --allow-change-held-packages install -- "$@" || fail "apt-get could not go back to: $*"
}
new_configs() { find /etc -cnewer "$before" -name '*.dpkg-dist' -type f 2>/dev/null; }
)sh";

}  // namespace escalator::action
