# SPDX-License-Identifier: ISC
"""Nodes are stopped and started as an operator does it, and nobody storms."""
import time

from fleet import Fleet
from snugtest import Failed, run, test, until

ROOMS = [f"room{n}" for n in range(10)]


@test
def a_rolling_restart_under_load_loses_and_doubles_nothing(w):
    """O2"""
    f = Fleet(w, 3, options=("--drain", "1s"))
    crowd = f.crowd(15, ROOMS)
    for c in crowd:
        c.patience = 1.0
    for node in f.nodes:
        f.chatter(crowd, 5)
        node.server.signal(15)
        f.chatter(crowd, 5)
        if node.server.wait() != 0:
            raise Failed("it did not end well")
        node.start()
        f.ready()
        f.chatter(crowd, 5)
    f.settled()
    byes = [b for c in crowd for b in c.byes]
    if len(byes) < 15 or {b[0] for b in byes} != {"shutdown"}:
        raise Failed(f"what they were told: {byes}")
    waits = [b[1] for b in byes]
    if None in waits or len(set(waits)) < len(waits) / 2:
        raise Failed(f"when to come back: {waits}")


@test
def many_rooms_are_asked_for_in_few_commands(w):
    """R12"""
    f = Fleet(w, 1)
    rooms = [f"room{n}" for n in range(500)]
    c = f.client("c", rooms)
    f.ready()
    before = calls(f.redis, "subscribe")
    f.nodes[0].proxy.cut("sub")
    until(lambda: not c.relay_up, "it is noticed")
    f.ready()
    asked = calls(f.redis, "subscribe") - before
    if not 1 <= asked <= 20:
        raise Failed(f"{asked} SUBSCRIBEs for 500 rooms")
    f.settled()


def calls(redis, command):
    for line in redis.command("INFO", "commandstats").decode().split():
        if line.startswith(f"cmdstat_{command}:calls="):
            return int(line.split("=")[1].split(",")[0])
    return 0


@test
def nobody_storms_a_redis_that_is_away(w):
    """R12"""
    f = Fleet(w, 2, timers={"backoff": "400ms"})
    f.pair()
    f.redis.kill()
    until(lambda: not any(c.relay_up for c in f.clients), "it is noticed")
    for node in f.nodes:
        first, started = node.proxy.dialled, time.monotonic()
        until(lambda s=started: time.monotonic() - s > 2, "two seconds")
        # Three links, at most 400 ms and at least nothing in between.
        dialled = node.proxy.dialled - first
        if not 6 <= dialled <= 60:
            raise Failed(f"{dialled} connections in two seconds")
    f.redis = f.redis.again()
    f.settled()


run()
