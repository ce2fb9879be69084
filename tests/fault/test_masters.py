# SPDX-License-Identifier: ISC
"""Two Redis, one after the other the master, behind the one address that nodes
know: what is connected stays where it was, what connects finds the new one."""
import socket
import time

from fleet import DEAD, SLACK, Fleet
from history import number
from snugtest import Failed, Redis, run, test, until

FOUND = DEAD + 2.0 * SLACK


def free_port():
    """One that nobody has now; replication takes no other address."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return str(sock.getsockname()[1])


def info(redis, part, field):
    for line in redis.command("INFO", part).decode().split("\r\n"):
        name, _, value = line.partition(":")
        if name == field:
            return value
    return None


class Masters:
    """The old one, which a fleet begins with, and its replica."""

    def __init__(self, world):
        self.world = world
        self.port = free_port()
        self.fleet = Fleet(world, redis_options=(
            "--bind", "127.0.0.1", "--port", self.port,
            "--repl-diskless-sync-delay", "0"))
        self.old = self.fleet.redis
        self.new = world.add(Redis(
            world, "--bind", "127.0.0.1", "--port", free_port(),
            "--replicaof", "127.0.0.1", self.port))
        until(lambda: info(self.new, "replication", "master_link_status")
              == "up", "the replica is in step")

    def promote(self):
        """The replica has all there is, and is the master from now on."""
        def same():
            return info(self.old, "replication", "master_repl_offset") == \
                info(self.new, "replication", "slave_repl_offset")
        until(same, "the replica has it all")
        self.new.command("REPLICAOF", "NO", "ONE")
        self.fleet.redis = self.new
        for node in self.fleet.nodes:
            node.proxy.target = f"unix:{self.new.sock_path}"

    def demote(self):
        """The old one follows the new one."""
        host, port = "127.0.0.1", self.new.options[3]
        self.old.command("REPLICAOF", host, port)

    def subscribers(self):
        """Of the old one."""
        return self.old.command(
            "CLIENT", "LIST", "TYPE", "pubsub").count(b"id=")


def heard(c, cids):
    return {x.split(" ")[3] for x in list(c.lines)} >= set(cids)


@test
def a_subscription_left_on_an_old_master_is_found_in_time(w):
    """R5 D5"""
    m = Masters(w)
    f = m.fleet
    here, there = f.pair()
    f.chatter(f.clients, 5)
    f.quiet()
    (old,) = [p for p in f.nodes[0].proxy.pipes if p.label == "sub"]
    m.promote()
    # It answers, calls itself the master, and has nothing to say.
    if m.old.command("ROLE")[0] != b"master" or not m.subscribers():
        raise Failed("the old master has lost its subscriber too early")
    f.nodes[1].proxy.cut()
    f.nodes[0].proxy.cut("cmd")
    f.nodes[0].proxy.cut("beat")
    started = time.monotonic()
    until(lambda: old.dead, "the subscription is given up")
    took = time.monotonic() - started
    if took > FOUND:
        raise Failed(f"found after {took:.1f} s")
    f.ready()
    cids = there.say("r", 5)
    until(lambda: heard(here, cids), "what is said with the new one is heard")
    if m.subscribers():
        raise Failed("somebody still listens to the old one")
    f.settled()


@test
def one_link_that_meets_a_new_master_takes_the_others_along(w):
    """R5: same data, another run_id."""
    m = Masters(w)
    f = m.fleet
    here, there = f.pair()
    f.chatter(f.clients, 5)
    f.quiet()
    old = [p for node in f.nodes for p in node.proxy.pipes if not p.dead]
    m.promote()
    for node in f.nodes:
        node.proxy.cut("beat")
    until(lambda: all(p.dead for p in old), "all links leave the old one")
    f.ready()
    for node in f.nodes:
        if b"Redis has another run_id" not in node.server.log().encode():
            raise Failed(f"{node} does not say that it is another Redis")
    cids = there.say("r", 5)
    until(lambda: heard(here, cids), "what is said with the new one is heard")
    if m.subscribers():
        raise Failed("somebody still listens to the old one")
    f.settled()
    if f.figures()["gaps"]:
        raise Failed("a gap, though the new one had it all")


@test
def what_is_said_past_a_subscription_on_an_old_master_is_not_lost(w):
    """R3 R5: with traffic from both sides the whole time."""
    m = Masters(w)
    f = m.fleet
    crowd = f.crowd(8, ("r", "s", "t"), each=2)
    f.chatter(crowd, 5)
    f.quiet()
    (old,) = [p for p in f.nodes[0].proxy.pipes if p.label == "sub"]
    m.promote()
    f.nodes[1].proxy.cut()
    f.nodes[0].proxy.cut("cmd")
    f.nodes[0].proxy.cut("beat")
    until(lambda: f.chatter(crowd) is not None and old.dead,
          "the subscription is given up")
    f.ready()
    f.chatter(crowd, 5)
    f.settled()
    if f.checker.counts["acked"] < 80:
        raise Failed(f"little was accepted: {f.figures()}")


def divide(m):
    """The second node is with the new master, the first one with the old."""
    there = m.fleet.clients[1]
    m.promote()
    there.notices.clear()
    m.fleet.nodes[1].proxy.cut()
    until(lambda: "relay-up" in there.notices, "it is with the new one")


def demote_in_time(m):
    """The old master is demoted by hand, nobody says anything, and the node
    that is still with it finds out."""
    here = m.fleet.clients[0]
    here.notices.clear()
    started = time.monotonic()
    m.demote()
    until(lambda: "relay-down" in here.notices, "it is noticed")
    took = time.monotonic() - started
    if took > FOUND:
        raise Failed(f"found after {took:.1f} s")
    m.fleet.ready()


@test
def what_an_old_master_took_alone_is_a_gap_to_who_saw_it(w):
    """R5 R8: one node stayed with it.  The others' people were never told of
    what is lost, and are not told that it is: that is what Redis is asked to
    refuse in the next test."""
    m = Masters(w)
    f = m.fleet
    here, there = f.pair()
    f.chatter(f.clients, 5)
    f.quiet()
    divide(m)
    alone = here.say("r", 5)
    f.quiet([here])
    apart = there.say("r", 5)
    f.quiet([there])
    demote_in_time(m)
    f.quiet()
    until(lambda: heard(here, apart), "what came after its own is told")
    both = f.chatter(f.clients, 5)
    f.quiet()
    until(lambda: heard(here, both) and heard(there, both), "both are heard")
    if here.notices.count("gap") != 1 or not heard(here, alone):
        raise Failed(f"{here.notices.count('gap')} gaps were told to who saw "
                     "what is lost")
    if here.lines[-15:] != there.lines[-15:]:
        raise Failed("they are told different things")
    ids = [number(x.split(" ")[1]) for x in here.lines]
    if ids != sorted(set(ids)):
        raise Failed("ids do not rise")
    for c in f.clients:
        c.close()


@test
def an_old_master_that_wants_its_replica_takes_nothing_alone(w):
    """R5 R8 D1: min-replicas-to-write, so nothing is lost at all."""
    m = Masters(w)
    f = m.fleet
    here, there = f.pair()
    m.old.command("CONFIG", "SET", "min-replicas-to-write", "1")
    f.chatter(f.clients, 5)
    f.quiet()
    divide(m)
    until(lambda: info(m.old, "replication", "min_slaves_good_slaves") == "0",
          "the old one misses its replica")
    alone = here.say("r", 5)
    there.say("r", 5)
    until(lambda: refused(here) >= set(alone), "it is refused")
    demote_in_time(m)
    f.settled()


def refused(c):
    return {e["cid"] for e in list(c.record.events) if e["e"] == "refused"}


run()
