#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""actions.service: services of a real systemd, and SysV scripts where none runs, brought to a state
and back.

    service.py ESCALATOR
"""

import os
import sys

from controller import Controller, check, claims, contains, lab, same

UNIT = "[Unit]\nDefaultDependencies=no\n[Service]\n{}\n[Install]\nWantedBy=lab.target\n"
SCRIPT = """#!/bin/sh
### BEGIN INIT INFO
# Provides: {name}
# Required-Start:
# Required-Stop:
# Default-Start: 2 3 4 5
# Default-Stop: 0 1 6
### END INIT INFO
pid=/run/{name}.pid
up() {{ [ -s $pid ] && kill -0 "$(cat $pid)" 2>/dev/null; }}
case $1 in
start) up || {{ setsid sh -c 'cat /srv/{name}.conf >/run/{name}.read; exec sleep 9999' </dev/null >/dev/null 2>&1 & echo $! >$pid; }} ;;
stop) ! up || kill "$(cat $pid)"; rm -f $pid ;;
restart) $0 stop; $0 start ;;
reload) cat /srv/{name}.conf >/run/{name}.read ;;
status) up ;;
esac
"""


def systemd_units(node):
    units = node.seed("etc/systemd/system")
    daemon = ("ExecStart=/bin/sh -c 'cat /srv/one.conf >/run/one.read; exec sleep 9999'\n"
              "ExecReload=/bin/sh -c 'cat /srv/one.conf >/run/one.read'")
    (units / "one.service").write_text(UNIT.format(daemon))
    (units / "two.service").write_text(UNIT.format("ExecStart=/bin/sleep 9999"))
    (units / "dies.service").write_text(UNIT.format("ExecStart=/bin/sh -c 'sleep 0.2; echo it is broken; exit 3'"))
    (units / "fails.service").write_text(UNIT.format("Type=forking\nExecStart=/bin/sh -c 'echo no such table; exit 4'"))
    (units / "once.service").write_text(UNIT.format("Type=oneshot\nExecStart=/bin/sh -c 'echo x >>/srv/once'"))
    vendor = node.seed("usr/lib/systemd/system/three.service")
    vendor.write_text(UNIT.format("ExecStart=/bin/sleep 9999"))
    node.seed("srv/one.conf").write_text("old\n")


def sysv_scripts(node):
    script = node.seed("etc/init.d/one")
    script.write_text(SCRIPT.format(name="one"))
    script.chmod(0o755)
    node.seed("srv/one.conf").write_text("old\n")


def service(args):
    return f"- service: {{ {args} }}\n  expect: 10s\n"


def active(it, name):
    return it.node.sh(f"if [ -d /run/systemd/system ]; then systemctl is-active {name}; "
                      f"else service {name} status && echo active || echo inactive; fi", check=False)


def at_boot(it, name):
    return it.node.sh(f"if [ -d /run/systemd/system ]; then systemctl is-enabled {name}; "
                      f"else ls /etc/rc2.d/S*{name} >/dev/null 2>&1 && echo enabled || echo disabled; fi", check=False)


def main_pid(it):
    return it.node.sh("cat /run/one.pid 2>/dev/null || systemctl show -p MainPID --value one")


def started_and_stopped_again(it):
    result = it.play(service("name: one, state: started"))
    same(active(it, "one"), "active")
    same(result.record("service"), "one inactive disabled\n")
    it.roll_back()
    check(active(it, "one") != "active", "stopped by the undo")
    it.play(service("name: one, state: started"))
    same(it.play(service("name: one.service, state: started")).ended("service")["outcome"], "already")
    it.play(service("name: one, state: stopped"))
    check(active(it, "one") != "active", "stopped")
    same(it.play(service("name: one, state: stopped")).ended("service")["outcome"], "already")


def stopped_and_started_again(it):
    it.play(service("name: one, state: started"))
    it.play(service("name: one, state: stopped"))
    it.roll_back()
    same(active(it, "one"), "active")


def at_boot_or_not(it):
    it.play(service("name: one, enabled: true"))
    same(at_boot(it, "one"), "enabled")
    same(it.play(service("name: one, enabled: true")).ended("service")["outcome"], "already")
    it.play(service("name: one, enabled: false"))
    same(at_boot(it, "one"), "disabled")
    it.roll_back()
    same(at_boot(it, "one"), "enabled")
    it.play(service("name: one, enabled: false, state: stopped"))
    it.play(service("name: one, enabled: true, state: started"))
    it.roll_back()
    same((at_boot(it, "one"), active(it, "one") == "active"), ("disabled", False))


def a_restart_reads_the_new_file_and_its_undo_the_old_one(it):
    it.play(service("name: one, state: started"))
    before = main_pid(it)
    for state in ("restarted", "reloaded"):
        it.play("- file: { dest: /srv/one.conf, content: new }\n  expect: 5s\n" + service(f"name: one, state: {state}"))
        same(it.node.sh("cat /run/one.read"), "new", f"after {state}")
        check((main_pid(it) != before) == (state == "restarted"), f"the process after {state}")
        it.roll_back()
        same(it.node.sh("cat /run/one.read"), "old", f"after the undo of {state}")
        same(active(it, "one"), "active")
        before = main_pid(it)


def an_unknown_service_is_said(it):
    contains(it.play(service("name: nobody, state: started"), ok=False).message("service"), "there is no service nobody")


def masks(it):
    it.play(service("name: three, masked: true"))
    same(at_boot(it, "three"), "masked")
    same(it.play(service("name: three, masked: true")).ended("service")["outcome"], "already")
    it.play(service("name: three, masked: false, state: started"))
    same(active(it, "three"), "active")
    it.roll_back()
    same((at_boot(it, "three"), active(it, "three")), ("masked", "inactive"))
    it.node.sh("systemctl unmask three; systemctl enable three; systemctl start three")
    it.play(service("name: three, masked: true, state: stopped"))
    same(active(it, "three"), "inactive")
    it.roll_back()
    same((at_boot(it, "three"), active(it, "three")), ("enabled", "active"))


def a_service_that_does_not_start_fails_its_step_with_the_reason(it):
    message = it.play(service("name: fails, state: started"), ok=False).message("service")
    contains(message, "no such table")
    for state in ("started", "restarted"):
        result = it.play(service(f"name: dies, state: {state}"), ok=False)
        same(result.ended("service")["stage"], "verify")
        contains(result.message("service"), "started and ended again at once")


def a_oneshot_service_has_run(it):
    it.play(service("name: once, state: started"))
    same(it.node.sh("cat /srv/once"), "x")


def several_services_in_order(it):
    it.node.sh("systemctl stop one two")
    result = it.play(service("name: [one, two], state: started"))
    same(result.record("service"), "one inactive disabled\ntwo inactive disabled\n")
    it.roll_back()
    same((active(it, "one"), active(it, "two")), ("inactive", "inactive"))


def a_new_unit_comes_and_goes(it):
    unit = UNIT.format("ExecStart=/bin/sleep 9999").replace("\n", "\\n")
    it.play(f"- file: {{ dest: /etc/systemd/system/new.service, content: \"{unit}\" }}\n  expect: 5s\n"
            + service("name: new, state: restarted, enabled: true, daemon_reload: true"))
    same((active(it, "new"), at_boot(it, "new")), ("active", "enabled"))
    it.roll_back()
    same(active(it, "new"), "inactive")
    same(it.node.sh("find /etc/systemd -name new.service; systemctl show -p LoadState --value new"), "not-found")


COMMON = (started_and_stopped_again, stopped_and_started_again, at_boot_or_not,
          a_restart_reads_the_new_file_and_its_undo_the_old_one, an_unknown_service_is_said)

if __name__ == "__main__":
    lab.alone()
    lab.need("service (init-system-helpers)", "update-rc.d (init-system-helpers)")
    with Controller(sys.argv[1], init="sysv", prepare=sysv_scripts) as controller:
        print("with SysV scripts:")
        claims(*COMMON)(controller)
        contains(controller.play(service("name: one, masked: true"), ok=False).message("service"), "needs systemd")
    if not os.path.exists("/lib/systemd/systemd"):
        lab.skip("there is no systemd (its half of this test; the SysV half passed): apt-get install systemd")
    with Controller(sys.argv[1], init="systemd", prepare=systemd_units) as controller:
        print("with systemd:")
        claims(*COMMON, masks, a_service_that_does_not_start_fails_its_step_with_the_reason, a_oneshot_service_has_run,
               several_services_in_order, a_new_unit_comes_and_goes)(controller)
