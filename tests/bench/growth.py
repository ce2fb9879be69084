#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""How the cost of a message rises with what there is: `make bench-growth`.

    growth.py [DIMENSION ...]

For each dimension snugd gets 10 to 10,000 of something, and its instructions
for one message are counted (see counted.py).  The exponent is the slope of a
line through the logarithms: 0 is a cost that stays, 1 one that doubles with
the number.  Prints the table in Markdown; the status says whether all is
within what was promised: at most linear in members, constant in the rest.
"""
import contextlib
import math
import pathlib
import subprocess
import sys
import tempfile
import time

from counted import (BUILD, DEADLINE, OPTIONS, Counted, Crowd, Node, Trouble,
                     files_enough, say)

SIZES = (10, 100, 1000, 10000)
EACH = 100      # rooms that one client is a member of
SPEAKERS = 100  # who speak in one turn
ROUNDS = 10
FLAT = 0.1      # up to here an exponent is called constant
LINEAR = 1.05


@contextlib.contextmanager
def counted_node(*options):
    with tempfile.TemporaryDirectory() as folder:
        node = Node(folder, "--name=den", *options)
        crowd = Crowd()
        try:
            yield node, crowd
        finally:
            node.kill()
            crowd.leave()


def cost(node, crowd, said, lines):
    """Instructions of one message; said: the turn's (socket, bytes)."""
    crowd.quiet()
    crowd.round(node, said, lines)     # what is made at the first time only
    node.zero()
    for _ in range(ROUNDS):
        crowd.round(node, said, lines)
    return node.so_far() / ROUNDS / len(said)


