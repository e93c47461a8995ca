#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The manual pages: mandoc finds nothing to say, and nothing that the program has is missing.

    manuals.py ESCALATOR BUILT_PAGES
"""

import pathlib
import re
import shutil
import subprocess
import sys

from program import SOURCE, Program, run_cases

COMMANDS = ["validate", "plan", "run", "test", "rollback", "status", "cloud"]
ON_NODES = {"run", "test", "rollback"}


def text_of(page):
    shown = subprocess.run(["mandoc", "-Tutf8", "-Owidth=100", page], capture_output=True, text=True, check=True).stdout
    return re.sub(".\b", "", shown)


def section(text, name):
    found = re.search(rf"^{name}\n(.*?)(?=^\S|\Z)", text, re.S | re.M)
    return found.group(1) if found else ""


def main():
    built = pathlib.Path(sys.argv[2])
    if not shutil.which("mandoc"):
        print("skipped: there is no mandoc; apt-get install mandoc")
        return 77
    pages = sorted(built.glob("*.1")) + sorted(SOURCE.glob("man/*.[1-9]"))
    texts = {page.name: text_of(page) for page in pages}
    with Program(sys.argv[1]) as escalator:

        def lint():
            done = subprocess.run(["mandoc", "-Tlint", *pages], capture_output=True, text=True, check=False)
            # whether the system's own database of manuals is up to date is not our matter
            found = [line for line in (done.stdout + done.stderr).splitlines()
                     if "referenced manual not found" not in line and "mandoc.db" not in line]
            assert not found, "\n".join(found)

        def every_command_has_a_page():
            for name in COMMANDS:
                assert f"escalator-{name}.1" in texts, name
                assert f"escalator-{name}(1)" in texts["escalator.1"], name

        def every_flag_is_documented():
            for name in [None, *COMMANDS]:
                shown = escalator.wants(0, *([name] if name else []), "--help").stdout
                options = section(texts[f"escalator-{name}.1" if name else "escalator.1"], "OPTIONS")
                flags = set(re.findall(r"^  (?:-\w,)?(--[\w-]+)", shown, re.M))
                assert len(flags) > 1, shown
                for flag in flags:
                    found = re.search(rf"^ +(?:-\w, )?{flag}\b(?: \S+)?(.*\n(?: {{10,}}.*\n)*)", options, re.M)
                    assert found and found.group(1).strip(), f"{flag} of {name}"

        def every_status_is_listed():
            for name in [None, *COMMANDS]:
                listed = section(texts[f"escalator-{name}.1" if name else "escalator.1"], "EXIT STATUS")
                statuses = {int(number) for number in re.findall(r"^ +(\d+) ", listed, re.M)}
                wanted = {0, 1, 2}
                if name is None or name in ON_NODES:
                    wanted |= {5, 6, 130, 143}
                if name in (None, "run", "rollback"):
                    wanted |= {3, 4}
                assert statuses == wanted, f"{name}: {statuses}"

        def pages_are_whole():
            for name in COMMANDS:
                for part in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT", "EXAMPLES",
                             "SEE ALSO"]:
                    assert section(texts[f"escalator-{name}.1"], part).strip(), f"{name}: {part}"

        def references_lead_somewhere():
            for page, text in texts.items():
                for name, number in re.findall(r"(escalator[\w-]*)\((\d)\)", text.replace("‐\n", "-")):
                    assert f"{name}.{number}" in texts, f"{page} refers to {name}({number})"

        return run_cases([lint, every_command_has_a_page, every_flag_is_documented, every_status_is_listed,
                          pages_are_whole, references_lead_somewhere])


if __name__ == "__main__":
    sys.exit(main())
