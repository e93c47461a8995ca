#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""actions.reboot: nodes that really go down (their init and all processes end) and come back with a
new boot id.

    reboot.py ESCALATOR
"""

import os
import sys

from controller import Controller, check, claims, contains, lab, same


def boot_id(it):
    return it.node.sh("cat /proc/sys/kernel/random/boot_id")


def reboot(args, more=""):
    return f"- reboot: {{ {args} }}\n  expect: 60s\n{more}"


def a_new_boot_id_is_the_proof(it):
    before, boots = boot_id(it), it.node.boots
    it.node.sh("touch /run/only-until-the-reboot /srv/stays")
    result = it.play(reboot("when: always") + "- command: test -e /srv/stays && ! test -e /run/only-until-the-reboot\n"
                     "  read_only: true\n  expect: 5s\n")
    same(it.node.boots, boots + 1, "one reboot")
    check(boot_id(it) != before, "a new boot id")
    same(result.ended("reboot")["outcome"], "done")
    it.roll_back()
    same(it.node.boots, boots + 1, "the undo of a reboot does nothing")


def an_own_command(it):
    boots = it.node.boots
    it.play(reboot("command: [reboot, -f]"))
    it.play(reboot("command: sleep 1; reboot -f"))
    same(it.node.boots, boots + 2)


def a_machine_that_stays_up_fails_the_step(it):
    boots = it.node.boots
    contains(it.play(reboot("command: 'true', go_down: 2s"), ok=False).message("reboot"), "not gone down within 2s")
    contains(it.play(reboot("command: exit 3"), ok=False).message("reboot"), "the reboot command failed")
    same(it.node.boots, boots)


def only_when_the_kernel_changed(it):
    boots = it.node.boots
    release = os.uname().release
    it.node.sh(f"rm -f /boot/vmlinuz-*; touch /boot/vmlinuz-{release}")
    same(it.play(reboot("when: kernel-changed, command: [reboot, -f]")).ended("reboot")["outcome"], "already")
    letters = len(release) - len(release.lstrip("0123456789.-"))
    flavour = release[letters:]
    if not any(word in release for word in (".el", ".fc")) and flavour:
        it.node.sh(f"touch /boot/vmlinuz-99.0-1-other-{flavour}")
        same(it.play(reboot("when: kernel-changed, command: [reboot, -f]")).ended("reboot")["outcome"], "already",
             "a kernel of another flavour")
        newer = f"99.0-1-{flavour}"
    else:
        newer = "99." + release
    it.node.sh(f"touch /boot/vmlinuz-{newer}")
    it.play(reboot("when: kernel-changed, command: [reboot, -f]"))
    same(it.node.boots, boots + 1)
    it.node.sh(f"rm /boot/vmlinuz-{newer}")


def only_when_the_system_asks_for_it(it):
    boots = it.node.boots
    same(it.play(reboot("when: required, command: [reboot, -f]")).ended("reboot")["outcome"], "already")
    it.node.sh("touch /run/reboot-required")
    it.play(reboot("when: required, command: [reboot, -f]"))
    same(it.node.boots, boots + 1)


if __name__ == "__main__":
    lab.alone()
    lab.need("reboot (systemd-sysv)")
    with Controller(sys.argv[1], init="sysv") as controller:
        claims(an_own_command, a_machine_that_stays_up_fails_the_step, only_when_the_kernel_changed,
               only_when_the_system_asks_for_it)(controller)
    if not os.path.exists("/lib/systemd/systemd"):
        lab.skip("there is no systemd (its part of this test; the rest passed): apt-get install systemd")
    with Controller(sys.argv[1], init="systemd") as controller:
        claims(a_new_boot_id_is_the_proof)(controller)
