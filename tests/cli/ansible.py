#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Ansible's inventories are read as Ansible reads them: the same hosts, groups, variables and
connections as ansible-inventory --list finds, for every form. Skipped (77) without ansible-core.

    ansible.py ESCALATOR
"""

import json
import os
import pathlib
import shutil
import stat
import subprocess
import sys
import tempfile

CAMPAIGN = """escalator: 1
campaign: all
procedures:
  - name: all
    on: "*"
    steps:
      - wait: { file: /etc/passwd }
"""

INI = {
    "plain": "web1\nweb2 ansible_host=10.0.0.2\n",
    "ranges": "[web]\nweb[01:20]\nn[1:9:4].example.org\n[db]\ndb-[a:c]\nx[01:02]y[a:b]\n",
    "letters-with-step": "[web]\nweb[a:g:2]\n",
    "first-line-range": "[1:2].example.org\n",
    "children": "[web]\nweb1\n[db]\ndb1\n[back:children]\ndb\n[all_of_it:children]\nweb\nback\n",
    "declared-later": "[top:children]\nweb\n[web]\nweb1\n",
    "variables": "[web]\nweb1 role=web tier=1 name='it is me' q=\"a b\"\n[web:vars]\ntier=2\nsite = west\nspaced = a b c\n",
    "precedence": "[all:vars]\na=all\nb=all\nc=all\nd=all\n[low]\nn1 d=host\n[mid:children]\nlow\n[mid:vars]\nb=mid\nc=mid\n"
                  "[low:vars]\nc=low\n",
    "same-depth": "[a]\nn1\n[b]\nn1\n[a:vars]\nx=a\n[b:vars]\nx=b\n",
    "priority": "[a]\nn1\n[b]\nn1\n[a:vars]\nx=a\nansible_group_priority=10\n[b:vars]\nx=b\n",
    "diamond": "[leaf]\nn1\n[left:children]\nleaf\n[right:children]\nleaf\n[top:children]\nleft\nright\n"
               "[left:vars]\nx=left\n[right:vars]\nx=right\n[top:vars]\nx=top\ny=top\n",
    "connection": "[web]\nweb1 ansible_host=10.0.0.1 ansible_port=2222 ansible_user=cloud "
                  "ansible_ssh_private_key_file=~/.ssh/cloud ansible_become=true\nweb2:2200\nweb3 ansible_become=no\n"
                  "web4 ansible_become=True\nlocalhost ansible_connection=local\n[web:vars]\nansible_user=root\n",
    "comments": "# a comment\n; another\n[web] # servers\nweb1 role=web # the first\nweb2 role=web#2\n\n  web3   role=web\n",
    "quoting": "[web]\nweb1 a='x y' b=\"it's\" c=a\\ b d='# no comment' e=\"say \\\"hi\\\"\"\n"
               "[web:vars]\nf='quoted'\ng=\"also\"\nh=# no comment\n",
    "host-twice": "[web]\nweb1 a=1\n[db]\nweb1 b=2\n",
    "ungrouped": "alone\n[web]\nweb1\n",
    "hosts-section": "[web:hosts]\nweb1\n",
    "crlf": "[web]\r\nweb1 role=web\r\n",
}

YAML = {
    "yaml": """all:
  hosts:
    mail: { role: mail, ansible_port: 2022 }
  children:
    web:
      hosts:
        web[01:03]:
        extra: { tier: "9" }
      vars: { role: web, tier: "1", site: west }
    db:
      children:
        galera:
          hosts: { db1: { ansible_host: 10.1.1.1, ansible_become: true } }
          vars: { tier: "3" }
      vars: { tier: "2", role: db }
