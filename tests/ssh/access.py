#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ways to a node, and what is said when there is none: keys, certificates, agents, host keys and the
commands that mend them, SSH configuration, jump hosts, servers that do not behave. Real sshd.

    access.py ESCALATOR [WORD ...]      only the cases whose names have one of the words
"""

import contextlib
import getpass
import os
import pathlib
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
import threading

import lab

CAMPAIGN = """escalator: 1
campaign: access
procedures:
  - name: touch
    on: role=target
    parallel: true
    steps:
      - name: say
        command: printf 'in\\n' >> "$NODE_ROOT/log"
        undo: "true"
        expect: 5s
"""
HERE = "node03"  # the target; node01 and node02 are the jump hosts before it
CASES = []


def case(function):
    CASES.append(function)
    return function


class Access(lab.Lab):
    """Three nodes; HOME and SSH configuration are the test's own."""

    def __init__(self, escalator):
        super().__init__(escalator, 3)
        self.home = self.dir / "home"
        self.known = self.dir / "known"
        self.cleanup = contextlib.ExitStack()
        for node in self.nodes:
            config = self.dir / node / "sshd_config"
            text = re.sub(r"AuthorizedKeysFile .*", f"AuthorizedKeysFile {self.dir / node / 'keys'}", config.read_text())
            config.write_text(text + f"TrustedUserCAKeys {self.dir}/ca.pub\nMaxAuthTries 5\n")
        self.keygen(self.dir / "ca", "-t", "ed25519")
        for node in self.nodes:
            self.restart(node)

    def close(self):
        self.cleanup.close()
        super().close()

    def begin(self):
        """The state every case starts from: the lab's key is let in, and all host keys are known."""
        self.cleanup.close()
        self.cleanup = contextlib.ExitStack()
        shutil.rmtree(self.home, ignore_errors=True)
        (self.home / ".ssh").mkdir(parents=True, mode=0o700)
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("SSH_")}
        self.env.update(HOME=str(self.home), ESCALATOR_STATE=str(self.state))
        for node in self.nodes:
            self.let_in(self.dir / "key.pub", node)
        self.known.write_text((self.dir / "known_hosts").read_text())
        self.target()

    def restart(self, node):
        self.node("stop", node)
        port = self.port(node)
        # sshd gives its port back when it has ended
        for _ in range(500):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                    break
                except OSError:
                    threading.Event().wait(0.02)
        self.node("start", node)

    def port(self, node):
        return int((self.dir / node / "port").read_text())

    def keygen(self, path, *more, comment="test"):
        path = pathlib.Path(path)
        path.unlink(missing_ok=True)
        args = list(map(str, more))
        if "-N" not in args:
            args += ["-N", ""]
        subprocess.run(["ssh-keygen", "-q", "-C", comment, "-f", path, *args], check=True)
        return path

    def let_in(self, public, node=HERE):
        text = pathlib.Path(public).read_text() if public else ""
        (self.dir / node / "keys").write_text(text)

    def sign(self, key, principal=None, *more):
        subprocess.run(["ssh-keygen", "-q", "-s", self.dir / "ca", "-I", "test", "-n", principal or getpass.getuser(),
                        *more, f"{key}.pub"], check=True)
        return pathlib.Path(f"{key}-cert.pub")

    def agent(self, *keys, askpass=None):
        sock = self.dir / "agent.sock"
        sock.unlink(missing_ok=True)
        process = subprocess.Popen(["ssh-agent", "-D", "-a", sock], stdout=subprocess.DEVNULL)
        self.cleanup.callback(lambda: (process.terminate(), process.wait()))
        self.wait_for(sock.exists)
        env = dict(self.env, SSH_AUTH_SOCK=str(sock))
        if askpass:
            env.update(SSH_ASKPASS=str(askpass), SSH_ASKPASS_REQUIRE="force", DISPLAY=":0")
        for key in keys:
            subprocess.run(["ssh-add", "-q", key], check=True, env=env, stdin=subprocess.DEVNULL)
        return sock

    @staticmethod
    def wait_for(condition):
        for _ in range(3000):
            if condition():
                return
            threading.Event().wait(0.01)
        raise AssertionError("it did not come true in time")

    def target(self, address="target", **more):
        fields = "".join(f", {key}: {value}" for key, value in more.items())
        (self.dir / "one.yaml").write_text(f"nodes:\n  target: {{ address: {address}, labels: {{ role: target }}{fields} }}\n")

    def config(self, *blocks, key=True, known=True):
        """An SSH configuration: the blocks, then what is usual here."""
        usual = ["Host target", f"  HostName 127.0.0.1", f"  Port {self.port(HERE)}",
                 "Host jump1", "  HostName 127.0.0.1", f"  Port {self.port('node01')}",
                 "Host jump2", "  HostName 127.0.0.1", f"  Port {self.port('node02')}",
                 "Host *"]
        if key:
            usual.append(f"  IdentityFile {self.dir}/key")
        if known:
            usual += [f"  UserKnownHostsFile {self.known}", "  GlobalKnownHostsFile none"]
        (self.dir / "config").write_text("\n".join([*blocks, *usual]) + "\n")

    def reach(self, default_config=False):
        """One run over the target; what it said, and whether the node was reached."""
        self.fresh()
        (self.dir / "campaign.yaml").write_text(CAMPAIGN)
        self.call("plan", self.dir / "campaign.yaml", "-i", self.dir / "one.yaml", "-o", self.dir / "plan.json")
        more = () if default_config else ("--ssh-config", self.dir / "config")
        done = self.try_call("run", self.dir / "plan.json", "--yes", *more)
        reached = self.log(HERE) == ["in"]
        if reached != (done.returncode == 0):
            raise AssertionError(f"status {done.returncode}, but the log has {self.log(HERE)}\n{done.stderr}")
        return reached, done.stderr

    def works(self, **more):
        reached, said = self.reach(**more)
        if not reached:
            raise AssertionError(f"not reached:\n{said}")
        return said

    def fails(self, *words, **more):
        reached, said = self.reach(**more)
        if reached:
            raise AssertionError("reached, and should not have been")
        for word in words:
            if word not in said:
                raise AssertionError(f'"{word}" is missing in:\n{said}')
        return said

    def mend(self, said):
        """Runs the command that was advised."""
        command = re.search(r"is the same: (.*)$", said, re.M).group(1)
        subprocess.run(["sh", "-c", command], check=True, env=self.env, capture_output=True)
        return command

    def logins(self, node):
        return (self.dir / node / "sshd.log").read_text().count("Accepted publickey")

    def new_host_key(self, node=HERE, kind="ed25519"):
        self.keygen(self.dir / node / "host_key", "-t", kind)
        self.restart(node)

    def server(self, behave):
        """A TCP server on loopback that treats each connection so; its port."""
        listener = socket.create_server(("127.0.0.1", 0))
        open_sockets = []

        def loop():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    open_sockets.append(connection)
                    threading.Thread(target=one, args=(connection,), daemon=True).start()

        def one(connection):
            with contextlib.suppress(OSError):
                behave(connection)

        threading.Thread(target=loop, daemon=True).start()

        def stop():
            # shutdown wakes the thread in accept()
            with contextlib.suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            listener.close()
            for connection in open_sockets:
                connection.close()

        self.cleanup.callback(stop)
        return listener.getsockname()[1]


