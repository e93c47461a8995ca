#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""actions.wait: waiting for a port, a URL, a command and a file, with each tool that a node may have.

    wait.py ESCALATOR
"""

import http.server
import socket
import sys
import threading

from controller import Controller, check, claims, contains, lab, same


class Answers(http.server.BaseHTTPRequestHandler):
    """/CODE answers CODE, /half breaks off, /late is good from the third request on, /text has text."""

    asked = 0

    def log_message(self, *ignored):
        pass

    def do_GET(self):
        word = self.path[1:]
        Answers.asked += 1
        status = int(word) if word.isdigit() else 503 if word == "late" and Answers.asked < 3 else 200
        body = b"state: green\n"
        self.send_response(status)
        if status // 100 == 3:
            self.send_header("Location", "/200")
        self.send_header("Content-Length", str(len(body) + (100 if word == "half" else 0)))
        self.end_headers()
        self.wfile.write(body)


def wait(args, more=""):
    return f"- wait: {{ {args}, interval: 1s }}\n  expect: 20s\n{more}"


def vain(it, args, words):
    contains(it.play(wait(args + ", timeout: 1s"), ok=False).message("wait"), words)


def ports(it):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        it.play(wait(f"port: '127.0.0.1:{port}'"))
        it.play(wait(f"port: 'localhost:{port}'"))
        it.play(wait(f"port: '{port}'"))
        vain(it, f"port: '{port}', absent: true", "it accepts connections")
    vain(it, f"port: '{port}'", "nothing accepts connections there")
    it.play(wait(f"port: '{port}', absent: true"))
    opened = []
    timer = threading.Timer(1.5, lambda: opened.append(socket.create_server(("127.0.0.1", port))))
    timer.start()
    it.play(wait(f"port: '{port}'"))
    timer.join()
    opened[0].close()


def urls(it):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    base = f"http://127.0.0.1:{server.server_port}"
    it.play(wait(f"http: {base}/200"))
    it.play(wait(f"http: {base}/text, contains: 'state: green'"))
    it.play(wait(f"http: {base}/404, status: 404"))
    it.play(wait(f"http: {base}/302, status: 302"))
    vain(it, f"http: {base}/302", "it answers 302")
    vain(it, f"http: {base}/404", "it answers 404")
    vain(it, f"http: {base}/200, status: 204", "it answers 200")
    vain(it, f"http: {base}/text, contains: '-e red'", "without the text asked for")
    vain(it, f"http: {base}/half", "no whole answer")
    Answers.asked = 0
    it.play(wait(f"http: {base}/late"))
    check(Answers.asked >= 3, "it was asked until it was good")
    server.shutdown()
    server.server_close()
    vain(it, f"http: {base}/200", "no whole answer")


def commands(it):
    it.node.sh("rm -f /srv/count")
    it.play(wait("command: echo x >>/srv/count; test $(wc -l </srv/count) -ge 3"))
    same(it.node.sh("cat /srv/count"), "x\nx\nx")
    it.play(wait("command: [test, -d, /srv]"))
    vain(it, "command: exit 7", "it ends with status 7")


def files(it):
    it.node.sh("touch '/srv/a b'; ln -s /nowhere /srv/dangling; rm -f /srv/later")
    it.play(wait("file: '/srv/a b'"))
    it.play(wait("file: /srv/dangling"))
    it.play(wait("file: /srv/none, absent: true"))
    vain(it, "file: /srv/none", "it is not there")
    vain(it, "file: '/srv/a b', absent: true", "it is there")
    timer = threading.Timer(1.5, lambda: it.node.sh("touch /srv/later"))
    timer.start()
    it.play(wait("file: /srv/later"))
    timer.join()


def from_the_controller(it):
    (it.dir / "here").write_text("")
    it.play(wait(f"file: {it.dir}/here, from: controller"))
    vain(it, f"file: {it.dir}/nowhere, from: controller", "it is not there")


def with_python_only(it):
    it.node.sh("mkdir -p /opt/hidden; mv /usr/bin/curl /usr/bin/wget /usr/bin/timeout /opt/hidden/ 2>/dev/null || :")
    ports(it)
    urls(it)
    it.node.sh("mv /opt/hidden/* /usr/bin/")


def without_any_tool(it):
    hide = "for p in curl wget nc python3 timeout; do for d in /usr/bin /usr/local/bin /bin; do rm -f $d/$p; done; done; rm -f /usr/bin/nc.*"
    it.node.sh(hide)
    contains(it.play(wait("http: 'http://127.0.0.1:1/'"), ok=False).message("wait"), "curl or python3 is needed")
    contains(it.play(wait("port: '1'"), ok=False).message("wait"), "bash, python3 or nc is needed")


if __name__ == "__main__":
    lab.alone()
    with Controller(sys.argv[1], init="sysv") as controller:
        claims(ports, urls, commands, files, from_the_controller, with_python_only, without_any_tool)(controller)
