# SPDX-License-Identifier: Apache-2.0
"""Nodes with a root file system, an init and an sshd of their own, made of namespaces over the
running system: real dpkg, rpm, systemd and SysV scripts, and nothing of the machine is changed.

A test calls alone() first: it moves to private mount, network and pid namespaces, which take all
processes and mounts with them when the test ends, however it ends."""

import fcntl
import os
import pathlib
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
SKIP = 77
PATIENCE = 120  # seconds that anything may take on a loaded machine
os.umask(0o022)  # a node's files are for its other accounts, too, whoever runs the tests


def skip(why):
    print("skipped:", why)
    sys.exit(SKIP)


def need(*programs):
    """Skips the test when a program is missing; each is "program" or "program (package)"."""
    for it in programs:
        program, _, package = it.partition(" ")
        if not shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin"):
            skip(f"there is no {program}" + (f": apt-get install {package.strip('()')}" if package else ""))


def alone():
    """Runs the calling script anew, in namespaces of its own."""
    if os.environ.get("ESCALATOR_LAB") == "alone":
        # what the nodes write stays in memory, and on a directory that nothing of the test is in
        tempfile.tempdir = next(it for it in ("/mnt", "/media", "/srv") if pathlib.Path(it).is_dir()
                                and not HERE.is_relative_to(it))
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", tempfile.tempdir], check=True)
        _try_overlay(tempfile.tempdir)
        with socket.socket() as it:  # loopback up: SIOCSIFFLAGS with IFF_UP
            fcntl.ioctl(it, 0x8914, struct.pack("16sh22x", b"lo", 1))
        return
    if os.geteuid() != 0:
        skip("needs root, for nodes with a root file system of their own")
    need("unshare", "sshd (openssh-server)", "ssh-keygen")
    flags = ["--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    tried = subprocess.run(["unshare", *flags, "true"], capture_output=True, text=True)
    if tried.returncode != 0:
        skip(f"namespaces cannot be made here: {tried.stderr.strip()}")
    os.execvpe("unshare", ["unshare", *flags, sys.executable, *sys.argv], dict(os.environ, ESCALATOR_LAB="alone"))


def _try_overlay(where):
    """A root that is an overlay itself (as in some containers) may not carry another one."""
    for sub in ("upper", "work", "root"):
        os.makedirs(f"{where}/try/{sub}")
    options = f"lowerdir=/,upperdir={where}/try/upper,workdir={where}/try/work"
    tried = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, f"{where}/try/root"],
                           capture_output=True, text=True)
    if tried.returncode != 0:
        skip(f"an overlay cannot be laid over this system's root: {tried.stderr.strip()}")
    subprocess.run(["umount", f"{where}/try/root"], check=True)


def until(ready, what, patience=PATIENCE):
    end = time.monotonic() + patience
    while True:
        found = ready()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"waited {patience} s in vain for {what}")
        time.sleep(0.05)


SSHD = """ListenAddress 127.0.0.1:{port}
HostKey /etc/lab/host_key
PidFile /run/lab-sshd.pid
AuthorizedKeysFile /etc/lab/key.pub
UsePAM no
StrictModes no
PasswordAuthentication no
MaxStartups 100
"""

UNIT = """[Unit]
DefaultDependencies=no
[Service]
ExecStart=/usr/sbin/sshd -D -f /etc/lab/sshd_config
KillMode=process
RuntimeDirectory=sshd
RuntimeDirectoryPreserve=yes
"""

TARGET = """[Unit]
Wants=lab-sshd.service systemd-journald.service
AllowIsolate=yes
"""