def key_kinds():
    return {"ed25519": ("-t", "ed25519"), "ecdsa256": ("-t", "ecdsa", "-b", "256"), "ecdsa521": ("-t", "ecdsa", "-b", "521"),
            "rsa": ("-t", "rsa", "-b", "2048"), "rsa-pem": ("-t", "rsa", "-b", "2048", "-m", "PEM")}


@case
def keys_of_every_kind(it):
    for name, options in key_kinds().items():
        key = it.keygen(it.dir / f"k-{name}", *options)
        it.let_in(f"{key}.pub")
        it.config(f"Host target\n  IdentityFile {key}", key=False)
        it.works()


@case
def host_keys_of_every_kind(it):
    for kind in ("ecdsa", "rsa", "ed25519"):
        it.new_host_key(kind=kind)
        it.config()
        public = (it.dir / HERE / "host_key.pub").read_text()
        it.known.write_text(f"[127.0.0.1]:{it.port(HERE)} {public}")
        it.works()
        it.known.write_text("")
        it.mend(it.fails("not known"))
        it.works()
    keep_host_keys(it)


def keep_host_keys(it):
    """The lab's list of host keys, after a node has got a new one."""
    lines = [f"[127.0.0.1]:{it.port(node)} {(it.dir / node / 'host_key.pub').read_text()}" for node in it.nodes]
    (it.dir / "known_hosts").write_text("".join(lines))


