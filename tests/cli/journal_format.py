#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The journal of a real run is what escalator-journal(5) says: a reader written from that page alone
verifies it and finds every changed byte. So does the reader that the page itself has.

    journal_format.py ESCALATOR
"""

import hashlib
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys

from program import SOURCE, run_cases

sys.path.insert(0, str(SOURCE / "tests/ssh"))
import lab  # pylint: disable=wrong-import-position

CAMPAIGN = """escalator: 1
campaign: format
procedures:
  - name: upgrade
    on: role=web
    rolling: { batch: 1 }
    steps:
      - name: do
        command: echo "it's \\"done\\" – über" && echo do >> ${node.label.root}/log
        undo: echo undo >> ${node.label.root}/log
        expect: 5s
      - file: { dest: "${node.label.root}/file", content: "x" }
        expect: 5s
"""
# event -> members it must have, members it may have
STEP = {"step", "phase", "attempt"}
EVENTS = {
    "run_started": ({"run", "plan", "by", "version"}, set()),
    "controller_started": ({"pid", "host", "version"}, set()),
    "wave_started": ({"procedure", "wave"}, set()),
    "wave_ended": ({"procedure", "wave"}, set()),
    "step_started": (STEP, set()),
    "step_ended": (STEP | {"outcome", "exit_status"}, {"stage", "record", "message", "reattached"}),
    "step_late": (STEP, set()),
    "node_excluded": ({"node", "procedure", "reason"}, set()),
    "rollback_started": ({"scope", "by_operator", "past_no_return", "reason"}, set()),
    "rollback_ended": ({"scope", "complete"}, set()),
    "suspend_requested": ({"by", "abandon"}, set()),
    "suspended": ({"why", "reason"}, {"step"}),
    "resumed": ({"ignore_window", "retry_excluded"}, {"until"}),
    "answered": ({"step", "answer", "by"}, set()),
    "run_ended": ({"ending"}, set()),
}


class Damage(Exception):
    pass


def read(journal):
    """The records of the bytes of a journal; Damage when they are not one."""
    records = []
    chain = b"0" * 64
    lines = journal.split(b"\n")
    for number, line in enumerate(lines[:-1], 1):
        found = re.fullmatch(rb'(\{"seq":(\d+),"time":"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z)","event":"([a-z_]+)",'
                             rb'"data":(\{.*\})),"sha256":"([0-9a-f]{64})"\}', line)
        if not found:
            raise Damage(f"line {number} has not the form of a record")
        body, seq, time, event, data, digest = found.groups()
        chain = hashlib.sha256(chain + b"\n" + body).hexdigest().encode()
        if digest != chain:
            raise Damage(f"line {number} breaks the chain")
        if int(seq) != number:
            raise Damage(f"line {number} has the number {seq}")
        if records and time < records[-1]["time"].encode():
            raise Damage(f"line {number} lies before the one in front of it")
        if len(line) + 1 > 65536:
            raise Damage(f"line {number} is too long")
        parsed = json.loads(data)
        if json.dumps(parsed, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode() != data:
            raise Damage(f"line {number}: the data's keys are not sorted, or it has blanks")
        records.append({"time": time.decode(), "event": event.decode(), "data": parsed})
    return records, lines[-1]


def snippet():
    """The Python program that stands in the manual."""
    shown = subprocess.run(["mandoc", "-Tutf8", "-Owidth=120", SOURCE / "man/escalator-journal.5"], capture_output=True,
                           text=True, check=True).stdout
    lines = re.sub(".\b", "", shown).split("\n")
    begin = next(i for i, line in enumerate(lines) if line.strip() == "import hashlib, sys")
    end = next(i for i, line in enumerate(lines) if "the chain holds" in line)
    indent = len(lines[begin]) - len(lines[begin].lstrip())
    return "\n".join(line[indent:] for line in lines[begin:end + 1])


def main():
    lab.need_sshd()
    with lab.Lab(sys.argv[1], 2) as it:
        it.plan(CAMPAIGN)
        # a busy machine takes its time to let one in
        ssh = it.ssh("--connect-timeout", "60s")
        it.call("run", it.dir / "plan.json", "--yes", "--until", "upgrade:2", *ssh)
        run = it.run_id()
        it.call("run", "--resume", run, "--yes", *ssh)
        it.call("rollback", run, "--yes", *ssh)
        path = it.state / run / "journal.jsonl"
        journal = path.read_bytes()

        def a_real_journal_is_as_specified():
            records, torn = read(journal)
            assert torn == b"" and len(records) > 20, "too few records to tell"
            for record in records:
                must, may = EVENTS[record["event"]]
                have = set(record["data"])
                assert must <= have <= must | may, record
            seen = {record["event"] for record in records}
            assert {"suspended", "resumed", "rollback_started", "rollback_ended", "run_ended"} <= seen, seen
            plan = (it.state / run / "plan.json").read_bytes()
            assert records[0]["data"]["plan"] == hashlib.sha256(plan).hexdigest(), "the plan's digest"

        def every_changed_byte_is_found():
            source = random.Random(1)
            places = sorted(source.sample(range(len(journal) - 1), 300))
            for place in places:
                changed = bytearray(journal)
                changed[place] ^= 1 << source.randrange(8)
                try:
                    read(bytes(changed))
                except Damage:
                    continue
                raise AssertionError(f"byte {place} was changed unnoticed")
            changed = bytearray(journal)
            changed[places[150]] ^= 1
            copy = it.state / "20200101-000000-0000"
            shutil.copytree(it.state / run, copy)
            (copy / "journal.jsonl").write_bytes(bytes(changed))
            line = journal[:places[150]].count(b"\n") + 1
            told = it.call("status", copy.name, expect=1).stderr
            assert f"line {line} " in told or f"line {line + 1} " in told, told
            shutil.rmtree(copy)

        def a_torn_line_is_left_out():
            for cut in (1, 10, 77, 150):
                records, torn = read(journal[:-cut])
                assert torn and len(records) == len(read(journal)[0]) - 1, cut

        def the_manuals_own_reader_agrees():
            if not shutil.which("mandoc"):
                return
            program = it.dir / "verify.py"
            program.write_text(snippet())
            done = subprocess.run([sys.executable, program, path], capture_output=True, text=True, check=False)
            assert done.returncode == 0 and "the chain holds" in done.stdout, done.stdout + done.stderr
            damaged = it.dir / "damaged.jsonl"
            damaged.write_bytes(journal.replace(b'"outcome":"done"', b'"outcome":"dome"', 1))
            done = subprocess.run([sys.executable, program, damaged], capture_output=True, text=True, check=False)
            assert done.returncode == 1 and "is not what was written" in done.stderr, done.stdout + done.stderr

        def the_log_has_a_line_for_each_event():
            lines = [json.loads(line) for line in (it.state / run / "log.jsonl").read_text().splitlines()]
            records, _ = read(journal)
            assert [(line["time"], line["event"]) for line in lines] == \
                   [(record["time"], record["event"]) for record in records], "log and journal differ"
            for line in lines:
                assert {"time", "level", "run", "object", "action", "event", "error", "message"} <= set(line), line
            actions = {line["action"] for line in lines if line.get("step") == "upgrade:do:node01"}
            assert actions == {"command"}, actions
            for file in (it.state / run).rglob("*"):
                wanted = 0o700 if file.is_dir() else 0o600
                assert file.stat().st_mode & 0o777 == wanted, f"{file}: {file.stat().st_mode:o}"

        return run_cases([a_real_journal_is_as_specified, every_changed_byte_is_found, a_torn_line_is_left_out,
                          the_manuals_own_reader_agrees, the_log_has_a_line_for_each_event])


if __name__ == "__main__":
    sys.exit(main())
