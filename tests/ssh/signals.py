#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and its kin at every stage of a run: the first lets running steps finish, the second leaves
them, nothing is lost, and a resume goes on where it stood. Real sshd.

    signals.py ESCALATOR
"""

import os
import signal
import socket
import sys

import lab
from lab import check

CAMPAIGN = """escalator: 1
campaign: signals
procedures:
  - name: upgrade
    on: role=web
    rolling: { batch: 1 }
    steps:
      - name: long
        command: |
          echo begun >> ${node.label.root}/log
          while [ ! -e ${node.label.root}/go ]; do sleep 0.05; done
          echo ended >> ${node.label.root}/log
        undo: |
          while [ ! -e ${node.label.root}/back ]; do sleep 0.05; done
          echo undone >> ${node.label.root}/log
        expect: 5s
      - name: short
        command: echo short >> ${node.label.root}/log
        undo: "true"
        expect: 5s
"""
WHOLE = ["begun", "ended", "short"]


def go(it, name="go"):
    for node in it.nodes:
        (it.root(node) / name).touch()


def begin(it):
    """A run whose first node is in the middle of its long step."""
    it.fresh()
    it.plan(CAMPAIGN)
    process = it.start("run", it.dir / "plan.json", "--yes", *it.ssh())
    it.await_log(it.nodes[0], ["begun"])
    return process


def finish(it, *flags):
    it.call("run", "--resume", it.run_id(), "--yes", *it.ssh(*flags))
    check("each command ran once", all(it.log(node) == WHOLE for node in it.nodes))


def once(it, number, status):
    process = begin(it)
    os.kill(process.pid, number)
    it.await_event("suspend_requested")
    check("it waits for the step under way", process.poll() is None)
    (it.root(it.nodes[0]) / "go").touch()
    check(f"signal {number} ends it with {status}", process.wait(timeout=60) == status)
    check("the step was finished and the next not begun", it.log(it.nodes[0]) == WHOLE[:2])
    check("it stands because it was asked to", it.status()["suspended"]["why"] == "operator_asked")
    go(it)
    finish(it)


def interrupted(it):
    once(it, signal.SIGINT, 130)


def terminated(it):
    once(it, signal.SIGTERM, 143)


def twice(it):
    process = begin(it)
    os.kill(process.pid, signal.SIGINT)
    it.await_event("suspend_requested")
    os.kill(process.pid, signal.SIGINT)
    check("the second one leaves at once", process.wait(timeout=60) == 130)
    check("the step goes on on its node", it.log(it.nodes[0]) == WHOLE[:1])
    check("the journal says that it was left", it.journal()[-1]["data"]["abandon"])
    go(it)
    finish(it)
    ends = [record["data"] for record in it.journal() if record["event"] == "step_ended"]
    check("the step was found again, not begun again", ends[0].get("reattached") is True)


def while_reaching(it):
    it.fresh()
    it.plan(CAMPAIGN)
    # a node that takes connections and never says a word
    port = int((it.dir / it.nodes[1] / "port").read_text())
    it.node("stop", it.nodes[1])
    with socket.create_server(("127.0.0.1", port)) as silent:
        process = it.start("run", it.dir / "plan.json", "--yes", *it.ssh("--connect-timeout", "10m"))
        silent.accept()
        os.kill(process.pid, signal.SIGINT)
        check("it does not wait for the silent node", process.wait(timeout=60) == 130)
    it.node("start", it.nodes[1])
    check("no run is left behind", not it.runs())
    go(it)
    it.call("run", it.dir / "plan.json", "--yes", *it.ssh())


def during_rollback(it):
    it.fresh()
    it.plan(CAMPAIGN)
    go(it)
    it.call("run", it.dir / "plan.json", "--yes", *it.ssh())
    process = it.start("rollback", it.run_id(), "--yes", *it.ssh())
    it.await_event("step_started", "upgrade:long:" + it.nodes[1], phase="undo")
    os.kill(process.pid, signal.SIGINT)
    it.await_event("suspend_requested")
    go(it, "back")
    check("the rollback stands at a safe point", process.wait(timeout=60) == 130)
    check("the first node is not undone yet", it.log(it.nodes[0]) == WHOLE)
    it.call("rollback", it.run_id(), "--yes", *it.ssh())
    check("each undo ran once", all(it.log(node) == WHOLE + ["undone"] for node in it.nodes))


def terminal_gone(it):
    it.fresh()
    it.plan(CAMPAIGN)
    process = it.start("run", it.dir / "plan.json", "--yes", *it.ssh())
    process.stderr.close()
    go(it)
    check("a run whose narration nobody reads ends as it should", process.wait(timeout=60) == 0)
    check("each command ran once", all(it.log(node) == WHOLE for node in it.nodes))


CASES = [interrupted, terminated, twice, while_reaching, during_rollback, terminal_gone]


def main():
    lab.need_sshd()
    with lab.Lab(sys.argv[1], 2) as it:
        for case in CASES:
            case(it)
            print(f"{case.__name__}: as it should be", flush=True)


if __name__ == "__main__":
    sys.exit(main())