@case
def inventory_key_comes_first(it):
    key = it.keygen(it.dir / "k-own", "-t", "ed25519")
    it.let_in(f"{key}.pub")
    it.config()
    it.target(identity_file=key)
    it.works()


@case
def default_key_files(it):
    it.keygen(it.home / ".ssh/id_ecdsa", "-t", "ecdsa")
    key = it.keygen(it.home / ".ssh/id_ed25519", "-t", "ed25519")
    it.let_in(f"{key}.pub")
    it.config(key=False)
    it.works()
    it.let_in(it.home / ".ssh/id_ecdsa.pub")
    it.works()


@case
def several_identity_files(it):
    keys = [it.keygen(it.dir / f"k-{i}", "-t", "ed25519") for i in range(3)]
    it.let_in(f"{keys[2]}.pub")
    it.config("Host target", *(f"  IdentityFile {key}" for key in keys), key=False)
    it.works()


@case
def wrong_key(it):
    key = it.keygen(it.dir / "k-wrong", "-t", "ed25519")
    it.config(f"Host target\n  IdentityFile {key}", key=False)
    it.fails("does not let user", f"{key} is not accepted", "authorized_keys", "1 of 1 nodes")


@case
def wrong_user(it):
    it.config("Host target\n  User nosuchuser")
    it.fails("does not let user nosuchuser in")


@case
def no_key_at_all(it):
    it.config(key=False)
    it.fails("there is no key, and no agent")


@case
def missing_and_damaged_keys(it):
    damaged = it.dir / "k-damaged"
    damaged.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    damaged.chmod(0o600)
    it.config(f"Host target\n  IdentityFile {it.dir}/k-none\n  IdentityFile {damaged}\n  IdentityFile /etc/hostname", key=False)
    it.fails("k-none: No such file", "k-damaged is damaged", "/etc/hostname is no key")


@case
def key_that_others_can_read(it):
    key = it.keygen(it.dir / "k-open", "-t", "ed25519")
    it.let_in(f"{key}.pub")
    key.chmod(0o644)
    it.config(f"Host target\n  IdentityFile {key}", key=False)
    it.fails("can be read by other users (chmod 600)")
    key.chmod(0o600)
    it.works()


@case
def key_with_passphrase(it):
    askpass = it.dir / "askpass"
    askpass.write_text("#!/bin/sh\necho secret\n")
    askpass.chmod(0o700)
    for form in ((), ("-m", "PEM", "-t", "rsa", "-b", "2048")):
        key = it.keygen(it.dir / "k-locked", *(form or ("-t", "ed25519")), "-N", "secret")
        it.let_in(f"{key}.pub")
        it.config(f"Host target\n  IdentityFile {key}\n  IdentitiesOnly yes", key=False)
        it.fails("has a passphrase and is not in the agent (ssh-add")
        it.env["SSH_AUTH_SOCK"] = str(it.agent(key, askpass=askpass))
        it.works()
        del it.env["SSH_AUTH_SOCK"]
        it.cleanup.close()


