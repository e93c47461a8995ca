#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A little web service: it says which version of it runs. Reads the version when it starts, as
programs do, so an upgrade has to restart it.

    web.py start|stop DIR PORT NAME     in the background; DIR/version, DIR/web.pid, DIR/web.log

start comes back when the service answers, stop when it is gone.
"""

import http.server
import os
import pathlib
import signal
import socket
import sys
import time


def serve(root, port, name):
    version = (root / "version").read_text().strip()

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            text = f"hello from {name}, version {version}\n".encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    (root / "web.pid").write_text(f"{os.getpid()}\n")
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Answer).serve_forever()


def running(root):
    """The service's pid; None when it does not run."""
    try:
        pid = int((root / "web.pid").read_text())
        command = pathlib.Path(f"/proc/{pid}/cmdline").read_text().split("\0")
    except (OSError, ValueError):
        return None
    return pid if str(root) in command else None


def start(root, port, name):
    if running(root):
        return
    if os.fork() == 0:
        os.setsid()
        log = os.open(root / "web.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open("/dev/null", os.O_RDONLY)
        for number, target in ((0, nothing), (1, log), (2, log)):
            os.dup2(nothing if number == 0 else target, number)
        os.closerange(3, 256)
        os.execv(sys.executable, [sys.executable, __file__, "serve", str(root), str(port), name])
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    sys.exit(f"the service does not answer; see {root}/web.log")


def stop(root):
    pid = running(root)
    if pid:
        os.kill(pid, signal.SIGTERM)
        while running(root):
            time.sleep(0.02)
    (root / "web.pid").unlink(missing_ok=True)


def main():
    if len(sys.argv) != 5 or sys.argv[1] not in ("start", "stop", "serve"):
        sys.exit(__doc__)
    verb, root, port, name = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    if verb == "serve":
        serve(root, port, name)
    elif verb == "start":
        start(root, port, name)
    else:
        stop(root)


if __name__ == "__main__":
    main()
