#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The ways back: everything, a procedure, a wave, a node, past a step without return; each in the
reverse order, each command once, and the run can go forward again. Real sshd, 4 nodes.

    rollback.py ESCALATOR
"""

import sys

import lab
from lab import check
import sweep

UNDO = ["undo-" + name for name in reversed(sweep.STEPS)]


def logs(it, expected):
    for node in it.nodes:
        lab_log = it.log(node)
        check(f"{node} ran {expected(node)}, it ran {lab_log}", lab_log == expected(node))


def undone_order(it):
    """Steps in the order in which their undo began, as the journal has it."""
    return [record["data"]["step"] for record in it.journal()
            if record["event"] == "step_started" and record["data"]["phase"] == "undo"]


def run(it):
    it.fresh()
    it.plan(sweep.CAMPAIGN)
    it.call("run", it.dir / "plan.json", "--yes", *it.ssh())


def back(it, *flags, expect=0):
    return it.call("rollback", it.run_id(), "--yes", *it.ssh(), *flags, expect=expect)


def everything(it):
    run(it)
    back(it)
    sweep.judge(it, "rolled back", sweep.THERE_AND_BACK)
    order = undone_order(it)
    waves = [step.split(":")[2] for step in order if step.startswith("upgrade:configure")]
    check("the wave that came last goes back first", set(waves[:2]) == set(it.nodes[2:]))
    check("the procedure that came last goes back first",
          all(step.startswith("restart:") for step in order[:8]))
    back(it)
    sweep.judge(it, "rolled back twice", sweep.THERE_AND_BACK)


def a_node(it):
    run(it)
    back(it, "--node", it.nodes[1])
    logs(it, lambda node: sweep.THERE_AND_BACK if node == it.nodes[1] else sweep.STEPS)
    it.call("run", "--resume", it.run_id(), "--yes", *it.ssh())
    logs(it, lambda node: sweep.THERE_AND_BACK + sweep.STEPS if node == it.nodes[1] else sweep.STEPS)


def a_wave(it):
    run(it)
    back(it, "--procedure", "restart")
    back(it, "--wave", "upgrade:2")
    logs(it, lambda node: sweep.STEPS + (UNDO if node in it.nodes[2:] else UNDO[:2]))
    back(it)
    sweep.judge(it, "the rest rolled back", sweep.THERE_AND_BACK)


def a_procedure(it):
    run(it)
    back(it, "--procedure", "restart")
    logs(it, lambda node: sweep.STEPS + UNDO[:2])
    it.call("run", "--resume", it.run_id(), "--yes", *it.ssh())
    logs(it, lambda node: sweep.STEPS + UNDO[:2] + sweep.STEPS[3:])


def unknown_places(it):
    run(it)
    for flags in (("--node", "node99"), ("--wave", "upgrade:9"), ("--wave", "upgrade"), ("--procedure", "x")):
        said = back(it, *flags, expect=2)
        check(f"{flags} is named", flags[1] in said.stderr)
    logs(it, lambda node: sweep.STEPS)


NO_RETURN = """escalator: 1
campaign: contract
procedures:
  - name: database
    on: role=web
    parallel: true
    steps:
      - name: expand
        command: echo expand >> ${node.label.root}/log
        undo: echo undo-expand >> ${node.label.root}/log
        expect: 5s
      - name: contract
        command: echo contract >> ${node.label.root}/log
        no_return: true
        expect: 5s
      - name: start
        command: echo start >> ${node.label.root}/log
        undo: echo undo-start >> ${node.label.root}/log
        expect: 5s
"""


def past_no_return(it):
    it.fresh()
    it.plan(NO_RETURN)
    it.call("run", it.dir / "plan.json", "--yes", *it.ssh())
    back(it, expect=4)
    logs(it, lambda node: ["expand", "contract", "start", "undo-start"])
    check("why it stands is told", it.status()["suspended"]["why"] == "no_return")
    back(it, "--past-no-return", expect=4)
    logs(it, lambda node: ["expand", "contract", "start", "undo-start", "undo-expand"])
    check("and that something is left", it.status()["state"] == "partly_rolled_back")


CASES = [everything, a_node, a_wave, a_procedure, unknown_places, past_no_return]


def main():
    lab.need_sshd()
    with lab.Lab(sys.argv[1]) as it:
        for case in CASES:
            case(it)
            print(f"{case.__name__}: as it should be", flush=True)


if __name__ == "__main__":
    sys.exit(main())
