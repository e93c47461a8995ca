#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Completion in real shells: bash, zsh and fish offer commands, flags, values, runs, waves, nodes,
answers and files.

    completions.py ESCALATOR
"""

import os
import pathlib
import pty
import re
import select
import shlex
import shutil
import subprocess
import sys
import time

from program import SOURCE, run_cases

sys.path.insert(0, str(SOURCE / "tests/ssh"))
import lab  # pylint: disable=wrong-import-position

# one step fails, so that the run is suspended and asks
CAMPAIGN = """escalator: 1
campaign: shells
procedures:
  - name: web
    on: role=web
    rolling: { batch: 1 }
    steps:
      - name: begin
        command: "true"
        undo: "true"
        expect: 5s
      - name: fail
        command: test ${node.name} != node02
        undo: "true"
        expect: 5s
"""


def output_of(it, *command):
    done = subprocess.run(command, env=it.env, cwd=it.dir, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return done.stdout.split("\n")[:-1]


def bash(it, line):
    """What bash would offer at the end of the line; it parts words at "=" and ":" too."""
    words = [word for word in re.findall(r"[^\s=:]+|[=:]+", line)]
    if line.endswith(" "):
        words.append("")
    return output_of(it, "bash", "--norc", "-c", f"""
. /usr/share/bash-completion/bash_completion
. {SOURCE}/completions/escalator.bash
compopt() {{ :; }}   # works only while readline asks
COMP_LINE={shlex.quote(line)} COMP_POINT={len(line)} COMP_TYPE=9 COMP_WORDS=({shlex.join(words)})
COMP_CWORD={len(words) - 1}
_escalator
printf '%s\\n' "${{COMPREPLY[@]}}"
""")


def fish(it, line):
    offers = output_of(it, "fish", "--no-config", "-c",
                       f"source {SOURCE}/completions/escalator.fish; complete -C {shlex.quote(line)}")
    return [offer.split("\t")[0] for offer in offers]


def zsh(it, lines):
    """What zsh would offer for each line. It completes only on a terminal: type there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(it.dir)
        os.execvpe("zsh", ["zsh", "-f", "-i"], dict(it.env, TERM="dumb", PS1="$ "))
    seen = b""

    def until(mark):
        nonlocal seen
        end = time.monotonic() + 120
        while mark not in seen:
            if time.monotonic() > end:
                raise AssertionError(f"zsh does not come to {mark}: {seen[-500:]}")
            if select.select([terminal], [], [], 1)[0]:
                seen += os.read(terminal, 65536)
        at = seen.index(mark)
        out, seen = seen[:at], seen[at + len(mark):]
        return out.decode()

    shown = {}
    try:
        os.write(terminal, f"""
fpath=({SOURCE}/completions $fpath); autoload -Uz compinit; compinit -D -u
compadd() {{
    [[ ${{@[1,(i)(-|--)]}} == *-(O|A|D)\\ * ]] || {{
        local -a found; builtin compadd -A found "$@"; offers+=("${{found[@]}}")
    }}
    builtin compadd "$@"
}}
capture() {{ offers=(); _main_complete; print -rl -- OFF''ERS "${{offers[@]}}" LIS''TED; }}
zle -C capture list-choices capture; bindkey '^X' capture
print REA''DY
""".encode())
        until(b"READY")
        for line in lines:
            os.write(terminal, line.encode() + b"\x18")
            # the list on the screen comes too, before or after
            until(b"OFFERS")
            shown[line] = until(b"LISTED").replace("\r", "").split("\n")[1:-1]
            os.write(terminal, b"\x15")
    finally:
        os.close(terminal)
        os.kill(pid, 9)
        os.waitpid(pid, 0)
    return shown


def main():
    lab.need_sshd()
    absent = [shell for shell in ("bash", "zsh", "fish") if not shutil.which(shell)]
    if absent or not pathlib.Path("/usr/share/bash-completion/bash_completion").exists():
        print("skipped: apt-get install bash-completion zsh fish")
        return 77
    with lab.Lab(sys.argv[1], 2) as it:
        it.env.update(PATH=f"{pathlib.Path(sys.argv[1]).parent}:{os.environ['PATH']}", HOME=str(it.dir), LC_ALL="C.UTF-8")
        it.plan(CAMPAIGN)
        it.call("run", it.dir / "plan.json", "--yes", *it.ssh("--connect-timeout", "60s"), expect=4)
        run = it.run_id()
        other = it.dir / "other"
        shutil.copytree(it.state / run, other / "20200101-000000-beef")
        (it.dir / "sub").mkdir()

        # line, what must be offered, what must not
        cases = [
            ("escalator ", ["validate", "plan", "run", "test", "rollback", "status", "cloud"], ["--help"]),
            ("escalator r", ["run", "rollback"], ["plan"]),
            ("escalator run --f", ["--fanout"], ["--yes"]),
            ("escalator status --", ["--watch", "--list", "--json", "--state"], ["--fanout"]),
            ("escalator --output ", ["human", "json", "jsonl"], []),
            ("escalator status --color=a", ["--color=always", "--color=auto"], ["--color=never"]),
            ("escalator status ", [run], ["test-"]),
            ("escalator run --resume ", [run], []),
            (f"escalator --state {other} status ", ["20200101-000000-beef"], [run]),
            (f"escalator status --state={other} 2", ["20200101-000000-beef"], [run]),
            ("escalator rollback --node ", ["node01", "node02"], []),
            ("escalator rollback --procedure ", ["web"], ["web:1"]),
            ("escalator rollback --wave ", ["web:1", "web:2"], []),
            ("escalator rollback --wave web:", ["web:1", "web:2"], []),
            ("escalator run plan.json --until ", ["web", "web:1", "web:2"], []),
            (f"escalator run --resume {run} --answer ",
             ["web:fail:node02=done", "web:fail:node02=redo", "web:fail:node02=failed"], ["node01"]),
            (f"escalator run --resume {run} --answer web:fail:node02=", ["web:fail:node02=done"], []),
            ("escalator run pl", ["plan.json"], []),
            ("escalator validate --inventory inv", ["inventory.yaml"], []),
            ("escalator run --plugins su", ["sub"], ["plan.json"]),
        ]

        def told(line, offers, wanted, unwanted):
            offers = [offer.rstrip("/") for offer in offers]
            for offer in wanted:
                assert offer in offers, f"{line}: no {offer} in {offers}"
            for offer in unwanted:
                assert not any(offer in it for it in offers), f"{line}: {offer} in {offers}"

        def in_bash():
            for line, wanted, unwanted in cases:
                # bash replaces only what follows the last ":" or "="
                typed = re.match(r".*[:=]|", line.split(" ")[-1]).group(0)
                told(line, bash(it, line), [offer[len(typed):] for offer in wanted], unwanted)

        def in_fish():
            for line, wanted, unwanted in cases:
                told(line, fish(it, line), wanted, unwanted)

        def in_zsh():
            offers = zsh(it, [line for line, _, _ in cases])
            for line, wanted, unwanted in cases:
                told(line, offers[line], wanted, unwanted)

        return run_cases([in_bash, in_fish, in_zsh])


if __name__ == "__main__":
    sys.exit(main())