@case
def agent(it):
    keys = [it.keygen(it.dir / f"k-{name}", *options) for name, options in key_kinds().items() if name != "rsa-pem"]
    it.env["SSH_AUTH_SOCK"] = str(it.agent(*keys))
    it.config(key=False)
    for key in keys:
        it.let_in(f"{key}.pub")
        it.works()
    it.let_in(None)
    it.fails("none of the agent's 4 keys")


@case
def agent_with_many_keys(it):
    """sshd ends a login after MaxAuthTries keys; IdentitiesOnly offers the right one only."""
    keys = [it.keygen(it.dir / f"k-many{i}", "-t", "ed25519") for i in range(8)]
    it.let_in(f"{keys[7]}.pub")
    it.env["SSH_AUTH_SOCK"] = str(it.agent(*keys))
    it.config(key=False)
    it.fails("too many keys", "IdentitiesOnly")
    keys[7].unlink()
    it.config(f"Host target\n  IdentityFile {keys[7]}\n  IdentitiesOnly yes", key=False)
    it.works()
    it.config(f"Host target\n  IdentityFile {keys[7]}.pub\n  IdentitiesOnly yes", key=False)
    it.works()
    it.config(f"Host target\n  IdentityFile {keys[7]}", key=False)
    it.works()


@case
def identity_agent(it):
    key = it.keygen(it.dir / "k-agent", "-t", "ed25519")
    it.let_in(f"{key}.pub")
    sock = it.agent(key)
    it.config(f"Host target\n  IdentityAgent {sock}", key=False)
    it.works()
    it.env["SSH_AUTH_SOCK"] = str(sock)
    it.config("Host target\n  IdentityAgent none", key=False)
    it.fails("there is no key, and no agent")
    it.config(f"Host target\n  IdentityAgent {it.dir}/nobody.sock", key=False)
    it.fails("no agent at")


@case
def agent_that_never_answers(it):
    path = it.dir / "mute.sock"
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    it.cleanup.callback(listener.close)
    it.config(f"Host target\n  IdentityAgent {path}\n  ConnectTimeout 2", key=False)
    it.fails("no answer in time")


@case
def certificate(it):
    it.let_in(None)
    for name in ("ed25519", "rsa", "ecdsa256"):
        key = it.keygen(it.dir / f"k-cert-{name}", *key_kinds()[name])
        cert = it.sign(key)
        it.config(f"Host target\n  IdentityFile {key}", key=False)
        it.works()
        moved = cert.rename(it.dir / "moved.pub")
        it.fails("is not accepted")
        it.config(f"Host target\n  IdentityFile {key}\n  CertificateFile {moved}", key=False)
        it.works()


@case
def certificate_that_does_not_fit(it):
    it.let_in(None)
    key = it.keygen(it.dir / "k-cert", "-t", "ed25519")
    it.sign(key, "somebody-else")
    it.config(f"Host target\n  IdentityFile {key}", key=False)
    it.fails("with its certificate is not accepted")
    it.let_in(f"{key}.pub")
    it.works()


@case
def certificate_in_the_agent(it):
    it.let_in(None)
    key = it.keygen(it.dir / "k-cert", "-t", "ed25519")
    cert = it.sign(key)
    it.env["SSH_AUTH_SOCK"] = str(it.agent(key))  # ssh-add takes the certificate along
    it.config(key=False)
    it.works()
    # the agent has the key only, the certificate is a file
    moved = cert.rename(it.dir / "moved.pub")
    it.cleanup.close()
    it.env["SSH_AUTH_SOCK"] = str(it.agent(key))
    hidden = pathlib.Path(f"{key}.pub")
    key.unlink()
    it.config(f"Host target\n  IdentityFile {hidden}\n  CertificateFile {moved}", key=False)
    it.works()


@case
def host_key_unknown(it):
    it.config()
    it.known.unlink()
    said = it.fails("is not known: it shows ssh-ed25519 SHA256:", "fingerprint")
    it.mend(said)
    it.works()


