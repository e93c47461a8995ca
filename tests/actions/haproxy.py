#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""actions.haproxy: the haproxy-server plugin against a real HAProxy with real sessions.

    haproxy.py ESCALATOR
"""

import os
import socket
import socketserver
import subprocess
import sys
import threading

from controller import Controller, claims, contains, lab, same

CONFIG = """global
    stats socket {dir}/admin.sock mode 600 level admin
    stats socket {dir}/user.sock mode 600 level user
defaults
    mode tcp
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend front
    bind 127.0.0.1:8080
    default_backend web
backend web
    option tcp-check
    server node01 127.0.0.1:{port} check inter 100ms
    server other 127.0.0.1:{other} check inter 100ms backup
"""


class Echo(socketserver.BaseRequestHandler):
    def handle(self):
        self.request.sendall(self.server.name)
        while self.request.recv(100):
            pass


def backend(name):
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Echo)
    server.name = name
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]


def ask(it, command):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(30)
        client.connect(f"{it.dir}/admin.sock")
        client.sendall(command.encode() + b"\n")
        out = b""
        while piece := client.recv(65536):
            out += piece
    return out.decode()


def admin_state(it):
    for line in ask(it, "show servers state web").splitlines():
        if " node01 " in line:
            return int(line.split()[6]) & 9
    raise AssertionError("no node01")


def connect():
    it = socket.create_connection(("127.0.0.1", 8080), 30)
    return it, it.recv(10)


def served_by():
    it, name = connect()
    it.close()
    return name


def step(it, args, more=""):
    return (f"- plugin: {{ name: haproxy-server, args: {{ socket: {it.dir}/admin.sock, backend: web, {args} }} }}\n"
            f"  expect: 10s\n{more}")


def drained_and_back(it):
    same(served_by(), b"node01")
    result = it.play(step(it, "state: drain"))
    same((admin_state(it), served_by(), result.record("plugin")), (8, b"other", '["ready"]\n'))
    same(it.play(step(it, "state: drain")).ended("plugin")["outcome"], "already")
    it.play(step(it, "state: ready"))
    same((admin_state(it), served_by()), (0, b"node01"))
    it.roll_back()
    same(admin_state(it), 8, "drained as before")
    it.play(step(it, "state: maint"))
    same(admin_state(it), 1)
    it.roll_back()
    same(admin_state(it), 8)
    ask(it, "set server web/node01 state ready")


def sessions_are_waited_for(it):
    client, name = connect()
    same(name, b"node01")
    result = it.play(step(it, "state: drain, wait: 1"), ok=False)
    contains(result.message("plugin"), "still has 1 sessions")
    it.roll_back()
    same(admin_state(it), 0, "a drain that failed is undone, too")
    timer = threading.Timer(2, client.close)
    timer.start()
    it.play(step(it, "state: drain"))
    same(admin_state(it), 8)
    timer.join()
    it.roll_back()
    same(admin_state(it), 0)


def a_retry_keeps_the_state_from_before(it):
    it.play(step(it, "state: drain", "  verify: test -e tried || { touch tried; exit 1; }\n  retry: 1\n").replace(
        "tried", f"{it.dir}/tried"))
    it.roll_back()
    same(admin_state(it), 0)


def mistakes_are_said(it):
    contains(it.play(step(it, "state: gone"), ok=False).message("plugin"), '"state" must be one of')
    contains(it.play(step(it, "stat: drain"), ok=False).message("plugin"), 'did you mean "state"?')
    contains(it.play(step(it, "state: drain, server: nobody"), ok=False).message("plugin"), "no server nobody; it has: node01, other")
    contains(it.play(step(it, "state: drain").replace("admin.sock", "user.sock"), ok=False).message("plugin"), "level admin")
    contains(it.play(step(it, "state: drain").replace("admin.sock", "none.sock"), ok=False).message("plugin"), "is HAProxy running")
    contains(it.play(step(it, "state: drain").replace("backend: web", "backend: wob"), ok=False).message("plugin"), "wob")
    same(admin_state(it), 0, "nothing changed")


if __name__ == "__main__":
    lab.alone()
    lab.need("haproxy (haproxy)")
    with Controller(sys.argv[1], init="sysv") as controller:
        (controller.dir / "haproxy.cfg").write_text(
            CONFIG.format(dir=controller.dir, port=backend(b"node01"), other=backend(b"other")))
        path = os.environ["PATH"] + ":/usr/sbin"
        proxy = subprocess.Popen(["haproxy", "-db", "-f", controller.dir / "haproxy.cfg"], env=dict(os.environ, PATH=path),
                                 stderr=subprocess.DEVNULL)
        lab.until(lambda: (controller.dir / "admin.sock").exists(), "haproxy")
        lab.until(lambda: served_by() == b"node01", "haproxy's checks")
        claims(drained_and_back, sessions_are_waited_for, a_retry_keeps_the_state_from_before, mistakes_are_said)(controller)
        proxy.kill()
        proxy.wait()
