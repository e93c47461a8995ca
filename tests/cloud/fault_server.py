#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An OpenStack that is only its APIs: Keystone, Nova and Placement as they answer in the Zed release,
of any size, and as bad as a test wants them. It records what it is asked.

As a program it serves until it is ended, and writes a clouds.yaml that reaches it:

    fault_server.py DIR [--hosts 1000] [--servers 20000]
"""

import argparse
import datetime
import http.server
import json
import pathlib
import socket
import threading
import time
import urllib.parse

PAGE = 1000  # Nova's own max_limit
TOKEN_LIFE = datetime.timedelta(hours=1)


def uuid(kind, number):
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


class Cloud:
    """What it is made of; a test changes it as it likes."""

    def __init__(self, hosts, servers):
        self.hosts = [f"compute{i:04}" for i in range(hosts)]
        self.services = {name: {"id": uuid(1, i), "host": name, "binary": "nova-compute", "zone": f"az{1 + i % 2}",
                                "status": "enabled", "disabled_reason": None, "state": "up", "forced_down": False,
                                "updated_at": "2026-11-24T03:00:00.000000"} for i, name in enumerate(self.hosts)}
        self.servers = {}
        for i in range(servers):
            server = self.server(i, self.hosts[i % hosts])
            self.servers[server["id"]] = server
        self.groups = []
        self.used = {name: {"VCPU": 0, "MEMORY_MB": 0, "DISK_GB": 0} for name in self.hosts}
        for server in self.servers.values():
            used, flavor = self.used[server["OS-EXT-SRV-ATTR:host"]], server["flavor"]
            used["VCPU"] += flavor["vcpus"]
            used["MEMORY_MB"] += flavor["ram"]
            used["DISK_GB"] += flavor["disk"]

    @staticmethod
    def server(number, host):
        size = 1 + number % 3
        return {"id": uuid(2, number), "name": f"vm{number:05}", "status": "ACTIVE", "tenant_id": uuid(3, number % 40),
                "user_id": uuid(4, 1), "metadata": {}, "hostId": f"{number:056x}", "addresses": {},
                "image": {"id": uuid(5, number % 7), "links": []}, "created": "2026-01-01T00:00:00Z",
                "updated": "2026-01-01T00:00:00Z", "accessIPv4": "", "accessIPv6": "", "config_drive": "",
                "key_name": None, "locked": False, "locked_reason": None, "description": None, "tags": [],
                "links": [{"rel": "self", "href": f"http://nova/v2.1/servers/{uuid(2, number)}"}], "progress": 0,
                "os-extended-volumes:volumes_attached": [], "security_groups": [{"name": "default"}],
                "OS-DCF:diskConfig": "MANUAL", "OS-EXT-AZ:availability_zone": "az1", "OS-EXT-STS:power_state": 1,
                "OS-EXT-STS:task_state": None, "OS-EXT-STS:vm_state": "active", "OS-EXT-SRV-ATTR:host": host,
                "OS-EXT-SRV-ATTR:hypervisor_hostname": host, "OS-EXT-SRV-ATTR:instance_name": f"instance-{number:08x}",
                "OS-SRV-USG:launched_at": "2026-01-01T00:00:00.000000", "OS-SRV-USG:terminated_at": None,
                "host_status": "UP", "trusted_image_certificates": None,
                "flavor": {"original_name": f"m1.{size}", "vcpus": size, "ram": 1024 * size, "disk": 10, "ephemeral": 0,
                           "swap": 0, "extra_specs": {}}}

    def answer(self, path, query):
        """Status and JSON for a GET below the services' endpoints."""
        parts = path.strip("/").split("/")
        if parts[0] == "v2.1":
            return self.nova(parts[1:], query)
        if parts[0] == "placement":
            return self.placement(parts[1:])
        return 404, {"error": {"message": f"nothing at {path}"}}

    def nova(self, parts, query):
        if not parts:
            return 200, {"version": {"id": "v2.1", "status": "CURRENT", "min_version": "2.1", "version": "2.93"}}
        if parts[0] == "servers" and parts[1:] == ["detail"]:
            ids = sorted(self.servers)
            start = 0
            if "marker" in query:
                if query["marker"] not in self.servers:
                    return 400, {"badRequest": {"code": 400, "message": f"marker [{query['marker']}] not found"}}
                start = ids.index(query["marker"]) + 1
            end = start + min(int(query.get("limit", PAGE)), PAGE)
            root = {"servers": [self.servers[i] for i in ids[start:end]]}
            if end < len(ids):
                root["servers_links"] = [{"rel": "next", "href": f"http://nova/v2.1/servers/detail?marker={ids[end - 1]}"}]
            return 200, root
        if parts[0] == "os-services":
            return 200, {"services": list(self.services.values())}
        if parts[0] == "os-hypervisors":
            return 200, {"hypervisors": [{"id": self.provider(name), "hypervisor_hostname": f"{name}.lan", "state": "up",
                                          "status": "enabled", "hypervisor_type": "QEMU", "hypervisor_version": 7002000,
                                          "service": {"id": self.services[name]["id"], "host": name,
                                                      "disabled_reason": None}} for name in self.hosts]}
        if parts[0] == "os-server-groups":
            start = int(query.get("offset", 0))
            return 200, {"server_groups": self.groups[start:start + int(query.get("limit", PAGE))]}
        if parts[0] == "os-aggregates":
            return 200, {"aggregates": [{"id": 1, "name": "ssd", "availability_zone": None, "hosts": self.hosts[:2],
                                         "metadata": {"disk": "ssd"}}]}
        if parts[0] == "os-migrations":
            return 200, {"migrations": []}
        return 404, {"itemNotFound": {"code": 404, "message": "no such thing"}}

    @staticmethod
    def provider(name):
        return uuid(6, int(name[7:]))

    def placement(self, parts):
        if not parts:
            return 200, {"versions": [{"id": "v1.0", "min_version": "1.0", "max_version": "1.39"}]}
        name = f"compute{int(parts[1][-12:], 16):04}"
        if name not in self.used:
            return 404, {"errors": [{"status": 404, "detail": "No resource provider"}]}
        if parts[2] == "inventories":
            entry = {"reserved": 0, "min_unit": 1, "step_size": 1}
            return 200, {"inventories": {"VCPU": dict(entry, total=64, allocation_ratio=4.0),
                                         "MEMORY_MB": dict(entry, total=262144, allocation_ratio=1.0),
                                         "DISK_GB": dict(entry, total=2000, allocation_ratio=1.0)}}
        if parts[2] == "usages":
            return 200, {"usages": self.used[name]}
        return 200, {"traits": ["COMPUTE_NODE", "HW_CPU_X86_AVX2"]}


