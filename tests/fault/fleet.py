# SPDX-License-Identifier: ISC
"""A fleet to do harm to: nodes on one Redis with a proxy before each, clients
that keep book, and the verdict.

Whatever a scenario does in between, it ends with settled(): the faults are over,
everybody is in step by itself, a last message in each room has reached all, and
the checker has read every record.
"""
import os
import random
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]
# pylint: disable=wrong-import-position
from snugtest import DEADLINE, Failed, Server, sanitized, until
from client import Client
from history import Checker, Record, load
from proxy import Proxy

# Short enough for a scenario of seconds, long enough for a busy machine.
TIMERS = {
    "say-timeout": "500ms", "lease": "2s", "heartbeat": "100ms",
    "grace": "1s",
    "connect-timeout": "500ms", "probe": "200ms", "dead": "1s",
    "backoff": "100ms",
}
DEAD = 1.0
SAY_TIMEOUT = 0.5
SLACK = 3 if sanitized() else 1
HISTORY = "10000"

SEED = int(os.environ.get("SNUG_FAULT_SEED") or time.time_ns() % 1000000)


class Door:
    """What Server takes for its Redis."""

    def __init__(self, url):
        self.url = url


class Node:
    """A place where a snugd runs, again and again."""

    def __init__(self, fleet, name):
        self.fleet = fleet
        self.name = name
        self.proxy = Proxy(fleet.world.path(f"{name}.redis"),
                           f"unix:{fleet.redis.sock_path}")
        self.address = f"unix:{fleet.world.path(name + '.sock')}"
        self.server = None

    def __str__(self):
        return self.name

    def start(self):
        url = self.proxy.url if self.fleet.proxied \
            else self.fleet.redis.url
        self.server = self.fleet.world.server(
            *self.fleet.options, name=self.name, redis=Door(url),
            listen=(self.address,))

    def begin(self):
        """As start(), without waiting until it is up."""
        fleet = self.fleet
        argv = [a for a in self.server.argv]
        self.server = fleet.world.program(*argv)

    def kill(self):
        self.server.kill()

    def alive(self):
        return self.server.process.poll() is None


