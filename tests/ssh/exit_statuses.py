#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each exit status of the manual, brought about on real nodes: what is left behind is what the
status says.

    exit_statuses.py ESCALATOR
"""

import sys

import lab
from lab import check

GATE = "while [ ! -e ${node.label.root}/go ]; do sleep 0.05; done"


def campaign(second, on_failure="suspend", undo="echo undone >> ${node.label.root}/log", more=""):
    return f"""escalator: 1
campaign: statuses
procedures:
  - name: upgrade
    on: role=web
    rolling: {{ batch: 1 }}
    on_failure: {{ then: {on_failure} }}
    steps:
      - name: first
        command: echo first >> ${{node.label.root}}/log
        undo: {undo}
        expect: 5s
      - name: second
        command: {second}
        undo: "true"
        expect: 5s{more}
"""


def run(it, text, expect, *flags):
    it.fresh()
    it.plan(text)
    return it.call("run", it.dir / "plan.json", "--yes", *it.ssh(*flags), expect=expect)


def done(it):
    run(it, campaign("echo second >> ${node.label.root}/log"), 0)
    check("both steps ran on both nodes", all(it.log(node) == ["first", "second"] for node in it.nodes))
    said = it.call("run", "--resume", it.run_id(), "--yes", *it.ssh(), expect=1)
    check("an ended run is not resumed, and why is said", "has ended" in said.stderr)


def refused(it):
    it.fresh()
    it.plan(campaign("true"))
    it.node("stop", it.nodes[1])
    said = it.call("run", it.dir / "plan.json", "--yes", *it.ssh("--connect-timeout", "5s"), expect=1)
    it.node("start", it.nodes[1])
    check("the node that does not answer is named", it.nodes[1] in said.stderr)
    check("nothing was started", not it.runs() and not any(it.log(node) for node in it.nodes))
    it.call("run", it.dir / "plan.json", "--yes", *it.ssh())


def bad_usage(it):
    it.fresh()
    it.plan(campaign("true"))
    said = it.call("run", it.dir / "plan.json", *it.ssh(), expect=2)
    check("without a terminal it wants --yes", "--yes" in said.stderr and not it.runs())
    it.call("run", "--nonsense", expect=2)
    (it.dir / "broken.yaml").write_text("escalator: 1\ncampaign: x\nprocedures: 7\n")
    it.call("plan", it.dir / "broken.yaml", "-i", it.dir / "inventory.yaml", expect=2)
    it.call("validate", it.dir / "broken.yaml", expect=2)


def stale(it):
    it.fresh()
    it.plan(campaign("true"))
    with (it.dir / "inventory.yaml").open("a") as inventory:
        inventory.write("# changed\n")
    said = it.call("run", it.dir / "plan.json", "--yes", *it.ssh(), expect=1)
    check("the file that changed is named", "inventory.yaml" in said.stderr and not it.runs())


def rolled_back(it):
    run(it, campaign("exit 7", on_failure="undo-all"), 3)
    check("what the first node did is undone", it.log(it.nodes[0]) == ["first", "undone"])
    check("the second node was never touched", it.log(it.nodes[1]) == [])


def left_changed(it):
    said = run(it, campaign("echo broken >&2; exit 7"), 4)
    check("the reason is shown", "exit status 7: broken" in said.stdout)
    check("the way on is shown", f"escalator run --resume {it.run_id()}" in said.stdout)
    check("it stands where it failed", it.log(it.nodes[0]) == ["first"])
    it.call("rollback", it.run_id(), "--yes", *it.ssh(), expect=0)
    check("a rollback ends it well", it.log(it.nodes[0]) == ["first", "undone"])


def undo_failed(it):
    run(it, campaign("exit 7", on_failure="undo-all", undo="test -e ${node.label.root}/way-back"), 4)
    standing = it.status()
    check("a failed undo is told", standing["suspended"]["why"] == "undo_failed")
    (it.root(it.nodes[0]) / "way-back").touch()
    it.call("run", "--resume", it.run_id(), "--yes", *it.ssh(), expect=3)
    check("it is rolled back now", it.status()["state"] == "rolled_back")


def busy(it):
    it.fresh()
    it.plan(campaign(GATE))
    first = it.start("run", it.dir / "plan.json", "--yes", *it.ssh())
    it.await_event("step_started", "upgrade:second:" + it.nodes[0])
    said = it.call("run", "--resume", it.run_id(), "--yes", *it.ssh(), expect=5)
    check("the process that holds the journal is named", str(first.pid) in said.stderr)
    elsewhere = ("--state", it.dir / "elsewhere")
    said = it.call(*elsewhere, "run", it.dir / "plan.json", "--yes", *it.ssh(), expect=5)
    check("the run that holds the nodes is named", it.run_id() in said.stderr)
    for node in it.nodes:
        (it.root(node) / "go").touch()
    check("the first run was not disturbed", first.wait(timeout=60) == 0)


def unauthorised(it):
    it.fresh()
    it.plan(campaign("true"))
    config = it.dir / "ssh_config"
    text = config.read_text()
    lab.subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", it.dir / "stranger"], check=True)
    config.write_text(text.replace(str(it.dir / "key"), str(it.dir / "stranger")) + "  IdentitiesOnly yes\n")
    said = it.call("run", it.dir / "plan.json", "--yes", *it.ssh(), expect=6, env={"SSH_AUTH_SOCK": ""})
    config.write_text(text)
    check("the key that was refused is named", "stranger" in said.stderr and not it.runs())


def suspended_on_request(it):
    run(it, campaign("true"), 0, "--until", "upgrade:2")
    check("it stands before the second wave", it.log(it.nodes[1]) == [])
    check("and says so", it.status()["suspended"]["why"] == "until")
    it.call("run", "--resume", it.run_id(), "--yes", *it.ssh(), expect=0)


CASES = [done, refused, bad_usage, rolled_back, left_changed, undo_failed, busy, unauthorised,
         suspended_on_request, stale]


def main():
    lab.need_sshd()
    with lab.Lab(sys.argv[1], 2) as it:
        for case in CASES:
            case(it)
            print(f"{case.__name__}: as the manual says", flush=True)


if __name__ == "__main__":
    sys.exit(main())
