#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Broken campaigns and inventories, and what validate says about each: cases/KIND/expected.txt.

Each case runs in a copy of its folder; good.yaml is the campaign where a case has none of its own, and
a file `args` adds arguments. made.py makes what cannot lie in a repository. ESCALATOR_ACCEPT=1 rewrites
what is expected: read the difference before you commit it.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import made

HERE = pathlib.Path(__file__).resolve().parent
CASES = HERE / "cases"
ACCEPT = os.environ.get("ESCALATOR_ACCEPT") == "1"
LEAST_CASES = 100
LEAST_KINDS = 60


def validate(escalator, folder, arguments):
    env = {key: value for key, value in os.environ.items() if not key.startswith("ESCALATOR_")}
    env["LC_ALL"] = "C.UTF-8"
    inventory = next((name for name in ("inventory", "inventory.yaml", "inventory.ini", "inventory.json")
                      if (folder / name).exists()), None)
    command = [escalator, "validate", "campaign.yaml"] + (["-i", inventory] if inventory else [])
    result = subprocess.run(command + arguments, cwd=folder, env=env, timeout=120,
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = result.stdout.decode("utf-8")  # anything else would be a fault of its own
    return text.replace(str(folder), "DIR"), result.returncode


def well_formed(human):
    """What holds for every diagnostic; yields complaints."""
    places = re.findall(r"^(\S+?):(\d+):(\d+): (error|warning|note): (.*)$", human, re.M)
    if len(places) != len(set(places)):
        yield "a diagnostic is there twice"
    order = []
    for file, line, column, _, _ in places:
        if file not in order:
            order.append(file)
    keys = [(order.index(file), int(line), int(column)) for file, line, column, _, _ in places]
    if keys != sorted(keys):
        yield "the diagnostics are not in the order of their places"
    lines = human.split("\n")
    for number, line in enumerate(lines):
        if re.match(r"^\S+?:\d+:\d+: (error|warning)", line):
            excerpt = lines[number + 1:number + 3]
            if len(excerpt) == 2 and excerpt[0].strip() and not re.match(r"^ +\| *\^~*$", excerpt[1]):
                yield f"no caret below: {line}"
    for bad in ("yaml-cpp", "bad conversion", "exception", "offset"):
        if bad in human:
            yield f"\"{bad}\" is no word for people"


def check(escalator, kind, scratch, ids):
    folder = scratch / kind
    case = CASES / kind
    shutil.copytree(case, folder, ignore=shutil.ignore_patterns("expected.txt", "args"))
    if not any((folder / name).exists() for name in ("campaign.yaml", "made")):
        shutil.copy(HERE / "good.yaml", folder / "campaign.yaml")
    if (folder / "made").exists():
        try:
            getattr(made, (folder / "made").read_text().strip())(folder)
        except made.Impossible as why:
            print(f"{kind}: not here: {why}")
            return []
        if not os.path.lexists(folder / "campaign.yaml"):
            shutil.copy(HERE / "good.yaml", folder / "campaign.yaml")
    arguments = (case / "args").read_text().split() if (case / "args").exists() else []
    text, status = validate(escalator, folder, arguments)
    got = f"{text}exit status {status}\n"
    complaints = list(well_formed(text)) if "--json" not in arguments else []
    if status < 0 or status > 2:
        complaints.append(f"ended with {status}")
    as_json, _ = validate(escalator, folder, ["--json"])
    body = json.loads(as_json[as_json.index("{"):as_json.rindex("}") + 1])
    ids.update(it["id"] for it in body.get("diagnostics", []))
    if "error" in body:
        ids.add(body["error"]["code"])
    path = case / "expected.txt"
    if ACCEPT:
        path.write_text(got)
    elif not path.exists() or path.read_text() != got:
        wanted = path.read_text() if path.exists() else "(nothing)"
        complaints.append(f"expected:\n{wanted}got:\n{got}")
    return complaints


def main():
    escalator = str(pathlib.Path(sys.argv[1]).resolve())
    kinds = sys.argv[2:] or sorted(it.name for it in CASES.iterdir())
    ids = set()
    failed = 0
    with tempfile.TemporaryDirectory() as scratch:
        for kind in kinds:
            for complaint in check(escalator, kind, pathlib.Path(scratch), ids):
                failed += 1
                print(f"{kind}: {complaint}")
    print(f"{len(kinds)} cases, {len(ids)} kinds of diagnostic, {failed} complaints")
    if not sys.argv[2:]:
        failed += len(kinds) < LEAST_CASES or len(ids) < LEAST_KINDS
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