class Node:
    """One node. `init` is "systemd" or "sysv". Reboots itself when its init asks for it."""

    def __init__(self, home, name="node01", init="systemd", port=2201):
        self.dir = pathlib.Path(home) / name
        self.home = pathlib.Path(home)
        self.name, self.init, self.port = name, init, port
        self.boots = 0
        self.wanted = False
        self.process = None
        self.cgroup = ""
        for sub in ("upper", "work", "root", "seed/etc/lab"):
            (self.dir / sub).mkdir(parents=True)
        key = self.home / "key"
        if not key.exists():
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.seed("etc/lab/host_key")], check=True)
        shutil.copy(self.home / "key.pub", self.seed("etc/lab/key.pub"))
        self.seed("etc/hostname").write_text(name + "\n")
        self.seed("etc/lab/sshd_config").write_text(SSHD.format(port=port))
        # root may have a locked password on the machine; sshd without PAM refuses such an account
        shadow = pathlib.Path("/etc/shadow").read_text().split("\n")
        shadow = [":".join(["root", "*", *line.split(":")[2:]]) if line.startswith("root:") else line for line in shadow]
        self.seed("etc/shadow").write_text("\n".join(shadow))
        self.seed("etc/shadow").chmod(0o600)
        # what the machine's root has its shell do at login is not the nodes'
        for dotfile in (".bashrc", ".bash_profile", ".profile"):
            self.seed(f"root/{dotfile}").write_text("")
        if init == "systemd":
            self._bare_systemd()

    def seed(self, path):
        """A file that lies in the node before its (next) boot."""
        out = self.dir / "seed" / path
        out.parent.mkdir(parents=True, exist_ok=True)
        return out

    def _bare_systemd(self):
        """Only what a test starts shall run: masks what the machine would start at boot."""
        units = self.seed("etc/systemd/system")
        units.mkdir(parents=True)
        (units / "lab-sshd.service").write_text(UNIT)
        (units / "lab.target").write_text(TARGET)
        (units / "default.target").symlink_to("lab.target")
        keep = {"systemd-journald.service", "systemd-journald.socket", "systemd-journald-dev-log.socket"}
        for wants in pathlib.Path("/lib/systemd/system").glob("sysinit.target.wants/*"):
            if wants.name not in keep:
                (units / wants.name).symlink_to("/dev/null")

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *ignored):
        self.stop()

    def start(self):
        self.wanted = True
        self._leave_cgroup()
        group = ""
        if self.init == "systemd":  # a cgroup of its own, that systemd takes for the root
            for base in ("/sys/fs/cgroup/systemd", "/sys/fs/cgroup"):
                if os.path.exists(f"{base}/cgroup.procs"):
                    self.cgroup = f"{base}/lab-{secrets.token_hex(8)}"
                    group = f"mkdir {self.cgroup} && echo $$ >{self.cgroup}/cgroup.procs; "
                    break
        log = open(self.dir / "console.log", "ab")
        self.process = subprocess.Popen(
            ["sh", "-c", group + 'exec unshare --mount --uts --ipc --pid --cgroup --fork --kill-child "$@"', "node",
             HERE / "node-init", self.dir, self.name, self.init],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        self.boots += 1
        self.pid = until(self._init_pid, f"the init of {self.name}")
        until(self._listens, f"the sshd of {self.name}: {self.console()}")
        threading.Thread(target=self._keep, args=(self.process,), daemon=True).start()

    def _init_pid(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} died: {self.console()}")
        try:
            unshare = pathlib.Path(f"/proc/{self.process.pid}")
            if (unshare / "comm").read_text().strip() != "unshare":
                return None  # still the shell that makes the cgroup
            pids = (unshare / f"task/{self.process.pid}/children").read_text().split()
            return int(pids[0]) if pids else None
        except OSError:
            return None

    def _listens(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.name} died: {self.console()}")
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5) as it:
                it.settimeout(5)
                return it.recv(4) == b"SSH-"
        except OSError:
            return False

    def _keep(self, process):
        process.wait()
        if self.wanted and process is self.process:
            self.start()

    def console(self):
        return (self.dir / "console.log").read_text(errors="replace")[-2000:]

    def stop(self):
        self.wanted = False
        if self.process is not None and self.process.poll() is None:
            try:
                os.kill(self.pid, 9)
            except ProcessLookupError:
                pass
            self.process.wait()
        self._leave_cgroup()

    def _leave_cgroup(self):
        """Takes away the cgroups of a systemd that has ended."""
        for folder, _, _ in os.walk(self.cgroup, topdown=False) if self.cgroup else ():
            try:
                os.rmdir(folder)
            except OSError:
                pass  # the kernel is still clearing it up: an empty group is left, no more
        self.cgroup = ""

    def path(self, path):
        """A file of the node, as the test can reach it."""
        return pathlib.Path(f"/proc/{self.pid}/root") / str(path).lstrip("/")

    def sh(self, text, check=True, **more):
        """Runs shell text in the node, without SSH; gives its output."""
        done = subprocess.run(
            ["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-p", "-C", "-r", "-w", "env", "-i", "HOME=/root", "LC_ALL=C.UTF-8",
             "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND=noninteractive",
             "sh", "-c", text], capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL, **more)
        if check and done.returncode != 0:
            raise AssertionError(f"{text}: status {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()

    def known_host(self):
        kind, key = self.seed("etc/lab/host_key.pub").read_text().split()[:2]
        return f"[127.0.0.1]:{self.port} {kind} {key}\n"
