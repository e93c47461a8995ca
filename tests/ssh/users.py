#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Accounts of every kind: each login shell, noisy start-up files, sudo in all its moods, steps as
another user. Needs root: the accounts exist in a mount namespace of its own only. Real sshd.

    users.py ESCALATOR
"""

import os
import pathlib
import shutil
import subprocess
import sys

import lab
from lab import check

SHELLS = ["sh", "dash", "bash", "busybox", "zsh", "fish", "mksh", "tcsh", "csh", "ksh93"]
NOISE = {"bash": ".bashrc", "zsh": ".zshenv", "fish": ".config/fish/config.fish", "tcsh": ".tcshrc", "csh": ".cshrc"}
SUDOERS = ("trusted", "asked", "barred", "without")
ROOTS_DIR = pathlib.Path("/var/lib/escalator-node")


class Accounts:
    """Users in copies of the system's files, which only this mount namespace sees."""

    def __init__(self, top):
        self.top = top
        self.uid = 61000
        self.names = []
        for name in ("passwd", "shadow", "group", "sudoers"):
            source = pathlib.Path("/etc") / name
            if source.exists():
                shutil.copy2(source, top / name)
                subprocess.run(["mount", "--bind", top / name, source], check=True)

    def add(self, name, shell):
        self.uid += 1
        home = self.top / name
        home.mkdir()
        os.chown(home, self.uid, self.uid)
        for file, line in (("passwd", f"{name}:x:{self.uid}:{self.uid}::{home}:{shell}\n"),
                           ("shadow", f"{name}:*:19000:0:99999:7:::\n"), ("group", f"{name}:x:{self.uid}:\n")):
            with open(self.top / file, "a") as out:
                out.write(line)
        self.names.append(name)
        return home

    def allow(self, line):
        path = self.top / "sudoers"
        path.chmod(0o640)
        with open(path, "a") as out:
            out.write(line + "\n")
        path.chmod(0o440)


def write(path, text, owner):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    for it in (path, path.parent):
        os.chown(it, owner, owner)


def campaign(step):
    return f"""escalator: 1
campaign: users
procedures:
  - name: all
    on: role=web
    parallel: true
    steps:
      - name: who
        command: |
          {step}
        undo: "true"
        expect: 5s
"""


def inventory(it, users, more=""):
    port = (it.dir / it.nodes[0] / "port").read_text().strip()
    lines = [f"  n-{user}: {{ address: 127.0.0.1, port: {port}, user: {user}{more}, labels: {{ role: web }} }}\n" for user in users]
    (it.dir / "inventory.yaml").write_text("nodes:\n" + "".join(lines))


def result_of(it, user):
    log, = (it.state / it.run_id() / "steps").glob(f"*n-{user}.*log")
    return log.read_text()


def shells(it, accounts):
    """Every login shell, quiet and noisy: the step runs under sh, as the user, with its own words."""
    users = []
    for shell in SHELLS:
        path = shutil.which(shell)
        if not path:
            print(f"  no {shell} here")
            continue
        if shell == "busybox":  # its name tells it what it is to be
            (accounts.top / "ash").symlink_to(path)
            path = accounts.top / "ash"
        accounts.add(f"u-{shell}", path)
        users.append(f"u-{shell}")
        if shell in NOISE:
            words = 'echo "Welcome, it is \\"good\\" to see you"; printf "no newline %s" here'
            if "csh" in shell:
                words = 'echo "Welcome"; echo -n no newline here'
            home = accounts.add(f"n-{shell}", path)
            write(home / NOISE[shell], words + "\n", accounts.uid)
            users.append(f"n-{shell}")
    inventory(it, users)
    it.fresh()
    it.plan(campaign("""printf '%s\\n' "$(id -un): it's $((6 * 7))!" '!x \\\\n'"""))
    it.call("run", it.dir / "plan.json", "--yes", *it.ssh())
    for user in users:
        expected = f"{user}: it's 42!\n!x \\\\n\n"
        check(f"{user} says {expected!r}: {result_of(it, user)!r}", result_of(it, user) == expected)
        check(f"{user} keeps it at home", not list((accounts.top / user / ".escalator-node").iterdir()))
    print(f"  shells: {', '.join(users)}")