@case
def host_key_unknown_in_home(it):
    """No files configured: the command makes ~/.ssh/known_hosts, directory and all."""
    it.config(known=False)
    shutil.rmtree(it.home / ".ssh")
    said = it.fails("is not known", "mkdir -p")
    it.mend(said)
    it.works()


@case
def host_key_changed(it):
    it.config()
    it.new_host_key()
    said = it.fails("has changed", f"{it.known}:", "fingerprint", "ssh-keygen -f")
    it.mend(said)
    it.works()
    keep_host_keys(it)


@case
def host_key_changed_in_a_pattern_line(it):
    it.config()
    public = (it.dir / "node01" / "host_key.pub").read_text()
    it.known.write_text(f"# kept\n[127.0.0.?]:* {public}")
    said = it.fails("has changed", f"{it.known}:2")
    assert "sed -i 2d" in it.mend(said), said
    it.works()


@case
def host_key_changed_where_names_are_hashed(it):
    it.config()
    it.new_host_key()
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", it.known], check=True, capture_output=True)
    it.mend(it.fails("has changed"))
    it.works()
    keep_host_keys(it)


@case
def host_key_revoked(it):
    it.config()
    public = (it.dir / HERE / "host_key.pub").read_text()
    it.known.write_text(it.known.read_text() + f"@revoked * {public}")
    it.fails("is revoked in", f"{it.known}:4", "new host key")
    it.new_host_key()
    it.mend(it.fails("has changed"))
    it.works()
    keep_host_keys(it)


@case
def host_key_alias(it):
    public = (it.dir / HERE / "host_key.pub").read_text()
    it.known.write_text(f"the-target {public}")
    it.config()
    it.fails("not known")
    it.config("Host target\n  HostKeyAlias the-target")
    it.works()
    it.known.write_text("")
    it.mend(it.fails("HostKeyAlias the-target"))
    it.works()


@case
def several_known_hosts_files(it):
    first, second = it.dir / "kh1", it.dir / "kh2"
    first.write_text("")
    second.write_text(it.known.read_text())
    it.config(f"Host target\n  UserKnownHostsFile {first} {second}\n  GlobalKnownHostsFile none")
    it.works()
    it.config(f"Host target\n  UserKnownHostsFile {first}\n  GlobalKnownHostsFile {second}")
    it.works()
    it.config(f"Host target\n  UserKnownHostsFile {first}\n  GlobalKnownHostsFile none")
    it.fails("not known", str(first))


@case
def default_configuration_file(it):
    it.config()
    (it.home / ".ssh/config").write_text((it.dir / "config").read_text())
    (it.home / ".ssh/config").chmod(0o600)
    it.works(default_config=True)
    (it.home / ".ssh/config").chmod(0o666)
    it.fails("can be changed by other users", "chmod 600", default_config=True)


@case
def include_and_match(it):
    parts = it.home / ".ssh/conf.d"
    parts.mkdir()
    (parts / "10.conf").write_text(f"Match originalhost target user {getpass.getuser()}\n  IdentityFile {it.dir}/key\n")
    it.config("Include conf.d/*.conf", key=False)
    it.works()
    (parts / "10.conf").write_text(f"Match !originalhost target\n  IdentityFile {it.dir}/key\n")
    it.fails("there is no key")


@case
def mistakes_in_the_configuration(it):
    it.config("Hots *\n")
    it.fails("config:1", "did you mean host")
    it.config('Match exec "true"\n  User x')
    it.fails("config:1", "exec")
    (it.dir / "config").unlink()
    it.fails("config", "No such file")


@case
def one_jump(it):
    it.config("Host target\n  ProxyJump jump1")
    before = it.logins("node01")
    it.works()
    assert it.logins("node01") > before, "it did not go through the jump host"


@case
def two_jumps(it):
    for config in ("Host target\n  ProxyJump jump1,jump2", "Host target\n  ProxyJump jump2\nHost jump2\n  ProxyJump jump1"):
        it.config(config)
        before = it.logins("node01"), it.logins("node02")
        it.works()
        assert it.logins("node01") > before[0] and it.logins("node02") > before[1], "a hop was left out"


