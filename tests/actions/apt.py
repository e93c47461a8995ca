#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""actions.apt: the package action with the real apt and dpkg, on a node of its own with a package
repository of its own: exact versions, what came along, holds and marks, and the undo of all of it.

    apt.py ESCALATOR
"""

import fcntl
import hashlib
import pathlib
import subprocess
import sys
import threading

from controller import Controller, check, claims, contains, lab, same

KILLER = "#!/bin/sh\nif [ -e /srv/pull-the-plug ]; then rm /srv/pull-the-plug; kill -9 $PPID; sleep 1; fi\n"
# name, version, fields, files, postinst
PACKAGES = [
    ("app", "1.0-1", "Depends: app-lib (= 1.0-1)", {"etc/app.conf": "set=1\n", "usr/share/app": "1"}, ""),
    ("app", "1.1-1", "Depends: app-lib (= 1.1-1), app-new", {"etc/app.conf": "set=1.1\n", "usr/share/app": "1.1"}, ""),
    ("app", "1:0.9-1", "Depends: app-lib (= 1.1-1), app-new", {"etc/app.conf": "set=1.1\n", "usr/share/app": "e"}, ""),
    ("app-lib", "1.0-1", "", {"usr/share/app-lib": "1"}, ""),
    ("app-lib", "1.1-1", "", {"usr/share/app-lib": "1.1"}, ""),
    ("app-new", "2.0", "", {"usr/share/app-new": "2"}, ""),
    ("plug", "1", "", {"usr/share/plug": "1"}, KILLER),
    ("plug", "2", "", {"usr/share/plug": "2"}, KILLER),
    ("rival", "1", "Conflicts: app", {"usr/share/rival": "1"}, ""),
]


def build(node):
    """The repository, in the node before its first boot, and apt that knows nothing else."""
    repo = node.seed("srv/repo")
    repo.mkdir(parents=True)
    index = ""
    for name, version, fields, files, postinst in PACKAGES:
        tree = node.home / "tree" / f"{name}_{version.replace(':', '%3a')}_all"
        (tree / "DEBIAN").mkdir(parents=True)
        control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@example.org>\n{fields}\nDescription: x\n"
        control = control.replace("\n\n", "\n")
        (tree / "DEBIAN/control").write_text(control)
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(content)
        conffiles = [f"/{path}\n" for path in files if path.startswith("etc/")]
        (tree / "DEBIAN/conffiles").write_text("".join(conffiles))
        if postinst:
            (tree / "DEBIAN/postinst").write_text(postinst)
            (tree / "DEBIAN/postinst").chmod(0o755)
        deb = repo / (tree.name + ".deb")
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, deb], check=True, capture_output=True)
        content = deb.read_bytes()
        index += f"{control}Filename: ./{deb.name}\nSize: {len(content)}\nSHA256: {hashlib.sha256(content).hexdigest()}\n\n"
    (repo / "Packages").write_text(index)


def only_own_source(node):
    # forgetting what the machine has installed makes dpkg and apt several times as fast here
    node.sh(": >/var/lib/dpkg/status; rm -rf /var/lib/dpkg/info; mkdir /var/lib/dpkg/info;"
            "rm -rf /etc/apt/sources.list.d /etc/apt/sources.list /var/lib/apt/lists; mkdir -p /etc/apt/sources.list.d;"
            "echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list; apt-get update -q;"
            "apt-get install -q -y app=1.0-1 app-lib=1.0-1; apt-mark auto app-lib")


def packages(node):
    """Everything that an undo must bring back."""
    return (node.sh("dpkg-query -W -f '${binary:Package} ${Version} ${db:Status-Abbrev}\\n' | grep -v '^[^ ]* [^ ]* rc'"),
            node.sh("apt-mark showauto"), node.sh("apt-mark showhold"))


def package(args, more=""):
    return f"- package: {{ {args} }}\n  expect: 20s\n{more}"


def an_upgrade_to_an_exact_version_and_back(it):
    before = packages(it.node)
    result = it.play(package('upgrade: { app: "1.1-1" }'))
    same(result.record("package"), "app 1.0-1 1.1-1\napp-lib 1.0-1 1.1-1\napp-new - 2.0\n", "what really changed")
    same(it.node.sh("cat /usr/share/app /usr/share/app-lib /usr/share/app-new"), "11.1"[1:] + "1.12")
    contains(packages(it.node)[1], "app-new")
    same(it.play(package('upgrade: { app: "1.1-1" }')).ended("package")["outcome"], "already")
    it.node.sh("true")
    second = it.run_id
    check(second, "a run")
    it.play(package('upgrade: { app: "1:0.9-1" }'))
    it.roll_back()
    contains(packages(it.node)[0], "app 1.1-1")
    it.node.sh("apt-get install -q -y --allow-downgrades app=1.0-1 app-lib=1.0-1 app-new-; apt-mark auto app-lib")
    it.play(package('upgrade: { app: "1.1-1" }'))
    it.roll_back()
    same(packages(it.node), before, "after the undo")


def a_dependency_stays_one_when_it_is_upgraded_by_name(it):
    it.node.sh("apt-get install -q -y app=1.1-1")
    before = packages(it.node)
    it.node.sh("apt-get install -q -y --allow-downgrades app=1.0-1 app-lib=1.0-1 app-new-; apt-mark auto app-lib")
    check("app-lib" in packages(it.node)[1].split(), "app-lib is automatic")
    it.play(package("upgrade: [app-lib=1.1-1, app=1.1-1]"))
    check("app-lib" in packages(it.node)[1].split(), "it still is")
    it.roll_back()
    check("app-lib" in packages(it.node)[1].split(), "and after the undo")
    check(before, "")


def the_newest_version_without_a_number(it):
    it.play(package("upgrade: [app]"))
    contains(packages(it.node)[0], "app 1:0.9-1")
    it.roll_back()
    contains(packages(it.node)[0], "app 1.0-1")


def a_downgrade_wants_to_be_meant(it):
    it.node.sh("apt-get install -q -y app=1.1-1")
    before = packages(it.node)
    it.play(package("upgrade: [app=1.0-1, app-lib=1.0-1]"), ok=False)
    same(packages(it.node), before, "refused")
    it.play(package("upgrade: [app=1.0-1, app-lib=1.0-1], allow_downgrade: true"))
    contains(packages(it.node)[0], "app 1.0-1")
    it.roll_back()
    same(packages(it.node), before, "after the undo")
    it.node.sh("apt-get install -q -y --allow-downgrades app=1.0-1 app-lib=1.0-1 app-new-; apt-mark auto app-lib")


def what_does_not_exist_is_said(it):
    before = packages(it.node)
    for args, words in (('upgrade: { app: "7.7" }', "there are: 1:0.9-1 1.1-1 1.0-1"),
                        ("install: [no-such-thing]", "no package source knows no-such-thing"),
                        ("upgrade: [plug]", "plug is not installed"), ("install: [plug=9]", "there are: 2 1"),
                        ("install: [rival]", "no way to do that"), ("remove: [app-lib]", "would be removed too: app")):
        contains(it.play(package(args), ok=False).message("package"), words)
    same(packages(it.node), before, "nothing changed")


def install_and_remove_and_their_undo(it):
    before = packages(it.node)
    it.play(package("install: [plug=1]"))
    it.roll_back()
    same(packages(it.node), before)
    result = it.play(package("remove: [app]"))
    same(result.record("package"), "app 1.0-1 -\n")
    same(it.play(package("remove: [app]")).ended("package")["outcome"], "already")
    it.node.sh("apt-get install -q -y app=1.0-1 app-lib=1.0-1; apt-mark auto app-lib")
    it.play(package("remove: [app-lib], allow_remove: true"))
    it.roll_back()
    same(packages(it.node), before)


def a_rival_goes_and_comes_back(it):
    before = packages(it.node)
    it.play(package("install: [rival], allow_remove: true"))
    check("app 1.0-1" not in packages(it.node)[0], "app is gone")
    it.roll_back()
    same(packages(it.node), before)


def holds(it):
    it.play(package("hold: [app]"))
    same(packages(it.node)[2], "app")
    same(it.play(package("hold: [app]")).ended("package")["outcome"], "already")
    # a held package moves only when it is asked for, and is held afterwards
    it.play(package('upgrade: { app: "1.1-1" }'))
    same(packages(it.node)[2], "app")
    it.roll_back()
    same(packages(it.node)[2], "app")
    contains(packages(it.node)[0], "app 1.0-1")
    it.play(package("unhold: [app]"))
    same(packages(it.node)[2], "")
    it.roll_back()
    same(packages(it.node)[2], "app")
    it.node.sh("apt-mark unhold app")
    it.play(package("hold: [app, app-lib]"))
    it.roll_back()
    same(packages(it.node)[2], "")
    contains(it.play(package("hold: [plug]"), ok=False).message("package"), "plug is not installed")


def changed_configuration_is_kept_and_that_is_said(it):
    it.node.sh("echo mine >/etc/app.conf")
    it.play(package('upgrade: { app: "1.1-1" }'))
    same(it.node.sh("cat /etc/app.conf /etc/app.conf.dpkg-dist"), "mine\nset=1.1")
    said = "".join(path.read_text() for path in (it.dir / "state" / it.run_id / "steps").iterdir())
    contains(said, "the present /etc/app.conf is kept")
    it.roll_back()
    same(it.node.sh("cat /etc/app.conf; ls /etc | grep app.conf"), "mine\napp.conf")


def a_lock_of_another_package_manager_is_waited_for(it):
    for lock in ("lib/dpkg/lock-frontend", "lib/apt/lists/lock"):
        with open(it.node.path("/var/" + lock), "w") as file:
            fcntl.lockf(file, fcntl.LOCK_EX)
            contains(it.play(package("install: [plug=1], refresh: true, lock_wait: 2s"), ok=False).message("package").lower(), "lock")
            timer = threading.Timer(3, lambda: fcntl.lockf(file, fcntl.LOCK_UN))
            timer.start()
            it.play(package("install: [plug=1], refresh: true"))
            timer.join()
        it.roll_back()


def an_interrupted_dpkg_is_mended(it):
    before = packages(it.node)
    it.node.sh("touch /srv/pull-the-plug")
    it.play(package("install: [plug=1]"), ok=False)
    check("plug 1 ii" not in packages(it.node)[0], "the plug was pulled")
    it.roll_back()
    same(packages(it.node), before, "after the undo of half an installation")
    it.node.sh("apt-get install -q -y plug=1; touch /srv/pull-the-plug; apt-get install -q -y plug=2 || :")
    result = it.play(package('upgrade: { app: "1.1-1" }'))
    contains(packages(it.node)[0], "plug 2 ii")
    same(result.record("package").split("\n")[0], "app 1.0-1 1.1-1")
    it.roll_back()
    it.node.sh("apt-get remove -q -y plug; true")
    same(packages(it.node), before)


def a_retry_goes_back_to_before_the_first_attempt(it):
    before = packages(it.node)
    it.play(package('upgrade: { app: "1.1-1" }', "  verify: test -e /srv/tried || { touch /srv/tried; exit 1; }\n  retry: 1\n"))
    it.roll_back()
    same(packages(it.node), before)


def no_way_back_is_refused_before_anything_changes(it):
    before = packages(it.node)
    it.node.sh("cp /srv/repo/Packages /srv/all; awk -v RS= -v ORS='\\n\\n' '!/Version: 1.0-1/' /srv/all >/srv/repo/Packages; apt-get update -q")
    result = it.play(package('upgrade: { app: "1.1-1" }'), ok=False)
    contains(result.message("package"), "no package source has app")
    same(packages(it.node), before)
    # a .deb in apt's cache is a way back too
    it.node.sh("cp /srv/repo/app_1.0-1_all.deb /srv/repo/app-lib_1.0-1_all.deb /var/cache/apt/archives/")
    it.play(package('upgrade: { app: "1.1-1" }'))
    it.node.sh("rm -f /var/cache/apt/archives/*.deb")
    it.roll_back()
    same(packages(it.node), before)
    it.play(package('upgrade: { app: "1.1-1" }, allow_no_way_back: true'.replace("}, allow", "}, allow")))
    contains(it.roll_back(ok=False).message("package", "undo"), "apt-get could not go back")
    it.node.sh("cp /srv/all /srv/repo/Packages; apt-get update -q")


if __name__ == "__main__":
    lab.alone()
    lab.need("apt-get (apt)", "dpkg-deb (dpkg)")
    with Controller(sys.argv[1], init="sysv", prepare=build) as controller:
        only_own_source(controller.node)
        claims(an_upgrade_to_an_exact_version_and_back, a_dependency_stays_one_when_it_is_upgraded_by_name,
               the_newest_version_without_a_number, a_downgrade_wants_to_be_meant, what_does_not_exist_is_said,
               install_and_remove_and_their_undo, a_rival_goes_and_comes_back, holds,
               changed_configuration_is_kept_and_that_is_said, a_lock_of_another_package_manager_is_waited_for,
               an_interrupted_dpkg_is_mended, a_retry_goes_back_to_before_the_first_attempt,
               no_way_back_is_refused_before_anything_changes)(controller)
