#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is stopped from outside leaves nothing behind: status --watch, test, a run before its start.

    interrupts.py ESCALATOR
"""

import signal
import subprocess
import sys
import time

from program import SOURCE, run_cases

sys.path.insert(0, str(SOURCE / "tests/ssh"))
import lab  # pylint: disable=wrong-import-position

CAMPAIGN = """escalator: 1
campaign: stopping
procedures:
  - name: web
    on: role=web
    steps:
      - name: wait
        command: "until [ -e ${node.label.root}/go ]; do sleep 0.1; done"
        undo: "true"
        expect: 5s
        timeout: 10m
    verify:
      - name: look
        command: "echo looking >> ${node.label.root}/log; until [ -e ${node.label.root}/seen ]; do sleep 0.1; done"
        timeout: 10m
"""


def until(what, condition):
    end = time.monotonic() + 120
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"in vain: {what}")
        time.sleep(0.05)


def main():
    lab.need_sshd()
    with lab.Lab(sys.argv[1], 2) as it:
        it.plan(CAMPAIGN)
        plan = it.dir / "plan.json"
        ssh = it.ssh("--connect-timeout", "60s")
        leases = [it.dir / node / "supervisor" / "lease" for node in it.nodes]

        def nothing_is_left():
            held = [lease for lease in leases if lease.exists()]
            assert not held, f"still leased: {held}"
            left = [path.name for path in it.state.iterdir() if path.name.startswith("test-")]
            assert not left, left

        def test_killed_gives_its_nodes_back_next_time():
            process = it.start("test", plan, *ssh)
            until("both nodes look", lambda: all(it.log(node) == ["looking"] for node in it.nodes))
            process.kill()
            process.communicate()
            assert all(lease.exists() for lease in leases), "the test is not what leases nodes"
            for node in it.nodes:
                (it.root(node) / "seen").touch()
            it.call("test", plan, *ssh)
            nothing_is_left()
            it.fresh()

        def test_stopped_waits_for_what_is_under_way():
            process = it.start("test", plan, *ssh)
            until("both nodes look", lambda: all(it.log(node) == ["looking"] for node in it.nodes))
            process.send_signal(signal.SIGINT)
            for node in it.nodes:
                (it.root(node) / "seen").touch()
            _, told = process.communicate(timeout=120)
            assert process.returncode == 130, (process.returncode, told)
            nothing_is_left()
            it.fresh()

        def watch_leaves_at_once():
            process = it.start("run", plan, "--yes", *ssh)
            until("a step is under way", lambda: it.state.exists() and list(it.state.iterdir()) and any(
                record["event"] == "step_started" for record in it.journal()))
            watch = subprocess.Popen([it.escalator, "status", "--watch", "--json"], env=it.env, text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            assert watch.stdout.readline() == "{\n", "no status"
            began = time.monotonic()
            watch.send_signal(signal.SIGINT)
            _, told = watch.communicate(timeout=60)
            assert watch.returncode == 0 and not told, (watch.returncode, told)
            assert time.monotonic() - began < 30, "it took long to leave"
            # without a signal it leaves when the run has ended
            watch = subprocess.Popen([it.escalator, "status", "--watch", "--output=jsonl"], env=it.env, text=True,
                                     stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            watch.stdout.readline()
            for node in it.nodes:
                (it.root(node) / "go").touch()
                (it.root(node) / "seen").touch()
            process.communicate(timeout=120)
            assert process.returncode == 0, process.returncode
            shown, _ = watch.communicate(timeout=60)
            assert watch.returncode == 0 and '"state":"done"' in shown.splitlines()[-1], shown[-300:]
            nothing_is_left()
            it.fresh()

        def a_run_killed_before_its_first_record_is_cleared_away():
            # an empty journal, a plan and leases are all that such a run leaves
            dead = "20200101-000000-dead"
            directory = it.state / dead
            directory.mkdir(parents=True)
            (directory / "plan.json").write_bytes(plan.read_bytes())
            (directory / "journal.jsonl").touch()
            for lease in leases:
                lease.parent.mkdir(exist_ok=True)
                lease.write_text(f"{dead} controller 2020-01-01T00:00:00.000Z\n")
            for node in it.nodes:
                (it.root(node) / "go").touch()
                (it.root(node) / "seen").touch()
            it.call("run", plan, "--yes", *ssh)
            assert not directory.exists(), "the dead run is still there"
            nothing_is_left()

        return run_cases([test_killed_gives_its_nodes_back_next_time, test_stopped_waits_for_what_is_under_way,
                          watch_leaves_at_once, a_run_killed_before_its_first_record_is_cleared_away])


if __name__ == "__main__":
    sys.exit(main())
