// SPDX-License-Identifier: Apache-2.0
#include "node/supervisor.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

// The supervisor: a POSIX sh program (dash, busybox, bash), sent as an argument, nothing to
// install.
//
// Its main loop stays on the channel and reads one request after the other from stdin. A job's
// script is run by a wrapper in a session of its own (setsid), so it outlives connection and loop.
// Per job there are, in the run's directory DIR/RUN/:
//   KEY.PID.sh  the script, as loop PID received it      KEY.claim  "pid starttime bootid" or
//   "void" KEY.stage   word of the script      KEY.record  for the undo      KEY.out  output KEY.rc
//   exit status, written by the wrapper when the script has ended
// States of a job and who may change them:
//   none     no claim.  Any number of wrappers may race for it ...
//   claimed  ... but KEY.claim is created with O_EXCL (set -C), so exactly one runs the script,
//   once;
//            the others exit. An `attach` claims with "void": then no wrapper can ever start it.
//   running  the claim's process is alive (pid and start time and boot id fit), or its group is
//   rc N     the wrapper has written KEY.rc: finished
//   rebooted the claim is of another boot      gone  claimed, dead, and no KEY.rc: lost
namespace escalator::node {

namespace {

constexpr std::string_view wrapper_text = R"sh(umask 077
k=$1 f=$2 as=$3
export ESCALATOR_FILES="$4" ESCALATOR_STAGE="$k.stage" ESCALATOR_RECORD="$k.record" ESCALATOR_KEEP="$5"
read -r s </proc/$$/stat
set -- ${s##*) }
t=${20}
read -r b <"${ESCALATOR_BOOT_ID_FILE:-/proc/sys/kernel/random/boot_id}"
set -C
{ printf '%s %s %s\n' $$ "$t" "$b" >"$k.claim"; } 2>/dev/null || exit 0
set +C
set --
trap : TERM HUP INT
cd /
if [ "$as" = - ]; then
( trap - TERM HUP INT; . "$f" ) </dev/null >>"$k.out" 2>&1
else
: >>"$k.stage"; : >>"$k.record"
chown "$as" "$k.stage" "$k.record" && chmod 711 "${k%/*}" "${k%/*}/.."
{ printf 'export ESCALATOR_FILES=%s ESCALATOR_STAGE=%s ESCALATOR_RECORD=%s ESCALATOR_KEEP=%s\n' "'$ESCALATOR_FILES'" "'$k.stage'" "'$k.record'" "'$ESCALATOR_KEEP'"
cat "$f"; } | su -s /bin/sh "$as" -c 'eval "$(cat)" </dev/null' >>"$k.out" 2>&1
fi
printf '%s\n' $? >"$k.rc"
)sh";

constexpr std::string_view loop_text = R"sh(N=$1
umask 077
d=${3:-$2}
E=${4:-/proc/sys/kernel/random/boot_id}
export ESCALATOR_BOOT_ID_FILE="$E" LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
if [ -z "$d" ]; then if [ -w /var/lib ]; then d=/var/lib/escalator-node; else d=$HOME/.escalator-node; fi; fi
st() {
S=none
if [ -s "$1.rc" ]; then read -r S <"$1.rc"; S="rc $S"; return; fi
[ -e "$1.claim" ] || return
p= t= b=
read -r p t b <"$1.claim" || { sleep 1; read -r p t b <"$1.claim"; }
if [ "$p" = void ]; then S=void; return; fi
read -r B <"$E"
S=rebooted
[ "$b" = "$B" ] || [ -z "$b" ] || return
S=running s=
{ read -r s <"/proc/$p/stat"; } 2>/dev/null
s=${s##*) }
k1=$1
set -- $s
[ "$1" != Z ] && [ "${20}" = "$t" ] && return
kill -0 "-$p" 2>/dev/null && return
S=gone
[ -s "$k1.rc" ] && { read -r S <"$k1.rc"; S="rc $S"; }
}
rep() {
st "$k"
g=-
[ -s "$k.stage" ] && read -r g <"$k.stage"
b=-
[ -s "$k.claim" ] && read -r p t b <"$k.claim"
printf '@@%s job %s %s %s\n' "$N" "$g" "${b:--}" "$S"
[ -s "$k.record" ] && head -c 16384 "$k.record"
printf '\n@@%s record\n' "$N"
[ -s "$k.out" ] && head -c 65536 "$k.out"
printf '\n@@%s end\n' "$N"
}
bye() { printf '@@%s error %s\n' "$N" "$1"; exit 1; }
i=- v=- h=- o=-
while IFS== read -r a c; do case $a in ID) i=$c;; VERSION_ID) v=${c#\"} v=${v%\"};; esac; done </etc/os-release
read -r o </proc/sys/kernel/osrelease
read -r h </proc/sys/kernel/hostname
read -r B <"$E" || B=-
printf '@@%s hello %s %s %s %s %s %s\n' "$N" "${B:--}" "${USER:-${LOGNAME:--}}" "${o:--}" "$i" "$v" "${h:--}"
while read -r verb a b c e g; do case $verb in
lease)
r=$d/$a
[ -d "$d" ] || mkdir -p "$r" || bye "cannot make $d"
[ "$e" = steal ] && { read -r x y z <"$d/lease"; [ "$x" = "$a" ] || rm -f "$d/lease"; }
set -C
{ printf '%s %s %s\n' "$a" "$b" "$c" >"$d/lease"; } 2>/dev/null
set +C
x= y= z=
read -r x y z <"$d/lease"
n=again
if [ "$x" = "$a" ] && ! [ -e "$r/.run" ]; then
n=new
[ -d "$r" ] || mkdir -p "$r" || bye "cannot make $r"
: >"$r/.run" || bye "cannot write in $r"
fi
printf '@@%s leased %s %s %s %s\n' "$N" "$n" "${x:-?}" "${y:-?}" "${z:-?}";;
put)
f=$r/$a.$$.$b
q=$((c / 1048576)) m=$((c % 1048576))
: >"$f" || bye "cannot write in $r"
[ $q = 0 ] || dd bs=1048576 count=$q iflag=fullblock >>"$f" 2>/dev/null || bye "cannot store $b"
[ $m = 0 ] || dd bs=$m count=1 iflag=fullblock >>"$f" 2>/dev/null || bye "cannot store $b"
sha256sum <"$f" >"$f.sum"
read -r x y <"$f.sum"
[ "$x" = "$e" ] || bye "$b arrived damaged: is the disk full?";;
run)
k=$r/$a f=$r/$a.$$.sh w=
[ -e "$k.claim" ] && f=/dev/null
exec 3>"$f" || bye "cannot write in $r"
while IFS= read -r l; do
case $l in
"@@$N end") w=1; break;;
"@@$N record") exec 3>&-; if [ -e "$k.claim" ]; then exec 3>/dev/null; else exec 3>"$k.record"; fi;;
*) printf '%s\n' "$l" >&3 || bye "cannot write in $r: is the disk full?";;
esac
done
exec 3>&-
[ -n "$w" ] || exit 1
x=
read -r x y <"$d/lease"
if [ "$d/$x" != "$r" ]; then printf '@@%s nolease %s\n' "$N" "${x:-?}"; continue; fi
if ! [ -e "$k.claim" ]; then
if [ "$b" != - ]; then chown "$b" "$r/$a.$$."* 2>/dev/null; fi
[ -d "$d/keep/${r##*/}" ] || [ "$c" = - ] || mkdir -p "$d/keep/${r##*/}"
setsid sh -c "$W" escalator-step "$k" "$f" "$b" "$r/$a.$$." "$d/keep/${r##*/}/$c." </dev/null >/dev/null 2>&1 &
wait $!
fi
rep;;
attach)
k=$r/$a
set -C
{ printf 'void\n' >"$k.claim"; } 2>/dev/null
set +C
rep;;
poll)
st "$r/$a"
printf '@@%s chunk\n' "$N"
[ -s "$r/$a.out" ] && tail -c "+$((b + 1))" "$r/$a.out" | head -c "$c"
printf '\n@@%s end %s\n' "$N" "$S";;
cut) : >"$r/$a.out"
;;
kill)
st "$r/$a"
if [ "$S" = running ]; then
kill -TERM "-$p" 2>/dev/null
n=0
while kill -0 "-$p" 2>/dev/null && [ $n -lt 5 ]; do n=$((n + 1)); sleep 1; done
kill -KILL "-$p" 2>/dev/null
fi
printf '@@%s killed %s\n' "$N" "$S";;
release)
x=
read -r x y <"$d/lease"
[ "$x" = "$a" ] && rm -rf "${d:?}/$a" "$d/lease"
printf '@@%s released %s\n' "$N" "${x:--}"
;;
use) r=$d/$a
;;
ping) printf '@@%s pong\n' "$N"
;;
esac; done
)sh";

}  // namespace

std::string supervisor_command(std::string_view nonce, std::string_view node_dir, bool become) {
    const auto program = fmt::format("W={}\n{}", shell_quote(wrapper_text), loop_text);
    // the two variables are a seam for tests, where many nodes share one machine; sudo drops them
    return fmt::format(
        R"({}sh -c {} escalator {} {} "${{ESCALATOR_NODE_DIR-}}" "${{ESCALATOR_BOOT_ID_FILE-}}")",
        become ? "sudo -n -- " : "", shell_quote(program), shell_quote(nonce),
        shell_quote(node_dir));
}

}  // namespace escalator::node
