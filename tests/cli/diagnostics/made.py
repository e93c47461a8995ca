# SPDX-License-Identifier: Apache-2.0
"""Inputs that a repository cannot hold; each function fills the folder of a case."""

import os
import stat


class Impossible(Exception):
    """This machine or user cannot have such an input."""


def script(folder, text):
    path = folder / "inventory"
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def directory(folder):
    (folder / "campaign.yaml").mkdir()


def missing(folder):
    (folder / "campaign.yaml").symlink_to("nowhere.yaml")


def unreadable(folder):
    if os.geteuid() == 0:
        raise Impossible("root reads everything")
    (folder / "campaign.yaml").write_text("escalator: 1\n")
    (folder / "campaign.yaml").chmod(0)


def empty(folder):
    (folder / "campaign.yaml").write_text("")


def blanks(folder):
    (folder / "campaign.yaml").write_text("\n  \n# nothing\n\n")


def nul(folder):
    (folder / "campaign.yaml").write_bytes(b"escalator: 1\ncampaign: de\0mo\n")


def binary(folder):
    (folder / "campaign.yaml").write_bytes(b"\x7fELF\x02\x01\x01\0\0\0\0" + bytes(range(256)))


def escape(folder):
    (folder / "campaign.yaml").write_bytes(b"escalator: 1\ncampaign: \x1b[31mred\n")


def latin1(folder):
    (folder / "campaign.yaml").write_bytes("escalator: 1\ncampaign: größe\n".encode("latin-1"))


def utf16(folder):
    (folder / "campaign.yaml").write_bytes("escalator: 1\n".encode("utf-16"))


def byte_order_mark(folder):
    (folder / "campaign.yaml").write_bytes(b"\xef\xbb\xbfescalator: one\ncampaign: demo\n")


def crlf(folder):
    (folder / "campaign.yaml").write_bytes(b"escalator: 1\r\ncampaign: demo\r\nproceedures: []\r\n")


def deep_brackets(folder):
    (folder / "campaign.yaml").write_text("escalator: 1\nvars: " + "[" * 10_000)


def deep_dashes(folder):
    (folder / "campaign.yaml").write_text("vars: \n " + "- " * 50_000 + "x\n")


def huge(folder):
    with open(folder / "campaign.yaml", "wb") as file:
        file.truncate((64 << 20) + 1)


def long_line(folder):
    (folder / "campaign.yaml").write_text(
        "escalator: 1\ncampaign: demo\nvars: { a: " + "x" * 5000 + ", b: [1], c: " + "y" * 5000 + " }\n"
        "procedures: []\n")


def alias_bomb(folder):
    lines = ["escalator: 1", "campaign: demo", "procedures:", "  - name: bomb", "    on: role=web", "    steps:",
             "      - plugin:", "          name: x", "          args:", "            a: &a [1, 2, 3, 4, 5, 6, 7, 8, 9]"]
    for before, name in zip("abcdefgh", "bcdefghi"):
        lines.append(f"            {name}: &{name} [{', '.join(['*' + before] * 9)}]")
    (folder / "campaign.yaml").write_text("\n".join(lines) + "\n        expect: 1s\n")


def many_errors(folder):
    (folder / "campaign.yaml").write_text(
        "escalator: 1\ncampaign: demo\nvars:\n" + "".join(f"  'bad name {i}': x\n" for i in range(40)))


def long_chain(folder):
    text = "escalator: 1\ncampaign: demo\nprocedures:\n"
    for i in range(5000):
        text += (f"  - name: p{i}\n    on: role=web\n    after: [p{(i + 1) % 5000}]\n"
                 "    steps: [{ wait: { file: /tmp } }]\n")
    (folder / "campaign.yaml").write_text(text)


def script_fails(folder):
    script(folder, "echo 'cannot reach the CMDB' >&2\nexit 3\n")


def script_killed(folder):
    script(folder, "kill -9 $$\n")


def script_prints_nonsense(folder):
    script(folder, "echo 'hello there'\n")


def script_prints_list(folder):
    script(folder, "echo '[1, 2]'\n")


def script_prints_nothing(folder):
    script(folder, ":\n")


def script_floods(folder):
    script(folder, "exec head -c 70000000 /dev/zero\n")


def script_without_interpreter(folder):
    (folder / "inventory").write_text("#!/nowhere/python\n")
    (folder / "inventory").chmod(0o755)


def script_without_meta(folder):
    script(folder, "echo '{\"web\": {\"hosts\": [\"web1\"], \"vars\": {\"role\": \"web\"}}}'\n")


def inventory_directory(folder):
    (folder / "inventory").mkdir()


def inventory_empty(folder):
    (folder / "inventory.yaml").write_text("")


def inventory_nul(folder):
    (folder / "inventory.ini").write_bytes(b"[web]\nweb1\0 role=web\n")
