#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Much of everything: 1 GiB of output, a file of 64 MiB, names that need quoting. Real sshd.

    amounts.py ESCALATOR
"""

import hashlib
import json
import os
import resource
import sys
import threading
import time

import lab
from lab import check

MIB = 1 << 20
NAMES = ["plain", "with space", "it's", 'say "hi"', "dollar $HOME `id`", "new\nline", "-dash", "ünï çødé ☃", "back\\slash", "*?[a]"]


def campaign(steps):
    return ("escalator: 1\ncampaign: amounts\nprocedures:\n  - name: all\n    on: role=web\n    parallel: true\n    steps:\n"
            + steps)


def size_of(top):
    total = 0
    for path in top.rglob("*"):
        try:
            total += path.stat().st_blocks * 512
        except OSError:
            pass
    return total


def output(it):
    it.fresh()
    it.plan(campaign("""      - name: flood
        command: head -c 1073741824 /dev/zero | tr '\\0' x; echo; echo the last line
        undo: "true"
        expect: 1m
"""))
    node = it.dir / it.nodes[0] / "supervisor"
    largest = 0
    over = threading.Event()

    def look():
        nonlocal largest
        while not over.wait(0.1):
            largest = max(largest, size_of(node))

    watcher = threading.Thread(target=look)
    watcher.start()
    it.call("run", it.dir / "plan.json", "--yes", *it.ssh(), timeout=300)
    over.set()
    watcher.join()
    log, = (it.state / it.run_id() / "steps").glob("*.log")
    check(f"the node kept at most {largest} bytes", MIB < largest < 66 * MIB)
    check(f"the controller's copy is bounded: {log.stat().st_size}", 64 * MIB < log.stat().st_size < 65 * MIB)
    with open(log, "rb") as file:
        file.seek(-40, os.SEEK_END)
        check("it ends with the last line", file.read().endswith(b"x\nthe last line\n"))
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    if "ESCALATOR_SANITIZED" not in os.environ:
        check(f"the controller needed {memory} MiB", memory < 128)
    return memory


def files(it):
    it.fresh()
    content = os.urandom(MIB) * 64
    (it.dir / "big file").write_bytes(content)
    steps = """      - name: big
        file: { dest: "${node.label.root}/big", src: "big file" }
        expect: 1m
"""
    for i, name in enumerate(NAMES):
        steps += f"""      - name: odd{i}
        file: {{ dest: {json.dumps("${node.label.root}/" + name, ensure_ascii=False)}, content: {json.dumps("content of " + name, ensure_ascii=False)} }}
        expect: 5s
"""
    it.plan(campaign(steps))
    it.call("run", it.dir / "plan.json", "--yes", *it.ssh(), timeout=300)
    root = it.root(it.nodes[0])
    check("64 MiB arrive whole", hashlib.sha256((root / "big").read_bytes()).digest() == hashlib.sha256(content).digest())
    for name in NAMES:
        check(f"{name!r} has its content", (root / name).read_text() == "content of " + name)
    it.call("rollback", it.run_id(), "--yes", *it.ssh(), timeout=300)
    check("all are gone after the rollback", not list(root.iterdir()))


def main():
    with lab.Lab(sys.argv[1], 1) as it:
        began = time.monotonic()
        memory = output(it)
        print(f"1 GiB of output: {time.monotonic() - began:.0f} s, {memory} MiB", flush=True)
        began = time.monotonic()
        files(it)
        print(f"64 MiB and {len(NAMES)} odd names: {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    sys.exit(main())
