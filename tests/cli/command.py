#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line as a whole: help, mistakes and their remedies, statuses, JSON, colours, streams.

    command.py ESCALATOR
"""

import json
import os
import pty
import sys

from program import Program, golden, run_cases

COMMANDS = ["validate", "plan", "run", "test", "rollback", "status", "cloud"]
CAMPAIGN = """escalator: 1
campaign: c
procedures:
  - name: p
    on: role=web
    steps:
      - command: "true"
        undo: "true"
        expect: 1s
"""
INVENTORY = "nodes:\n  n1: { address: 127.0.0.1, labels: { role: web } }\n"


def on_terminal(escalator, *args, env=None):
    """What it prints when stdout is a terminal."""
    master, slave = pty.openpty()
    escalator(*args, env=env, stdout=slave, stderr=slave)
    os.close(slave)
    text = b""
    try:
        while piece := os.read(master, 65536):
            text += piece
    except OSError:
        pass
    os.close(master)
    return text.decode()


def main():
    with Program(sys.argv[1]) as escalator:
        escalator.write("c.yaml", CAMPAIGN)
        escalator.write("i.yaml", INVENTORY)
        escalator.write("bad.yaml", CAMPAIGN.replace("procedures", "procedure"))

        def help_is_golden():
            golden("command/help.txt", escalator.wants(0, "--help").stdout)
            for name in COMMANDS:
                golden(f"command/help-{name}.txt", escalator.wants(0, name, "--help").stdout)

        def version():
            assert escalator.wants(0, "--version").stdout.startswith("escalator 0."), "version"

        def mistakes_are_golden():
            text = ""
            for line in ["", "runn", "statsu --list", "frobnicate", "run --fanuot 3 plan.json", "status --jsn",
                         "validate", "validate a b", "run", "run plan.json --resume r", "run plan.json --fanout 0",
                         "run plan.json --connect-timeout 10", "--output xml status", "--color maybe status",
                         "rollback --wave a:1 --node b", "validate none.yaml", "plan c.yaml", "plan bad.yaml -i i.yaml",
                         "plan c.yaml -i none.yaml", "run none.json", "run c.yaml", "run --resume x", "status x",
                         "status ../etc", "test none", "rollback", "--state /dev/null status"]:
                done = escalator(*line.split())
                text += f"$ escalator {line}\n{done.stderr}{done.stdout}status {done.returncode}\n\n"
                assert done.returncode in (1, 2), line
            golden("command/mistakes.txt", text.replace(str(escalator.dir), "DIR"))

        def flags_may_stand_anywhere():
            for args in [("--json", "status", "--list"), ("status", "--list", "--json"),
                         ("status", "--output", "json", "--list"), ("--state", "run", "status", "--list", "--json")]:
                assert json.loads(escalator.wants(0, *args).stdout)["format"] == "escalator-runs/1", args

        def json_names_its_format():
            for args, status, form in [(("validate", "c.yaml"), 0, "escalator-diagnostics/1"),
                                       (("validate", "bad.yaml"), 2, "escalator-diagnostics/1"),
                                       (("plan", "c.yaml", "-i", "i.yaml"), 0, "escalator-plan/1"),
                                       (("status", "--list"), 0, "escalator-runs/1"),
                                       (("status", "x"), 1, "escalator-error/1"),
                                       (("status", "--nonsense"), 2, "escalator-error/1"),
                                       (("nonsense",), 2, "escalator-error/1"),
                                       (("plan", "c.yaml"), 2, "escalator-error/1")]:
                for how in ("--json", "--output=jsonl"):
                    done = escalator.wants(status, *args, how)
                    assert json.loads(done.stdout)["format"] == form, (args, how)
                    if how != "--json" and form != "escalator-plan/1":
                        assert done.stdout.count("\n") == 1, f"not one line: {args}"

        def colours():
            red = "\x1b["
            assert red not in escalator("validate", "bad.yaml").stdout, "colour without a terminal"
            assert red in escalator("validate", "bad.yaml", "--color=always").stdout, "--color=always"
            assert red in on_terminal(escalator, "validate", "bad.yaml"), "a terminal"
            assert red not in on_terminal(escalator, "validate", "bad.yaml", env={"NO_COLOR": "1"}), "NO_COLOR"
            assert red in on_terminal(escalator, "validate", "bad.yaml", env={"NO_COLOR": ""}), "an empty NO_COLOR"
            assert red in escalator("validate", "bad.yaml", "--color=always", env={"NO_COLOR": "1"}).stdout, "precedence"
            assert red not in on_terminal(escalator, "validate", "bad.yaml", "--color=never"), "--color=never"

        def stdout_that_takes_nothing():
            commands = [("--help",), ("--version",), ("validate", "c.yaml"), ("plan", "c.yaml", "-i", "i.yaml"),
                        ("status", "--list", "--json")]
            for args in commands:
                with open("/dev/full", "w", encoding="utf-8") as full:
                    done = escalator.wants(1, *args, stdout=full, stderr=-1)
                    assert "stdout" in done.stderr, args
                done = escalator.wants(1, *args, stdout=None, stderr=-1, preexec_fn=lambda: os.close(1))
                assert "stdout" in done.stderr, args
            # a reader that has gone is no reason to die by a signal
            reader, writer = os.pipe()
            os.close(reader)
            escalator.wants(1, "plan", "c.yaml", "-i", "i.yaml", stdout=writer, stderr=-1)
            os.close(writer)

        def list_with_odd_neighbours():
            state = escalator.state
            good = state / "20260101-000000-aaaa"
            for name in ["empty", "20260102-000000-bbbb", "-dash", "with space\nand newline", "20260103-000000-cccc"]:
                (state / name).mkdir(parents=True, exist_ok=True)
            good.mkdir(parents=True)
            (state / "a file").write_text("x")
            (state / "loop").symlink_to("loop")
            (good / "journal.jsonl").write_text("")
            (state / "20260102-000000-bbbb" / "journal.jsonl").write_text("garbage\n")
            (state / "20260102-000000-bbbb" / "plan.json").write_text("{}")
            (state / "20260103-000000-cccc" / "journal.jsonl").mkdir()
            (state / "with space\nand newline" / "journal.jsonl").write_text("")
            golden("command/list.txt", escalator.wants(0, "status", "--list").stdout)
            runs = json.loads(escalator.wants(0, "status", "--list", "--json").stdout)["runs"]
            assert {"run": "20260102-000000-bbbb", "campaign": None, "last_event": None} in runs, runs
            assert escalator("status", "20260102-000000-bbbb").returncode == 1, "a damaged run"
            assert escalator("status", "20260101-000000-aaaa").returncode == 1, "a run without a plan"

        return run_cases([help_is_golden, version, mistakes_are_golden, flags_may_stand_anywhere,
                          json_names_its_format, colours, stdout_that_takes_nothing, list_with_odd_neighbours])


if __name__ == "__main__":
    sys.exit(main())
