#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""actions.command: programs, shell text and scripts that the author brings, on the node and on the
controller, and their check, verify, undo and record.

    command.py ESCALATOR
"""

import sys

from controller import Controller, check, claims, contains, lab, same

HOSTILE = "a'b\"c $(touch /srv/oops) `id`; \\\\ *"


def words_and_shell_text(it):
    (it.dir / "odd").write_text(HOSTILE)
    extra = "vars:\n  odd: |-\n    " + HOSTILE + "\n"
    it.play("""
        - name: words
          command: { run: [sh, -c, 'printf "%s|" "$@" >/srv/words', x, "${vars.odd}", "two words"] }
          read_only: true
          expect: 5s
        - name: text
          command: printf "%s|" ${vars.odd} --name=${node.name} >/srv/text
          read_only: true
          expect: 5s
        """, extra=extra)
    same(it.node.path("/srv/words").read_text(), HOSTILE + "|two words|")
    same(it.node.path("/srv/text").read_text(), HOSTILE + "|--name=node01|")
    check(not it.node.path("/srv/oops").exists(), "no value became code")


def place_environment_and_user(it):
    it.play("""
        - name: place
          command: { run: 'pwd >/srv/place; printf "%s" "$WORD" >>/srv/place', dir: /usr/share, env: { WORD: "it is $x" } }
          read_only: true
          expect: 5s
        - name: user
          command: id -un >/tmp/user
          as: daemon
          read_only: true
          expect: 5s
        """)
    same(it.node.path("/srv/place").read_text(), "/usr/share\nit is $x")
    same(it.node.path("/tmp/user").read_text(), "daemon\n")
    contains(it.play("- command: { run: pwd, dir: /no/such }\n  read_only: true\n  expect: 5s", ok=False).message("command"), "/no/such")


def check_verify_undo_and_record(it):
    it.node.sh("echo before >/srv/value; rm -f /srv/checked")
    steps = """
        - command: cat /srv/value >"$ESCALATOR_RECORD"; echo after >/srv/value
          check: grep -q after /srv/value
          verify: grep -q after /srv/value
          undo: cat "$ESCALATOR_RECORD" >/srv/value
          expect: 5s
        """
    same(it.play(steps).record("command"), "before\n")
    it.roll_back()
    same(it.node.path("/srv/value").read_text(), "before\n")
    it.node.sh("echo after >/srv/value")
    same(it.play(steps).ended("command")["outcome"], "already")
    result = it.play("- command: echo fine\n  verify: echo but wrong; exit 4\n  undo: 'true'\n  expect: 5s", ok=False)
    same((result.ended("command")["stage"], result.ended("command")["exit_status"]), ("verify", 4))
    contains(result.message("command"), "but wrong")


def a_command_that_hangs_is_ended_with_its_children(it):
    result = it.play("- command: sleep 4321 & sleep 4321\n  read_only: true\n  expect: 1s\n  timeout: 3s", ok=False)
    same(result.ended("command")["outcome"], "timed_out")
    lab.until(lambda: "4321" not in it.node.sh("cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -ao 'sleep 432[1]' || :"),
              "the end of its processes")


def scripts(it):
    (it.dir / "plain").write_text("printf '%s|' \"$@\" >/srv/script\n")
    (it.dir / "python").write_text("#!/usr/bin/env python3\nimport sys\nopen('/srv/python', 'w').write(repr(sys.argv[1:]))\n")
    (it.dir / "strict").write_text("false\ntouch /srv/went-on\n")
    it.play("""
        - script: { src: plain, args: ["a b", "$(id)", "${node.name}"] }
          read_only: true
          expect: 5s
        - name: with-python
          script: { src: python, args: ["x y"] }
          read_only: true
          expect: 5s
        """)
    same(it.node.path("/srv/script").read_text(), "a b|$(id)|node01|")
    same(it.node.path("/srv/python").read_text(), "['x y']")
    it.play("- script: { src: strict, interpreter: [sh, -e] }\n  read_only: true\n  expect: 5s", ok=False)
    check(not it.node.path("/srv/went-on").exists(), "the interpreter's option counts")


def on_the_controller(it):
    it.node.sh("rm -f /srv/here")
    it.play("""
        - local: { run: 'pwd >here; printf "%s for %s" "$WORD" ${node.name} >>here', env: { WORD: done } }
          undo: rm here
          expect: 5s
        """)
    same((it.dir / "here").read_text(), f"{it.dir}\ndone for node01")
    it.roll_back()
    check(not (it.dir / "here").exists(), "its undo ran on the controller, in the same directory")


if __name__ == "__main__":
    lab.alone()
    with Controller(sys.argv[1], init="sysv") as controller:
        claims(words_and_shell_text, place_environment_and_user, check_verify_undo_and_record,
               a_command_that_hangs_is_ended_with_its_children, scripts, on_the_controller)(controller)
