# SPDX-License-Identifier: ISC
"""The figures of RESULTS.md, which take too long for every run:

    figures.py silence     Redis stopped for 20 s, with a thousand rooms
    figures.py readers     a tenth of a room of a thousand stops reading
    figures.py death       a node with ten thousand sessions is killed
    figures.py rooms       links of a node with ten thousand rooms are cut

Each prints what it measured, and says whether it is within what was promised.
"""
import datetime
import itertools
import re
import resource
import selectors
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time

from fleet import Fleet
from snugtest import DEADLINE, Failed, World, until

REAL = {"say-timeout": "1s", "lease": "10s", "heartbeat": "2s", "grace": "15s",
        "connect-timeout": "3s", "probe": "2s", "dead": "6s", "backoff": "2s"}


PAIRS = 5


def say(text):
    print(text, flush=True)


def promise(holds, text):
    say(f"{'ok' if holds else 'NOT OK'}: {text}")
    return holds


# --- silence ----------------------------------------------------------------

def silence(w):
    f = Fleet(w, 2, timers=REAL)
    rooms = [f"room{n}" for n in range(1000)]
    people = [f.client(f"p{n}", rooms[n % 10 * 100:n % 10 * 100 + 100],
                       nodes=[f.nodes[n // 10]]) for n in range(20)]
    f.ready(deadline=60)
    for _ in range(5):
        f.chatter(people, 10)
    f.quiet()
    f.redis.signal(signal.SIGSTOP)
    end = time.monotonic() + 20
    said = []
    while time.monotonic() < end:
        said += f.chatter(people)
        time.sleep(0.1)
    f.redis.signal(signal.SIGCONT)
    started = time.monotonic()
    f.ready(deadline=60)
    took = time.monotonic() - started
    f.settled(deadline=60)
    counts = f.figures()
    say(f"1,000 rooms on two nodes, 20 clients; Redis stopped for 20 s; "
        f"{len(said)} SAYs in that time: {counts['refused']} refused, "
        f"{counts['unknown']} unknown")
    promise(f.slowest() < 1.1, f"the slowest answer took {f.slowest():.3f} s")
    promise(took < 5, f"all in step {took:.2f} s after it went on")
    promise(True, "nothing refused has appeared, nothing acked was lost "
            f"({counts['acked']} acked, {counts['gaps']} gaps)")


# --- many members -----------------------------------------------------------

class Herd:
    """Many connections whose bytes are read and thrown away, by a process of
    its own, so that it does not stand in the way of who measures."""

    def __init__(self, path, names, room):
        self.process = subprocess.Popen(
            [sys.executable, __file__, "herd", path, room],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.process.stdin.write(" ".join(names) + "\n")
        self.process.stdin.flush()
        self.wait()

    def wait(self):
        """Until it has read all that there was, and for a moment nothing."""
        line = self.process.stdout.readline()
        if line != "idle\n":
            raise Failed(f"the herd says {line!r}")

    def look(self):
        """The same again."""
        self.process.stdin.write("look\n")
        self.process.stdin.flush()
        self.wait()

    def end(self):
        self.process.stdin.close()
        self.process.wait()


def herd(path, room):
    """The process."""
    selector = selectors.DefaultSelector()
    names = sys.stdin.readline().split()
    for name, where in zip(names, itertools.cycle(room.split(","))):
        sock = enter(path, name, where)
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    last, asked = time.monotonic(), True
    while True:
        for key, _ in selector.select(0.1):
            if key.fileobj is sys.stdin:
                if not sys.stdin.readline():
                    return
                asked = True
                continue
            last = time.monotonic()
            if not key.fileobj.recv(262144):
                say("one was sent away")
                return
        if asked and time.monotonic() - last > 0.5:
            asked = False
            say("idle")


def enter(path, nick, room):
    """A member of a room, over a socket of its own."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(DEADLINE)
    sock.connect(path)
    sock.sendall(f"NICK {nick}\nJOIN {room}\n".encode())
    data = b""
    while not re.search(rb"(^|\n)\d+ OK \d+-\d+\n", data):
        got = sock.recv(65536)
        if not got:
            raise Failed(f"{nick} is sent away: {data[-200:]!r}")
        data += got
    return sock


class Witness(threading.Thread):
    """Notes how long each message took from its writing to here."""

    def __init__(self, sock):
        super().__init__(daemon=True)
        self.sock = sock
        self.times = []
        self.sock.settimeout(None)
        self.start()

    def run(self):
        data = b""
        while True:
            got = self.sock.recv(65536)
            if not got:
                return
            now = time.monotonic_ns()
            data += got
            for sent in re.findall(rb" t=(\d+)", data[:data.rfind(b"\n") + 1]):
                self.times.append(now - int(sent))
            data = data[data.rfind(b"\n") + 1:]


def measure(w, stopped, count=False):
    """One run with a thousand members, of which a tenth may have stopped: gives
    p50 and p99 in ms, and what they cost."""
    n = 250
    f = Fleet(w, 1, timers=REAL, options=("--conn-per-addr", "5000"),
              proxied=False)
    path = f.nodes[0].address[5:]
    # In this order, because the first to come are the first to be told: the
    # witnesses have as many before them whether those read or not.
    first = [f"m{i}" for i in range(100)]
    socks = [enter(path, x, "r") for x in first] if stopped else []
    herds = [] if stopped else [Herd(path, first, "r")]
    witnesses = [Witness(enter(path, f"w{i}", "r")) for i in range(10)]
    herds.append(Herd(path, [f"m{i}" for i in range(100, 989)], "r"))
    talker = enter(path, "talker", "r")
    Witness(talker)
    server = f.nodes[0].server
    before = server.rss()
    for _ in range(300):  # what the system keeps for a socket is full now
        talker.send(b"SAY r " + b"x" * 1000 + b"\n")
        time.sleep(0.01)
    for one in herds:
        one.look()
    grown = server.rss() - before
    calls = trace(server, lambda: talk(talker, n)) if count else None
    if not count:
        talk(talker, n)
    until(lambda: all(len(x.times) >= n for x in witnesses), "all has come", 60)
    times = sorted(t / 1e6 for x in witnesses for t in x.times)
    for one in herds:
        one.look()
        one.end()
    missed = came_back(path, socks) if stopped else None
    for s in socks:
        s.close()
    return (times[len(times) // 2], times[len(times) * 99 // 100], grown,
            calls, missed)


def talk(talker, n):
    for _ in range(n):
        talker.send(b"SAY r t=%d %s\n" % (time.monotonic_ns(), b"y" * 100))
        time.sleep(0.02)
    time.sleep(0.5)


def trace(server, what):
    """How many descriptors were written to, and how often."""
    strace = subprocess.Popen(
        ["strace", "-f", "-qq", "-e", "trace=write,writev,sendto,sendmsg",
         "-p", str(server.pid)], stderr=subprocess.PIPE)
    lines = []
    reader = threading.Thread(
        target=lambda: lines.extend(strace.stderr), daemon=True)
    reader.start()
    time.sleep(1)
    what()
    strace.send_signal(signal.SIGINT)
    strace.wait()
    reader.join(10)
    found = [re.search(rb"(?:writev?|sendto|sendmsg)\((\d+),", x)
             for x in lines]
    fds = [int(m[1]) for m in found if m]
    return len(set(fds)), len(fds)


def came_back(path, socks):
    """Those who stopped read what is left and come back; how many messages of
    the room they have missed."""
    missed = 0
    whole = None
    for i, s in enumerate(socks[:10]):
        s.settimeout(2)
        data = b""
        try:
            while True:
                got = s.recv(262144)
                if not got:
                    break
                data += got
        except (socket.timeout, OSError):
            pass
        data = data[:data.rfind(b"\n") + 1]
        seen = re.findall(rb"^\d+ MSG r (\S+)", data, re.MULTILINE)
        again = socket.socket(socket.AF_UNIX)
        again.settimeout(DEADLINE)
        again.connect(path)
        again.sendall(b"NICK back%d\n@since=%s JOIN r\n" % (i, seen[-1]))
        data = b""
        while not re.search(rb"\n\d+ OK \d+-\d+\n", data):
            data += again.recv(262144)
        seen += re.findall(rb"^\d+ @replay MSG r (\S+)", data, re.MULTILINE)
        missed += data.count(b"NOTICE gap")
        whole = whole or seen
        missed += len(set(whole) ^ set(seen))
        again.close()
    return missed


def in_a_world(function, *args):
    w = World()
    try:
        return function(w, *args)
    finally:
        w.tidy()
        w.remove()


def readers(_w):
    pairs = []
    for n in range(PAIRS):
        calm = in_a_world(measure, False)
        some = in_a_world(measure, True)
        pairs.append((calm, some))
        say(f"pair {n + 1}: p50/p99 {calm[0]:.2f}/{calm[1]:.2f} ms with all "
            f"reading, {some[0]:.2f}/{some[1]:.2f} ms with 100 stopped")
    ratio = statistics.median(b[1] / a[1] for a, b in pairs)
    promise(ratio < 1.25, f"p99 of the others changes by the factor "
            f"{ratio:.2f} (median of {PAIRS} interleaved pairs)")
    extra = statistics.median((b[2] - a[2]) / 100 for a, b in pairs)
    promise(extra < 256 * 1024 + 65536,
            f"a stopped member costs {extra / 1024:.0f} KiB")
    promise(not any(b[4] for _, b in pairs),
            "who came back with @since has missed nothing")
    fds, calls = in_a_world(measure, True, True)[3]
    promise(fds <= 905, f"250 messages: {calls} writes to {fds} descriptors; "
            "none to a stopped member")


# --- death ------------------------------------------------------------------

def death(w):
    sessions = 10000
    f = Fleet(w, 3, timers=REAL, options=(
        "--conn-per-addr", "20000", "--log-level", "debug"), proxied=False)
    dying, staying = f.nodes[0], f.nodes[1:]
    rooms = sessions // 20
    names = ",".join(f"room{i}" for i in range(rooms))
    herds = [Herd(node.address[5:], [f"s{i}-{node.name}"
                                     for i in range(rooms)], names)
             for node in staying]
    Herd(dying.address[5:], [f"n{i}" for i in range(sessions)], names)
    watch = w.client(staying[0], "watch")
    watch.send("NAMES room7")
    line, _ = watch.skip_to("OK")
    say(f"{sessions} sessions on the node, {rooms} rooms; before: "
        f"{line[0][:60]}")
    marks = [len(node.server.log()) for node in staying]
    dying.kill()
    killed = time.monotonic()

    def gone():
        watch.send("NAMES room7")
        lines, _ = watch.skip_to("OK")
        return lines and not re.search(r" n7\b", lines[0])

    until(gone, "the members are gone", 60)
    took = time.monotonic() - killed

    def free():
        watch.send("NICK n7")
        return watch.line().startswith("OK")

    until(free, "the nick is free", 90)
    say(f"members were gone from NAMES after {took:.1f} s, the nick was free "
        f"after {time.monotonic() - killed:.1f} s")
    time.sleep(5)
    for node, mark in zip(staying, marks):
        lags = [int(x) for x in re.findall(
            r"loop lag_ms=(\d+)", node.server.log()[mark:])]
        promise(max(lags, default=0) <= 100, f"{node.name}'s loop was late by "
                f"{max(lags, default=0)} ms at most")
    for one in herds:
        one.look()
        one.end()


# --- rooms ------------------------------------------------------------------

class Member:
    """Is in many rooms; says a word in each, or counts what it hears."""

    def __init__(self, path, nick, rooms):
        self.rooms = rooms
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(path)
        self.sock.sendall(f"NICK {nick}\n".encode() + b"".join(
            f"JOIN {room}\n".encode() for room in rooms))
        self.data = b""
        self.skip(rb"^\d+ OK \d+-\d+", len(rooms))

    def skip(self, pattern, n):
        """Reads until so many lines are there."""
        while len(re.findall(pattern, self.data, re.MULTILINE)) < n:
            got = self.sock.recv(262144)
            if not got:
                raise Failed(f"sent away: {self.data[-200:]!r}")
            self.data += got
        self.data = b""

    def say(self):
        self.sock.sendall(b"".join(
            f"SAY {room} x\n".encode() for room in self.rooms))
        self.skip(rb"^\d+ OK \d+-\d+", len(self.rooms))


def stamp(line):
    """Of a line of the log, in s."""
    at = datetime.datetime.fromisoformat(line.split()[0].rstrip("Z"))
    return at.timestamp()


def cut_and_wait(f, *kinds):
    """From the loss of a link to the relay being up again, by the log."""
    server = f.nodes[0].server
    mark = len(server.log())
    for kind in kinds:
        f.redis.command("CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")
    until(lambda: "relay state=up" in server.log()[mark:], "it is up", 60)
    lines = server.log()[mark:].splitlines()
    lost = next(x for x in lines if " lost: " in x)
    up = next(x for x in lines if "relay state=up" in x)
    return stamp(up) - stamp(lost)


def rooms(w):
    count, each, cuts = 10000, 500, 5
    f = Fleet(w, 1, timers=REAL, options=("--conn-per-addr", "5000"),
              proxied=False)
    path = f.nodes[0].address[5:]
    names = [f"room{n}" for n in range(count)]
    parts = [names[n:n + each] for n in range(0, count, each)]
    talkers = [Member(path, f"t{n}", x) for n, x in enumerate(parts)]
    hearers = [Member(path, f"h{n}", x) for n, x in enumerate(parts)]
    for what, kinds in (("the subscription", ("pubsub",)),
                        ("all links", ("pubsub", "normal"))):
        times = [cut_and_wait(f, *kinds) for _ in range(cuts)]
        promise(max(times) < 5, f"{count} rooms, {what} cut {cuts} times: up "
                f"again after {statistics.median(times):.2f} s (median; "
                f"{min(times):.2f} to {max(times):.2f})")
    for talker, hearer in zip(talkers, hearers):
        hearer.data = b""
        talker.say()
        hearer.skip(rb"^\d+ MSG room\d+ ", each)
    promise(True, "a message in each of them came up")


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if sys.argv[1:2] == ["herd"]:
        herd(*sys.argv[2:])
        return
    for name in sys.argv[1:] or ("silence", "readers", "death", "rooms"):
        say(f"== {name}")
        if name == "readers":
            readers(None)
        else:
            in_a_world({"silence": silence, "death": death,
                        "rooms": rooms}[name])


main()
