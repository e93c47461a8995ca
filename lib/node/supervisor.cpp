// SPDX-License-Identifier: Apache-2.0
#include "node/supervisor.hpp"

#include <fmt/format.h>

#include "base/text.hpp"

// The supervisor: a POSIX sh program (dash, busybox, bash, ksh), nothing to install.
//
// Its main loop leads a session without a terminal (check_session sees to that), stays on the
// channel and reads one request after the other from stdin. A job is a fork of the loop, with its
// script in a further fork, so it outlives connection and loop; loop and job ignore what the script
// sends to its process group. In DIR there are: lease "run controller since"; keep/RUN/ what an
// undo needs; and for each run RUN/.run, a token of this lease, and per job
//   KEY.PID.NAME  payloads, as loop PID received them (a script that is long is one of them)
//   KEY.claim   "pid uptime bootid session ---", or "void"; the dashes become the exit status.
//               Written over in place: a disk which has filled up meanwhile loses nothing
//   KEY.stage   a word of the script     KEY.record  for the undo
//   KEY.out     its output, the first so many bytes; KEY.tail the last ones if there were more
//   KEY.killed  somebody ended it        KEY.dead    its torn claim was given up
//
// States of a job and who may change them:
//   none      no claim. Any number of loops may race for it ...
//   claimed   ... but KEY.claim is created with O_EXCL (set -C), so exactly one runs the script,
//             once; the others end. An `attach` claims with "void": then none can ever start it.
//             The winner looks at the lease after it has claimed, so a late one starts nothing.
//   running   the claim's process is alive (its descriptor 4 is the claim), or others of the job
//   rc N      the job has written the exit status: finished
//   rebooted  the claim is of another boot      killed  ended by `kill`
//   gone      claimed, dead, and no exit status: lost
//
// A job's processes are those of its session that began with it or later, except the loop, what
// stores the output, and what has the mark of another job of this run in its environment.
//
// A step costs the node one program (dd), three forks and two new files; a script of plain words
// (a program's command line, or a builtin that changes nothing in the job's shell) one fork less.
// No file that is there already is opened with O_TRUNC for it: ext4 writes what becomes of such a
// file out at once.
//
// head would bound the output too, but writes only what fills its buffer; a limit on the size of
// the file (in blocks of 512 bytes) stops dd when it comes there, or when the disk is full.
// The name in /proc/PID/stat may hold anything, newlines and ") " too.
// In dash a redirection that fails ends the whole shell if the command is `:` or `exec`; hence
// `true >file`.
namespace escalator::node {

namespace {

/// Runs $1 in a shell that leads its session: sshd starts one so, sudo and others do not.
constexpr std::string_view check_session =
    R"sh(f() { [ "$4" = $$ ]; }; read -r s </proc/$$/stat; if f ${s##*) }; then eval "$1"; )sh"
    R"sh(else exec 3<&0; setsid sh -c "$1" escalator-step "$@" <&3 3<&- & wait $!; fi)sh";

constexpr std::string_view loop_text = R"sh(umask 077
trap : USR1
d=${D:-${2:-${ESCALATOR_NODE_DIR-}}}
E=${3:-${ESCALATOR_BOOT_ID_FILE:-/proc/sys/kernel/random/boot_id}}
export ESCALATOR_BOOT_ID_FILE="$E" LC_ALL=C PATH="$PATH:/usr/sbin:/sbin"
if [ -z "$d" ]; then if [ -w /var/lib ]; then d=/var/lib/escalator-node; else d=$HOME/.escalator-node; fi; fi
say() { printf "@@$N %s\n" "$*"; }
bye() { say error "$*"; exit 1; }
full() { bye "cannot write $1: is the disk full?"; }
nap() { sleep 0.2 2>/dev/null || sleep 1; }
late() { read -r u x </proc/uptime; [ "${u%.*}" -gt "$1" ]; }
alive() { [ "/proc/$p/fd/4" -ef "$1.claim" ]; }
members() {
M=
for q in /proc/[0-9]*/stat; do
s=
while read -r x; do s=$s$x; done <"$q"
set -- "$1" "$2" "$3" ${s##*) }
[ "$7" = "$1" ] && [ "$4" != Z ] && [ "$4" != X ] && [ "${23}" -ge "$2" ] || continue
q=${q%/stat}
[ "${q##*/}" != "$1" ] && ! [ "$q/fd/1" -ef "$3.out" ] && ! [ "$q/fd/1" -ef "$3.tail" ] || continue
case $L$(tr '\0' '\n' <"$q/environ")$L in
*"${L}ESCALATOR_STAGE=$3.stage$L"*) ;;
*"${L}ESCALATOR_STAGE=${3%/*}/"*) continue;;
esac
M="$M ${q##*/}"
done 2>/dev/null
[ -n "$M" ]
}
st() {
S=none p= t= kb=- ks= kc= n=0
[ -e "$1.claim" ] || return
until read -r p t kb ks kc <"$1.claim"; do
[ -e "$1.claim" ] || return
n=$((n + 1))
[ $n -gt 15 ] || [ -e "$1.dead" ] || { nap; continue; }
true >"$1.dead" || full "$1.dead"
read -r p t kb ks kc <"$1.claim" && break
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
alive "$1" || members "$ks" "$t" "$1" && return
S=$n
read -r p t kb ks kc <"$1.claim"
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
plain() {
x=${s%"$L"}
case $x in ''|[!A-Za-z/]*|*[!-A-Za-z0-9_./,:@%+=\ ]*) false; return;; esac
case ${x%% *} in
true|false|echo|test) ;;
*=*) false;;
*/*) x="$x 4>&-";;
*) ! PATH=/- command -v "${x%% *}" >/dev/null && x="$x 4>&-";;
esac
}
job() {
while read -r x p && [ "$x" != Pid: ]; do :; done </proc/self/status
read -r t x </proc/uptime
t=${t%.*}${t#*.}
set -C
exec 4>"$k.claim" || exit
set +C
printf '%s %s %s %s ---\n' "$p" "$t" "$B" $$ >&4 || { rm -f "$k.claim"; exit; }
exec 2>&1
[ -e "$k.dead" ] && exit
x= z=
read -r x q <"$d/lease"
read -r z <"$r/.run"
[ "$x" = "${r##*/}" ] && [ "$z" = "$G" ] || { printf 'void\n' >"$k.claim"; exit; }
export ESCALATOR_FILES ESCALATOR_STAGE ESCALATOR_RECORD ESCALATOR_KEEP
set --
trap : TERM HUP INT
cd /
if [ "$b" != - ] && [ "$b" != "$(id -un)" ]; then
if [ "$(id -u)" != 0 ]; then
echo "a step as $b needs root: connect as root, or with become"
false
else
true >>"$k.stage"; true >>"$k.record"
chown "$b" "$k.stage" "$k.record" && chmod 711 "$r" "$d"
[ -z "$ESCALATOR_KEEP" ] || { chmod 711 "$d/keep"; chmod 1733 "${ESCALATOR_KEEP%/*}"; }
# with -c, util-linux' su makes a session of its own, where a kill would not find the step
case $(su --help 2>&1) in *--session-command*) c=--session-command;; *) c=-c;; esac
su -s /bin/sh $c 'eval "$(cat)" </dev/null' "$b" 4>&- <<END
$s
END
fi
elif plain; then
eval "$x"
else
( exec 4>&-
trap - TERM HUP INT
unset -f f say bye full nap late alive members st drained rep drain plain job
eval "unset a b c d e f g h i k l m n o p q r s t u v w x y z kb kc ks B D E G L M N O P S
$s" )
fi
printf '%s %s %s %s %03d\n' "$p" "$t" "$B" $$ $? 1<>"$k.claim"
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
m=
if ! [ -d "$d" ]; then
m=made
x=$(mkdir -p "$r" 2>&1) || bye "cannot make $d: $x"
fi
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
elif [ "$m" ]; then
rmdir "$r" 2>/dev/null
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
ESCALATOR_FILES=$r/$a.$$. ESCALATOR_STAGE=$k.stage ESCALATOR_RECORD=$k.record ESCALATOR_KEEP=
if [ "$c" != - ]; then
ESCALATOR_KEEP=$d/keep/${r##*/}/$c.
[ -d "${ESCALATOR_KEEP%/*}" ] || mkdir -p "${ESCALATOR_KEEP%/*}" || full "$d/keep"
fi
trap : TERM HUP INT
job </dev/null 2>/dev/null | drain &
wait $! && h=5
trap - TERM HUP INT
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
if alive "$r/$a"; then
read -r s <"/proc/$p/stat"
set -- ${s##*) }
t=${20}
fi
while members "$ks" "$t" "$r/$a" && [ $n -lt 50 ]; do
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
    out.program = fmt::format("N={}\nD={}\nO={}\nP=\nL='\n'\n{}", nonce, shell_quote(node_dir),
                              (output_limit + 511) / 512, loop_text);
    // No `!`, backslash or newline in a command line, which csh and fish read in their own way even
    // inside single quotes. busybox' head may read more than it was told to, so nothing is sent
    // before the hello.
    const auto bootstrap = fmt::format(R"sh(eval "$(head -c {})")sh", out.program.size());
    if (!become) {
        out.command = fmt::format("exec sh -c '{}' escalator-step '{}'", check_session, bootstrap);
        return out;
    }
    // sudo drops the two variables; they are a seam for tests, where nodes share one machine
    out.command = fmt::format(
        R"(exec sh -c 'LC_ALL=C; export LC_ALL; exec sudo -n -- sh -c "$0" escalator-step "$1" )"
        R"("${{ESCALATOR_NODE_DIR-}}" "${{ESCALATOR_BOOT_ID_FILE-}}"' '{}' '{}')",
        check_session, bootstrap);
    return out;
}

}  // namespace escalator::node
