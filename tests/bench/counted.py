# SPDX-License-Identifier: ISC
"""A snugd whose instructions are counted, and clients to keep it busy.

The program runs under callgrind, so that the count does not depend on the
machine's mood.  What the kernel does is not in it.  Everything that is said in
a round is written while the program is stopped, so a round is always the same
turn of its loop.
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
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("SNUG_BUILDDIR", HERE.parent.parent))
DEADLINE = 120
TEXT = b"x" * 100
OPTIONS = ["--no-config", "--flood=off", "--conn-per-addr=20000",
           "--listen=127.0.0.1:0", "--log-level=error", "--drain=0s",
           "--secure=off",
           "--sandbox=no"]    # callgrind makes system calls of its own


class Trouble(Exception):
    """Why nothing could be counted."""


def files_enough():
    """As many descriptors as may be had."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class Counted:
    """A program under callgrind."""

    def __init__(self, folder, argv, **more):
        self.out = pathlib.Path(folder) / f"callgrind.{time.monotonic_ns()}"
        self.parts = 0
        self.process = subprocess.Popen(
            ["valgrind", "--tool=callgrind", "-q",
             f"--callgrind-out-file={self.out}", *argv], **more)

    def stop(self):
        """Returns when it has stopped."""
        self.process.send_signal(signal.SIGSTOP)
        status = pathlib.Path(f"/proc/{self.process.pid}/stat")
        while status.read_text().rsplit(")", 1)[1].split()[0] != "T":
            time.sleep(0.001)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def control(self, order):
        subprocess.run(["callgrind_control", order, str(self.process.pid)],
                       check=True, capture_output=True, timeout=DEADLINE)

    def zero(self):
        """What was counted up to now does not matter."""
        self.control("--zero")

    def so_far(self):
        """Instructions since zero(), or since this was last asked."""
        self.control("--dump")
        self.parts += 1
        return total(pathlib.Path(f"{self.out}.{self.parts}"))

    def in_all(self):
        """Ends it: instructions from its beginning to its end."""
        self.process.terminate()
        self.process.communicate(timeout=DEADLINE)
        return total(self.out)

    def kill(self):
        self.process.kill()
        self.process.wait()


def total(path):
    """The sum in a file of callgrind's."""
    found = re.search(r"^(?:totals|summary): (\d+)", path.read_text(), re.M)
    if not found:
        raise Trouble("callgrind counted nothing")
    return int(found[1])


class Node(Counted):
    """A snugd under callgrind."""

    def __init__(self, folder, *options):
        super().__init__(folder, [str(BUILD / "snugd"), *OPTIONS, *options],
                         stderr=subprocess.PIPE, text=True)
        last = ""
        for last in self.process.stderr:
            if found := re.search(r"ready 127\.0\.0\.1:(\d+)", last):
                self.port = int(found[1])
                return
        raise Trouble("snugd did not start under callgrind: " + last)


class Crowd:
    """Clients: they count lines, and look at nothing else."""

    def __init__(self):
        self.select = selectors.DefaultSelector()
        self.lines = {}

    def enter(self, port, nick, rooms):
        """One more, a member of these rooms; gives its socket."""
        s = socket.create_connection(("127.0.0.1", port))
        self.lines[s] = 0
        self.select.register(s, selectors.EVENT_READ)
        self.until(s, 1)    # WELCOME
        s.sendall(f"NICK {nick}\n".encode() +
                  b"".join(f"JOIN {r}\n".encode() for r in rooms))
        # Its own OK; JOINED, NAMES and OK of each; others' come besides.
        self.until(s, 2 + 3 * len(rooms))
        return s

    def take(self, wait):
        """Reads what is there; whether anything was."""
        ready = self.select.select(wait)
        for key, _ in ready:
            data = key.fileobj.recv(1 << 18)
            if not data:
                raise Trouble("snugd closed a connection")
            self.lines[key.fileobj] += data.count(b"\n")
        return bool(ready)

    def wait(self, done, why):
        end = time.monotonic() + DEADLINE
        while not done():
            self.take(1)
            if time.monotonic() > end:
                raise Trouble(why())

    def until(self, s, lines):
        self.wait(lambda: self.lines[s] >= lines,
                  lambda: f"{self.lines[s]} lines came, not {lines}")

    def quiet(self):
        """Nothing has come for a while: only before what is counted."""
        while self.take(0.3):
            pass

    def in_all(self):
        return sum(self.lines.values())

    def round(self, node, said, lines):
        """In one turn of the node's loop: (socket, bytes) of each who speaks;
        so many lines are what comes of it."""
        want = self.in_all() + lines
        node.stop()
        for s, data in said:
            s.sendall(data)
        node.go_on()
        self.wait(lambda: self.in_all() >= want,
                  lambda: f"{want - self.in_all()} lines are missing")

    def leave(self):
        for s in self.lines:
            s.close()
        self.select.close()


def say(room, times=1):
    """The bytes of messages to a room."""
    return b"SAY %s %s\n" % (room.encode(), TEXT) * times


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
