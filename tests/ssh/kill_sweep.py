#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Kills the controller after every journal record of a run and of its rollback, and at random
instants, and resumes: the end is always the same, and every command ran exactly once. 4 nodes, 5
steps, two procedures, real sshd.

    kill_sweep.py ESCALATOR PRELOAD [--random N] [--seed S] [--workers W]
"""

import argparse
import concurrent.futures
import json
import os
import random
import signal
import subprocess
import sys
import time

import lab
import sweep


def killed_at(it, preload, sync):
    """Runs until the append number `sync`; False when the run ended before it. How many appends a run
    has depends on which results come together, so it may end sooner than the last time."""
    it.fresh()
    process = it.start("run", it.dir / "plan.json", "--yes", *it.ssh(),
                       env={"LD_PRELOAD": preload, "DIE_AT_SYNC": str(sync)})
    _, said = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(f"status {process.returncode} before append {sync}: {said}")
    return process.returncode != 0


def drop_last(it, count):
    """Takes the last `count` records out of the journal, as if the process had died when only a part
    of its last append was on the disk. False, and all stays, when that append was not so long."""
    path = it.state / it.run_id() / "journal.jsonl"
    lines = path.read_text().splitlines(keepends=True)
    times = [json.loads(line)["time"] for line in lines]
    if count >= len([time for time in times if time == times[-1]]):
        return False
    path.write_text("".join(lines[:len(lines) - count]))
    return True


def every_record(escalator, preload, worker, workers):
    """Each append once, and each prefix of the batch that it wrote."""
    count = 0
    with lab.Lab(escalator) as it:
        it.plan(sweep.CAMPAIGN)
        sync = 1 + worker
        while killed_at(it, preload, sync):
            dropped = 0
            while True:
                shorter = drop_last(it, dropped)
                # in any case: what the killed run has begun must end before the nodes are used again
                sweep.resume(it)
                sweep.judge(it, f"killed at append {sync}, without its last {dropped} records")
                count += 1
                if not shorter:
                    break
                dropped += 1
                if not killed_at(it, preload, sync):
                    sweep.judge(it, f"not killed: it ended before append {sync}")
                    break
            sync += workers
        sweep.judge(it, "not killed at all")
    return count


def every_append_of_a_rollback(escalator, preload, worker, workers):
    """The same on the way back; asking for the rollback once more takes it up."""
    count = 0
    with lab.Lab(escalator) as it:
        it.plan(sweep.CAMPAIGN)
        sync = 1 + worker
        while True:
            it.fresh()
            it.call("run", it.dir / "plan.json", "--yes", *it.ssh())
            process = it.start("rollback", it.run_id(), "--yes", *it.ssh(),
                               env={"LD_PRELOAD": preload, "DIE_AT_SYNC": str(sync)})
            process.communicate()
            if process.returncode == 0:
                sweep.judge(it, "rollback not killed at all", sweep.THERE_AND_BACK)
                return count
            it.call("rollback", it.run_id(), "--yes", *it.ssh())
            sweep.judge(it, f"rollback killed at append {sync}", sweep.THERE_AND_BACK)
            count += 1
            sync += workers


def at_random(escalator, worker, cases, seed):
    source = random.Random(seed * 1000 + worker)
    with lab.Lab(escalator) as it:
        it.plan(sweep.CAMPAIGN)
        began = time.monotonic()
        it.call("run", it.dir / "plan.json", "--yes", *it.ssh())
        usual = time.monotonic() - began
        for case in range(cases):
            it.fresh()
            delay = source.uniform(0, usual)
            process = it.start("run", it.dir / "plan.json", "--yes", *it.ssh())
            try:
                process.communicate(timeout=delay)
            except subprocess.TimeoutExpired:
                os.kill(process.pid, signal.SIGKILL)
                process.communicate()
            sweep.resume(it)
            sweep.judge(it, f"killed after {delay:.3f} s (seed {seed}, worker {worker}, case {case})")
    return cases


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("escalator")
    arguments.add_argument("preload")
    arguments.add_argument("--random", type=int, default=200)
    arguments.add_argument("--seed", type=int, default=1)
    arguments.add_argument("--workers", type=int, default=2)
    given = arguments.parse_args()
    lab.need_sshd()
    with concurrent.futures.ProcessPoolExecutor(given.workers) as pool:
        ordered = [pool.submit(every_record, given.escalator, given.preload, worker, given.workers)
                   for worker in range(given.workers)]
        print(f"killed after every record: {sum(job.result() for job in ordered)} cases", flush=True)
        back = [pool.submit(every_append_of_a_rollback, given.escalator, given.preload, worker, given.workers)
                for worker in range(given.workers)]
        print(f"killed at every append of a rollback: {sum(job.result() for job in back)} cases", flush=True)
        share = given.random // given.workers
        randoms = [pool.submit(at_random, given.escalator, worker, share, given.seed)
                   for worker in range(given.workers)]
        print(f"killed at random instants: {sum(job.result() for job in randoms)} cases", flush=True)


if __name__ == "__main__":
    sys.exit(main())