class Fleet:
    """Nodes, Redis, clients and their records."""

    def __init__(self, world, nodes=2, *, timers=None, options=(),
                 redis_options=(), proxied=True):
        self.world = world
        self.proxied = proxied
        self.seed = SEED
        self.random = random.Random(SEED)
        self.redis = world.redis(*redis_options)
        self.options = [x for k, v in {**TIMERS, **(timers or {})}.items()
                        for x in ("--" + k, v)]
        self.options += ["--history", HISTORY, "--rooms-per-session", "2000",
                         *options]
        self.book = world.path("records")
        os.mkdir(self.book)
        self.clients = []
        self.auditor = None
        self.checker = None
        names = ("den", "nook", "loft", "barn")[:nodes]
        self.nodes = [Node(self, name) for name in names]
        world.closers.append(self.close)
        for node in self.nodes:
            node.start()
        print(f"# seed {SEED}", flush=True)

    # Clients.
    def client(self, name, rooms, *, nodes=None, addresses=None, **more):
        addresses = addresses or [n.address for n in (nodes or self.nodes)]
        record = Record(name, os.path.join(self.book, name + ".jsonl"))
        c = Client(name, addresses, rooms, record, seed=self.seed, **more)
        self.clients.append(c)
        c.start()
        return c

    def crowd(self, n, rooms, each=3):
        """Clients in some of the rooms each, spread over the nodes."""
        out = []
        for i in range(n):
            some = [rooms[(i + k * k) % len(rooms)] for k in range(each)]
            out.append(self.client(f"c{i}", dict.fromkeys(some)))
        self.ready(out)
        return out

    def pair(self, rooms=("r",)):
        """One client on each node."""
        out = [self.client(f"c-{n.name}", rooms, nodes=[n])
               for n in self.nodes]
        self.ready(out)
        return out

    def ready(self, clients=None, deadline=DEADLINE):
        for c in clients or self.clients:
            until(lambda c=c: c.up and c.relay_up, f"{c.name} is up", deadline)

    def chatter(self, clients, n=1):
        """Each says n messages in a room of its own choice; gives the cids."""
        out = []
        for c in clients:
            out += c.say(self.random.choice(sorted(c.places)), n)
        return out

    def quiet(self, clients=None, deadline=DEADLINE):
        """Waits until nobody waits for an answer."""
        for c in clients or self.clients:
            until(c.is_settled, f"{c.name} is settled: {list(c.outbox)[:5]} "
                  f"up={c.up} relay={c.relay_up}", deadline)

    # The verdict.
    def settled(self, gaps=0, deadline=3 * DEADLINE):
        """Everybody in step, and nothing wrong; gaps: how many were told,
        None for any number.  Where there were none, the whole log is read."""
        self.quiet(deadline=deadline)
        rooms = sorted({r for c in self.clients for r in c.places})
        self.auditor = Client(
            "auditor", [n.address for n in self.nodes if n.alive()], rooms,
            Record("auditor", os.path.join(self.book, "auditor.jsonl")),
            from_start=gaps == 0)
        self.auditor.start()
        self.ready([self.auditor], deadline)
        self.last_words(rooms, deadline)
        self.checker = self.verdict()
        self.judge(gaps)

    def last_words(self, rooms, deadline):
        """Messages of the auditor that everybody has to see."""
        said = {}
        for room in rooms:
            said[room] = until(lambda room=room: self.auditor.say(room),
                               f"a last word in {room}", deadline)[0]
        until(lambda: not self.auditor.outbox, "the last words are accepted",
              deadline)
        ids = {e["cid"]: e["id"] for e in self.auditor.record.events
               if e["e"] == "acked"}
        for c in self.clients + [self.auditor]:
            for room in c.places:
                last = ids.get(said[room])
                if last is None:
                    raise Failed(f"the last word in {room} was not accepted")
                until(lambda c=c, room=room, last=last: c.reaches(room, last),
                      f"{c.name} sees the last word in {room}, {last}; "
                      f"it is at {c.places[room].cursor}", deadline)
                c.done(room, last)

    def verdict(self):
        for c in self.clients + [self.auditor]:
            c.close()
        return Checker(load(self.book))

    def judge(self, gaps):
        complaints = list(self.checker.complaints)
        complaints += [f"{c.name}: {x}" for c in self.clients
                       for x in c.complaints]
        complaints += [f"{x} was acked and is in nobody's view"
                       for x in self.checker.unseen()[:5]
                       if not self.checker.counts["gap"]]
        told = self.checker.counts["gap"]
        if gaps is not None and told != gaps:
            complaints.append(f"{told} gaps were announced, not {gaps}")
            complaints += [f"{c.name} was told a gap in {e['room']} behind "
                           f"{before(c.record.events, i)}"
                           for c in self.clients + [self.auditor]
                           for i, e in enumerate(c.record.events)
                           if e["e"] == "gap"]
        if complaints:
            raise Failed("\n".join(complaints[:40]))

    def figures(self):
        """What happened, in numbers."""
        n = self.checker.counts
        return {"messages": n["sent"], "acked": n["acked"],
                "refused": n["refused"], "unknown": n["unknown"],
                "seen": n["seen"], "lost connections": n["lost"],
                "rooms resumed": n["rejoined"],
                "guests resumed": n["resumed"], "gaps": n["gap"]}

    def slowest(self):
        return max([c.slowest for c in self.clients], default=0)

    def close(self):
        for c in self.clients + ([self.auditor] if self.auditor else []):
            c.close()
        for node in self.nodes:
            node.proxy.close()


def before(events, i):
    """What a client had seen of a room when it was told of a gap."""
    seen = [e for e in events[:i] if e.get("room") == events[i]["room"]]
    return seen[-3:]
