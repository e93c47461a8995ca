#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""208 nodes on 13 sshd, 50 at once: a run in waves, a controller that is killed, a resume, and
every command ran once on every node. Each node is an address of the loopback. Real sshd.

    fleet.py ESCALATOR [--sshds N]
"""

import argparse
import os
import resource
import sys
import time

import faults
import lab
from lab import check
import sweep

EACH = 16  # addresses that one sshd listens on: its MAX_LISTEN_SOCKS


def multiply(it):
    """Makes each sshd many nodes: by the address that is asked for, with a directory of its own."""
    inventory, known, nodes = "nodes:\n", "", []
    for number, daemon in enumerate(it.nodes):
        port = (it.dir / daemon / "port").read_text().strip()
        key = " ".join((it.dir / daemon / "host_key.pub").read_text().split()[:2])
        config = it.dir / daemon / "sshd_config"
        lines = [line for line in config.read_text().splitlines() if not line.startswith(("SetEnv", "ListenAddress", "MaxStartups"))]
        lines.append("MaxStartups 500")
        blocks = []
        for i in range(EACH):
            name, address = f"n{number}-{i:03d}", f"127.0.{number + 1}.{i + 1}"
            root = it.dir / name / "root"
            root.mkdir(parents=True)
            (it.dir / name / "boot_id").write_text((it.dir / daemon / "boot_id").read_text())
            lines += [f"ListenAddress {address}:{port}"]
            blocks += [f"Match LocalAddress {address}", f"SetEnv SHLVL=1 ESCALATOR_NODE_DIR={it.dir / name / 'supervisor'} "
                       f"ESCALATOR_BOOT_ID_FILE={it.dir / name / 'boot_id'} NODE_NAME={name}"]
            inventory += f"  {name}: {{ address: {address}, port: {port}, labels: {{ role: web, root: \"{root}\" }} }}\n"
            known += f"[{address}]:{port} {key}\n"
            nodes.append(name)
        config.write_text("\n".join(lines + blocks) + "\n")
        it.node("stop", daemon)
        it.node("start", daemon)
    (it.dir / "inventory.yaml").write_text(inventory)
    (it.dir / "known_hosts").write_text(known)
    return nodes


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("escalator")
    arguments.add_argument("--sshds", type=int, default=13)
    given = arguments.parse_args()
    with lab.Lab(given.escalator, given.sshds) as it:
        daemons, it.nodes = it.nodes, multiply(it)
        it.plan(sweep.CAMPAIGN.replace("batch: 2", "batch: 50%"))
        began = time.monotonic()
        process = it.start("run", it.dir / "plan.json", "--yes", *it.ssh("--connect-timeout", "60s"))
        faults.eventually("some nodes have begun", lambda: any(it.log(node) for node in it.nodes) or process.poll() is not None, 120)
        process.kill()
        process.communicate()
        done = it.try_call("run", "--resume", it.run_id(), "--yes", *it.ssh("--connect-timeout", "60s"), timeout=300)
        check(f"the resume ends well: {done.stderr[-2000:]}", done.returncode == 0)
        sweep.judge(it, "the fleet")
        check("no node is leased any more", not [n for n in it.nodes if (it.dir / n / "supervisor/lease").exists()])
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        if "ESCALATOR_SANITIZED" not in os.environ:
            check(f"the controller needed {memory} MiB", memory < 64 + len(it.nodes) // 10)
        print(f"{len(it.nodes)} nodes: {time.monotonic() - began:.1f} s, {memory} MiB")
        it.nodes = daemons


if __name__ == "__main__":
    sys.exit(main())
