// SPDX-License-Identifier: Apache-2.0
#include "node/supervisor.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

// The supervisor: a POSIX sh program (dash, busybox, bash, ksh), nothing to install.
//
// Its main loop stays on the channel and reads one request after the other from stdin. A job's
// script is run by a wrapper that leads a session of its own (setsid), so it outlives connection
// and loop. In DIR there are: lease "run controller since"; keep/RUN/ what an undo needs; and for
// each run RUN/.run, a token of this lease, and per job
//   KEY.PID.NAME  payloads, as loop PID received them (a script that is long is one of them)
//   KEY.claim   "pid starttime bootid ---", or "void"; the dashes become the exit status. They are
//               written over in place, so that a disk which has filled up meanwhile loses nothing
//   KEY.stage   a word of the script     KEY.record  for the undo
//   KEY.out     its output, the first so many bytes; KEY.tail the last ones if there were more
//   KEY.killed  somebody ended it        KEY.dead    its torn claim was given up
// States of a job and who may change them:
//   none      no claim. Any number of wrappers may race for it ...
//   claimed   ... but KEY.claim is created with O_EXCL (set -C), so exactly one runs the script,
//             once; the others exit. An `attach` claims with "void": then no wrapper can ever start
//             it. The winner looks at the lease after it has claimed, so a late one starts nothing.
//   running   the claim's process is alive (pid, start time and boot id fit), or its session is
//   rc N      the wrapper has written the exit status: finished
//   rebooted  the claim is of another boot      killed  ended by `kill`
//   gone      claimed, dead, and no exit status: lost
// A step costs the node three programs (setsid, sh, dd) and two new files. No file that is there
// already is opened with O_TRUNC for it: ext4 writes what becomes of such a file out at once.
// The script reaches its wrapper through a pipe (descriptor 3), not in an argument that `ps` shows.
// head would bound the output too, but writes only what fills its buffer; a limit on the size of the
// file (in blocks of 512 bytes) stops dd when it comes there, or when the disk is full.
// The name in /proc/PID/stat may hold anything, newlines and ") " too.
// In dash a redirection that fails ends the whole shell if the command is `:` or `exec`; hence
// `true >file`.
namespace escalator::node {

namespace {

constexpr std::string_view wrapper_text = R"sh(umask 077
k=$1 as=$2 d=$5 r=$6 g=$7
export ESCALATOR_FILES="$3" ESCALATOR_STAGE="$k.stage" ESCALATOR_RECORD="$k.record" ESCALATOR_KEEP="$4"
read -r s </proc/$$/stat
set -- ${s##*) }
t=${20}
read -r b <"${ESCALATOR_BOOT_ID_FILE:-/proc/sys/kernel/random/boot_id}"
set -C
exec 4>"$k.claim" || exit
set +C
printf '%s %s %s ---\n' $$ "$t" "$b" >&4 || { rm -f "$k.claim"; exit; }
exec 2>&1 4>&-
[ -e "$k.dead" ] && exit
x= y=
read -r x z <"$d/lease"
read -r y <"${k%/*}/.run"
[ "$x" = "$r" ] && [ "$y" = "$g" ] || { printf 'void\n' >"$k.claim"; exit; }
set --
trap : TERM HUP INT
cd /
if [ "$as" != - ] && [ "$as" != "$(id -un)" ]; then
if [ "$(id -u)" != 0 ]; then
echo "a step as $as needs root: connect as root, or with become"
false
else
true >>"$k.stage"; true >>"$k.record"
chown "$as" "$k.stage" "$k.record" && chmod 711 "${k%/*}" "$d"
[ -z "$ESCALATOR_KEEP" ] || { chmod 711 "$d/keep"; chmod 1733 "${ESCALATOR_KEEP%/*}"; }
# with -c, util-linux' su makes a session of its own, where a kill would not find the step
case $(su --help 2>&1) in *--session-command*) c=--session-command;; *) c=-c;; esac
su -s /bin/sh $c 'eval "$(cat)" </dev/null' "$as" <&3 3<&-
fi
else
( trap - TERM HUP INT; . /dev/fd/3 )
fi
printf '%s %s %s %03d\n' $$ "$t" "$b" $? 1<>"$k.claim"
)sh";

