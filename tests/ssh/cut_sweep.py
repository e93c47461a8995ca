#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Cuts the way to the nodes, and freezes, kills and reboots them, while steps run: every step is
attended again or handled by the documented rule, none runs twice by its node's own log, nothing
hangs. Each node of a run suffers another fault. Real sshd.

    cut_sweep.py ESCALATOR [--full] [--seed S]
"""

import argparse
import random
import signal
import subprocess
import sys
import time

import faults
import lab

NODES = 8
STEPS = ["first", "long-begun", "long-ended", "last"]
FLAGS = ("--keepalive", "2s", "--connect-timeout", "20s", "--reconnect", "90s")
CAMPAIGN = """escalator: 1
campaign: cuts
procedures:
  - name: upgrade
    on: role=web
    parallel: true
    steps:
      - name: first
        command: |
          echo first >> ${node.label.root}/log
          while [ ! -e ${node.label.root}/go1 ]; do sleep 0.05; done
        undo: "true"
        expect: 5s
      - name: long
        command: |
          echo long-begun >> ${node.label.root}/log
          sleep 1.2
          while [ ! -e ${node.label.root}/go2 ]; do sleep 0.05; done
          echo long-ended >> ${node.label.root}/log
        undo: "true"
        expect: 5s
      - name: last
        command: echo last >> ${node.label.root}/log
        undo: "true"
        expect: 5s
"""


class Fault:
    """Does nothing, as the rest of the class says; the others are made of it."""

    def early(self, it, node, proxy):
        """While the first step runs; all that follows is still to be said."""

    def during(self, it, node, proxy):
        """While the long step runs."""

    def after(self, it, node, proxy):
        """When the run has ended."""


class Bytes(Fault):
    """The connection is cut after so many bytes one way; then perhaps the next one, too."""

    def __init__(self, *budgets):
        self.budgets = budgets

    def __repr__(self):
        return f"cut after {', then '.join(f'{count} bytes {way}' for way, count in self.budgets)}"

    def early(self, it, node, proxy):
        proxy.arm(*self.budgets)


class During(Fault):
    """Something happens in the long step, and the controller comes back."""

    def during(self, it, node, proxy):
        self.before = proxy.connections
        self.strike(it, node, proxy)

    def settle(self, it, node, proxy):
        faults.eventually(f"{node} is reached again after: {self}", lambda: proxy.connections > self.before)

    def __repr__(self):
        return self.name


class KillSession(During):
    name = "the sshd session is killed"

    def strike(self, it, node, proxy):
        faults.kill(faults.sshd_children(it, node))


class RestartSshd(During):
    name = "sshd and its sessions are killed, and sshd starts again"

    def strike(self, it, node, proxy):
        children = faults.sshd_children(it, node)
        it.node("stop", node)
        faults.kill(children)
        it.node("start", node)


class Freeze(During):
    name = "the sshd sessions are frozen"

    def victims(self, it, node):
        return faults.sshd_children(it, node)

    def strike(self, it, node, proxy):
        self.frozen = self.victims(it, node)
        faults.send(self.frozen, signal.SIGSTOP)

    def after(self, it, node, proxy):
        faults.send(self.frozen, signal.SIGCONT)
        faults.eventually(f"nothing is left on {node} after: {self}", lambda: not faults.commands(it, node))


class FreezeAll(Freeze):
    name = "the sshd sessions and the supervisors are frozen until the run has ended"

    def victims(self, it, node):
        # a supervisor leads its session; a step belongs to it, and goes on
        return faults.sshd_children(it, node) + [pid for pid in faults.commands(it, node) if leader(pid) == pid]


class Silence(During):
    name = "nothing passes any more, and nobody says so"

    def strike(self, it, node, proxy):
        proxy.silent = True


class FrozenNode(During):
    name = "the whole node is frozen for longer than the keepalive"

    def strike(self, it, node, proxy):
        self.frozen = [int((it.dir / node / "sshd.pid").read_text())]
        self.frozen += faults.sshd_children(it, node) + faults.commands(it, node)
        faults.send(self.frozen, signal.SIGSTOP)

    def settle(self, it, node, proxy):
        super().settle(it, node, proxy)
        faults.send(self.frozen, signal.SIGCONT)


def leader(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return int(file.read().rpartition(") ")[2].split()[3])
    except OSError:
        return 0


def open_gate(it, name):
    for node in it.nodes:
        (it.root(node) / name).touch()


def all_logs(it, last):
    return all(last in it.log(node) for node in it.nodes)


def play(it, proxies, suffered):
    """One run in which node number i suffers fault number i."""
    it.fresh()
    for proxy in proxies.values():
        proxy.cut()
        proxy.connections, proxy.left, proxy.budgets = 0, None, []
    each = list(zip(suffered, it.nodes, proxies.values()))
    process = it.start("run", it.dir / "plan.json", "--yes", *it.ssh(*FLAGS))
    try:
        faults.eventually("the first steps run", lambda: all_logs(it, "first") or process.poll() is not None)
        for fault, node, proxy in each:
            fault.early(it, node, proxy)
        open_gate(it, "go1")
        faults.eventually("the long steps run", lambda: all_logs(it, "long-begun") or process.poll() is not None, 120)
        for fault, node, proxy in each:
            fault.during(it, node, proxy)
        for fault, node, proxy in each:
            if isinstance(fault, During):
                fault.settle(it, node, proxy)
        open_gate(it, "go2")
        _, said = process.communicate(timeout=180)
    except (AssertionError, subprocess.TimeoutExpired):
        process.kill()
        print(process.communicate()[1])
        raise
    for fault, node, proxy in each:
        fault.after(it, node, proxy)
    for fault, node, proxy in each:
        if it.log(node) != STEPS:
            raise AssertionError(f"{fault}: {node} ran {it.log(node)}\n{said}")
        if (it.dir / node / "supervisor/lease").exists():
            raise AssertionError(f"{fault}: {node} is still leased\n{said}")
    if process.returncode != 0 or it.journal()[-1]["event"] != "run_ended":
        raise AssertionError(f"status {process.returncode} with {suffered}\n{said}")
    return len(each)


def spread(source, count, most):
    """So many numbers from 1 to `most`, one from each stretch of equal length."""
    return [source.randint(1 + most * i // count, most * (i + 1) // count) for i in range(count)]


def connection_faults(source, scale):
    out = [Bytes(("up", n)) for n in spread(source, 20 * scale, 14_000)]
    out += [Bytes(("down", n)) for n in spread(source, 14 * scale, 4_000)]
    # cut again on the way back: in the key exchange, at the program, at the request
    out += [Bytes(("up", source.randint(1, 900)), ("up", n)) for n in spread(source, 6 * scale, 14_000)]
    out += [Bytes(("down", source.randint(1, 400)), ("down", n), ("down", n // 2)) for n in spread(source, 4 * scale, 3_000)]
    return out


ASKING = """escalator: 1
campaign: reboots
procedures:
  - name: upgrade
    on: role=web
    parallel: true
    steps:
      - name: long
        command: |
          echo long-begun >> ${node.label.root}/log
          [ -e ${node.label.root}/booted ] || sleep 1000
          echo long-ended >> ${node.label.root}/log
        CHECK
        undo: "true"
        expect: 5s
      - name: last
        command: echo last >> ${node.label.root}/log
        undo: "true"
        expect: 5s
