# SPDX-License-Identifier: Apache-2.0
"""What the tests of the whole program share: golden files, and calls without a network."""

import difflib
import os
import pathlib
import subprocess
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]


def golden(name, text):
    """Compares with tests/cli/NAME; ESCALATOR_ACCEPT=1 rewrites the file instead."""
    path = HERE / name
    if os.environ.get("ESCALATOR_ACCEPT") == "1":
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return
    wanted = path.read_text() if path.exists() else ""
    if wanted != text:
        lines = difflib.unified_diff(wanted.splitlines(), text.splitlines(), str(path), "printed now", lineterm="")
        raise AssertionError("\n".join(lines) + "\n(ESCALATOR_ACCEPT=1 rewrites it)")


class Program:
    """escalator in a directory of its own, with a state directory of its own."""

    def __init__(self, escalator):
        self.escalator = pathlib.Path(escalator).resolve()
        self.holder = tempfile.TemporaryDirectory(prefix="escalator-cli-")
        self.dir = pathlib.Path(self.holder.name)
        self.state = self.dir / "state"
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(("ESCALATOR_", "NO_COLOR"))}
        self.env.update(ESCALATOR_STATE=str(self.state), LC_ALL="C.UTF-8")

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.holder.cleanup()

    def write(self, name, text):
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def __call__(self, *args, env=None, **more):
        more.setdefault("stdin", subprocess.DEVNULL)
        if "stdout" not in more:
            more["capture_output"] = True
        return subprocess.run([self.escalator, *map(str, args)], cwd=self.dir, env=dict(self.env, **(env or {})),
                              text=True, timeout=120, **more)

    def wants(self, status, *args, **more):
        done = self(*args, **more)
        if done.returncode != status:
            raise AssertionError(f"escalator {args}: status {done.returncode}, not {status}\n{done.stdout}\n{done.stderr}")
        return done


def run_cases(cases):
    """Runs each function; all failures are told, not only the first."""
    failed = 0
    for case in cases:
        try:
            case()
            print(f"passed {case.__name__}", flush=True)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"FAILED {case.__name__}: {error}", flush=True)
    return 1 if failed else 0
