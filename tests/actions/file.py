#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""actions.file: what the file action puts on a node, and that its undo brings back exactly what was there.

    file.py ESCALATOR
"""

import os
import stat
import sys

from controller import Controller, check, claims, contains, lab, same


def state(node, path):
    """Everything about a file that an undo must bring back."""
    it = node.path(path)
    if not os.path.lexists(it):
        return None
    info = it.lstat()
    content = os.readlink(it) if it.is_symlink() else it.read_bytes()
    return content, stat.filemode(info.st_mode), info.st_uid, info.st_gid, info.st_mtime_ns


def an_existing_file_is_replaced_and_comes_back(it):
    it.node.sh("printf 'old\\nline' >/etc/a.conf; chown daemon:bin /etc/a.conf; chmod 4750 /etc/a.conf")
    before = state(it.node, "/etc/a.conf")
    result = it.play("- file: { dest: /etc/a.conf, content: \"new\\n\" }\n  expect: 5s")
    same(state(it.node, "/etc/a.conf")[:4], (b"new\n", *before[1:4]), "content, mode and owner")
    same(result.record("file"), "old\n", "record")
    it.roll_back()
    same(state(it.node, "/etc/a.conf"), before, "after the undo")
    same(it.node.sh("ls /etc/ | grep a.conf"), "a.conf", "nothing is left beside it")


def a_new_file_has_the_mode_and_owner_asked_for_and_goes_away(it):
    result = it.play("- file: { dest: /etc/b.conf, content: bare, mode: \"0600\", owner: daemon, group: \"2\" }\n"
                     "  expect: 5s")
    same(state(it.node, "/etc/b.conf")[:4], (b"bare", "-rw-------", 1, 2))
    same(result.record("file"), "absent\n", "record")
    it.roll_back()
    same(state(it.node, "/etc/b.conf"), None)
    it.play("- file: { dest: /etc/b.conf, content: bare }\n  expect: 5s")
    same(state(it.node, "/etc/b.conf")[:4], (b"bare", "-rw-r--r--", 0, 0))


def what_is_there_already_is_left_alone(it):
    steps = "- file: { dest: /etc/c.conf, content: same, mode: \"0640\" }\n  expect: 5s"
    it.play(steps)
    before = state(it.node, "/etc/c.conf")
    same(it.play(steps).ended("file")["outcome"], "already")
    same(state(it.node, "/etc/c.conf"), before)
    it.node.sh("chmod 644 /etc/c.conf")
    same(it.play(steps).ended("file")["outcome"], "done", "with another mode")
    same(state(it.node, "/etc/c.conf")[1], "-rw-r-----")


def a_file_of_the_controller_arrives_byte_for_byte(it):
    whole = os.urandom(3 << 20) + b"\0\r\n"
    for name, content in (("big", whole), ("empty", b""), ("noline", b"x\n\ny"), ("nul", b"\0")):
        (it.dir / "source").write_bytes(content)
        it.play(f"- file: {{ dest: /etc/{name}, src: source }}\n  expect: 5s")
        check(state(it.node, f"/etc/{name}")[0] == content, f"{name} is not what was sent")


def a_template_has_its_variables_replaced(it):
    (it.dir / "t.conf").write_text("name=${node.name}\nshell=$${HOME} $(id)\n")
    it.play("- file: { dest: /etc/t.conf, template: t.conf }\n  expect: 5s")
    same(state(it.node, "/etc/t.conf")[0], b"name=node01\nshell=${HOME} $(id)\n")


def odd_names_are_names(it):
    for name in ("-n", "a b", "$(touch oops)", "it's", 'q"q', "*", "back\\\\slash", "ünï", ";reboot"):
        it.node.sh("mkdir -p /srv/odd; rm -rf /srv/odd/* /srv/odd/-n")
        path = "/srv/odd/" + name
        it.play(f"- file:\n    dest: '{path.replace(chr(39), chr(39) * 2)}'\n    content: x\n  expect: 5s")
        same([entry.name for entry in it.node.path("/srv/odd").iterdir()], [name])
        it.roll_back()
        same(list(it.node.path("/srv/odd").iterdir()), [])


def a_link_is_refused_followed_or_removed_as_a_link(it):
    it.node.sh("printf old >/srv/real; ln -sf real /srv/link; ln -sf /nowhere /srv/dangling; ln -sfn /etc /srv/dirlink")
    result = it.play("- file: { dest: /srv/link, content: new }\n  expect: 5s", ok=False)
    contains(result.message("file"), "follow: true")
    it.play("- file: { dest: /srv/link, content: new, follow: true }\n  expect: 5s")
    same((state(it.node, "/srv/link")[0], state(it.node, "/srv/real")[0]), ("real", b"new"))
    it.roll_back()
    same((state(it.node, "/srv/link")[0], state(it.node, "/srv/real")[0]), ("real", b"old"))
    for link, target in (("link", "real"), ("dangling", "/nowhere"), ("dirlink", "/etc")):
        it.play(f"- file: {{ dest: /srv/{link}, state: absent }}\n  expect: 5s")
        same(state(it.node, f"/srv/{link}"), None)
        it.roll_back()
        same(state(it.node, f"/srv/{link}")[0], target)


def a_removed_file_comes_back(it):
    it.node.sh("printf gone >/srv/gone; chmod 600 /srv/gone")
    before = state(it.node, "/srv/gone")
    it.play("- file: { dest: /srv/gone, state: absent }\n  expect: 5s")
    same(state(it.node, "/srv/gone"), None)
    same(it.play("- file: { dest: /srv/gone, state: absent }\n  expect: 5s").ended("file")["outcome"], "already")
    it.node.sh("printf gone >/srv/gone2")
    it.play("- file: { dest: /srv/gone2, state: absent }\n  expect: 5s")
    it.roll_back()
    check(state(it.node, "/srv/gone2")[0] == b"gone", "it comes back")
    check(before is not None, "it was there")


def a_retry_keeps_the_file_from_before_the_first_attempt(it):
    it.node.sh("printf original >/srv/retry; rm -f /srv/tried")
    it.play("""
        - file: { dest: /srv/retry, content: new }
          verify: test -e /srv/tried || { touch /srv/tried; exit 1; }
          retry: 1
          expect: 5s
        """)
    same(state(it.node, "/srv/retry")[0], b"new")
    it.roll_back()
    same(state(it.node, "/srv/retry")[0], b"original", "after two attempts and the undo")


def what_cannot_be_is_said_with_a_remedy(it):
    for args, words in (("dest: /no/dir/x, content: x", "mkdir"), ("dest: /etc, content: x", "is a directory"),
                        ("dest: /srv/y, content: x, owner: nobody-here", "such a user"),
                        ("dest: /dev/null, content: x", "no regular file"), ("dest: /etc, state: absent", "is a directory")):
        result = it.play(f"- file: {{ {args} }}\n  expect: 5s", ok=False)
        contains(result.message("file"), words)
    same(state(it.node, "/srv/y"), None, "nothing is left half done")


def a_backup_lies_beside_it_until_the_undo(it):
    it.node.sh("printf old >/srv/kept")
    it.play("- file: { dest: /srv/kept, content: new, backup: true }\n  expect: 5s")
    same(state(it.node, "/srv/kept.escalator-old")[0], b"old")
    it.roll_back()
    same((state(it.node, "/srv/kept")[0], state(it.node, "/srv/kept.escalator-old")), (b"old", None))


def a_full_disk_changes_nothing(it):
    it.node.sh("mkdir -p /srv/full; mount -t tmpfs -o size=64k tmpfs /srv/full; printf old >/srv/full/f")
    (it.dir / "source").write_bytes(bytes(200_000))
    result = it.play("- file: { dest: /srv/full/f, src: source }\n  expect: 5s", ok=False)
    contains(result.message("file"), "disk full")
    same([entry.name for entry in it.node.path("/srv/full").iterdir()], ["f"])
    same(state(it.node, "/srv/full/f")[0], b"old")


if __name__ == "__main__":
    lab.alone()
    with Controller(sys.argv[1], init="sysv") as controller:
        claims(an_existing_file_is_replaced_and_comes_back, a_new_file_has_the_mode_and_owner_asked_for_and_goes_away,
               what_is_there_already_is_left_alone, a_file_of_the_controller_arrives_byte_for_byte,
               a_template_has_its_variables_replaced, odd_names_are_names, a_link_is_refused_followed_or_removed_as_a_link,
               a_removed_file_comes_back, a_retry_keeps_the_file_from_before_the_first_attempt,
               what_cannot_be_is_said_with_a_remedy, a_backup_lies_beside_it_until_the_undo,
               a_full_disk_changes_nothing)(controller)