class FaultServer:
    """The APIs of a Cloud on a port of loopback. `fault(method, path)` may answer in their place:
    None, or (status, body, headers), or bytes to send as they are before the connection ends."""

    def __init__(self, cloud, password="s3cret"):
        self.cloud, self.password = cloud, password
        self.fault = lambda method, path: None
        self.asked = []
        self.tokens = 0
        self.lock = threading.Lock()
        handler = type("Handler", (_Handler,), {"owner": self})
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()

    def clouds_yaml(self, name="lab"):
        return (f"clouds:\n  {name}:\n    auth: {{ auth_url: '{self.url}/identity/v3', username: admin, password: "
                f"{self.password}, project_name: admin, user_domain_name: Default, project_domain_name: Default }}\n"
                "    region_name: RegionOne\n    identity_api_version: 3\n    compute_api_version: '2.88'\n")

    def token(self, body):
        user = json.loads(body)["auth"]["identity"].get("password", {}).get("user", {})
        if user.get("password") != self.password:
            return 401, {"error": {"code": 401, "message": "The request you have made requires authentication."}}, {}
        with self.lock:
            self.tokens += 1
            number = self.tokens
        now = datetime.datetime.utcnow()
        form = "%Y-%m-%dT%H:%M:%S.%fZ"

        def service(kind, path):
            return {"type": kind, "name": kind, "id": kind, "endpoints": [
                {"interface": "public", "region": "RegionOne", "region_id": "RegionOne", "id": kind, "url": self.url + path}]}
        return 201, {"token": {"methods": ["password"], "issued_at": now.strftime(form),
                               "expires_at": (now + TOKEN_LIFE).strftime(form), "is_domain": False,
                               "user": {"id": "u", "name": "admin", "domain": {"id": "default", "name": "Default"}},
                               "project": {"id": "p", "name": "admin", "domain": {"id": "default", "name": "Default"}},
                               "roles": [{"id": "r", "name": "admin"}], "audit_ids": ["a"],
                               "catalog": [service("compute", "/v2.1"), service("placement", "/placement"),
                                           service("identity", "/identity/v3")]}}, {"X-Subject-Token": f"token-{number}"}


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536

    def setup(self):
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_):
        pass

    def serve(self):
        owner = self.owner
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with owner.lock:
            owner.asked.append((self.command, self.path, body))
        answer = owner.fault(self.command, self.path)
        if isinstance(answer, bytes):
            self.wfile.write(answer)
            self.close_connection = True
            return
        path, _, query = self.path.partition("?")
        if answer is None and path.endswith("/auth/tokens"):
            answer = owner.token(body)
        elif answer is None and path.startswith("/identity"):
            answer = 200, {"version": {"id": "v3.14", "status": "stable",
                                       "links": [{"rel": "self", "href": f"{owner.url}/identity/v3/"}]}}, {}
        elif answer is None and not self.headers.get("X-Auth-Token", "").startswith("token-"):
            answer = 401, {"error": {"message": "Unauthorized"}}, {}
        elif answer is None:
            answer = (*owner.cloud.answer(path, dict(urllib.parse.parse_qsl(query))), {})
        status, content, headers = answer
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = serve


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("dir", type=pathlib.Path)
    arguments.add_argument("--hosts", type=int, default=1000)
    arguments.add_argument("--servers", type=int, default=20000)
    given = arguments.parse_args()
    server = FaultServer(Cloud(given.hosts, given.servers))
    (given.dir / "clouds.yaml").write_text(server.clouds_yaml())
    print(f"{server.url}: {given.hosts} hosts, {given.servers} servers", flush=True)
    while True:
        time.sleep(3600)


if __name__ == "__main__":
    main()