def some(things, n):
    """n of them, evenly spread."""
    return [things[i * len(things) // n] for i in range(min(n, len(things)))]


def members(n):
    """members of the room in which one speaks"""
    with counted_node() as (node, crowd):
        all_ = [crowd.enter(node.port, f"n{i}", ["r"]) for i in range(n)]
        return cost(node, crowd, [(all_[0], say("r"))], n + 1)


def rooms(n):
    """rooms of two, each in a hundred of them; a hundred speak, spread over all"""
    with counted_node() as (node, crowd):
        speakers = []
        for first in range(0, n, EACH):
            names = [f"r{i}" for i in range(first, min(first + EACH, n))]
            s = crowd.enter(node.port, f"a{first}", names)
            crowd.enter(node.port, f"b{first}", names)
            speakers += [(s, say(room)) for room in names]
        said = some(speakers, SPEAKERS)
        return cost(node, crowd, said, 3 * len(said))


def sessions(n):
    """sessions, in rooms of five; a hundred rooms speak, spread over all"""
    with counted_node() as (node, crowd):
        all_ = [crowd.enter(node.port, f"n{i}", [f"r{i // 5}"])
                for i in range(n)]
        said = some([(s, say(f"r{i}")) for i, s in enumerate(all_[::5])],
                    SPEAKERS)
        return cost(node, crowd, said, 6 * len(said))


def filled(node, crowd, n):
    """A room of five with so many messages."""
    five = [crowd.enter(node.port, f"n{i}", ["r"]) for i in range(5)]
    crowd.quiet()
    for first in range(0, n, 100):
        some_ = min(100, n - first)
        crowd.round(node, [(five[0], say("r", some_))], 6 * some_)
    return five


def history(n):
    """messages kept in a room of five, which is full"""
    with counted_node(f"--history={n}") as (node, crowd):
        five = filled(node, crowd, n)
        return cost(node, crowd, [(five[0], say("r"))], 6)


def reading(n):
    """messages kept; the cost is that of HISTORY, 50 from their middle"""
    with counted_node("--history=10000") as (node, crowd):
        five = filled(node, crowd, n)
        where = middle(five[0], n)
        order = b"@before=%s @last=50 HISTORY r\n" % where
        return cost(node, crowd, [(five[0], order)], min(50, n // 2) + 1)


def middle(s, n):
    """The id of the message in the middle, asked for in pages."""
    want, after = n // 2, b"0-0"
    ids = []
    while len(ids) <= want:
        s.sendall(b"@after=%s @last=500 HISTORY r\n" % after)
        page = read_page(s)
        if not page:
            raise Trouble("the history is shorter than what was said")
        ids += page
        after = ids[-1]
    return ids[want]


def read_page(s):
    data = b""
    end = time.monotonic() + DEADLINE
    while b" OK" not in data.rsplit(b"\n", 2)[-2:][0]:
        if time.monotonic() > end:
            raise Trouble("HISTORY is not answered")
        with contextlib.suppress(BlockingIOError):
            data += s.recv(1 << 18)
    return [line.split(b" MSG r ")[1].split(b" ")[0]
            for line in data.split(b"\n") if b" MSG r " in line]


# Redis, so that there may be several nodes.
PATIENT = ["--say-timeout=60s", "--lease=60s", "--heartbeat=2s", "--probe=30s",
           "--dead=60s", "--connect-timeout=60s"]


def nodes_and(what):
    """What a message costs the node that it is said on, or Redis."""
    def measure(n):
        with tempfile.TemporaryDirectory() as folder:
            return fleet(pathlib.Path(folder), n, what)
    return measure


def fleet(folder, n, what):
    sock = folder / "sock"
    redis = ["redis-server", "--port", "0", "--unixsocket", str(sock), "--dir",
             str(folder), "--save", "", "--appendonly", "no", "--loglevel",
             "warning"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    options = [*PATIENT, f"--redis=unix://{sock}"]
    crowd, ends = Crowd(), contextlib.ExitStack()
    with ends:
        ends.callback(crowd.leave)
        if what == "redis":
            judge = Counted(folder, redis, **quiet)
            ends.callback(judge.kill)
        else:
            store = ends.enter_context(subprocess.Popen(redis, **quiet))
            ends.callback(store.kill)
        wait_for(sock.exists, "redis-server does not start")
        if what == "node":
            judge = Node(folder, "--name=den", *options)
            ends.callback(judge.kill)
            ports = [judge.port]
        else:
            ports = []
        ports += [plain_node(ends, i, options) for i in range(n - len(ports))]
        first = [inside(crowd, p, i) for i, p in enumerate(ports)][0]
        crowd.quiet()
        # One turn of the loop is more than one with Redis: no stopping.
        said, count = say("r"), ROUNDS * 10
        speak(crowd, first, said, 10, n)
        judge.zero()
        speak(crowd, first, said, count, n)
        return judge.so_far() / count


def wait_for(true, why):
    end = time.monotonic() + DEADLINE
    while not true():
        if time.monotonic() > end:
            raise Trouble(why)
        time.sleep(0.01)


def plain_node(ends, i, options):
    argv = [str(BUILD / "snugd"), *OPTIONS, f"--name=n{i}", *options]
    p = ends.enter_context(subprocess.Popen(argv, stderr=subprocess.PIPE,
                                            text=True))
    ends.callback(p.kill)
    for line in p.stderr:
        if "ready 127.0.0.1:" in line:
            return int(line.rsplit(":", 1)[1].split()[0])
    raise Trouble("snugd does not start")


def inside(crowd, port, i):
    """A member on this node; it may have to wait until the relay is up."""
    end = time.monotonic() + DEADLINE
    while True:
        with contextlib.suppress(Trouble):
            return crowd.enter(port, f"m{i}", ["r"])
        if time.monotonic() > end:
            raise Trouble("a node lets nobody in")


def speak(crowd, first, said, times, n):
    for _ in range(times):
        want = crowd.in_all() + n + 1
        first.sendall(said)
        crowd.wait(lambda want=want: crowd.in_all() >= want,
                   lambda: "a message does not arrive on all nodes")


# name: what is counted, sizes, the most that the exponent may be, the unit
DIMENSIONS = {
    "members": (members, SIZES, LINEAR),
    "rooms": (rooms, SIZES, FLAT),
    "sessions": (sessions, SIZES, FLAT),
    "history": (history, SIZES, FLAT),
    "reading": (reading, (100, 1000, 10000), FLAT),
    "nodes": (nodes_and("node"), (1, 2, 4, 8, 16), FLAT),
    "redis": (nodes_and("redis"), (1, 2, 4, 8, 16), LINEAR),
}
WORDS = {
    "members": "members of a room; one speaks",
    "rooms": "rooms of two; a hundred of them speak",
    "sessions": "sessions in rooms of five; a hundred rooms speak",
    "history": "messages that a room of five keeps, and has",
    "reading": "messages of a room; HISTORY of 50 from their middle",
    "nodes": "nodes with a member each; the one it is said on",
    "redis": "nodes with a member each; what Redis pays",
}


def exponent(points):
    """The slope of the least squares' line through (log n, log cost)."""
    xs = [math.log(n) for n, _ in points]
    ys = [math.log(c) for _, c in points]
    mx, my = sum(xs) / len(xs), sum(ys) / len(ys)
    return (sum((x - mx) * (y - my) for x, y in zip(xs, ys)) /
            sum((x - mx) ** 2 for x in xs))


def row(name):
    measure, sizes, most = DIMENSIONS[name]
    points = []
    for n in sizes:
        points.append((n, measure(n)))
        print(f"growth: {name} {n}: {points[-1][1]:.0f}", file=sys.stderr,
              flush=True)
    slope = exponent(points)
    good = slope <= most
    figures = ", ".join(f"{n:,}: {c:,.0f}" for n, c in points)
    print(f"| {WORDS[name]} | {figures} | {slope:.2f} | {most} | "
          f"{'yes' if good else 'NO'} |", flush=True)
    return good


def main(names):
    unknown = [x for x in names if x not in DIMENSIONS]
    if unknown:
        sys.exit(f"growth.py: no dimension {unknown[0]}; there are "
                 f"{' '.join(DIMENSIONS)}")
    files_enough()
    print("| number of | instructions for one message | exponent | at most | "
          "kept |\n|---|---|---|---|---|")
    good = [row(name) for name in names or DIMENSIONS]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
