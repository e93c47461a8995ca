# SPDX-License-Identifier: Apache-2.0
"""The campaign that the kill sweep and the journal's fault test play, and its judge: 5 steps in two
procedures, each of which leaves one line in its node's own log."""

STEPS = ["stop", "install", "configure", "start", "clean"]
THERE_AND_BACK = STEPS + ["undo-" + name for name in reversed(STEPS)]


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


def resume(it):
    """Takes the killed run up again, as an operator would: from the journal, or from the start when
    nothing was ever begun."""
    if not it.runs() or not it.journal():
        # killed before the first record: nothing was started, so nothing is to be resumed
        it.call("run", it.dir / "plan.json", "--yes", *it.ssh("--steal-lease"))
    elif it.journal()[-1]["event"] != "run_ended":
        it.call("run", "--resume", it.run_id(), "--yes", *it.ssh())


def judge(it, case, whole=STEPS):
    """Every command ran exactly once, by the nodes' own word, and the run has ended."""
    for node in it.nodes:
        if it.log(node) != whole:
            raise AssertionError(f"{case}: {node} ran {it.log(node)} instead of {whole}")
    if it.journal()[-1]["event"] != "run_ended":
        raise AssertionError(f"{case}: the run has not ended: {it.journal()[-1]}")
