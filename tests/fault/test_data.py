# SPDX-License-Identifier: ISC
"""What happens to the data: it is flushed, lost, doubled and given too late."""
import shutil
import signal
import time

from fleet import SAY_TIMEOUT, SLACK, Fleet
from proxy import DOWN, UP, Proxy
from snugtest import Failed, run, test, until

ROOMS = [f"room{n}" for n in range(8)]


def is_push(frame):
    return frame.startswith(b"*3\r\n$7\r\nmessage\r\n")


def key(f, end):
    """The key of room r that ends so."""
    return f"sn1:{{r:r}}:{end}"


def gaps(c):
    return c.notices.count("gap")


@test
def a_failover_that_lost_its_tail_is_told_to_everybody(w):
    """R8 D1 D4"""
    f = Fleet(w)
    pair = f.pair()
    f.chatter(pair, 10)
    f.quiet()
    # Another Redis, which stands where this one stood a moment ago.
    until(lambda: int(info(f.redis, "aof_pending_bio_fsync")) == 0, "fsync")
    other = w.path("other")
    shutil.copytree(f.redis.dir, other,
                    ignore=shutil.ignore_patterns("sock", "log"))
    f.chatter(pair, 10)
    f.quiet()
    away = f.client("away", ["r"], nodes=[f.nodes[0]])
    f.ready([away])
    f.chatter([away], 2)
    f.quiet()
    door = w.path("door")
    away.addresses = [f"unix:{door}"]
    away.drop()
    promote(f, other)
    f.ready(pair)
    away_door = Proxy(door, f.nodes[0].address)
    w.closers.append(away_door.close)
    f.quiet()
    f.chatter(f.clients, 5)
    f.settled(gaps=None)
    for c in f.clients:
        if gaps(c) != 1:
            raise Failed(f"{c.name} was told {gaps(c)} gaps")


def info(redis, field):
    for line in redis.command("INFO", "persistence").decode().split():
        name, _, value = line.partition(":")
        if name == field:
            return value
    return "0"


def promote(f, directory):
    """The old one is gone, and the new one is where the nodes look."""
    f.redis.kill()
    old = f.redis
    f.redis = old.world.add(type(old)(old.world, directory=directory))
    for node in f.nodes:
        node.proxy.target = f"unix:{f.redis.sock_path}"


@test
def what_is_published_twice_is_seen_once(w):
    """R9"""
    f = Fleet(w)
    crowd = f.crowd(6, ROOMS)
    for node in f.nodes:
        node.proxy.filter = lambda pipe, frame: 1 + is_push(frame)
    for _ in range(20):
        f.chatter(crowd)
    f.settled()


@test
def an_ok_comes_from_the_appends_answer_and_from_nothing_else(w):
    """R13 D7"""
    f = Fleet(w)
    here, there = f.pair()
    proxy = f.nodes[0].proxy
    for direction in (DOWN, UP):
        proxy.swallow((direction,), ("cmd",))
        (cid,) = here.say("r")
        until(lambda cid=cid: here.outbox[cid].unknown, "outcome-unknown")
        if any(e["e"] == "acked" and e["cid"] == cid
               for e in here.record.events):
            raise Failed("OK without an answer of Redis")
        proxy.heal()
        f.quiet()
        heard = until(lambda cid=cid: [x for x in there.lines
                                       if x.split()[3] == cid], "it is heard")
        if len(heard) != 1:
            raise Failed(f"it is heard {len(heard)} times")
    if here.slowest > SAY_TIMEOUT + 0.5 * SLACK:
        raise Failed(f"an answer took {here.slowest:.2f} s")
    f.settled()


@test
def forgotten_scripts_are_loaded_again_and_nothing_is_lost(w):
    """R15: nor overtaken by what was said behind it, whichever link loads them
    first."""
    f = Fleet(w)
    crowd = f.crowd(8, ROOMS)
    for _ in range(40):
        f.chatter(crowd, 5)
        f.redis.command("SCRIPT", "FLUSH")
        f.chatter(crowd, 5)
    f.settled()
    if f.checker.counts["acked"] < 2400:
        raise Failed(f"only {f.checker.counts['acked']} of 3200 were accepted")