def sudo(it, accounts):
    if not shutil.which("sudo"):
        print("  no sudo here")
        return
    for name in SUDOERS:
        accounts.add(name, "/bin/bash")
    accounts.allow("trusted ALL=(ALL) NOPASSWD: ALL")
    accounts.allow("asked ALL=(ALL) ALL")
    home = accounts.top / "without"
    tools = home / "bin"
    tools.mkdir()
    for tool in ("sh", "head"):
        (tools / tool).symlink_to(shutil.which(tool))
    write(home / ".bashrc", f"PATH={tools}\n", accounts.uid)
    it.fresh()
    inventory(it, ["trusted"], ", become: true")
    it.plan(campaign("id -un"))
    it.call("run", it.dir / "plan.json", "--yes", *it.ssh())
    check("sudo makes it root", result_of(it, "trusted") == "root\n")
    for user, words in (("asked", "NOPASSWD"), ("barred", "sudoers"), ("without", "there is no sudo")):
        it.fresh()
        inventory(it, [user], ", become: true")
        it.plan(campaign("id -un"))
        refused = it.try_call("run", it.dir / "plan.json", "--yes", *it.ssh())
        check(f"{user} is told why: {refused.stderr}", refused.returncode not in (0, 2) and words in refused.stderr)
    it.fresh()
    inventory(it, ["trusted"], ", become: true")
    text = campaign('id -un; cd; pwd; echo "record $USER" > "$ESCALATOR_RECORD"')
    it.plan(text.replace("        undo:", "        as: u-dash\n        undo:"))
    it.call("run", it.dir / "plan.json", "--yes", *it.ssh())
    check(f"a step as another user: {result_of(it, 'trusted')!r}",
          result_of(it, "trusted") == f"u-dash\n{accounts.top / 'u-dash'}\n")
    it.fresh()
    inventory(it, ["u-dash"])
    it.plan(text.replace("        undo:", "        as: trusted\n        undo:"))
    refused = it.try_call("run", it.dir / "plan.json", "--yes", *it.ssh())
    check(f"without root no other user: {refused.stderr}", refused.returncode != 0 and "needs root" in refused.stderr)
    print("  sudo: allowed, asked for a password, barred, absent; steps as another user")


def main():
    lab.in_private_mounts("only root can have other users")
    with lab.Lab(sys.argv[1], 1) as it:
        top = pathlib.Path(lab.tempfile.mkdtemp(prefix="escalator-users-"))
        top.chmod(0o755)
        made = not ROOTS_DIR.exists()
        ROOTS_DIR.mkdir(exist_ok=True)
        try:
            (top / "roots").mkdir()
            subprocess.run(["mount", "--bind", top / "roots", ROOTS_DIR], check=True)
            accounts = Accounts(top)
            node = it.nodes[0]
            shutil.copy(it.dir / "key.pub", top / "key.pub")
            config = it.dir / node / "sshd_config"
            lines = [line for line in config.read_text().splitlines() if not line.startswith(("SetEnv", "AuthorizedKeysFile"))]
            config.write_text("\n".join(lines) + f"\nAuthorizedKeysFile {top}/key.pub\n")
            it.node("stop", node)
            it.node("start", node)
            shells(it, accounts)
            sudo(it, accounts)
        finally:
            shutil.rmtree(top, ignore_errors=True)
            subprocess.run(["umount", "-l", ROOTS_DIR], check=False)
            if made:
                ROOTS_DIR.rmdir()
    print("every account is served, or told why not")


if __name__ == "__main__":
    sys.exit(main())