""",
    "yaml-without-all": "web:\n  hosts:\n    web1: { a: b }\ndb:\n  hosts:\n    web1:\n  vars: { a: c, d: e }\n",
}

BESIDE = {
    "group_vars/all.yml": "a: all\nb: all\nsite: west\n",
    "group_vars/web.yml": "b: web\nansible_user: cloud\n",
    "group_vars/web/": None,
    "group_vars/db/one.yml": "b: db\n",
    "group_vars/db/two.yml": "c: two\n",
    "host_vars/web1.yml": "d: host_vars\nansible_port: 2201\n",
    "host_vars/db1/x.yaml": "d: dir\n",
}


def scalars(variables):
    """As escalator has them: labels are texts, only scalars become labels."""
    out = {}
    for key, value in variables.items():
        if isinstance(value, bool):
            out[key] = "true" if value else "false"
        elif isinstance(value, (str, int, float)):
            out[key] = str(value)
    return out


def wanted(path):
    """What ansible-inventory finds: per host its labels and connection."""
    env = dict(os.environ, ANSIBLE_LOCALHOST_WARNING="False", ANSIBLE_NOCOLOR="1", ANSIBLE_HOME=str(path.parent))
    result = subprocess.run(["ansible-inventory", "-i", path, "--list"], env=env, text=True, timeout=300,
                            stdin=subprocess.DEVNULL, capture_output=True, check=True)
    listing = json.loads(result.stdout)
    groups = {name: set(it.get("children", [])) for name, it in listing.items() if name != "_meta"}
    members = {name: set(it.get("hosts", [])) for name, it in listing.items() if name != "_meta"}

    def under(group):
        return members.get(group, set()).union(*(under(child) for child in groups.get(group, ())))

    out = {}
    for host in under("all"):
        variables = scalars(listing["_meta"]["hostvars"].get(host, {}))
        labels = {name: "true" for name in groups if name not in ("all", "ungrouped") and host in under(name)}
        for key, value in variables.items():
            if not key.startswith("ansible_"):
                labels.setdefault(key, value)
        out[host] = {
            "labels": labels,
            "address": variables.get("ansible_host", host),
            "port": int(variables["ansible_port"]) if "ansible_port" in variables else None,
            "user": variables.get("ansible_user"),
            "identity": variables.get("ansible_ssh_private_key_file"),
            "become": variables.get("ansible_become", "false") in ("true", "yes"),
            "local": variables.get("ansible_connection") == "local",
        }
    return out


def got(escalator, path, scratch):
    """What escalator's plan says of the nodes."""
    campaign = scratch / "campaign.yaml"
    campaign.write_text(CAMPAIGN)
    plan = scratch / "plan.json"
    env = {key: value for key, value in os.environ.items() if not key.startswith("ESCALATOR_")}
    subprocess.run([escalator, "plan", campaign, "-i", path, "-o", plan], env=env, check=True, timeout=300,
                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    out = {}
    for node in json.loads(plan.read_text())["nodes"]:
        connection = node.get("connection", node)
        identities = connection.get("identity_files") or [None]
        out[node["name"]] = {
            "labels": node["labels"], "address": connection["address"], "port": connection.get("port"),
            "user": connection.get("user"), "identity": identities[0],
            "become": connection.get("become", False), "local": connection.get("local", False),
        }
    return out


def compare(escalator, name, path, scratch):
    ours = got(escalator, path, scratch)
    theirs = wanted(path)
    complaints = []
    if set(ours) != set(theirs):
        complaints.append(f"{name}: hosts differ: {sorted(set(ours) ^ set(theirs))}")
    for host in sorted(set(ours) & set(theirs)):
        for key, value in theirs[host].items():
            if ours[host][key] != value:
                complaints.append(f"{name}: {host}: {key} is {ours[host][key]!r}, Ansible has {value!r}")
    return complaints


def main():
    escalator = str(pathlib.Path(sys.argv[1]).resolve())
    if shutil.which("ansible-inventory") is None:
        print("skipped: there is no ansible-inventory (apt-get install ansible-core)")
        return 77
    complaints = []
    count = 0
    with tempfile.TemporaryDirectory() as top:
        def case(name, file, text):
            nonlocal count, complaints
            folder = pathlib.Path(top) / name
            (folder / "work").mkdir(parents=True)
            path = folder / file
            with open(path, "w", newline="") as out:
                out.write(text)
            return folder, path

        def judge(name, folder, path):
            nonlocal count
            count += 1
            try:
                complaints.extend(compare(escalator, name, path, folder / "work"))
            except subprocess.CalledProcessError as failed:
                complaints.append(f"{name}: {failed.cmd[0]} ended with {failed.returncode}: {failed.stderr}")

        for name, text in INI.items():
            folder, path = case(name, "hosts", text)
            judge(name, folder, path)
        for name, text in YAML.items():
            folder, path = case(name, "hosts.yml", text)
            judge(name, folder, path)
        folder, path = case("beside", "hosts", "[web]\nweb1 d=own e=own\nweb2\n[web:vars]\na=ini\nb=ini\n[db]\ndb1\n")
        for file, text in BESIDE.items():
            if text is not None:
                (folder / file).parent.mkdir(parents=True, exist_ok=True)
                (folder / file).write_text(text)
        judge("beside", folder, path)
        # what --list prints, from a file and from a script, is the same again
        for name in ("connection", "precedence", "diamond"):
            source = pathlib.Path(top) / name / "hosts"
            listing = subprocess.run(["ansible-inventory", "-i", source, "--list"], text=True, timeout=300,
                                     stdin=subprocess.DEVNULL, capture_output=True, check=True).stdout
            folder, path = case(name + "-script", "hosts", f"#!/bin/sh\n[ \"$1\" = --list ] || exit 1\ncat <<'E'\n{listing}E\n")
            path.chmod(path.stat().st_mode | stat.S_IXUSR)
            judge(name + "-script", folder, path)
            as_file, listed = case(name + "-json", "hosts.json", listing)
            count += 1
            if got(escalator, listed, as_file / "work") != got(escalator, path, folder / "work"):
                complaints.append(f"{name}: the same listing from a file and from a script differ")
    for complaint in complaints:
        print(complaint)
    print(f"{count} inventories compared, {len(complaints)} differences")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
