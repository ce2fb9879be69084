# SPDX-License-Identifier: ISC
"""Who reads slowly or not at all: it harms itself alone, and misses nothing when
it comes back.  A node that Redis finds too slow is such a reader as well."""
import signal

from fleet import Fleet
from snugtest import Failed, run, sanitized, test, until

BUFFER = 256 * 1024
KERNEL = 512 * 1024  # what the system may keep for a socket, at most


def backlog(c):
    """Reads all that has come by now, and what follows, to the end."""
    lines = []
    while True:
        line = c.line()
        if line is None:
            return lines
        lines.append(line)


def cids(lines):
    return [x.split(" MSG r ")[-1].split(" ")[2] if " MSG r " in x
            else x.split(" ")[4] for x in lines if "MSG r " in x]


@test
def who_stops_reading_is_sent_away_and_costs_others_nothing(w):
    """F1"""
    f = Fleet(w, 1, options=("--linger", "60s"))
    talker, witness = f.client("talker", ["r"]), f.client("witness", ["r"])
    f.ready()
    talker.padding = " " + "x" * 1000
    stopped = [w.client(f.nodes[0], f"s{n}", ["r"]) for n in range(20)]
    before = f.nodes[0].server.rss()
    said = []
    while len(said) < 1500:
        said += talker.say("r", 50)
        f.quiet([talker])
    until(lambda: len(cids_of(witness)) >= len(said), "the other has it all")
    if talker.slowest > 1:
        raise Failed(f"an answer took {talker.slowest:.2f} s")
    f.nodes[0].server.wait_log(r"bye code=slow-reader")
    if not sanitized():
        grown = f.nodes[0].server.rss() - before
        limit = len(stopped) * BUFFER + 8 * 2**20
        if grown > limit:
            raise Failed(f"memory grew by {grown}, not within {limit}")
    talker.padding = ""
    for n, c in enumerate(stopped):
        lines = backlog(c)
        if not lines[-1].startswith("@retry=") or \
                " BYE slow-reader " not in lines[-1]:
            raise Failed(f"the last line is {lines[-1][:80]!r}")
        got = [x for x in lines if x.startswith("MSG r ")]
        last = got[-1].split(" ")[2] if got else "0-0"
        again = w.client(f.nodes[0], f"again{n}")
        again.send(f"@since={last} JOIN r")
        more, _ = again.skip_to("OK <id>", 30)
        if any("NOTICE gap" in x for x in more):
            raise Failed("there is a gap")
        if cids(got) + cids(more) != cids_of(witness):
            raise Failed(f"s{n} missed something")
        again.close()
    f.settled()


def cids_of(c):
    """What a client of the fleet has seen, without what the end brings."""
    return [x.split(" ")[3] for x in list(c.lines)
            if not x.split(" ")[3].startswith("auditor")]


@test
def long_answers_wait_for_the_reader_and_end_nothing(w):
    """F3"""
    f = Fleet(w, 1, options=("--send-buffer", "64K"))
    talker = f.client("talker", ["r"])
    f.ready()
    talker.padding = " " + "x" * 4000
    for _ in range(10):
        talker.say("r", 50)
        f.quiet()
    before = f.nodes[0].server.rss()
    readers = [w.client(f.nodes[0], f"slow{n}", ["r"]) for n in range(10)]
    for c in readers:
        c.send("@last=500 HISTORY r")
    # Others are served meanwhile.
    talker.padding = ""
    talker.say("r", 10)
    f.quiet()
    if not sanitized():
        grown = f.nodes[0].server.rss() - before
        if grown > 10 * (64 * 1024 + KERNEL):
            raise Failed(f"memory grew by {grown}")
    for c in readers:
        lines, _ = c.skip_to("OK<any>", 30)
        told = [x for x in lines if x.startswith("@replay")]
        if len(told) != 500:
            raise Failed(f"{len(told)} lines of history")
        c.ask("PING there", "OK there") if not live(lines) else c.send("QUIT")
    f.settled()


def live(lines):
    return len([x for x in lines if x.startswith("MSG")]) < 10


@test
def what_a_stranger_claims_costs_nothing(w):
    """F2"""
    f = Fleet(w, 1, options=("--conn-per-addr", "2000", "--greet", "60s"),
              proxied=False)
    server = f.nodes[0].server
    c = f.client("c", ["r"])
    f.ready()
    before = server.rss()
    strangers = []
    for _ in range(1000):
        s = w.visitor(f.nodes[0])
        s.raw(b"4294967296 ")
        strangers.append(s)
    for s in strangers:
        lines = backlog(s)
        if " ".join(lines[-1].split(" ")[:2]) != "BYE bad-frame":
            raise Failed(f"the end is {lines[-1]!r}")
        s.close()
    silent = [w.visitor(f.nodes[0]) for _ in range(900)]
    for s in silent:
        s.raw(b"SAY r " + b"x" * 900)
    c.say("r", 10)
    f.quiet()
    if not sanitized():
        grown = server.rss() - before
        limit = 900 * 4096 + 2 * 2**20
        if grown > limit:
            raise Failed(f"memory grew by {grown}, not within {limit}")
    for s in silent:
        s.close()
    f.settled()


@test
def a_node_too_slow_for_redis_comes_back_and_fills_in(w):
    """R6 R7"""
    f = Fleet(w, 2, proxied=False, redis_options=(
        "--client-output-buffer-limit", "pubsub 64kb 64kb 1"))
    here, there = f.pair()
    there.padding = " " + "x" * 4000
    redis = f.redis

    def subscribers():
        return redis.command("CLIENT", "LIST", "TYPE", "pubsub").count(b"id=")

    whole = subscribers()
    f.nodes[0].server.signal(signal.SIGSTOP)
    said = []

    def lost():
        said.extend(there.say("r", 20))
        return subscribers() < whole

    until(lost, "Redis has cut the subscriber off")
    f.nodes[0].server.signal(signal.SIGCONT)
    there.padding = ""
    until(lambda: len(said) <= sum(1 for x in here.lines
                                   if x.split(" ")[3] in set(said)) or None,
          "all of it is told")
    f.settled()


run()
