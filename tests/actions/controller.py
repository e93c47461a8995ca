# SPDX-License-Identifier: Apache-2.0
"""Plays campaigns against one node and tells what came of them, so that a test of an action is
little more than its steps and what they must have done."""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import textwrap

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from lab import node as lab  # noqa: E402

SOURCE = pathlib.Path(__file__).resolve().parents[2]


class Result:
    """What a command of escalator said, and the journal of its run."""

    def __init__(self, done, journal):
        self.status = done.returncode
        self.text = done.stdout + done.stderr
        self.journal = journal

    def ended(self, step, phase="perform"):
        """The last end of a step's phase: outcome, exit_status, stage, record, message."""
        for record in reversed(self.journal):
            data = record["data"]
            if record["event"] == "step_ended" and data["phase"] == phase and data["step"].split(":")[1] == step:
                return data
        raise AssertionError(f"{step} has no {phase}: {self.text}\n{self.steps()}")

    def steps(self):
        return [(r["data"]["step"], r["data"]["phase"], r["data"]["outcome"])
                for r in self.journal if r["event"] == "step_ended"]

    def record(self, step):
        return self.ended(step).get("record", "")

    def message(self, step, phase="perform"):
        return self.ended(step, phase).get("message", "")


class Controller:
    """One escalator with a state directory of its own, and one node."""

    def __init__(self, escalator, init="systemd", prepare=None):
        self.escalator = pathlib.Path(escalator).resolve()
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="escalator-actions-"))
        self.node = lab.Node(self.dir, init=init)
        if prepare:
            prepare(self.node)
        self.campaigns = 0
        self.plugins = SOURCE / "plugins"

    def __enter__(self):
        self.node.start()
        (self.dir / "known_hosts").write_text(self.node.known_host())
        (self.dir / "ssh_config").write_text(
            f"Host *\n  User root\n  IdentityFile {self.dir}/key\n  UserKnownHostsFile {self.dir}/known_hosts\n"
            "  GlobalKnownHostsFile /dev/null\n")
        (self.dir / "inventory.yaml").write_text(
            f"nodes:\n  node01: {{ address: 127.0.0.1, port: {self.node.port}, labels: {{ role: web }} }}\n")
        return self

    def __exit__(self, *ignored):
        self.node.stop()

    def _call(self, *args):
        env = dict(os.environ, ESCALATOR_STATE=str(self.dir / "state"), HOME=str(self.dir))
        return subprocess.run([self.escalator, *map(str, args)], env=env, capture_output=True, text=True,
                              errors="replace", timeout=600, stdin=subprocess.DEVNULL)

    def _result(self, done):
        state = self.dir / "state"
        runs = sorted(state.iterdir(), key=lambda it: it.stat().st_mtime_ns) if state.exists() else []
        runs = [it for it in runs if (it / "journal.jsonl").exists()]
        if not runs:
            return Result(done, [])
        newest = max(runs, key=lambda it: (it / "journal.jsonl").stat().st_mtime_ns)
        self.run_id = newest.name
        lines = (newest / "journal.jsonl").read_text().splitlines()
        return Result(done, [json.loads(line) for line in lines])

    def campaign(self, steps, on_failure="suspend", extra=""):
        """Writes a campaign of `steps` (YAML text of a list) for the node."""
        self.campaigns += 1
        path = self.dir / f"campaign{self.campaigns}.yaml"
        path.write_text(
            f"escalator: 1\ncampaign: c{self.campaigns}\n{extra}procedures:\n  - name: p\n    on: role=web\n"
            f"    on_failure: {{ retry: 0, then: {on_failure} }}\n    steps:\n"
            + textwrap.indent(textwrap.dedent(steps).strip("\n"), "      ") + "\n")
        return path

    def play(self, steps, *flags, ok=True, **more):
        """Runs the steps. With ok=True it must succeed, with False it must not."""
        path = self.campaign(steps, **more)
        plan = path.with_suffix(".json")
        done = self._call("plan", path, "-i", self.dir / "inventory.yaml", "-o", plan)
        if done.returncode != 0:
            raise AssertionError(f"no plan: {done.stdout}{done.stderr}")
        # a run that stopped keeps the node until someone decides; the next claim does not wait for that
        result = self._result(self._call("run", plan, "--yes", "--steal-lease", "--ssh-config", self.dir / "ssh_config",
                                         "--plugins", self.plugins, *flags))
        if ok is not None and (result.status == 0) != ok:
            raise AssertionError(f"run: status {result.status}\n{result.text}\n{steps}\n{result.steps()}")
        return result

    def roll_back(self, ok=True):
        """Undoes the last run."""
        result = self._result(self._call("rollback", self.run_id, "--yes", "--ssh-config", self.dir / "ssh_config",
                                         "--plugins", self.plugins))
        if ok is not None and (result.status == 0) != ok:
            raise AssertionError(f"rollback: status {result.status}\n{result.text}\n{result.steps()}")
        return result


def check(condition, what):
    if not condition:
        raise AssertionError(what)


def same(found, expected, what="value"):
    if found != expected:
        place = len(os.path.commonprefix([repr(found), repr(expected)]))
        near = slice(max(0, place - 200), place + 200)
        raise AssertionError(f"{what}: {repr(found)[near]} instead of {repr(expected)[near]}")


def contains(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


def claims(*functions):
    """Runs the claims of a test one after the other and names each."""
    def run(it):
        only = os.environ.get("CLAIM", "")
        for function in functions:
            if only in function.__name__:
                function(it)
                print("ok:", function.__name__.replace("_", " "), flush=True)
    return run