@test
def what_waited_for_scripts_is_not_called_refused_when_it_was_sent(w):
    """R15 D7: found by the mix with seed 105."""
    f = Fleet(w, 1)
    (c,) = f.pair()
    proxy = f.nodes[0].proxy
    for _ in range(5):
        # The refusal comes after 0.3 s, the scripts after 0.6 s, and an answer
        # to what was said between the two when its time is just over.
        proxy.delay(0.3 * SAY_TIMEOUT)
        f.redis.command("SCRIPT", "FLUSH")
        end = time.monotonic() + SAY_TIMEOUT
        until(lambda end=end: c.say("r") and time.monotonic() > end, "its time")
        until(lambda: not any(x.tries and not x.unknown
                              for x in list(c.outbox.values())), "answers")
        proxy.delay(0)
        f.quiet()
    f.settled()


@test
def a_flushed_redis_is_a_gap_for_everybody_and_ids_still_rise(w):
    """R15 D4"""
    f = Fleet(w)
    pair = f.pair()
    f.chatter(pair, 10)
    f.quiet()
    before = max(c.places["r"].cursor for c in pair)
    f.redis.command("FLUSHALL")
    f.ready()
    f.chatter(pair, 5)
    f.quiet()
    late = f.client("late", ["r"])
    late.places["r"].cursor = before
    f.ready()
    f.settled(gaps=None)
    for c in pair:
        if gaps(c) != 1:
            raise Failed(f"{c.name} was told {gaps(c)} gaps")


@test
def a_redis_that_comes_back_empty_is_a_gap_for_everybody(w):
    """R15 D4"""
    f = Fleet(w, redis_options=("--appendonly", "no"))
    pair = f.pair()
    f.chatter(pair, 10)
    f.quiet()
    f.redis.kill()
    f.redis = f.redis.again()
    until(lambda: all("relay-up" in c.notices for c in pair), "relay-up")
    f.chatter(pair, 5)
    f.settled(gaps=None)
    for c in pair:
        if gaps(c) != 1:
            raise Failed(f"{c.name} was told {gaps(c)} gaps")


@test
def an_evicted_stream_is_a_gap_for_who_comes_back(w):
    """R15: but to a node that has it all in memory nothing is gone."""
    f = Fleet(w, 3)
    pair = [f.client(f"c-{n}", ["r"], nodes=[n]) for n in f.nodes[:2]]
    f.ready()
    f.chatter(pair, 10)
    f.quiet()
    back = {name: f.client(name, ["r"], nodes=[node])
            for name, node in (("hale", f.nodes[0]), ("anew", f.nodes[2]))}
    f.ready()
    doors = {}
    for name, c in back.items():
        doors[c] = (w.path("door-" + name), c.addresses[0])
        c.addresses = [f"unix:{doors[c][0]}"]
        c.drop()
    f.nodes[2].kill()
    f.chatter(pair, 5)
    f.quiet(pair)
    f.redis.command("DEL", key(f, "st"))
    f.nodes[2].start()
    for door, address in doors.values():
        w.closers.append(Proxy(door, address).close)
    f.quiet()
    told = {name: gaps(c) for name, c in back.items()}
    if told != {"hale": 0, "anew": 1}:
        raise Failed(f"gaps told: {told}")
    f.settled(gaps=None)


@test
def a_full_redis_refuses_and_accepts_again_when_there_is_room(w):
    """R15"""
    f = Fleet(w)
    pair = f.pair()
    f.chatter(pair, 3)
    f.quiet()
    f.redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    f.redis.command("CONFIG", "SET", "maxmemory", "1")
    cids = f.chatter(pair, 3)
    f.quiet()
    codes = {e["code"] for c in pair for e in c.record.events
             if e["e"] == "refused" and e["cid"] in cids}
    if codes != {"storage-full"}:
        raise Failed(f"a full Redis is {codes}")
    f.redis.command("CONFIG", "SET", "maxmemory", "0")
    f.chatter(pair, 3)
    f.settled()