"""


def rebooted(it, proxies, check, answer, log):
    """A node dies in the middle of a step and comes back with another boot id."""
    it.fresh()
    for proxy in proxies.values():
        proxy.connections, proxy.left, proxy.budgets = 0, None, []
    it.plan(ASKING.replace("CHECK", check))
    process = it.start("run", it.dir / "plan.json", "--yes", *it.ssh(*FLAGS))
    faults.eventually("the long steps run", lambda: all_logs(it, "long-begun"))
    open_gate(it, "booted")
    for node in it.nodes:
        faults.reboot(it, node)
    _, said = process.communicate(timeout=180)
    if answer:
        if process.returncode == 0:
            raise AssertionError(f"a step whose fate nobody knows passed as done\n{said}")
        for node in it.nodes:
            if it.log(node) != ["long-begun"]:
                raise AssertionError(f"{node} went on by itself: {it.log(node)}\n{said}")
        answers = [word for node in it.nodes for word in ("--answer", f"upgrade:long:{node}={answer}")]
        it.call("run", "--resume", it.run_id(), "--yes", *answers, *it.ssh(*FLAGS))
    elif process.returncode != 0:
        raise AssertionError(f"status {process.returncode}\n{said}")
    for node in it.nodes:
        if it.log(node) != log:
            raise AssertionError(f"rebooted, {check or 'no check'}, {answer}: {node} ran {it.log(node)}, not {log}\n{said}")
    return len(it.nodes)


def one_session(it, proxies):
    """A server that lets only one session on a connection: a long step is watched over another."""
    for node in it.nodes:
        with open(it.dir / node / "sshd_config", "a") as file:
            file.write("MaxSessions 1\n")
        it.node("stop", node)
        it.node("start", node)
    it.plan(CAMPAIGN)

    class Watched(During):
        name = "MaxSessions 1"

        def strike(self, it, node, proxy):
            self.before = 1

    play(it, proxies, [Watched() for _ in it.nodes])
    for proxy in proxies.values():
        if proxy.connections < 2:
            raise AssertionError("MaxSessions 1: the long step was watched over the same connection")
    return len(it.nodes)


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("escalator")
    arguments.add_argument("--full", action="store_true")
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    source = random.Random(given.seed)
    scale = 4 if given.full else 1
    suffered = connection_faults(source, scale)
    for kind in (KillSession, RestartSshd, Freeze, FreezeAll, Silence, FrozenNode) * (2 * scale):
        suffered.append(kind())
    source.shuffle(suffered)
    while len(suffered) % NODES:
        suffered.append(Bytes(("up", source.randint(1, 14_000))))
    began = time.monotonic()
    cases = 0
    with lab.Lab(given.escalator, NODES) as it:
        proxies = faults.behind_proxies(it)
        it.plan(CAMPAIGN)
        for at in range(0, len(suffered), NODES):
            cases += play(it, proxies, suffered[at:at + NODES])
        # the documented rule: ask the check; without one, ask the operator
        twice = ["long-begun"] * 2 + ["long-ended", "last"]
        cases += rebooted(it, proxies, "check: grep -q long-ended ${node.label.root}/log", None, twice)
        cases += rebooted(it, proxies, "check: grep -q long-begun ${node.label.root}/log", None, ["long-begun", "last"])
        cases += rebooted(it, proxies, "", "done", ["long-begun", "last"])
        cases += rebooted(it, proxies, "", "redo", twice)
        cases += one_session(it, proxies)
        for proxy in proxies.values():
            proxy.close()
    print(f"cut, frozen, killed and rebooted: {cases} cases in {time.monotonic() - began:.0f} s (seed {given.seed})")


if __name__ == "__main__":
    sys.exit(main())
