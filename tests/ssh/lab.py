# SPDX-License-Identifier: Apache-2.0
"""What the tests over a real sshd share: private nodes, campaigns, the built program."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

SOURCE = pathlib.Path(__file__).resolve().parents[2]
SKIP = 77
os.umask(0o022)  # a node's files are for its other accounts, too, whoever runs the tests


def need_sshd():
    """Ends the test as skipped where no sshd is installed."""
    if not (shutil.which("sshd") or os.access("/usr/sbin/sshd", os.X_OK)):
        print("skipped: there is no sshd; apt-get install openssh-server")
        sys.exit(SKIP)


def in_private_mounts(why):
    """Goes on in a mount namespace of its own; ends the test as skipped, with `why`, for who is not root."""
    if os.geteuid() != 0:
        print(f"skipped: {why}")
        sys.exit(SKIP)
    if "ESCALATOR_TEST_MOUNTS" in os.environ:
        return
    os.environ["ESCALATOR_TEST_MOUNTS"] = "private"
    try:
        subprocess.run(["unshare", "-m", "true"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        print("skipped: there are no mount namespaces here")
        sys.exit(SKIP)
    os.execvp("unshare", ["unshare", "-m", "--propagation", "private", sys.executable, *sys.argv])


def check(claim, truth):
    """A claim about the program, in words."""
    if not truth:
        raise AssertionError(f"not so: {claim}")


class Lab:
    """Nodes of one worker, with a state directory of their own."""

    def __init__(self, escalator, count=4):
        self.escalator = escalator
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="escalator-ssh-"))
        self.script = SOURCE / "examples/quickstart/nodes"
        up = subprocess.run([self.script, "up", str(count), self.dir], capture_output=True, text=True)
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
        """Forgets what the last run left, on the nodes and here."""
        for node in self.nodes:
            for path in self.root(node).iterdir():
                path.unlink()
            shutil.rmtree(self.dir / node / "supervisor", ignore_errors=True)
        shutil.rmtree(self.state, ignore_errors=True)

    def node(self, verb, name):
        """Stops or starts the sshd of one node."""
        subprocess.run([self.script, verb, self.dir, name], check=True)

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

    def runs(self):
        """Ids of the runs there are, oldest first."""
        return sorted(path.name for path in self.state.iterdir()) if self.state.exists() else []

    def run_id(self):
        return self.runs()[-1]

    def journal(self, run=None):
        path = self.state / (run or self.run_id()) / "journal.jsonl"
        return [json.loads(line) for line in path.read_text().split("\n")[:-1]] if path.exists() else []

    def status(self):
        return json.loads(self.call("status", "--json").stdout)

    def await_that(self, what, holds, patience=60):
        """Waits until `holds()` is true; fails with `what` when it does not become so."""
        end = time.monotonic() + patience
        while not holds():
            if time.monotonic() > end:
                raise AssertionError(f"{what} did not come about within {patience} s")
            time.sleep(0.02)

    def await_log(self, node, lines):
        self.await_that(f"{lines} in the log of {node}", lambda: self.log(node) == lines)

    def await_event(self, event, step=None, **fields):
        """Waits for a record of the newest run's journal."""
        def there():
            if not self.runs():
                return False
            return any(record["event"] == event and step in (None, record["data"].get("step"))
                       and fields.items() <= record["data"].items() for record in self.journal())
        self.await_that(f"the event {event} of {step or 'anything'}", there)
