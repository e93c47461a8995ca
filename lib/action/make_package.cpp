// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "action/package_text.hpp"
#include "action/parts.hpp"
#include "base/text.hpp"

namespace escalator::action {

namespace {

// What an action changed is the difference of two lists of packages, kept on the node and, when it
// is not too long, in the record: "NAME OLD NEW", "-" for not installed.
constexpr std::string_view shared_text = R"sh(
name_of() { printf '%s' "${1%%=*}"; }
wanted() { case $1 in *=*) printf '%s' "${1#*=}" ;; *) candidate "$1" ;; esac; }
is_at() {
    v=$(version "$(name_of "$1")") w=$(wanted "$1")
    [ -n "$v" ] && { [ "$v" = "$w" ] || { [ "$manager" != apt ] && [ "${v%-*}" = "$w" ]; }; }
}
note_before() { # a second attempt compares with what was there before the first
    [ -e "$before" ] && return
    rm -f "$changes"
    note_marks && installed >"$before.new" && mv -f "$before.new" "$before" || fail 'the packages cannot be listed: is the disk full?'
}
note_changes() {
    installed | comm -3 "$before" - | awk -F '\t' '
        { n = NF > 1 ? 2 : 1; split($n, w, " "); name[w[1]]; if (n == 1) old[w[1]] = w[2]; else new[w[1]] = w[2] }
        END { for (k in name) print k, (k in old ? old[k] : "-"), (k in new ? new[k] : "-") }' | sort >"$changes.new"
    mv -f "$changes.new" "$changes"
    if [ "$(wc -c <"$changes")" -le 8000 ]; then cat "$changes" >"$ESCALATOR_RECORD"
    else printf '%s packages changed, listed on the node\n' "$(wc -l <"$changes")" >"$ESCALATOR_RECORD"; fi
}
told_changes() {
    note_changes
    new_configs >"${ESCALATOR_KEEP}configs"
    while read -r f; do printf 'the present %s is kept; the new package brings %s\n' "${f%.*}" "$f"; done <"${ESCALATOR_KEEP}configs"
}
known() {
    for p in "$@"; do
        n=$(name_of "$p")
        [ -z "$only_upgrade" ] || [ -n "$(version "$n")" ] || fail "$n is not installed, so it cannot be upgraded; install: would put it there"
        case $p in
        *=*) is_at "$p" || has_source "$n" "${p#*=}" || {
            offered=$(versions "$n" | tr '\n' ' ')
            [ -n "$offered" ] || fail "no package source knows $n; does it need refresh: true, or another source?"
            fail "there is no version ${p#*=} of $n; there are: ${offered% }${refresh:-; refresh: true reads the lists anew}"
        } ;;
        *) [ -n "$(candidate "$n")" ] && [ "$(candidate "$n")" != '(none)' ] || fail "no package source knows $n; does it need refresh: true, or another source?" ;;
        esac
    done
}
)sh";

constexpr std::string_view prelude = R"sh(
fail() { printf '%s\n' "$1" >&2; exit 1; }
export LC_ALL=C
changes="${ESCALATOR_KEEP}changes" before="${ESCALATOR_KEEP}before"
if [ -z "$manager" ]; then
    for m in apt-get dnf yum; do if command -v $m >/dev/null 2>&1; then manager=$m; break; fi; done
fi
case $manager in
apt | apt-get) manager=apt ;;
dnf | yum) ;;
*) fail 'the node has neither apt-get nor dnf nor yum' ;;
esac
)sh";

constexpr std::string_view act_install = R"sh(
mend
note_before
trap note_changes EXIT
[ -z "$refresh" ] || refresh_lists || fail 'the package lists could not be read anew'
refresh=' '
known "$@"
put_in "$@"
trap - EXIT
told_changes
[ $manager != apt ] || {
    # what came as a dependency stays one: an upgrade by name would make it a package asked for
    mv "$changes" "$changes.all" && if [ -n "$only_upgrade" ]; then cat "$changes.all"; fi >"$changes"
    put_marks
    s=$?
    mv "$changes.all" "$changes" && [ $s = 0 ]
} || fail 'the marks of the packages could not be put back'
)sh";

constexpr std::string_view act_remove = R"sh(
mend
note_before
trap note_changes EXIT
take_out "$@"
)sh";

constexpr std::string_view undo_changes = R"sh(
if [ ! -e "$changes" ]; then # it was killed before it could tell
    if [ -e "$before" ]; then note_changes; else cat "$ESCALATOR_RECORD" >"$changes"; fi
fi
if [ -s "$changes" ]; then
    mend
    go_back
    while read -r name old new; do
        now=$(installed | sed -n "s/^$(printf '%s' "$name" | sed 's/[].[*^$\\/]/\\&/g') //p" | tr '\n' ' ')
        case " $now" in *" $old "*) ;; *) [ "$old" = - ] && { [ -z "$now" ] || [ $manager != apt ]; } || fail "$name is at ${now:-none}, it was at $old" ;; esac
    done <"$changes"
    [ ! -e "$before" ] || put_marks || fail 'the marks of the packages could not be put back'
fi
if [ -s "${ESCALATOR_KEEP}configs" ]; then while read -r f; do rm -f -- "$f"; done <"${ESCALATOR_KEEP}configs"; fi
rm -f "$before" "$changes" "${ESCALATOR_KEEP}configs"
)sh";

constexpr std::string_view hold_act = R"sh(
noted="${ESCALATOR_KEEP}noted"
if [ ! -s "$noted" ]; then
    for p in "$@"; do if held "$p"; then printf '%s held\n' "$p"; else printf '%s free\n' "$p"; fi; done >"$noted.new" && mv -f "$noted.new" "$noted" || fail 'the holds cannot be noted'
fi
cat "$noted" >"$ESCALATOR_RECORD"
for p in "$@"; do [ -n "$(version "$p")" ] || [ "$verb" = unhold ] || fail "$p is not installed"; done
"$verb" "$@" || fail "$verb failed: $*"
)sh";

constexpr std::string_view hold_undo = R"sh(
[ -s "$ESCALATOR_RECORD" ] || exit 0
while read -r name was; do
    if held "$name"; then now=held; else now=free; fi
    case $now:$was in
    free:held) hold "$name" ;;
    held:free) unhold "$name" ;;
    esac || fail "the hold of $name could not be put back"
done <"$ESCALATOR_RECORD"
rm -f "${ESCALATOR_KEEP}noted"
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
    const auto flag = [&](const char* key) { return in.flag(key) ? "1" : ""; };
    Parts parts;
    parts.prelude = fmt::format(
        "manager={} refresh={} allow_downgrade={} allow_remove={} allow_no_way_back={} "
        "lock_wait={} only_upgrade={} verb={}{}if [ $manager = apt ]; then{}else{}fi{}",
        in.has("manager") ? in.args["manager"].get<std::string>() : "", flag("refresh"),
        flag("allow_downgrade"), flag("allow_remove"), flag("allow_no_way_back"),
        in.seconds("lock_wait", 300), what == "upgrade" ? "1" : "", what, prelude, apt_text,
        dnf_text, shared_text);
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
        parts.act = fmt::format("set -- {}{}", words, act_remove);
        parts.verify = fmt::format(
            "for p in {}; do [ -z \"$(version \"$p\")\" ] || fail \"$p is still there\"; done",
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
