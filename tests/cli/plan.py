#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""escalator plan: what it prints fits a terminal; what it saves is whole, private, reproducible, and
refused once it or what it was made of was changed.

    plan.py ESCALATOR
"""

import hashlib
import json
import os
import re
import shutil
import stat
import subprocess
import sys

from program import SOURCE, Program, golden, run_cases

CAMPAIGN = """escalator: 1
campaign: nova-minor
vars: { release: zed }
unavailable: { rack: 1, total: 20% }
tolerate: 1
on_failure: { retry: 1, then: undo-node, else: suspend }
procedures:
  - name: controllers
    on: role=controller
    steps:
      - name: stop-scheduler
        service: { name: nova-scheduler, state: stopped }
        expect: 5s
      - name: schema
        command: nova-manage api_db sync
        once: true
        no_return: true
        expect: 10m
      - name: start-scheduler
        service: { name: nova-scheduler, state: started }
        expect: 5s
    verify:
      - command: nova-status upgrade check
  - name: computes
    on: role=compute
    after: [controllers]
    rolling: { batch: 2, canary: 1, soak: 10m }
    steps:
      - name: packages
        package: { upgrade: { nova-compute: "2:26.3.0-1", nova-common: "2:26.3.0-1", python3-nova: "2:26.3.0-1" } }
        expect: 90s
      - reboot: { when: kernel-changed }
        expect: 4m
      - name: up
        wait: { port: "${node.address}:22" }
"""
INVENTORY = "nodes:\n" + "".join(
    f"  ctl{i}: {{ address: 10.0.0.{i}, labels: {{ role: controller, rack: c{i} }} }}\n" for i in range(1, 4)) + "".join(
    f"  compute{i:02d}: {{ address: 10.0.1.{i}, labels: {{ role: compute, rack: r{(i + 4) // 5} }} }}\n"
    for i in range(1, 11))


def main():
    with Program(sys.argv[1]) as escalator:
        campaign = escalator.write("nova.yaml", CAMPAIGN)
        inventory = escalator.write("hosts.yaml", INVENTORY)
        saved = escalator.dir / "plan.json"
        make = ("plan", "nova.yaml", "-i", "hosts.yaml")

        def fits_eighty_columns():
            text = escalator.wants(0, *make).stdout
            golden("plan/nova-minor.txt", text)
            long = [line for line in text.split("\n") if len(line) > 80]
            assert not long, long

        def saves_privately_and_at_once():
            old = os.umask(0)
            try:
                escalator.wants(0, *make, "-o", saved)
            finally:
                os.umask(old)
            assert stat.S_IMODE(saved.stat().st_mode) == 0o600, "mode"
            inode = saved.stat().st_ino
            escalator.wants(0, *make, "-o", saved)
            assert saved.stat().st_ino != inode, "written in place instead of renamed"
            names = {path.name for path in escalator.dir.iterdir()}
            assert names <= {"nova.yaml", "hosts.yaml", "plan.json"}, names
            escalator.wants(1, *make, "-o", escalator.dir / "none" / "plan.json")
            escalator.wants(1, *make, "-o", escalator.dir)

        def is_the_same_every_time():
            first = escalator.wants(0, *make, "--json").stdout
            assert first == escalator.wants(0, *make, "--json").stdout == saved.read_text(), "bytes differ"
            moved = escalator.dir / "elsewhere"
            moved.mkdir()
            assert len(escalator.wants(0, *make, "--output=jsonl").stdout.splitlines()) == 1

        def knows_its_own_digest():
            plan = json.loads(saved.read_text())
            digest = plan.pop("digest")
            text = json.dumps(plan, indent=1, sort_keys=True, ensure_ascii=False, separators=(",", ": ")) + "\n"
            assert hashlib.sha256(text.encode()).hexdigest() == digest, "as the manual says"
            if shutil.which("jq"):
                done = subprocess.run(f"jq -S --indent 1 'del(.digest)' {saved} | sha256sum", shell=True, text=True,
                                      capture_output=True, check=True)
                assert done.stdout.startswith(digest), "as the manual's jq line says"

        def an_edited_plan_is_refused():
            whole = saved.read_text()
            for old, new in [('"retry": 1', '"retry": 9'), ("10.0.1.7", "10.0.1.8"), ('"most": 1', '"most": 5'),
                             ("nova-manage api_db sync", "nova-manage api_db wipe"), ('"digest"', '"digest_"')]:
                assert old in whole, old
                saved.write_text(whole.replace(old, new, 1))
                done = escalator.wants(1, "run", saved, "--yes")
                assert "changed after it was made" in done.stderr and "escalator plan" in done.stderr, done.stderr
            for text in ["", "{}", "[]", '{"format": "escalator-plan/9"}', whole[:1000], "\x00" * 100]:
                saved.write_text(text)
                done = escalator.wants(1, "run", saved, "--yes")
                assert "escalator plan" in done.stderr or "no plan" in done.stderr, done.stderr
            saved.write_text(whole)

        def a_stale_plan_is_refused():
            for path, text in [(campaign, CAMPAIGN.replace("90s", "91s")), (inventory, INVENTORY.replace("10.0.1.7", "10.0.1.77"))]:
                was = path.read_text()
                path.write_text(text)
                done = escalator.wants(1, "run", saved, "--yes")
                assert path.name in done.stderr and "escalator plan" in done.stderr, done.stderr
                assert not escalator.state.exists() or not list(escalator.state.iterdir()), "a refused run left something"
                path.write_text(was)
            campaign.rename(escalator.dir / "away.yaml")
            escalator.wants(1, "run", saved, "--yes")
            (escalator.dir / "away.yaml").rename(campaign)

        def asks_before_anything_is_changed():
            done = escalator.wants(2, "run", saved)
            assert "--yes" in done.stderr, done.stderr

        def the_readme_shows_a_valid_campaign():
            text = (SOURCE / "README.md").read_text()
            escalator.write("readme.yaml", re.search(r"```yaml\n(.*?)```", text, re.S).group(1))
            escalator.wants(0, "validate", "--strict", "readme.yaml")

        return run_cases([fits_eighty_columns, saves_privately_and_at_once, is_the_same_every_time,
                          knows_its_own_digest, an_edited_plan_is_refused, a_stale_plan_is_refused,
                          asks_before_anything_is_changed, the_readme_shows_a_valid_campaign])


if __name__ == "__main__":
    sys.exit(main())
