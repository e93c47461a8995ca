#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Who holds a node: controllers that race, a controller that was killed, a lease that is taken away,
a node that was away when its run was taken up. Real sshd.

    leases.py ESCALATOR
"""

import shutil
import sys

import faults
import lab
from lab import check

CAMPAIGN = """escalator: 1
campaign: leases
procedures:
  - name: upgrade
    on: role=web
    rolling: { batch: 1 }
    steps:
      - name: long
        command: |
          cut -d' ' -f1 "$ESCALATOR_NODE_DIR/lease" >> ${node.label.root}/log
          while [ ! -e ${node.label.root}/go ]; do sleep 0.05; done
        undo: "true"
        expect: 5s
      - name: short
        command: echo short >> ${node.label.root}/log
        undo: "true"
        expect: 5s
"""


def go(it):
    for node in it.nodes:
        (it.root(node) / "go").touch()


def lease(it, node):
    path = it.dir / node / "supervisor/lease"
    return path.read_text().split()[0] if path.exists() else None


def begin(it):
    it.fresh()
    process = it.start("run", it.dir / "plan.json", "--yes", *it.ssh())
    faults.eventually("the first step runs", lambda: it.log(it.nodes[0]))
    return process, it.run_id()


def elsewhere(it, *flags):
    """Another controller, with a state of its own."""
    return it.try_call("run", it.dir / "plan.json", "--yes", *it.ssh(*flags),
                       env={"ESCALATOR_STATE": str(it.dir / "elsewhere")})


def race(it):
    it.fresh()
    go(it)
    racers = [it.start("run", it.dir / "plan.json", "--yes", *it.ssh(), env={"ESCALATOR_STATE": str(it.dir / f"state-{i}")})
              for i in range(4)]
    said = [racer.communicate()[1] for racer in racers]
    statuses = [racer.returncode for racer in racers]
    check(f"each won or was told that another holds the nodes: {statuses} {said}", set(statuses) <= {0, 5})
    for node in it.nodes:
        ran = it.log(node).count("short")
        check(f"{node} ran for the winners only: {ran} of {statuses}", ran == statuses.count(0))
        check(f"{node} is free again", lease(it, node) is None)
    for i in range(4):
        shutil.rmtree(it.dir / f"state-{i}", ignore_errors=True)


def stolen(it):
    process, run = begin(it)
    refused = elsewhere(it)
    check(f"a second run is kept away, and told by whom: {refused.stderr}",
          refused.returncode == 5 and run in refused.stderr and "--steal-lease" in refused.stderr)
    process.kill()
    process.communicate()
    # a killed controller's step goes on, and a reboot does not give the node back
    boot = it.dir / it.nodes[1] / "boot_id"
    boot.write_text("99999999-9999-9999-9999-999999999999\n")
    check("the lease survives controller and reboot", elsewhere(it).returncode == 5 and lease(it, it.nodes[1]) == run)
    busy = elsewhere(it, "--steal-lease")
    check(f"no node is taken from under a running step: {busy.stderr}",
          busy.returncode != 0 and "still runs" in busy.stderr and lease(it, it.nodes[0]) == run)
    go(it)
    faults.eventually("the step has ended", lambda: not faults.commands(it, it.nodes[0]))
    taken = elsewhere(it, "--steal-lease")
    check(f"then the nodes can be taken: {taken.stderr}", taken.returncode == 0)
    check("the other run has given them back", all(lease(it, node) is None for node in it.nodes))
    it.call("run", "--resume", run, "--yes", *it.ssh())
    check("the first run goes on where it was", it.log(it.nodes[0]).count(run) == 1)
    shutil.rmtree(it.dir / "elsewhere", ignore_errors=True)


def away(it):
    process, run = begin(it)
    process.kill()
    process.communicate()
    last = it.nodes[-1]
    it.node("stop", last)
    (it.dir / last / "supervisor/lease").unlink()
    process = it.start("run", "--resume", run, "--yes", *it.ssh("--connect-timeout", "2s"))
    heard = process.stderr.readline
    while last not in (line := heard()):
        check("the node's absence is told", line)
    it.node("start", last)
    go(it)
    said = process.communicate(timeout=120)[1]
    check(f"the run ends: {said}", process.returncode == 0)
    check(f"{last} was leased before its first step: {it.log(last)}", it.log(last) == [run, "short"])
    check(f"{last} is free again", lease(it, last) is None)


def main():
    with lab.Lab(sys.argv[1], 2) as it:
        it.plan(CAMPAIGN)
        for play in (race, stolen, away):
            play(it)
            print(f"{play.__name__}: well", flush=True)


if __name__ == "__main__":
    sys.exit(main())
