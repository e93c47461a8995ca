# SPDX-License-Identifier: Apache-2.0
"""What can go wrong between the controller and a node: a proxy that cuts, and the node's processes,
found by their ancestry and by the environment that only they have."""

import os
import pathlib
import re
import signal
import socket
import struct
import threading
import time


def eventually(claim, condition, patience=60):
    end = time.monotonic() + patience
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {patience} s: {claim}")
        time.sleep(0.02)


class Proxy:
    """Forwards to a port; connections can be cut after so many bytes, or go silent."""

    def __init__(self, target):
        self.target = target
        self.lock = threading.Lock()
        self.connections = 0
        self.budgets = []  # one a connection: ("up" or "down", bytes); the next connection takes the next
        self.left = None
        self.silent = False
        self.pairs = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                near.close()
                continue
            with self.lock:
                self.connections += 1
                self.silent = False
                self.pairs.append((near, far))
                if self.connections > 1:
                    self.left = self.budgets.pop(0) if self.budgets else None
            for way, source, sink in (("up", near, far), ("down", far, near)):
                threading.Thread(target=self.pump, args=(way, source, sink, self.connections), daemon=True).start()

    def arm(self, *budgets):
        """The connection there is now is cut after the first budget, its successors after the others."""
        with self.lock:
            self.left, *self.budgets = budgets

    def pump(self, way, source, sink, number):
        while True:
            try:
                data = source.recv(65536)
            except OSError:
                data = b""
            with self.lock:
                current = number == self.connections
                if current and self.silent:
                    continue
                cut = False
                if current and self.left and self.left[0] == way:
                    keep = self.left[1]
                    cut = len(data) >= keep
                    data = data[:keep]
                    self.left = None if cut else (way, keep - len(data))
            try:
                if data:
                    sink.sendall(data)
            except OSError:
                data = b""
            if cut:
                self.cut()
            if cut or not data:
                try:
                    sink.shutdown(socket.SHUT_WR)
                except OSError:
                    pass
                return

    def cut(self):
        """Resets what is open, as a middlebox does."""
        with self.lock:
            pairs, self.pairs = self.pairs, []
        for pair in pairs:
            for it in pair:
                try:
                    it.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    it.shutdown(socket.SHUT_RDWR)
                    it.close()
                except OSError:
                    pass

    def close(self):
        self.listener.close()
        self.cut()


def behind_proxies(it):
    """Puts a proxy before each node of the lab; by node."""
    inventory = (it.dir / "inventory.yaml").read_text()
    known = (it.dir / "known_hosts").read_text()
    proxies = {}
    for node in it.nodes:
        port = int((it.dir / node / "port").read_text())
        proxies[node] = Proxy(port)
        inventory = re.sub(rf"(  {node}: .*port: ){port},", rf"\g<1>{proxies[node].port},", inventory)
        known = known.replace(f"[127.0.0.1]:{port} ", f"[127.0.0.1]:{proxies[node].port} ")
    (it.dir / "inventory.yaml").write_text(inventory)
    (it.dir / "known_hosts").write_text(known)
    return proxies


def stat(pid):
    """State and parent of a process; nothing when it is gone."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return fields[0], int(fields[1])


def sshd_children(it, node):
    """The processes of the node's sshd that serve a connection."""
    try:
        main = int((it.dir / node / "sshd.pid").read_text())
    except (OSError, ValueError):
        return []
    found = []
    parents = {main}
    while parents:
        children = {int(path.name) for path in pathlib.Path("/proc").glob("[0-9]*")
                    if (stat(path.name) or ("", 0))[1] in parents}
        found += [pid for pid in children if "sshd" in comm(pid)]
        parents = children
    return found


def comm(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


def commands(it, node):
    """What runs on the node for escalator: supervisors, wrappers, scripts."""
    mark = f"ESCALATOR_NODE_DIR={it.dir / node / 'supervisor'}".encode()
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if mark in (path / "environ").read_bytes().split(b"\0") and stat(path.name)[0] not in "ZX":
                found.append(int(path.name))
        except (OSError, TypeError):
            continue
    return found


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def kill(pids):
    send(pids, signal.SIGKILL)


def reboot(it, node):
    """The node's processes die, and it is another boot that answers."""
    (it.dir / node / "boot_id").write_text(pathlib.Path("/proc/sys/kernel/random/uuid").read_text())
    for _ in range(3):  # what was just being forked
        kill(commands(it, node) + sshd_children(it, node))
