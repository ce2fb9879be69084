# SPDX-License-Identifier: ISC
"""Nodes and Redis are killed, stopped and started again: what was acked is kept,
everybody is back in step, and every SAY has its answer in time."""
import re
import signal
import time

from fleet import SAY_TIMEOUT, SLACK, Fleet
from proxy import DOWN, UP
from snugtest import DEADLINE, Failed, run, test, until

ROOMS = [f"room{n}" for n in range(10)]
IN_TIME = SAY_TIMEOUT + 0.5 * SLACK


@test
def what_was_acked_outlives_every_node(w):
    """D1"""
    f = Fleet(w, 3)
    crowd = f.crowd(12, ROOMS)
    for n in range(6):
        f.chatter(crowd, 3)
        node = f.nodes[n % 3]
        node.kill()
        f.chatter(crowd, 3)
        node.start()
        f.ready()
        f.chatter(crowd, 3)
    f.settled()
    if f.checker.counts["acked"] < 300:
        raise Failed(f"little was accepted: {f.figures()}")


@test
def what_was_acked_outlives_redis(w):
    """D1 R3"""
    f = Fleet(w, 3)
    crowd = f.crowd(12, ROOMS)
    for _ in range(6):
        f.chatter(crowd, 5)
        until(lambda: all(not c.outbox or not c.relay_up for c in crowd),
              "answers")
        f.chatter(crowd, 5)
        f.redis.kill()
        f.chatter(crowd, 2)
        f.redis = f.redis.again()
        f.ready()
    f.settled()
    if f.checker.counts["acked"] < 300:
        raise Failed(f"little was accepted: {f.figures()}")


@test
def a_redis_that_stops_and_goes_on_loses_and_doubles_nothing(w):
    """D1 D7"""
    f = Fleet(w, 2)
    crowd = f.crowd(8, ROOMS)
    for pause in (0.1, 0.6, 1.5):
        f.chatter(crowd, 5)
        f.redis.signal(signal.SIGSTOP)
        end = time.monotonic() + pause
        until(lambda end=end: f.chatter(crowd) and time.monotonic() > end,
              "the pause is over")
        f.redis.signal(signal.SIGCONT)
        f.quiet()
    if f.slowest() > IN_TIME:
        raise Failed(f"an answer took {f.slowest():.2f} s")
    f.settled()


@test
def a_node_that_stops_and_goes_on_is_in_step_again(w):
    """D1 D5"""
    f = Fleet(w, 2)
    crowd = f.crowd(8, ROOMS)
    for pause in (0.5, 3.0):
        f.chatter(crowd, 5)
        f.nodes[0].server.signal(signal.SIGSTOP)
        end = time.monotonic() + pause
        until(lambda end=end: f.chatter(crowd) is not None
              and time.monotonic() > end, "the pause is over")
        f.nodes[0].server.signal(signal.SIGCONT)
        f.quiet()
    f.settled()


def cut_off(f, k, people):
    """In the middle of talk; who is on that node hears of it, and goes on when
    it is over."""
    there = people[k::len(f.nodes)]
    heard = [c.notices.count("relay-down") for c in there]
    f.nodes[k].proxy.cut("sub")
    until(lambda: all(c.notices.count("relay-down") > n
                      for c, n in zip(there, heard)), "they hear of it")
    f.ready()


@test
def three_nodes_tell_the_same_byte_for_byte(w):
    """D3"""
    f = Fleet(w, 3)
    people = [f.client(f"p{n}", ["r"], nodes=[f.nodes[n % 3]])
              for n in range(9)]
    f.ready()
    f.chatter(people)
    f.quiet()
    for c in people:
        c.lines.clear()
    for n in range(20):
        f.chatter(people, 10)
        if n % 5 == 4:
            cut_off(f, n % 3, people)
    f.settled()
    for c in people[1:]:
        if c.lines != people[0].lines:
            raise Failed(f"{c.name} was told otherwise than p0")
    if len(people[0].lines) < 1000:
        raise Failed(f"only {len(people[0].lines)} messages")


