#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a run leaves on its nodes: the kept files that its rollback needs, and after that nothing.
Real sshd.

    leftovers.py ESCALATOR
"""

import sys

import faults
import lab
from lab import check

CAMPAIGN = """escalator: 1
campaign: leftovers
procedures:
  - name: upgrade
    on: role=web
    parallel: true
    steps:
      - name: speak
        command: seq 1 30000
        undo: "true"
        expect: 5s
      - name: settings
        file: { dest: "${node.label.root}/settings", content: "new" }
        expect: 5s
      - name: last
        command: LAST
        undo: "true"
        on_failure: { retry: 1 }
        expect: 5s
    verify:
      - name: see
        command: grep -q new ${node.label.root}/settings
        expect: 5s
"""


def left(it, node):
    top = it.dir / node / "supervisor"
    return sorted(str(path.relative_to(top)) for path in top.rglob("*") if not path.is_dir())


def clean(it, when, expected):
    for node in it.nodes:
        check(f"{when}, {node} has {expected}: {left(it, node)}", left(it, node) == expected)
        faults.eventually(f"{when}, nothing runs on {node}", lambda n=node: not faults.commands(it, n))


def main():
    with lab.Lab(sys.argv[1], 2) as it:
        def begin(last):
            it.fresh()
            for node in it.nodes:
                (it.root(node) / "settings").write_text("old")
            it.plan(CAMPAIGN.replace("LAST", last))
            return it.try_call("run", it.dir / "plan.json", "--yes", *it.ssh())

        done = begin("echo fine")
        check(f"the run is well: {done.stderr}", done.returncode == 0)
        kept = [f"keep/{it.run_id()}/upgrade.settings.{name}" for name in ("noted", "old")]
        clean(it, "after the run", kept)
        it.call("test", it.run_id(), *it.ssh())
        clean(it, "after a test", kept)
        it.call("rollback", it.run_id(), "--yes", *it.ssh())
        clean(it, "after the rollback", [])
        check("the old settings are back", (it.root(it.nodes[0]) / "settings").read_text() == "old")

        failed = begin("exit 3")
        check(f"the run failed: {failed.returncode}", failed.returncode not in (0, 1))
        it.call("rollback", it.run_id(), "--yes", *it.ssh())
        clean(it, "after a failure and its rollback", [])

        # refused before it began
        it.fresh()
        it.node("stop", it.nodes[1])
        refused = it.try_call("run", it.dir / "plan.json", "--yes", *it.ssh("--connect-timeout", "2s"))
        check(f"a node that is away is noticed: {refused.stderr}", refused.returncode == 1)
        it.node("start", it.nodes[1])
        clean(it, "after a run that could not begin", [])
    print("nothing is left that is not needed")


if __name__ == "__main__":
    sys.exit(main())