@case
def much_through_two_jumps(it):
    """Two megabytes each way, against full windows and socket buffers."""
    it.config("Host target\n  ProxyJump jump1,jump2")
    (it.dir / "big").write_bytes(os.urandom(1 << 20) * 2)
    (it.dir / "campaign.yaml").write_text(f"""escalator: 1
campaign: much
procedures:
  - name: much
    on: role=target
    steps:
      - name: there
        file: {{ dest: {it.root(HERE)}/big, src: {it.dir}/big, mode: "0600" }}
        expect: 20s
      - name: back
        command: od -An -v -tx1 {it.root(HERE)}/big | head -c 2000000
        undo: "true"
        expect: 20s
""")
    it.fresh()
    it.call("plan", it.dir / "campaign.yaml", "-i", it.dir / "one.yaml", "-o", it.dir / "plan.json")
    it.call("run", it.dir / "plan.json", "--yes", "--ssh-config", it.dir / "config")
    assert (it.root(HERE) / "big").read_bytes() == (it.dir / "big").read_bytes(), "it arrived changed"
    logs = list((it.state / it.run_id() / "steps").glob("*back*.log"))
    assert sum(path.stat().st_size for path in logs) >= 2_000_000, [(path, path.stat().st_size) for path in logs]
    (it.root(HERE) / "big").unlink()


@case
def jump_with_a_user_key_of_its_own(it):
    key = it.keygen(it.dir / "k-jump", "-t", "ed25519")
    it.let_in(f"{key}.pub", "node01")
    it.config(f"Host target\n  ProxyJump {getpass.getuser()}@jump1", f"Host jump1\n  IdentityFile {key}\n  IdentitiesOnly yes")
    it.works()
    it.let_in(None, "node01")
    it.fails("jump host", "jump1", "does not let user")


@case
def dead_jump(it):
    it.config("Host target\n  ProxyJump jump1,jump2")
    it.node("stop", "node02")
    try:
        it.fails("jump host jump1: it makes no connection to 127.0.0.1")
    finally:
        it.restart("node02")
    it.node("stop", "node01")
    try:
        it.fails("jump host jump1", "Connection refused")
    finally:
        it.restart("node01")


@case
def target_dead_behind_jump(it):
    it.config("Host target\n  ProxyJump jump1\n  Port 1")
    it.fails("jump host jump1: it makes no connection to 127.0.0.1:1")


@case
def jump_with_unknown_key(it):
    it.config("Host target\n  ProxyJump jump1")
    port = it.port("node01")
    it.known.write_text("".join(line + "\n" for line in it.known.read_text().splitlines() if f"]:{port} " not in line))
    it.mend(it.fails("jump host jump1", "is not known"))
    it.works()


@case
def jump_in_a_circle(it):
    it.config("Host *\n  ProxyJump jump1")
    it.fails("circles", "jump1")


@case
def jump_dies_while_a_step_runs(it):
    """The jump host's connection is cut under a running step: reconnected, and run once."""
    it.config("Host target\n  ProxyJump jump1")
    gate = it.dir / "gate"
    (it.dir / "campaign.yaml").write_text(f"""escalator: 1
campaign: cut
procedures:
  - name: cut
    on: role=target
    steps:
      - name: long
        command: echo begun >> {it.root(HERE)}/log; while ! [ -e {gate} ]; do sleep 0.1; done; echo ended >> {it.root(HERE)}/log
        undo: "true"
        expect: 60s
""")
    it.fresh()
    it.call("plan", it.dir / "campaign.yaml", "-i", it.dir / "one.yaml", "-o", it.dir / "plan.json")
    process = it.start("run", it.dir / "plan.json", "--yes", "--ssh-config", it.dir / "config")
    it.wait_for(lambda: it.log(HERE) == ["begun"])
    before = it.logins("node01")
    for pid in sshd_children(int((it.dir / "node01/sshd.pid").read_text())):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    it.wait_for(lambda: it.logins("node01") > before)
    gate.write_text("")
    _, said = process.communicate(timeout=120)
    gate.unlink()
    assert process.returncode == 0, said
    assert it.log(HERE) == ["begun", "ended"], it.log(HERE)


