#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Counts the instructions that snugd spends on one delivery: `make bench-instr`.

    instr.py check     compare with the recorded figures; more than 5 % is a
                       failure
    instr.py record    write them anew

snugd runs under callgrind.  Everything that is said in a round is written
while it is stopped, so a round is always the same turn of its loop, and the
count does not depend on the machine's mood.  Two runs of different length are
compared, so start and end cancel out.  What the kernel does is not counted.

The recorded figures hold for the compiler and the libraries they name; with
others the check is skipped, and says so.
"""
import os
import pathlib
import platform
import re
import resource
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("SNUG_BUILDDIR", HERE.parent.parent))
RECORD = HERE / "instructions"
MORE = 1.05     # of the recorded figure is a failure
DEADLINE = 120
TEXT = "x" * 100

# name: rooms, members of each, senders of each, messages of each a round
WORKLOADS = {
    "W2": (1, 1000, 1, 64),
    "W2b": (1, 1000, 64, 1),
    "W3": (200, 5, 5, 1),
}
SHORT, LONG = 2, 42     # rounds
OPTIONS = ["--no-config", "--flood=off", "--conn-per-addr=10000", "--name=den",
           "--listen=127.0.0.1:0", "--log-level=error", "--drain=0s",
           "--secure=off",
           "--sandbox=no"]    # callgrind makes system calls of its own


class Trouble(Exception):
    pass


class Node:
    """A snugd under callgrind."""

    def __init__(self, folder):
        self.out = pathlib.Path(folder) / "callgrind"
        self.out.unlink(missing_ok=True)
        self.process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", "-q",
             f"--callgrind-out-file={self.out}", str(BUILD / "snugd"),
             *OPTIONS], stderr=subprocess.PIPE, text=True)
        last = ""
        for last in self.process.stderr:
            if found := re.search(r"ready 127\.0\.0\.1:(\d+)", last):
                self.port = int(found[1])
                return
        raise Trouble("snugd did not start under callgrind: " + last)

    def stop(self):
        self.process.send_signal(signal.SIGSTOP)
        status = pathlib.Path(f"/proc/{self.process.pid}/stat")
        while status.read_text().rsplit(")", 1)[1].split()[0] != "T":
            time.sleep(0.001)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def instructions(self):
        self.process.terminate()
        self.process.communicate(timeout=DEADLINE)
        found = re.search(r"^totals: (\d+)", self.out.read_text(), re.M)
        if not found:
            raise Trouble("callgrind counted nothing")
        return int(found[1])


class Crowd:
    """Its clients: they count lines, and look at nothing else."""

    def __init__(self, node, rooms, members, senders):
        self.select = selectors.DefaultSelector()
        self.lines = {}
        self.senders = []
        for n in range(rooms * members):
            s = socket.create_connection(("127.0.0.1", node.port))
            self.lines[s] = 0
            self.select.register(s, selectors.EVENT_READ)
            self.until(s, 1)    # WELCOME
            s.sendall(f"NICK n{n}\nJOIN r{n // members}\n".encode())
            if n % members < senders:
                self.senders.append((s, n // members))
            # Its own OK, JOINED, NAMES and OK; others' JOINED comes besides.
            self.until(s, 5)
        s.sendall(b"PING over\n")
        self.quiet()

    def take(self, wait):
        ready = self.select.select(wait)
        for key, _ in ready:
            data = key.fileobj.recv(1 << 18)
            if not data:
                raise Trouble("snugd closed a connection")
            self.lines[key.fileobj] += data.count(b"\n")
        return bool(ready)

    def until(self, s, lines):
        end = time.monotonic() + DEADLINE
        while self.lines[s] < lines:
            self.take(1)
            if time.monotonic() > end:
                raise Trouble(f"{self.lines[s]} lines came, not {lines}")

    def quiet(self):
        """Nothing has come for a while: only before what is counted."""
        while self.take(0.3):
            pass

    def total(self):
        return sum(self.lines.values())

    def round(self, node, messages):
        node.stop()
        for s, room in self.senders:
            s.sendall(b"".join(b"SAY r%d %s\n" % (room, TEXT.encode())
                               for _ in range(messages)))
        node.go_on()


def run(folder, workload, rounds):
    rooms, members, senders, messages = WORKLOADS[workload]
    node = Node(folder)
    try:
        crowd = Crowd(node, rooms, members, senders)
        said = rooms * senders * messages
        for _ in range(rounds):
            want = crowd.total() + said * (members + 1)     # and the OKs
            crowd.round(node, messages)
            end = time.monotonic() + DEADLINE
            while crowd.total() < want:
                crowd.take(1)
                if time.monotonic() > end:
                    raise Trouble("not all that was said arrived")
        return node.instructions(), rounds * said * members
    finally:
        node.process.kill()
        node.process.wait()


def measure(folder, workload):
    few, deliveries_few = run(folder, workload, SHORT)
    many, deliveries_many = run(folder, workload, LONG)
    return (many - few) / (deliveries_many - deliveries_few)


def toolchain():
    """What the figures depend on, in a line."""
    def version(*command):
        done = subprocess.run(command, capture_output=True, text=True)
        return done.stdout.splitlines()[0].strip() if done.stdout else "none"

    makefile = (BUILD / "Makefile").read_text()
    flags = re.search(r"^CFLAGS = (.*)$", makefile, re.M)[1]
    return " | ".join([
        platform.machine(), version("gcc", "--version"), flags,
        "libevent " + version("pkg-config", "--modversion", "libevent"),
        "libc " + platform.libc_ver()[1],
        version("valgrind", "--version")])


def recorded():
    lines = RECORD.read_text().splitlines() if RECORD.exists() else []
    figures = dict(x.split() for x in lines if not x.startswith("#"))
    made_by = [x[2:] for x in lines if x.startswith("# ")]
    return {k: float(v) for k, v in figures.items()}, made_by[-1:]


def main(what):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before, made_by = recorded()
    if what == "check" and made_by != [toolchain()]:
        print("1..0 # skip the figures were recorded for another compiler")
        return 0
    print(f"1..{len(WORKLOADS)}")
    bad, now = 0, {}
    with tempfile.TemporaryDirectory() as folder:
        for n, workload in enumerate(WORKLOADS, 1):
            now[workload] = measure(folder, workload)
            limit = before.get(workload, 0) * MORE
            well = what == "record" or now[workload] <= limit
            bad += not well
            print(f"{'ok' if well else 'not ok'} {n} - {workload}: "
                  f"{now[workload]:.1f} instructions a delivery, recorded "
                  f"{before.get(workload, 0):.1f}", flush=True)
    if what == "record":
        RECORD.write_text(
            "# Instructions of snugd for one delivery, by instr.py record.\n"
            f"# {toolchain()}\n" +
            "".join(f"{k} {v:.1f}\n" for k, v in now.items()))
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["check"], ["record"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
