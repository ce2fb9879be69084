# SPDX-License-Identifier: ISC
"""What happens to the connections between nodes and Redis: they are cut, go deaf,
and stop in the middle of everything."""
import os
import time

from fleet import DEAD, SLACK, Fleet
from proxy import BOTH, DOWN, UP
from snugtest import Failed, run, test, until

ROOMS = [f"room{n}" for n in range(20)]
CUTS = int(os.environ.get("SNUG_FAULT_CUTS", "1000"))
FOUND = DEAD + 2.0 * SLACK


def is_push(frame):
    return frame.startswith(b"*3\r\n$7\r\nmessage\r\n")


def is_ack(frame):
    return frame.startswith(b"*3\r\n$9\r\nsubscribe\r\n")


def told(clients, notice, since):
    """Waits until all were told; gives how long it took.  What they were told
    behind it is kept: it may have come along."""
    for c in clients:
        until(lambda c=c: notice in c.notices, f"{c.name} is told {notice}")
        del c.notices[:c.notices.index(notice) + 1]
    return time.monotonic() - since


@test
def a_subscription_cut_100_times_is_whole_each_time(w):
    """R1"""
    f = Fleet(w)
    crowd = f.crowd(10, ROOMS)
    proxy = f.nodes[0].proxy
    for n in range(100):
        until(lambda: proxy.count("sub"), "a subscription")
        f.chatter(crowd)
        if n % 2:
            proxy.cut("sub")
        else:
            f.redis.command("CLIENT", "KILL", "TYPE", "pubsub")
        if n % 10 == 0:
            f.quiet()
            f.chatter(crowd)
    f.settled()


@test
def a_second_cut_while_resubscribing_leaves_no_room_deaf(w):
    """R2"""
    f = Fleet(w)
    rooms = [f"room{n}" for n in range(40)]
    here, there = f.pair(rooms)
    proxy = f.nodes[0].proxy
    for k in (1, 2, 3, 10, 20, 39, 40, 41):
        left = [k]

        def count(pipe, frame, left=left):
            left[0] -= is_ack(frame)
            if left[0] == 0:
                pipe.cut()
            return 1

        proxy.filter = count
        proxy.cut("sub")
        until(lambda left=left: left[0] <= 0, f"acknowledgement {k}")
        proxy.filter = None
        f.ready()
        cids = [cid for room in rooms for cid in there.say(room)]
        until(lambda cids=cids: {x.split()[3] for x in here.lines} >= set(cids),
              f"all rooms are heard after acknowledgement {k}")
    f.settled()


@test
def what_is_said_while_links_are_cut_arrives_once(w):
    """R3"""
    f = Fleet(w, 3)
    crowd = f.crowd(12, ROOMS)
    for n in range(30):
        f.chatter(crowd)
        f.nodes[n % 3].proxy.cut()
        f.chatter(crowd)
        until(lambda: any(c.is_settled() for c in crowd), "somebody is up")
    f.settled()


@test
def publisher_and_subscriber_may_fail_one_before_the_other(w):
    """R10"""
    f = Fleet(w)
    crowd = f.crowd(10, ROOMS)
    for n in range(30):
        proxy = f.nodes[n % 2].proxy
        f.chatter(crowd)
        proxy.cut(("sub", "cmd", "beat")[n % 3])
        f.chatter(crowd)
        if n % 4 == 0:
            f.quiet()
    f.settled()


def deaf(f, how, heal):
    """A fault of the first node's, without any traffic; gives how long it took
    to be found."""
    proxy = f.nodes[0].proxy
    here, there = f.clients
    here.notices.clear()
    started = time.monotonic()
    how(proxy)
    took = told([here], "relay-down", started)
    there.say("r", 5)
    if here.say("r") and not until(lambda: not here.outbox or
                                   next(iter(here.outbox.values())).unknown,
                                   "the SAY is answered"):
        raise Failed("accepted by a link that is dead")
    heal(proxy)
    told([here], "relay-up", started)
    f.quiet()
    if took > FOUND:
        raise Failed(f"found after {took:.1f} s")


@test
def a_half_open_link_is_found_in_time_without_traffic(w):
    """R4 D5"""
    f = Fleet(w)
    f.pair()
    for directions in (BOTH, (UP,), (DOWN,)):
        deaf(f, lambda p, d=directions: p.swallow(d), lambda p: p.heal())
    f.settled()


@test
def one_half_open_link_of_the_three_is_found_in_time(w):
    """R4 D5"""
    f = Fleet(w)
    f.pair()
    for label in ("cmd", "sub"):
        deaf(f, lambda p, x=label: p.swallow(BOTH, (x,)), lambda p: p.heal())
    f.settled()


@test
def a_subscription_that_answers_but_delivers_nothing_is_found_in_time(w):
    """R5 D5"""
    f = Fleet(w)
    f.pair()

    def no_news(proxy):
        proxy.filter = lambda pipe, frame: not (
            pipe.label == "sub" and is_push(frame))

    deaf(f, no_news, lambda p: p.heal())
    f.settled()


@test
def a_demoted_redis_is_left_and_its_return_is_found(w):
    """R5"""
    f = Fleet(w)
    pair = f.pair()
    f.chatter(pair)
    f.quiet()
    for c in pair:
        c.notices.clear()
    started = time.monotonic()
    f.redis.command("REPLICAOF", "127.0.0.1", "1")
    took = told(pair, "relay-down", started)
    if took > FOUND:
        raise Failed(f"found after {took:.1f} s")
    f.redis.command("REPLICAOF", "NO", "ONE")
    told(pair, "relay-up", started)
    f.chatter(pair)
    f.settled()


@test
def a_handshake_that_stops_anywhere_is_begun_again(w):
    """R7"""
    f = Fleet(w)
    pair = f.pair()
    proxy = f.nodes[0].proxy
    for direction, n in ((DOWN, 1), (DOWN, 6), (DOWN, 60), (DOWN, 200),
                         (DOWN, 1000), (UP, 1), (UP, 50), (UP, 300)):
        proxy.mute_all_after(direction, n)
        proxy.cut()
        dialled = proxy.dialled
        until(lambda d=dialled: proxy.dialled >= d + 6,
              f"it is tried again after {n} bytes {direction}")
        proxy.heal()
        f.ready()
        f.chatter(pair)
    f.settled()


@test
def links_cut_at_any_byte_always_come_back(w):
    """R14"""
    f = Fleet(w, 3, timers={"backoff": "50ms"})
    crowd = f.crowd(9, ROOMS)
    for node in f.nodes:
        node.proxy.chance = lambda: {
            f.random.choice((UP, DOWN)): f.random.randrange(6000)}
        node.proxy.cut()

    def enough():
        f.chatter(crowd)
        return sum(node.proxy.cuts for node in f.nodes) >= CUTS

    until(enough, f"{CUTS} cuts", 60 + CUTS / 10)
    for node in f.nodes:
        node.proxy.heal()
    f.settled()


run()
