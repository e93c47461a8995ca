// SPDX-License-Identifier: Apache-2.0
#include "action/package_text.hpp"

namespace escalator::action {

// an epoch of 0 is neither printed nor wanted; a version may be given without its release
const std::string_view dnf_text = R"sh(
installed() { rpm -qa --qf '%{NAME}.%{ARCH} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' | sed 's/ 0:/ /' | sort; }
version() { rpm -q --qf '%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' -- "$1" >"$ESCALATOR_STAGE.said" 2>/dev/null && tail -n 1 "$ESCALATOR_STAGE.said" | sed 's/^0://'; }
versions() { $manager -q repoquery --qf '%{epoch}:%{version}-%{release}' "$1" 2>/dev/null | sed 's/^0://' | sort -Vu; }
candidate() { $manager -q repoquery --latest-limit=1 --qf '%{epoch}:%{version}-%{release}' "$1" 2>/dev/null | tail -n 1 | sed 's/^0://'; }
has_source() { versions "$1" | grep -qxF -e "$2" || versions "$1" | grep -q "^$(printf '%s' "$2" | sed 's/[].[*^$\\/]/\\&/g')-[^-]*$"; }
locks() {
    $manager -q versionlock list 2>/dev/null || fail "$manager has no versionlock plugin, which holds need: install dnf-plugins-core (Debian) or python3-dnf-plugin-versionlock"
}
held() { locks | grep -qE "^$(printf '%s' "$1" | sed 's/[].[*^$+?(){}|\\/]/\\&/g')-[0-9]+:"; }
hold() { locks >/dev/null && $manager -y versionlock add "$@"; }
unhold() { locks >/dev/null && $manager -y versionlock delete "$@"; }
mend() { :; }
refresh_lists() { $manager -y --refresh makecache; }
note_marks() { :; }
put_marks() { :; }
keep_way_back() {
    lost=
    for p in "$@"; do
        old=$(version "$(name_of "$p")")
        [ -z "$old" ] || has_source "$(name_of "$p")" "$old" || lost="$lost $(name_of "$p")-$old"
    done
    [ -z "$lost" ] || [ -n "$allow_no_way_back" ] || fail "there would be no way back: no repository has$lost any more. Add one that has it, or say allow_no_way_back: true"
    [ -z "$lost" ] || printf 'no way back to:%s\n' "$lost"
}
specs_of() { # NAME=VERSION -> NAME-VERSION, a line each
    for p in "$@"; do case $p in *=*) printf '%s\n' "${p%%=*}-${p#*=}" ;; *) printf '%s\n' "$p" ;; esac; done
}
put_in() {
    keep_way_back "$@"
    flags=
    [ -z "$allow_remove" ] || flags=--allowerasing
    up= down=
    for p in "$@"; do # dnf has a verb for each direction
        was=$(version "$(name_of "$p")")
        lower=$(printf '%s\n%s\n' "${was:-0}" "$(wanted "$p")" | sort -V | head -n 1)
        if [ -n "$was" ] && [ "$lower" != "$was" ]; then down="$down $(specs_of "$p")"; else up="$up $(specs_of "$p")"; fi
    done
    [ -z "$down" ] || [ -n "$allow_downgrade" ] || fail "the version wanted is lower than the installed one:$down; say allow_downgrade: true to accept that"
    [ -z "$up" ] || $manager -y $flags install $up || fail "$manager could not install:$up"
    [ -z "$down" ] || $manager -y $flags downgrade $down || fail "$manager could not install:$down"
}
take_out() {
    keep_way_back "$@"
    [ -n "$allow_remove" ] || rpm -e --test "$@" || fail 'other packages need it; name them, or say allow_remove: true'
    $manager -y --setopt=clean_requirements_on_remove=False remove "$@" || fail 'the packages could not be removed'
}
spec_of() { printf '%s-%s.%s' "${1%.*}" "$2" "${1##*.}"; } # NAME.ARCH VERSION
go_back() {
    down= in= out=
    while read -r name old new; do
        if [ "$old" = - ]; then
            if rpm -q "$(spec_of "$name" "${new#*:}")" >/dev/null 2>&1; then out="$out $(spec_of "$name" "$new")"; fi
        elif [ "$new" = - ]; then in="$in $(spec_of "$name" "$old")"
        elif [ "$(printf '%s\n%s\n' "$old" "$new" | sort -V | head -n 1)" = "$old" ]; then down="$down $(spec_of "$name" "$old")"
        else in="$in $(spec_of "$name" "$old")"; fi
    done <"$changes"
    [ -z "$down" ] || $manager -y --allowerasing downgrade $down || fail "$manager could not go back to:$down"
    [ -z "$in" ] || $manager -y --allowerasing install $in || fail "$manager could not go back to:$in"
    [ -z "$out" ] || $manager -y --setopt=clean_requirements_on_remove=False remove $out || fail "$manager could not remove:$out"
}
new_configs() { find /etc -cnewer "$before" -name '*.rpmnew' -type f 2>/dev/null; }
)sh";

}  // namespace escalator::action
