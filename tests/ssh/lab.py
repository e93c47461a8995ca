# SPDX-License-Identifier: Apache-2.0
"""What the tests over a real sshd share: private nodes, campaigns, the built program."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SKIP = 77


class Lab:
    """Nodes of one worker, with a state directory of their own."""

    def __init__(self, escalator, count=4):
        self.escalator = escalator
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="escalator-ssh-"))
        self.script = SOURCE / "examples/quickstart/nodes"
        up = subprocess.run([self.script, "up", str(count), self.dir], capture_output=True, text=True)
        if up.returncode == SKIP:
            print("skipped:", up.stderr.strip())
            sys.exit(SKIP)
        if up.returncode != 0:
            raise RuntimeError(up.stderr)
        self.nodes = [f"node{i:02d}" for i in range(1, count + 1)]
        self.state = self.dir / "state"
        self.env = dict(os.environ, ESCALATOR_STATE=str(self.state))

    def close(self):
        subprocess.run([self.script, "down", self.dir], check=False)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()

    def root(self, node):
        return self.dir / node / "root"

    def log(self, node):
        path = self.root(node) / "log"
        return path.read_text().split("\n")[:-1] if path.exists() else []

    def fresh(self):
        """Forgets what the last run left on the nodes."""
        for node in self.nodes:
            for path in self.root(node).iterdir():
                path.unlink()
        shutil.rmtree(self.state, ignore_errors=True)

    def steal_nothing(self):
        for node in self.nodes:
            shutil.rmtree(self.dir / node / "supervisor", ignore_errors=True)

    def plan(self, campaign):
        (self.dir / "campaign.yaml").write_text(campaign)
        self.call("plan", self.dir / "campaign.yaml", "-i", self.dir / "inventory.yaml", "-o", self.dir / "plan.json")
        return self.dir / "plan.json"

    def call(self, *args, expect=0, **more):
        done = self.try_call(*args, **more)
        if done.returncode != expect:
            raise AssertionError(f"{args}: status {done.returncode}, not {expect}\n{done.stdout}\n{done.stderr}")
        return done

    def try_call(self, *args, env=None, timeout=120):
        return subprocess.run([self.escalator, *map(str, args)], env=dict(self.env, **(env or {})),
                              capture_output=True, text=True, timeout=timeout)

    def start(self, *args, env=None):
        return subprocess.Popen([self.escalator, *map(str, args)], env=dict(self.env, **(env or {})),
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def ssh(self, *more):
        return ("--ssh-config", self.dir / "ssh_config", *more)

    def run_id(self):
        return sorted(path.name for path in self.state.iterdir())[-1]

    def journal(self, run=None):
        path = self.state / (run or self.run_id()) / "journal.jsonl"
        return [json.loads(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []
