#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""actions.plugins: what a plugin is asked, and that a hostile one is an error of its step only.

    plugins.py ESCALATOR
"""

import json
import os
import sys

from controller import Controller, claims, contains, lab, same

DESCRIBE = '{"protocol":1,"verbs":["describe","check","do","verify","undo"],"args":{"mode":{"type":"text"},"n":{"type":"number","required":false},"list":{"type":"list"}}}'
HEAD = f"""#!/bin/sh
request=$(cat)
printf '%s %s\\n' "$1" "$request" >>"$0.log"
[ "$1" != describe ] || {{ printf '%s\\n' '{DESCRIBE}'; exit; }}
"""
GOOD = HEAD + """case $1 in
check) if [ -e "$0.done" ]; then echo '{"done":true}'; else echo '{"done":false}'; fi ;;
do) touch "$0.done"; echo '{"record":{"was":"half"},"message":"it is done"}' ;;
verify) echo '{"done":true}' ;;
undo) rm "$0.done"; echo '{}' ;;
esac
"""


class Plugins:
    def __init__(self, it):
        self.it = it
        self.dir = it.dir / "plugins"
        self.dir.mkdir(exist_ok=True)
        it.plugins = self.dir

    def write(self, name, text):
        path = self.dir / name
        path.write_text(text)
        path.chmod(0o755)
        (self.dir / (name + ".log")).unlink(missing_ok=True)
        return path

    def log(self, name):
        """What it was asked: verb and request, in order."""
        lines = (self.dir / (name + ".log")).read_text().splitlines()
        return [(verb, json.loads(request)) for verb, _, request in (line.partition(" ") for line in lines)]

    def play(self, name, args="mode: x", more="", **kind):
        steps = f"- plugin: {{ name: {name}, args: {{ {args} }} }}\n  expect: 5s\n{more}"
        return self.it.play(steps, **kind)


def it_is_asked_in_order_and_told_what_it_needs(it):
    them = Plugins(it)
    them.write("good", GOOD)
    result = them.play("good", "mode: 'at ${node.name}', n: 3, list: [a, b]")
    same(result.record("plugin"), '{"was":"half"}\n')
    log = them.log("good")
    same([verb for verb, _ in log], ["describe", "check", "do", "verify"])
    request = log[2][1]
    same(request["args"], {"mode": "at node01", "n": 3, "list": ["a", "b"]})
    same((request["protocol"], request["verb"], request["record"], request["run"]), (1, "do", None, it.run_id))
    same((request["node"]["name"], request["node"]["label.role"]), ("node01", "web"))
    it.roll_back()
    log = them.log("good")
    same([verb for verb, _ in log[4:]], ["describe", "undo"])
    same(log[5][1]["record"], {"was": "half"})


def what_is_done_already_is_not_done_again(it):
    them = Plugins(it)
    them.write("good", GOOD)
    (them.dir / "good.done").touch()
    same(them.play("good").ended("plugin")["outcome"], "already")
    same([verb for verb, _ in them.log("good")], ["describe", "check"])
    (them.dir / "good.done").unlink()


def arguments_are_checked_before_anything_happens(it):
    them = Plugins(it)
    them.write("good", GOOD)
    for args, words in (("mod: x", 'did you mean "mode"?'), ("n: many", '"n" must be a number'), ("list: x", '"list" must be a list')):
        contains(them.play("good", args, ok=False).message("plugin"), words)
    same({verb for verb, _ in them.log("good")}, {"describe"})
    contains(them.play("nobody", ok=False).message("plugin"), "there is no plugin")


HOSTILE = {
    "crashes": ("exit 3", "exit status 3"),
    "killed": ("kill -SEGV $$", "signal 11"),
    "garbage": ("echo hello; echo '{'", "no JSON object"),
    "binary": ("head -c 5000 /dev/urandom", "no JSON object"),
    "silent": (":", "answered nothing"),
    "endless": ("exec cat /dev/zero", "longer than"),
    "huge": ("head -c 2000000 /dev/zero | tr '\\\\0' ' '; echo '{}'", "longer than"),
    "deep": ("head -c 300000 /dev/zero | tr '\\\\0' '['", "nested too deeply"),
    "list": ("echo '[1]'", "no JSON object"),
    "types": ("""echo '{"done":"yes","record":[],"error":5}'""", "is no text"),
    "longrecord": ("""printf '{"done":false,"record":"%09000d"}' 1""", "record is longer"),
    "sorry": ("""echo '{"error":"the disk is on fire","remedy":"call someone"}'; exit 1""", "the disk is on fire"),
}


def a_hostile_one_is_an_error_of_its_step_only(it):
    them = Plugins(it)
    for name, (body, words) in HOSTILE.items():
        them.write(name, HEAD + f"""[ "$1" = do ] || {{ echo '{{"done":false}}'; exit; }}\n{body}\n""".replace("\\\\0", "\\0"))
        message = them.play(name, ok=False).message("plugin")
        contains(message, words)
        contains(message, f"plugin {name}: do")
    # the same when it is asked for its description, or for its check
    them.write("nodesc", "#!/bin/sh\necho '{}'\n")
    contains(them.play("nodesc", ok=False).message("plugin"), '"protocol": 1')
    them.write("badcheck", HEAD + "echo '{}'\n")
    contains(them.play("badcheck", ok=False).message("plugin"), 'lacks "done"')
    them.write("noexec", "#!/no/such/interpreter\n")
    contains(them.play("noexec", ok=False).message("plugin"), "cannot start")


def a_verb_that_is_missing_is_said(it):
    them = Plugins(it)
    them.write("nodo", HEAD.replace('"do",', ""))
    contains(them.play("nodo", ok=False).message("plugin"), 'no verb "do"')
    them.write("noundo", GOOD.replace(',"undo"]', "]"))
    contains(them.play("noundo", ok=False).message("plugin"), "cannot undo")
    same({verb for verb, _ in them.log("noundo")}, {"describe"}, "nothing was done")
    them.play("noundo", more="  no_return: true\n")
    (them.dir / "noundo.done").unlink()
    them.write("onlydo", GOOD.replace('"check","do","verify"', '"do"'))
    them.play("onlydo")
    same([verb for verb, _ in them.log("onlydo")], ["describe", "do"])
    (them.dir / "onlydo.done").unlink()


def one_that_hangs_is_ended_with_all_its_processes(it):
    them = Plugins(it)
    body = "trap '' TERM\nsleep 4321 &\nsleep 4321\n"
    them.write("hangs", HEAD + f"""[ "$1" = do ] || {{ echo '{{"done":false}}'; exit; }}\n{body}""")
    result = them.play("hangs", more="  timeout: 5s\n", ok=False)
    same(result.ended("plugin")["outcome"], "timed_out")
    lab.until(lambda: not [pid for pid in os.listdir("/proc") if pid.isdigit() and b"4321" in cmdline(pid)],
              "the end of its processes")


def one_that_leaves_a_child_behind_does_not_hold_its_step(it):
    them = Plugins(it)
    them.write("leaves", HEAD + """sleep 4321 &\necho '{"done":true}'\n""")
    them.play("leaves")


def cmdline(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except OSError:
        return b""


if __name__ == "__main__":
    lab.alone()
    with Controller(sys.argv[1], init="sysv") as controller:
        claims(it_is_asked_in_order_and_told_what_it_needs, what_is_done_already_is_not_done_again,
               arguments_are_checked_before_anything_happens, a_hostile_one_is_an_error_of_its_step_only,
               a_verb_that_is_missing_is_said, one_that_hangs_is_ended_with_all_its_processes,
               one_that_leaves_a_child_behind_does_not_hold_its_step)(controller)
