#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Every campaign in examples/ is valid, without a warning, and can be planned.

    examples.py ESCALATOR EXAMPLES
"""

import pathlib
import subprocess
import sys
import tempfile

INVENTORIES = {"web-rolling.yaml": "inventory-web.yaml", "nova-minor.yaml": "inventory-cloud.ini"}


def main():
    escalator, examples = (pathlib.Path(it).resolve() for it in sys.argv[1:3])
    campaigns = sorted(it.name for it in examples.glob("*.yaml") if "\nescalator: 1\n" in it.read_text())
    if campaigns != sorted(INVENTORIES):
        print(f"examples are {campaigns}, and inventories are known for {sorted(INVENTORIES)}")
        return 1
    for name, inventory in INVENTORIES.items():
        with tempfile.TemporaryDirectory() as scratch:
            plan = pathlib.Path(scratch) / "plan.json"
            for command in (["validate", "--strict"], ["plan", "-o", str(plan)]):
                result = subprocess.run([escalator, *command, examples / name, "-i", examples / inventory],
                                        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120)
                print(result.stdout, result.stderr)
                if result.returncode != 0:
                    print(f"{name}: {command[0]} ended with {result.returncode}")
                    return 1
            if not plan.exists():
                print(f"{name}: there is no plan")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