def sshd_children(parent):
    """All processes below the daemon, deepest last."""
    out = []
    for path in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rsplit(")", 1)[1].split()
            if int(fields[1]) == parent:
                pid = int(path.parent.name)
                out += [pid, *sshd_children(pid)]
    return out


RELAY = """import socket, sys, threading, os
there = socket.create_connection((sys.argv[1], int(sys.argv[2])))
def up():
    while data := os.read(0, 65536): there.sendall(data)
    there.shutdown(socket.SHUT_WR)
threading.Thread(target=up, daemon=True).start()
while data := there.recv(65536): os.write(1, data)
"""


@case
def proxy_command(it):
    (it.dir / "relay.py").write_text(RELAY)
    it.config(f"Host target\n  ProxyCommand {shlex.quote(sys.executable)} \"{it.dir}/relay.py\" %h %p")
    it.works()
    it.config("Host target\n  ProxyCommand sh -c 'echo there is no such way >&2; exit 3'")
    it.fails("ProxyCommand says: there is no such way")


@case
def dead_port(it):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    it.target("127.0.0.1", port=port)
    it.config()
    it.fails(f"127.0.0.1:{port}: Connection refused")


@case
def unknown_name(it):
    it.target("no-such-host.invalid")
    it.config()
    it.fails("no-such-host.invalid: ", "getent hosts")


@case
def server_that_says_nothing(it):
    it.target("127.0.0.1", port=it.server(lambda connection: connection.recv(1 << 20) and threading.Event().wait()))
    it.config("Host *\n  ConnectTimeout 1")
    it.fails("accepted the connection, but no SSH server spoke in time")


@case
def server_that_speaks_garbage(it):
    for garbage in (b"\x00\xff" * 4000, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"SSH-1.5-ancient\r\n", b"SSH-2.0-x\r\n" + b"\xff" * 4000,
                    b"SSH-2.0-x\r\n" + struct.pack(">IB", 12, 4) + b"\x14" * 40, b"\x1b[2J\x1b]0;title\x07\n", b"x" * 300 + b"\n"):
        it.target("127.0.0.1", port=it.server(lambda connection, bytes=garbage: (connection.sendall(bytes), connection.close())))
        it.config("Host *\n  ConnectTimeout 3")
        said = it.fails("127.0.0.1:")
        assert "\x1b" not in said, f"control characters reach the terminal: {said!r}"


@case
def server_with_an_endless_banner(it):
    def endless(connection):
        while True:
            connection.sendall(b"welcome to a server that likes to talk\r\n" * 20)
            threading.Event().wait(0.01)

    it.target("127.0.0.1", port=it.server(endless))
    it.config("Host *\n  ConnectTimeout 2")
    it.fails("127.0.0.1:")


@case
def server_that_resets(it):
    def reset(connection):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    it.target("127.0.0.1", port=it.server(reset))
    it.config("Host *\n  ConnectTimeout 5")
    it.fails("127.0.0.1:", "is it an SSH server that listens there")


def main():
    words = sys.argv[2:]
    chosen = [it for it in CASES if not words or any(word in it.__name__ for word in words)]
    failed = 0
    lab.need_sshd()
    with Access(sys.argv[1]) as access:
        for one in chosen:
            access.begin()
            try:
                one(access)
                print(f"ok    {one.__name__}", flush=True)
            except (AssertionError, subprocess.SubprocessError, OSError, AttributeError) as error:
                failed += 1
                print(f"FAILED {one.__name__}: {error}", flush=True)
    print(f"{len(chosen) - failed} of {len(chosen)} ways")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
