# SPDX-License-Identifier: ISC
"""Faults at random, from a seed: each is begun, lasts, and is taken back.

The same seed gives the same row of faults and pauses; what they meet depends on
the machine's moment all the same.
"""
import collections
import signal
import time

from proxy import DOWN, UP

WAYS = ((UP, DOWN), (UP,), (DOWN,))
LINKS = (None, ("cmd",), ("sub",), ("beat",))


class Injector:
    """Does harm to a fleet; step() is called again and again."""

    def __init__(self, fleet, rng):
        self.fleet = fleet
        self.random = rng
        self.count = collections.Counter()
        self.undo = []      # (when, function)
        self.hurt = set()   # nodes and "redis", until they are well
        self.next = 0.0
        self.begun = time.monotonic()
        self.story = []     # what was done when
        # How often, and what.
        self.table = (
            (3, self.kill_node), (2, self.kill_redis), (2, self.stop_node),
            (2, self.stop_redis), (3, self.flush_scripts),
            (4, self.kill_clients), (5, self.cut_links), (4, self.half_open),
            (3, self.hold_up), (2, self.slow_down), (5, self.drop_people),
            (3, self.desert))

    def step(self, now):
        """What is due now; gives whether anything is under way."""
        for entry in sorted(self.undo, key=lambda e: e[0]):
            if entry[0] <= now:
                self.undo.remove(entry)
                entry[1]()
        if now >= self.next:
            weights = [w for w, _ in self.table]
            _, fault = self.random.choices(self.table, weights)[0]
            fault(now)
            self.next = now + self.random.uniform(0.05, 1.0)
        return bool(self.undo)

    def finish(self):
        """All is well again, as far as it was this that hurt it."""
        for _, undo in sorted(self.undo, key=lambda e: e[0]):
            undo()
        self.undo.clear()

    # Helpers.
    def later(self, now, low, high, patient, undo):
        def well():
            undo()
            self.hurt.discard(patient)
            self.story.append(f"{time.monotonic() - self.begun:8.3f} s: "
                              f"{patient} is well")
        self.hurt.add(patient)
        self.undo.append((now + self.random.uniform(low, high), well))

    def node(self):
        """One that is well; or none."""
        node = self.random.choice(self.fleet.nodes)
        return None if node in self.hurt else node

    def done(self, what, whom=""):
        self.count[what] += 1
        self.story.append(
            f"{time.monotonic() - self.begun:8.3f} s: {what} {whom}")

    # Faults.
    def kill_node(self, now):
        node = self.node()
        if node:
            self.done("kill -9 of a node", node)
            node.kill()
            self.later(now, 0.1, 4, node, node.begin)

    def kill_redis(self, now):
        if "redis" not in self.hurt:
            self.done("kill -9 of Redis")
            self.fleet.redis.kill()

            def again():
                self.fleet.redis = self.fleet.redis.again()
            self.later(now, 0, 3, "redis", again)

    def stop_node(self, now):
        node = self.node()
        if node:
            self.done("SIGSTOP of a node", node)
            node.server.signal(signal.SIGSTOP)
            self.later(now, 0.1, 4, node,
                       lambda: node.server.signal(signal.SIGCONT))

    def stop_redis(self, now):
        if "redis" not in self.hurt:
            self.done("SIGSTOP of Redis")
            self.fleet.redis.signal(signal.SIGSTOP)
            self.later(now, 0.1, 3, "redis",
                       lambda: self.fleet.redis.signal(signal.SIGCONT))

    def flush_scripts(self, _now):
        self.ask_redis("SCRIPT FLUSH", "SCRIPT", "FLUSH")

    def kill_clients(self, _now):
        kind = self.random.choice(("normal", "pubsub"))
        self.ask_redis(f"CLIENT KILL TYPE {kind}",
                       "CLIENT", "KILL", "TYPE", kind, "SKIPME", "yes")

    def ask_redis(self, what, *words):
        if "redis" not in self.hurt:
            self.done(what)
            self.fleet.redis.command(*words)

    def cut_links(self, _now):
        node = self.random.choice(self.fleet.nodes)
        label = self.random.choice(LINKS)
        self.done("links cut", f"{node} {label}")
        node.proxy.cut(label and label[0])

    def half_open(self, now):
        node = self.node()
        if node:
            how = self.random.choice(WAYS), self.random.choice(LINKS)
            self.done("links half open", f"{node} {how}")
            node.proxy.swallow(*how)
            self.later(now, 0.1, 4, node, node.proxy.heal)

    def hold_up(self, now):
        node = self.node()
        if node:
            how = self.random.choice(WAYS), self.random.choice(LINKS)
            self.done("links held up", f"{node} {how}")
            node.proxy.hold(*how)
            self.later(now, 0.1, 2, node, node.proxy.heal)

    def slow_down(self, now):
        node = self.node()
        if node:
            self.done("links slow", node)
            node.proxy.delay(self.random.uniform(0.01, 0.2))
            self.later(now, 0.5, 4, node, node.proxy.heal)

    def drop_people(self, _now):
        self.done("clients cut off")
        for c in self.random.sample(self.fleet.clients, 3):
            c.drop()

    def desert(self, _now):
        self.done("clients gone without a word")
        self.random.choice(self.fleet.clients).desert()

