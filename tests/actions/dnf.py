#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""actions.dnf: the package action with the real dnf and rpm, on a node of its own that has no apt,
with a package repository of its own.

    dnf.py ESCALATOR
"""

import os
import subprocess
import sys

from controller import Controller, check, claims, contains, lab, same

SPEC = """Name: {name}
Version: {version}
Release: 1
Epoch: {epoch}
Summary: x
License: none
BuildArch: noarch
{fields}
%description
x
%install
mkdir -p %{{buildroot}}/etc %{{buildroot}}/usr/share
echo {version} >%{{buildroot}}/usr/share/{name}
echo set={version} >%{{buildroot}}/etc/{name}.conf
%files
/usr/share/{name}
%config(noreplace) /etc/{name}.conf
"""
PACKAGES = [("app", "1.0", 0, "Requires: app-lib = 1.0"), ("app", "1.1", 0, "Requires: app-lib = 1.1, app-new"),
            ("app-lib", "1.0", 0, ""), ("app-lib", "1.1", 0, ""), ("app-new", "2.0", 0, ""), ("extra", "3", 2, "")]


def build(node):
    repo = node.seed("srv/repo")
    repo.mkdir(parents=True)
    for name, version, epoch, fields in PACKAGES:
        spec = node.home / f"{name}-{version}.spec"
        spec.write_text(SPEC.format(name=name, version=version, epoch=epoch, fields=fields))
        subprocess.run(["rpmbuild", "-bb", "--quiet", "-D", f"_topdir {node.home}/rpm", "-D", f"_rpmdir {repo}", spec],
                       check=True, capture_output=True)
    subprocess.run(["createrepo_c", "-q", repo], check=True, capture_output=True)
    node.seed("etc/dnf/dnf.conf").write_text("[main]\ngpgcheck=0\nbest=True\n")
    node.seed("etc/dnf/vars/releasever").write_text("1\n")
    node.seed("etc/dnf/plugins/local.conf").write_text("[main]\nenabled=0\n")
    node.seed("etc/yum.repos.d/own.repo").write_text("[own]\nname=own\nbaseurl=file:///srv/repo\ngpgcheck=0\n")


def only_dnf(node):
    node.sh("rm -f /usr/bin/apt-get; rm -rf /var/lib/rpm /var/lib/dnf /var/cache/dnf; mkdir -p /var/lib/rpm; rpm --initdb;"
            "dnf -q -y install app-1.0 app-lib-1.0")


def packages(node):
    return node.sh("rpm -qa --qf '%{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\\n' | sort")


def package(args, more=""):
    return f"- package: {{ {args} }}\n  expect: 30s\n{more}"


def an_upgrade_to_an_exact_version_and_back(it):
    before = packages(it.node)
    result = it.play(package('upgrade: { app: "1.1-1" }'))
    same(result.record("package"), "app-lib.noarch 1.0-1 1.1-1\napp-new.noarch - 2.0-1\napp.noarch 1.0-1 1.1-1\n", "what really changed")
    same(it.play(package('upgrade: { app: "1.1" }')).ended("package")["outcome"], "already", "a version without release")
    # what the second campaign did not do is not its to undo
    it.roll_back()
    contains(packages(it.node), "app 0:1.1-1")
    it.node.sh("dnf -q -y downgrade app-1.0 app-lib-1.0; dnf -q -y remove app-new; true")
    same(packages(it.node), before)
    it.play(package("upgrade: [app]"))
    contains(packages(it.node), "app 0:1.1-1")
    it.roll_back()
    same(packages(it.node), before, "after the undo")


def install_remove_and_downgrade(it):
    before = packages(it.node)
    it.play(package("install: [extra=2:3-1]"))
    contains(packages(it.node), "extra 2:3-1")
    it.roll_back()
    same(packages(it.node), before)
    it.node.sh("dnf -q -y install app-1.1")
    newer = packages(it.node)
    contains(it.play(package("upgrade: [app=1.0-1, app-lib=1.0-1]"), ok=False).message("package"), "allow_downgrade: true")
    same(packages(it.node), newer, "refused")
    it.play(package("upgrade: [app=1.0-1, app-lib=1.0-1], allow_downgrade: true"))
    contains(packages(it.node), "app 0:1.0-1")
    it.roll_back()
    same(packages(it.node), newer)
    contains(it.play(package("remove: [app-lib]"), ok=False).message("package"), "other packages need it")
    same(packages(it.node), newer)
    it.play(package("remove: [app-lib], allow_remove: true"))
    it.roll_back()
    same(packages(it.node), newer)
    it.node.sh("dnf -q -y downgrade app-1.0 app-lib-1.0; dnf -q -y remove app-new; true")
    same(packages(it.node), before)


def what_does_not_exist_is_said(it):
    before = packages(it.node)
    for args, words in (('upgrade: { app: "7.7" }', "there are: 1.0-1 1.1-1"),
                        ("install: [no-such-thing]", "no package source knows no-such-thing"),
                        ("upgrade: [extra]", "extra is not installed")):
        contains(it.play(package(args), ok=False).message("package"), words)
    same(packages(it.node), before)


def no_way_back_is_refused(it):
    before = packages(it.node)
    it.node.sh("mkdir /srv/old; mv /srv/repo/noarch/app-1.0* /srv/old; createrepo_c -q /srv/repo; dnf -q clean all")
    contains(it.play(package('upgrade: { app: "1.1-1" }'), ok=False).message("package"), "no way back")
    same(packages(it.node), before)
    it.node.sh("mv /srv/old/* /srv/repo/noarch; createrepo_c -q /srv/repo; dnf -q clean all")


def changed_configuration_is_kept_and_that_is_said(it):
    it.node.sh("echo mine >/etc/app.conf")
    it.play(package("upgrade: [app=1.1-1]"))
    same(it.node.sh("cat /etc/app.conf /etc/app.conf.rpmnew"), "mine\nset=1.1")
    said = "".join(path.read_text() for path in (it.dir / "state" / it.run_id / "steps").iterdir())
    contains(said, "the present /etc/app.conf is kept")
    it.roll_back()
    same(it.node.sh("cat /etc/app.conf"), "mine")
    check("app.conf.rpmnew" not in it.node.sh("ls /etc"), "the new file is gone again")


def holds(it):
    if not os.path.exists("/usr/lib/python3/dist-packages/dnf-plugins/versionlock.py"):
        contains(it.play(package("hold: [app]"), ok=False).message("package"), "versionlock")
        return
    it.play(package("hold: [app]"))
    contains(it.node.sh("dnf -q versionlock list"), "app-0:1.0-1")
    same(it.play(package("hold: [app]")).ended("package")["outcome"], "already")
    it.play(package("unhold: [app]"))
    same(it.node.sh("dnf -q versionlock list"), "")
    it.roll_back()
    contains(it.node.sh("dnf -q versionlock list"), "app-0:1.0-1")
    it.play(package("hold: [app, app-lib]"))
    it.roll_back()
    check("app-lib" not in it.node.sh("dnf -q versionlock list"), "app-lib is free again")


if __name__ == "__main__":
    lab.alone()
    lab.need("dnf (dnf)", "rpmbuild (rpm)", "createrepo_c (createrepo-c)")
    with Controller(sys.argv[1], init="sysv", prepare=build) as controller:
        only_dnf(controller.node)
        claims(an_upgrade_to_an_exact_version_and_back, install_remove_and_downgrade, what_does_not_exist_is_said,
               no_way_back_is_refused, changed_configuration_is_kept_and_that_is_said, holds)(controller)