constexpr std::string_view loop_text = R"sh(umask 077
trap : USR1
d=${D:-${1:-${ESCALATOR_NODE_DIR-}}}
E=${2:-${ESCALATOR_BOOT_ID_FILE:-/proc/sys/kernel/random/boot_id}}
export ESCALATOR_BOOT_ID_FILE="$E" LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
if [ -z "$d" ]; then if [ -w /var/lib ]; then d=/var/lib/escalator-node; else d=$HOME/.escalator-node; fi; fi
say() { printf "@@$N %s\n" "$*"; }
bye() { say error "$*"; exit 1; }
full() { bye "cannot write $1: is the disk full?"; }
nap() { sleep 0.2 2>/dev/null || sleep 1; }
late() { read -r u x </proc/uptime; [ "${u%.*}" -gt "$1" ]; }
alive() {
s=
{ read -r s <"/proc/$1/stat"; } 2>/dev/null
set -- "$2" ${s##*) }
[ "$2" != Z ] && [ "$2" != X ] && [ "${21}" = "$1" ]
}
members() {
M=
for q in /proc/[0-9]*/stat; do
s=
while read -r x; do s=$s$x; done <"$q"
set -- "$1" "$2" ${s##*) }
[ "$6" = "$1" ] && [ "$3" != Z ] && [ "$3" != X ] && [ "${22}" -ge "$2" ] && q=${q%/stat} && M="$M ${q##*/}"
done 2>/dev/null
[ -n "$M" ]
}
st() {
S=none p= t= kb=- kc= n=0
[ -e "$1.claim" ] || return
until read -r p t kb kc <"$1.claim"; do
[ -e "$1.claim" ] || return
n=$((n + 1))
[ $n -gt 15 ] || [ -e "$1.dead" ] || { nap; continue; }
true >"$1.dead" || full "$1.dead"
read -r p t kb kc <"$1.claim" && break
S=gone kb=-
return
done
[ "$p" != void ] || { S=void kb=-; return; }
[ -e "$1.killed" ] && n=killed || n=gone
case $kc in [0-9][0-9][0-9]) S="rc $kc"; [ $n = gone ] || S=killed; return;; esac
read -r B <"$E"
S=rebooted
[ "$kb" = "$B" ] || return
S=running
alive "$p" "$t" && return
kill -0 "-$p" 2>/dev/null && members "$p" "$t" && return
S=$n
read -r p t kb kc <"$1.claim"
case $kc in [0-9][0-9][0-9]) [ $n = killed ] || S="rc $kc";; esac
}
drained() { for q in /proc/[0-9]*/fd/1; do ! [ "$q" -ef "$k.out" ] || return; done; }
rep() {
n=$1
case $S in rc*|gone|killed) until [ "$n" -ge 5 ] || drained; do n=$((n + 1)); nap; done;; esac
g=-
[ -s "$k.stage" ] && read -r g x <"$k.stage"
say job "${g:--}" "${kb:--}" "$S"
[ -s "$k.record" ] && head -c 16384 "$k.record"
printf "\n@@$N record\n"
[ -s "$k.out" ] && head -c 65536 "$k.out"
o=-
[ -e "$k.tail" ] && o=tail
printf "\n@@$N end $o\n"
}
drain() {
trap '' TERM HUP INT XFSZ
ulimit -f "$O"
exec >>"$k.out" 2>/dev/null
dd bs=4096 || tail -c 65536 >"$k.tail"
true
}
i=- v=- h=- o=- u=0
while IFS== read -r a c; do case $a in ID) i=${c#\"} i=${i%\"};; VERSION_ID) v=${c#\"} v=${v%\"};; esac; done </etc/os-release
read -r o </proc/sys/kernel/osrelease
read -r h </proc/sys/kernel/hostname
read -r u x </proc/uptime
read -r B <"$E" || B=-
say hello "${B:--}" "${USER:-${LOGNAME:--}}" "${o:--}" "$i" "$v" "${h:--}" $$ "${u%.*}"
r= G=
while read -r verb a b c e g; do case $verb in
lease)
if late "$g"; then say late; continue; fi
r=$d/$a
[ -d "$d" ] || x=$(mkdir -p "$d" 2>&1) || bye "cannot make $d: $x"
if [ "$e" = steal ] && read -r x y <"$d/lease" && [ "$x" != "$a" ]; then
for q in "$d/$x"/*.claim; do
st "${q%.claim}"
[ "$S" != running ] || bye "run $x still runs ${q##*/} here, as process $p: wait for its end, or end it"
done
fi 2>/dev/null
if [ "$e" = steal ]; then read -r x y <"$d/lease"; [ "$x" = "$a" ] || rm -f "$d/lease"; fi 2>/dev/null
set -C
if { true >"$d/lease"; } 2>/dev/null; then
set +C
printf '%s %s %s\n' "$a" "$b" "$c" >>"$d/lease" || { rm -f "$d/lease"; full "$d/lease"; }
fi
set +C
[ -e "$d/lease" ] || full "$d/lease"
x= y= z= n=0
until read -r x y z <"$d/lease" || [ $n -gt 15 ]; do n=$((n + 1)); nap; done
[ $n -le 15 ] || x=
n=again
if [ "$x" = "$a" ]; then
[ -d "$r" ] || mkdir "$r" || full "$r"
if ! { [ -s "$r/.run" ] && read -r G <"$r/.run"; }; then
n=new
read -r u s </proc/uptime
G=$$.$u
printf '%s\n' "$G" >"$r/.run" || full "$r"
fi
fi
say leased $n "${x:-?}" "${y:-?}" "${z:-?}";;
use)
r=$d/$a
read -r G <"$r/.run";;
put)
f=$r/$a.$$.$b
if [ -e "$r/$a.claim" ]; then f=/dev/null; else P=1; fi
q=$((c / 1048576)) m=$((c % 1048576))
true >"$f" || full "$r"
[ $q = 0 ] || dd bs=1048576 count=$q iflag=fullblock >>"$f" 2>/dev/null || full "$f"
[ $m = 0 ] || dd bs=$m count=1 iflag=fullblock >>"$f" 2>/dev/null || full "$f"
[ "$f" = /dev/null ] && continue
x=$(sha256sum <"$f")
[ "${x%% *}" = "$e" ] || bye "$b arrived damaged: is the disk full?";;
run)
k=$r/$a w= s= z=
while IFS= read -r l; do
case $l in
"@@$N end") w=${w}1; break;;
"@@$N record") w=+;;
*) if [ -z "$w" ]; then s=$s$l$L; else z=$z$l$L; fi;;
esac
done
case $w in *1) ;; *) exit 1;; esac
h=0
if ! [ -e "$k.claim" ]; then
[ $w = 1 ] || printf %s "$z" >"$k.record" || full "$r"
[ -z "$P" ] || [ "$b" = - ] || chown "$b" "$r/$a.$$."* 2>/dev/null
x=
if [ "$c" != - ]; then
x=$d/keep/${r##*/}/$c.
[ -d "${x%/*}" ] || mkdir -p "${x%/*}" || full "$d/keep"
fi
setsid /bin/sh -c "$W" escalator-step "$k" "$b" "$r/$a.$$." "$x" "$d" "${r##*/}" "$G" 3<<END </dev/null 2>/dev/null | drain &
exec 3<&-; $s
END
wait $! && h=5
[ -e "$k.claim" ] || full "$k.claim"
[ -z "$P" ] || rm -f "$r/$a.$$."*
P=
fi
st "$k"
x=${r##*/}
[ "$S" != void ] || { x=; read -r x y <"$d/lease"; }
if [ "$x" = "${r##*/}" ]; then rep $h; else say nolease "${x:-?}"; fi;;
attach)
k=$r/$a
set -C
if { true >"$k.claim"; } 2>/dev/null; then
set +C
printf 'void\n' >>"$k.claim" || { rm -f "$k.claim"; full "$k.claim"; }
fi
set +C
[ -e "$k.claim" ] || full "$k.claim"
st "$k"
rep 0;;
poll)
st "$r/$a"
say chunk
[ -s "$r/$a.out" ] && tail -c "+$((b + 1))" "$r/$a.out" | head -c "$c"
printf "\n@@$N end %s\n" "$S";;
tail)
say chunk
cat "$r/$a.tail"
printf "\n@@$N end\n";;
cut)
true >"$r/$a.out";;
kill)
st "$r/$a"
n=0
if [ "$S" = running ]; then
true >"$r/$a.killed"
while members "$p" "$t" && [ $n -lt 50 ]; do
case $n in 0) kill -TERM $M; kill -CONT $M;; 2[5-9]|[34]?) kill -KILL $M;; esac 2>/dev/null
n=$((n + 1))
nap
done
fi
say killed "$S" $M;;
nudge)
kill -USR1 "$a";;
release)
if late "$b"; then say late; continue; fi
x=
read -r x y <"$d/lease"
[ "$x" = "$a" ] && q=$d/lease || q=
[ "$c" = keep ] || ! [ -e "$d/keep/$a" ] || rm -rf "$d/keep/${a:?}" || bye "cannot remove $d/keep/$a"
rm -rf "$d/${a:?}" ${q:+"$q"} || bye "cannot remove $d/$a"
! [ -e "$d/keep" ] || rmdir "$d/keep/$a" "$d/keep" 2>/dev/null
say released "${x:--}";;
esac; done
)sh";

}  // namespace

Supervisor supervisor(std::string_view nonce, std::string_view node_dir, std::uint64_t output_limit,
                      bool become) {
    Supervisor out;
    out.program = fmt::format("N={}\nD={}\nO={}\nP=\nL='\n'\nW={}\n{}", nonce, shell_quote(node_dir),
                              (output_limit + 511) / 512, shell_quote(wrapper_text), loop_text);
    // No `!`, backslash or newline, which csh and fish read in their own way even inside single
    // quotes. busybox' head may read more than it was told to, so nothing is sent before the hello.
    const auto bootstrap = fmt::format(R"sh(eval "$(head -c {})")sh", out.program.size());
    if (!become) {
        out.command = fmt::format("exec sh -c '{}'", bootstrap);
        return out;
    }
    // sudo drops the two variables; they are a seam for tests, where nodes share one machine
    out.command =
        fmt::format(R"(exec sh -c 'LC_ALL=C; export LC_ALL; exec sudo -n -- sh -c "$0" escalator )"
                    R"("${{ESCALATOR_NODE_DIR-}}" "${{ESCALATOR_BOOT_ID_FILE-}}"' '{}')",
                    bootstrap);
    return out;
}

}  // namespace escalator::node
