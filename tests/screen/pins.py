# SPDX-License-Identifier: ISC
"""The server's key, and the file in which ann's snug keeps it."""

import os
import subprocess

from stage import program, snug


def key_of(server):
    """Its key and its words, as its operator tells them."""
    out = subprocess.run(
        [program("snugd"), "--no-config", "--key-file",
         os.path.join(server.folder.path, "server.key"), "--print-key"],
        check=True, capture_output=True, text=True).stdout.splitlines()
    return out[0].strip(), out[1].strip()


def pins(server):
    return os.path.join(server.folder.path, "data", "snug", "known_servers")


def pin(server, key):
    os.makedirs(os.path.dirname(pins(server)), mode=0o700)
    os.chmod(os.path.dirname(pins(server)), 0o700)
    with open(os.open(pins(server), os.O_WRONLY | os.O_CREAT, 0o600), "w",
              encoding="ascii") as f:
        f.write("%s %s 2026-01-01 2026-01-02\n" % (server.address, key))


def read_pins(server):
    with open(pins(server), encoding="ascii") as f:
        return f.read()


def secure(server, *rooms, **more):
    return snug(server, *rooms, options=("--secure",), **more)


def known(server, *rooms, **more):
    """At a server whose key is pinned."""
    if not os.path.exists(pins(server)):
        pin(server, key_of(server)[0])
    return secure(server, *rooms, **more)