@test
def a_lost_last_message_is_found_without_another(w):
    """R16"""
    f = Fleet(w)
    here, there = f.pair()
    f.chatter([there], 3)
    f.quiet()
    for listener, node in ((here, 0), (there, 1)):
        lost = []

        def lose(pipe, frame, lost=lost):
            if pipe.label == "sub" and b" c-" in frame and is_push(frame):
                lost.append(frame)
                return 0
            return 1

        f.nodes[node].proxy.filter = lose
        (cid,) = there.say("r")
        until(lambda cid=cid, c=listener: cid in [
            x.split()[3] for x in c.lines], f"{cid} is found")
        f.nodes[node].proxy.filter = None
        if not lost:
            raise Failed("nothing was lost")
    f.settled()


@test
def a_replay_cut_anywhere_leaves_no_hole(w):
    """R17 D4"""
    f = Fleet(w)
    (talker, _) = f.pair()
    for _ in range(10):
        talker.say("r", 10)
        f.quiet()
    door = Proxy(w.path("door"), f.nodes[1].address)
    w.closers.append(door.close)
    door.chance = lambda: {DOWN: f.random.randrange(400, 1200)}
    reader = f.client("reader", ["r"], from_start=True, patience=0.1,
                      addresses=[door.address])

    def through():
        talker.say("r")
        return reader.happened("lost") >= 30

    until(through, "thirty cuts")
    door.heal()
    f.settled()


@test
def a_trimmed_history_is_a_gap_and_then_what_there_is(w):
    """D4"""
    f = Fleet(w, options=("--history", "300"))
    talker, _ = f.pair()
    back = f.client("back", ["r"], nodes=f.nodes[1:])
    f.ready()
    talker.say("r", 3)
    f.quiet()
    door = w.path("door")
    back.addresses = [f"unix:{door}"]
    back.drop()
    for _ in range(15):
        talker.say("r", 50)
        f.quiet([talker])
    away_door = Proxy(door, f.nodes[1].address)
    w.closers.append(away_door.close)
    f.quiet()
    if gaps(back) != 1:
        raise Failed(f"it was told {gaps(back)} gaps")
    if len(back.lines) < 300:
        raise Failed(f"it got {len(back.lines)} messages")
    f.settled(gaps=None)


@test
def who_comes_and_goes_at_random_misses_nothing(w):
    """D4"""
    f = Fleet(w, 3)
    crowd = f.crowd(15, ROOMS)
    for _ in range(40):
        f.chatter(crowd)
        f.random.choice(crowd).drop()
        f.chatter(crowd)
    f.settled()


@test
def what_was_given_up_is_not_carried_out_later(w):
    """D7"""
    f = Fleet(w)
    ann = w.client(f.nodes[0], "ann", ["r"])
    ann.say("r", "before")
    f.redis.signal(signal.SIGSTOP)
    started = time.monotonic()
    for n in range(10):
        ann.send(f"#{n} SAY r given up {n}")
    lines, _ = ann.skip_to("#9 @retry=<ms> ERR <nick> <text>")
    if time.monotonic() - started > SAY_TIMEOUT + 0.5 * SLACK:
        raise Failed(f"the answers took {time.monotonic() - started:.2f} s")
    if sum("outcome-unknown" in x for x in lines) < 5:
        raise Failed(f"answers: {lines}")
    f.redis.signal(signal.SIGCONT)
    ann.skip_to("NOTICE relay-up <any>")
    ann.say("r", "after")
    ann.ask("HISTORY r", "@replay MSG r <id> ann before",
            "@replay MSG r <id> ann after", "OK end")


run()
