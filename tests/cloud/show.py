#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""escalator cloud against the APIs of a cloud, good and bad: what it shows, what it does about each
fault, and that no secret is ever printed.

    show.py ESCALATOR
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading

from fault_server import Cloud, FaultServer, uuid

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("OS_")}


class Lab:
    def __init__(self, program, hosts=4, servers=13):
        self.program = program
        self.server = FaultServer(Cloud(hosts, servers))
        self.temp = tempfile.TemporaryDirectory(prefix="escalator-cloud-")
        self.dir = pathlib.Path(self.temp.name)
        (self.dir / "clouds.yaml").write_text(self.server.clouds_yaml())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()
        self.temp.cleanup()

    def start(self, *args):
        return subprocess.Popen([self.program, "cloud", *args], cwd=self.dir, env=ENVIRONMENT, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def call(self, *args, status=0):
        process = self.start(*args)
        out, err = process.communicate(timeout=120)
        assert process.returncode == status, f"status {process.returncode}, not {status}: {out}{err}"
        for word in ("s3cret", "token-"):
            assert word not in out + err, f"{word} was printed: {out}{err}"
        return out, err


def it_shows_hosts_and_servers(program):
    with Lab(program) as it:
        server = it.server.cloud.servers
        server[uuid(2, 1)].update({"status": "SHUTOFF"})
        server[uuid(2, 2)].update({"status": "ERROR"})
        server[uuid(2, 3)]["flavor"]["extra_specs"] = {"hw:tpm_version": "2.0"}
        server[uuid(2, 4)].update({"status": "RESCUE", "name": "bad\x1b[31mname"})
        it.server.cloud.services["compute0003"].update({"status": "disabled", "disabled_reason": "broken fan"})
        it.server.cloud.groups = [{"id": "g", "name": "pair", "policy": "affinity", "rules": {},
                                   "members": [uuid(2, 0), uuid(2, 8)]}]
        out, _ = it.call("lab")
        assert "4 compute hosts, 13 servers, 1 server group" in out, out
        assert "up, disabled (broken fan)" in out, out
        assert "\x1b" not in out, "a server's name plays with the terminal"
        for words in ("has a virtual TPM", "unrescue it first", "affinity group pair", "is off", "was in ERROR before"):
            assert words in out, f"{words}: {out}"
        assert "vm00005" not in out and "vm00005" in it.call("lab", "--servers")[0]
        root = json.loads(it.call("--json")[0])
        assert root["format"] == "escalator-cloud/1"
        ways = {entry["name"]: entry["verdict"]["way"] for entry in root["servers"]}
        assert [ways[f"vm0000{i}"] for i in (0, 1, 2, 3, 5)] == ["stop", "cold", "leave", "cold", "live"], ways
        assert root["hosts"][0]["resources"]["VCPU"]["total"] == 64
        out, err = it.call("lab", "-vv")
        assert "method=GET" in err and "status=200" in err, err


def faults(program):
    """Each documented failure, of each kind of list: what the client does about it."""
    body = {"error": {"message": "said so"}}
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"servers\": ["
    lists = ["/v2.1/servers/detail", "/v2.1/os-services", "/v2.1/os-hypervisors/detail", "/v2.1/os-server-groups",
             "/v2.1/os-aggregates", "/v2.1/os-migrations", "/inventories", "/usages", "/traits", "/auth/tokens"]
    passing = {"401": (401, body, {}), "413": (413, body, {"Retry-After": "0"}), "429": (429, body, {"Retry-After": "0"}),
               "500": (500, body, {"Retry-After": "0"}), "503": (503, body, {"Retry-After": "0"}), "cut": b"",
               "half": half, "no JSON": (200, b"{\"a\": ", {}), "no object": (200, b"[]", {})}
    lasting = {"403": ((403, body, {}), 6), "404": ((404, body, {}), 1), "409": ((409, body, {}), 1),
               "413": ((413, body, {}), 1), "503": ((503, body, {}), 1), "cut": (b"", 1), "half": (half, 1),
               "no JSON": ((200, b"<html>", {}), 1)}
    count = 0
    for path in lists:
        with Lab(program) as it:
            for name, answer in passing.items():
                if path == "/auth/tokens" and name in ("401", "413", "no JSON", "no object"):
                    continue
                once = [answer]
                lock = threading.Lock()

                def first_time(_method, asked, once=once, lock=lock):
                    if path not in asked:
                        return None
                    with lock:
                        return once.pop() if once else None
                it.server.fault = first_time
                out, _ = it.call("lab", "--patience", "20s")
                assert "13 servers" in out, f"{path} {name}: {out}"
                assert not once, f"{path} was not asked for"
                count += 1
            for name, (answer, status) in lasting.items():
                if name == "404" and path == "/inventories":
                    continue  # a host without a resource provider
                it.server.fault = lambda _method, asked, answer=answer: answer if path in asked else None
                _, err = it.call("lab", "--patience", "300ms", status=status)
                assert "escalator: error: cloud lab" in err, f"{path} {name}: {err}"
                count += 1
    print(f"  {count} faults")


def a_password_that_is_wrong(program):
    with Lab(program) as it:
        it.server.password = "another"
        _, err = it.call("lab", status=6)
        assert "clouds.yaml" in err and "Keystone" in err, err
        assert len(it.server.asked) == 1, it.server.asked


def names_and_files(program):
    with Lab(program) as it:
        _, err = it.call("lba", status=1)
        assert "did you mean lab?" in err, err
        (it.dir / "clouds.yaml").write_text("clouds: { lab: { auth: [s3cret")
        _, err = it.call("lab", status=2)
        assert "clouds.yaml:1:" in err, err
        (it.dir / "clouds.yaml").unlink()
        _, err = it.call(status=1)
        assert "there is no clouds.yaml" in err, err


def it_stops_when_asked(program):
    with Lab(program) as it:
        waiting = threading.Event()

        def away(_method, path):
            if "/servers" in path:
                waiting.set()
                return 503, {}, {"Retry-After": "600"}
            return None
        it.server.fault = away
        process = it.start("lab", "--patience", "1h")
        assert waiting.wait(60)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        assert process.returncode == 130, process.returncode


def a_large_cloud(program):
    with Lab(program, hosts=200, servers=4321) as it:
        root = json.loads(it.call("--json")[0])
        assert len(root["servers"]) == 4321 and len(root["hosts"]) == 200
        pages = [path for _, path, _ in it.server.asked if "/servers/detail" in path]
        assert len(pages) == 5, pages
        assert it.server.tokens == 1


def main():
    for it in (it_shows_hosts_and_servers, a_password_that_is_wrong, names_and_files, it_stops_when_asked, a_large_cloud,
               faults):
        it(sys.argv[1])
        print("passed", it.__name__)


if __name__ == "__main__":
    sys.exit(main())