@test
def a_thousand_rooms_are_in_step_within_five_seconds(w):
    """D6"""
    f = Fleet(w, 2)
    rooms = [f"room{n}" for n in range(1000)]
    people = [f.client(f"p{n}", rooms[n % 10 * 100:n % 10 * 100 + 100],
                       nodes=[f.nodes[n // 10]]) for n in range(20)]
    f.ready(deadline=3 * DEADLINE)
    for kind in ("cut", "stop"):
        if kind == "cut":
            f.nodes[0].proxy.swallow()
            until(lambda: not people[0].relay_up, "it is noticed")
            f.chatter(people[10:], 20)
            f.quiet(people[10:])
            f.nodes[0].proxy.heal()
        else:
            f.redis.signal(signal.SIGSTOP)
            until(lambda: not any(p.relay_up for p in people), "it is noticed")
            f.redis.signal(signal.SIGCONT)
        started = time.monotonic()
        f.ready()
        took = time.monotonic() - started
        if took > 5:
            raise Failed(f"after the {kind} it took {took:.1f} s")
    f.settled()


@test
def every_say_has_its_answer_in_time_whatever_the_relay_does(w):
    """D7"""
    f = Fleet(w, 1)
    (c,) = f.pair()
    proxy = f.nodes[0].proxy

    def says(what):
        """Says things until the relay is down, and a few more."""
        cids = []
        until(lambda: cids.extend(c.say("r")) or not c.relay_up,
              f"relay-down by {what}")
        cids += c.say("r", 5)
        until(lambda: all(x not in c.outbox or c.outbox[x].unknown
                          for x in cids), f"answers while {what}")
        if c.slowest > IN_TIME:
            raise Failed(f"while {what}: {c.slowest:.2f} s")

    for what, harm in (
            ("nothing comes back", lambda: proxy.swallow((DOWN,))),
            ("nothing arrives", lambda: proxy.swallow((UP,))),
            ("everything waits", proxy.hold),
            ("links are cut", proxy.cut)):
        harm()
        says(what)
        proxy.heal()
        f.quiet()
    f.redis.signal(signal.SIGSTOP)
    says("Redis is stopped")
    f.redis.signal(signal.SIGCONT)
    f.quiet()
    f.redis.kill()
    says("Redis is gone")
    f.redis = f.redis.again()
    f.settled()


@test
def a_slow_relay_is_slow_and_nothing_else(w):
    """D7"""
    f = Fleet(w, 2)
    crowd = f.crowd(8, ROOMS)
    for node in f.nodes:
        node.proxy.delay(0.08)
    for _ in range(5):
        f.chatter(crowd, 5)
        f.quiet()
    for node in f.nodes:
        node.proxy.delay(0)
    f.settled()
    if f.checker.counts["refused"] or f.checker.counts["unknown"]:
        raise Failed(f"{f.figures()}")


@test
def the_people_of_a_dead_node_are_gone_and_their_nicks_are_free(w):
    """D1: a lease ends, and what it held is anybody's."""
    f = Fleet(w, 2)
    ann = w.client(f.nodes[0], "ann", ["r"])
    bob = w.client(f.nodes[1], "bob", ["r"])
    bob.ask("NAMES r", "NAMES r 2 ann bob", "OK")
    f.nodes[0].kill()
    ann.expect("JOINED r bob")
    ann.end()

    def gone():
        bob.send("NAMES r")
        return "NAMES r 1 bob" in bob.skip_to("OK")[0]

    def free():
        bob.send("NICK ann")
        return bob.skip_to("<nick><any>")[1][0] == "OK"

    until(gone, "ann is gone from NAMES")
    until(free, "ann is free")


def guest(w, node, nick, token=None):
    """In room r; with a token the one who had it."""
    c = w.visitor(node, nick)
    c.token = c.welcome()["resume"]
    c.nick = nick
    c.ask(f"@resume={token} NICK {nick}" if token else f"NICK {nick}",
          f"OK {nick}")
    c.send("JOIN r")
    c.skip_to("OK <id>")
    return c


@test
def who_resumes_elsewhere_within_the_grace_is_never_announced_as_gone(w):
    """D1: a node is killed; one of its people comes back before its lease ends,
    two after that, to a node of each kind, and one never."""
    f = Fleet(w, 3, timers={"grace": "4s"})
    den, nook, loft = f.nodes
    eve = guest(w, loft, "eve")
    former = {x: guest(w, den, x) for x in ("ann", "bob", "cat", "dan")}
    for nick in former:
        eve.expect(f"JOINED r {nick}")
    den.kill()
    killed = time.monotonic()
    now = {"ann": guest(w, nook, "ann", former["ann"].token)}
    for node in (nook, loft):
        node.server.wait_log(r"node=den\S* is dead")
    now["bob"] = guest(w, nook, "bob", former["bob"].token)
    now["cat"] = guest(w, loft, "cat", former["cat"].token)
    if time.monotonic() - killed > 5:
        raise Failed("this machine is too slow for a grace of four seconds")
    for nick, c in now.items():
        c.send("SAY r hello")
        eve.expect(f"MSG r <id> {nick} hello")
    eve.ask("NAMES r", "NAMES r 5 <any>", "OK")
    eve.expect("PARTED r dan<any>")
    if time.monotonic() - killed < 4:
        raise Failed("dan had no time to come back")
    for nick, c in now.items():
        c.send("SAY r still here")
        eve.expect(f"MSG r <id> {nick} still here")
        heard, _ = c.skip_to(f"MSG r <id> {nick} still here")
        wrong = [x for x in heard
                 if re.match("(JOINED|PARTED) r (ann|bob|cat)", x)]
        if wrong:
            raise Failed(f"{nick} is told {wrong}")
    eve.ask("NAMES r", "NAMES r 4 <any>", "OK")


@test
def a_dead_node_leaves_nothing_behind_in_redis_whoever_dies_with_it(w):
    """D1: one of those who are left cleans up; here it is killed as well, and
    the last one does."""
    f = Fleet(w, 3)
    rooms = [f"room{n}" for n in range(60)]
    there = [f.client(f"p{n}", rooms[n::6], nodes=f.nodes[n % 2:n % 2 + 1])
             for n in range(6)]
    here = f.client("here", rooms, nodes=f.nodes[2:])
    f.ready()
    ids = [k.decode().split("{n:")[1].split("}")[0]
           for k in f.redis.command("KEYS", "*{n:*:rooms")]
    dead = [x for x in ids if not x.startswith("loft")]
    if len(dead) != 2:
        raise Failed(f"the nodes are {ids}")
    f.nodes[0].kill()
    here.say("room0")
    f.nodes[1].kill()
    for c in there:
        c.addresses = [f.nodes[2].address]

    def left():
        return [k for k in f.redis.command("KEYS", "*")
                if any(x.encode() in k for x in dead)]

    until(lambda: not left(), "nothing is left", 3 * DEADLINE)
    f.settled()


run()
