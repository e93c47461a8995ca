#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A node whose disk is full at every moment of a step: a clear error, nothing runs twice, nothing
hangs, and with room again a resume goes on. Needs root: the node's directory is a small file system
in a mount namespace of its own. Real sshd.

    full_node.py ESCALATOR
"""

import os
import subprocess
import sys

import faults
import lab
from lab import check

CAMPAIGN = """escalator: 1
campaign: full
procedures:
  - name: upgrade
    on: role=web
    parallel: true
    steps:
      - name: first
        command: |
          echo first >> ${node.label.root}/log
          while [ ! -e ${node.label.root}/go ]; do sleep 0.05; done
          SPEAK
          exit STATUS
        undo: "true"
        expect: 5s
      - name: second
        command: echo second >> ${node.label.root}/log
        check: grep -q second ${node.label.root}/log
        undo: "true"
        expect: 5s
      - name: third
        file: { dest: "${node.label.root}/third", src: payload }
        expect: 5s
"""
WHOLE = ["first", "second"]


class Disk:
    """The small file system with the node's directory on it."""

    def __init__(self, it):
        self.top = it.dir / it.nodes[0] / "supervisor"
        self.ballast = self.top / "ballast"

    def __enter__(self):
        self.top.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "tmpfs", self.top], check=True)
        return self

    def __exit__(self, *ignored):
        subprocess.run(["umount", "-l", self.top], check=True)

    def fill(self, leave=0):
        with open(self.ballast, "ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                pass
            file.truncate(max(0, file.tell() - leave))

    def room(self):
        self.ballast.unlink()


def begin(it, status=0, speak=""):
    it.fresh()
    it.plan(CAMPAIGN.replace("STATUS", str(status)).replace("SPEAK", speak))
    return it.start("run", it.dir / "plan.json", "--yes", *it.ssh())


def finish(it, process):
    return process.communicate(timeout=120)[1]


def resume(it, what):
    done = it.try_call("run", "--resume", it.run_id(), "--yes", *it.ssh())
    check(f"{what}: with room again the run ends: {done.stderr}", done.returncode == 0)
    check(f"{what}: each step ran once: {it.log(it.nodes[0])}", it.log(it.nodes[0]) == WHOLE)


def go(it):
    (it.root(it.nodes[0]) / "go").touch()


def before_the_lease(it):
    it.fresh()
    with Disk(it) as disk:
        disk.fill()
        it.plan(CAMPAIGN.replace("STATUS", "0").replace("SPEAK", ""))
        refused = it.try_call("run", it.dir / "plan.json", "--yes", *it.ssh())
        check(f"the disk is named: {refused.stderr}", refused.returncode == 1 and "disk full" in refused.stderr)
        check("nothing ran", it.log(it.nodes[0]) == [])
        disk.room()
        go(it)
        it.call("run", it.dir / "plan.json", "--yes", *it.ssh())
        check("then it runs", it.log(it.nodes[0]) == WHOLE)


def while_a_step_runs(it, leave, speak):
    """The exit status has its place before the step begins; its output may be lost."""
    with Disk(it) as disk:
        process = begin(it, speak=speak)
        faults.eventually("the first step runs", lambda: it.log(it.nodes[0]))
        disk.fill(leave)
        go(it)
        said = finish(it, process)
        first = [record["data"] for record in it.journal() if record["event"] == "step_ended"][0]
        check(f"the first step is done: {first}", first["outcome"] == "done")
        check(f"the second does not begin without room: {it.log(it.nodes[0])}\n{said}",
              it.log(it.nodes[0]) == ["first"] or leave)
        if process.returncode != 0:
            check(f"the disk is named: {said}", "disk full" in said or "No space" in said)
            disk.room()
            resume(it, f"{leave} bytes left")


def a_failure_stays_one(it):
    with Disk(it) as disk:
        process = begin(it, status=9)
        faults.eventually("the first step runs", lambda: it.log(it.nodes[0]))
        disk.fill()
        go(it)
        said = finish(it, process)
        check(f"a failed step is not done on a full disk: {said}", process.returncode != 0 and "exit status 9" in said)
        check("nothing ran after it", it.log(it.nodes[0]) == ["first"])


def main():
    lab.in_private_mounts("only root can mount a small file system")
    with lab.Lab(sys.argv[1], 1) as it:
        (it.dir / "payload").write_bytes(os.urandom(100_000))
        before_the_lease(it)
        cases = 1
        for speak in ("", "seq 1 50000"):
            # from no room for anything to room for the payload: each write is once the one that fails
            for pages in (0, 1, 2, 3, 4, 5, 6, 8, 12, 20, 24, 25, 26, 27, 28, 32, 40):
                while_a_step_runs(it, pages * 4096, speak)
                cases += 1
        a_failure_stays_one(it)
    print(f"full disks: {cases + 1} cases")


if __name__ == "__main__":
    sys.exit(main())
