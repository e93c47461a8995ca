#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the controller after every journal record, and at random instants, and resumes: the end is
always the same, and every command ran exactly once. 4 nodes, 5 steps, two procedures, real sshd.

    kill_sweep.py ESCALATOR PRELOAD [--random N] [--seed S] [--workers W]
"""

import argparse
import concurrent.futures
import os
import random
import signal
import sys
import time

import lab

STEPS = ["stop", "install", "configure", "start", "clean"]


def step(name):
    return f"""
      - name: {name}
        command: printf '%s\\n' {name} >> ${{node.label.root}}/log
        undo: printf '%s\\n' undo-{name} >> ${{node.label.root}}/log
        expect: 5s"""


CAMPAIGN = f"""escalator: 1
campaign: sweep
procedures:
  - name: upgrade
    on: role=web
    rolling: {{ batch: 2 }}
    steps:{"".join(step(name) for name in STEPS[:3])}
  - name: restart
    on: role=web
    after: [upgrade]
    parallel: true
    steps:{"".join(step(name) for name in STEPS[3:])}
"""


def resume(it, case):
    if not it.journal():
        # killed before the first record: nothing was started, so nothing is to be resumed
        it.call("run", it.dir / "plan.json", "--yes", *it.ssh("--steal-lease"))
        return
    if it.journal()[-1]["event"] != "run_ended":
        it.call("run", "--resume", it.run_id(), "--yes", *it.ssh())


def judge(it, case):
    for node in it.nodes:
        if it.log(node) != STEPS:
            raise AssertionError(f"{case}: {node} ran {it.log(node)} instead of {STEPS}")
    if it.journal()[-1]["event"] != "run_ended":
        raise AssertionError(f"{case}: the run has not ended: {it.journal()[-1]}")


def every_record(escalator, preload, worker, workers):
    count = 0
    with lab.Lab(escalator) as it:
        it.plan(CAMPAIGN)
        sync = 1 + worker
        while True:
            # each append once, and each prefix of its batch
            it.fresh()
            it.steal_nothing()
            before = 0
            prefixes = None
            while True:
                process = it.start("run", it.dir / "plan.json", "--yes", *it.ssh(),
                                   env={"LD_PRELOAD": preload, "DIE_AT_SYNC": str(sync)})
                process.communicate()
                if process.returncode == 0:
                    judge(it, f"sync {sync}")
                    return count
                path = it.state / it.run_id() / "journal.jsonl"
                lines = path.read_text().split("\n")[:-1]
                times = [lab.json.loads(line)["time"] for line in lines]
                if prefixes is None:
                    before = len([t for t in times if t < times[-1]])
                    prefixes = list(range(max(1, before + 1), len(lines) + 1))
                keep = prefixes.pop(0) if prefixes else len(lines)
                keep = min(keep, len(lines))
                path.write_text("".join(line + "\n" for line in lines[:keep]))
                resume(it, f"sync {sync}")
                judge(it, f"killed at append {sync}, record {keep}")
                count += 1
                it.fresh()
                it.steal_nothing()
                if not prefixes:
                    break
            sync += workers


def at_random(escalator, worker, cases, seed):
    source = random.Random(seed * 1000 + worker)
    with lab.Lab(escalator) as it:
        it.plan(CAMPAIGN)
        began = time.monotonic()
        it.call("run", it.dir / "plan.json", "--yes", *it.ssh())
        usual = time.monotonic() - began
        for case in range(cases):
            it.fresh()
            it.steal_nothing()
            delay = source.uniform(0, usual)
            process = it.start("run", it.dir / "plan.json", "--yes", *it.ssh())
            try:
                process.communicate(timeout=delay)
            except lab.subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.communicate()
            if not it.state.exists() or not list(it.state.iterdir()):
                it.call("run", it.dir / "plan.json", "--yes", *it.ssh("--steal-lease"))
            else:
                resume(it, case)
            judge(it, f"killed after {delay:.3f} s (seed {seed}, worker {worker}, case {case})")
    return cases


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("escalator")
    arguments.add_argument("preload")
    arguments.add_argument("--random", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--workers", type=int, default=2)
    given = arguments.parse_args()
    with concurrent.futures.ProcessPoolExecutor(given.workers) as pool:
        ordered = [pool.submit(every_record, given.escalator, given.preload, worker, given.workers)
                   for worker in range(given.workers)]
        print(f"killed after every record: {sum(job.result() for job in ordered)} cases", flush=True)
        share = given.random // given.workers
        randoms = [pool.submit(at_random, given.escalator, worker, share, given.seed) for worker in range(given.workers)]
        print(f"killed at random instants: {sum(job.result() for job in randoms)} cases", flush=True)


if __name__ == "__main__":
    sys.exit(main())
