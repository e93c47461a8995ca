#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The journal's disk fails (full, EIO; while writing, while syncing) at each of its operations in
turn: the run stops with a clear error, nothing was acted on that is not recorded, and once the disk
is well again a resume ends it with every command run exactly once. Real sshd, 4 nodes.

    journal_faults.py ESCALATOR PRELOAD
"""

import errno
import sys

import lab
import sweep

FAULTS = [("full, nothing written", errno.ENOSPC, 0), ("full, half a record written", errno.ENOSPC, 97),
          ("input/output error", errno.EIO, 0)]


def started(it):
    """What the journal says was started: step names by node."""
    out = {}
    for record in it.journal():
        if record["event"] == "step_started":
            _, step, node = record["data"]["step"].split(":")
            out.setdefault(node, []).append(step)
    return out


def play(it, preload, first, what, number, keeps):
    """One run whose journal fails from operation `first` on; False when the run ended before it."""
    case = f"operation {first}: {what}"
    it.fresh()
    done = it.try_call("run", it.dir / "plan.json", "--yes", *it.ssh(),
                       env={"LD_PRELOAD": preload, "FAIL_AT": str(first), "FAIL_ERRNO": str(number),
                            "FAIL_KEEPS": str(keeps)})
    if done.returncode == 0:
        return False
    if done.returncode != 1 or "journal" not in done.stderr or "--resume" not in done.stderr:
        raise AssertionError(f"{case}: status {done.returncode}, and it says: {done.stderr}")
    recorded = started(it)
    for node in it.nodes:
        extra = [step for step in it.log(node) if step not in recorded.get(node, [])]
        if extra:
            raise AssertionError(f"{case}: {node} ran {extra}, which the journal does not have")
    sweep.resume(it)
    sweep.judge(it, case)
    return True


def main():
    lab.need_sshd()
    escalator, preload = sys.argv[1:3]
    count = 0
    with lab.Lab(escalator) as it:
        it.plan(sweep.CAMPAIGN)
        for what, number, keeps in FAULTS:
            first = 1
            while play(it, preload, first, what, number, keeps):
                count += 1
                first += 1
    print(f"{count} faults of the journal's disk, each stopped, resumed and ended well")


if __name__ == "__main__":
    sys.exit(main())
