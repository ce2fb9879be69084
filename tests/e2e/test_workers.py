# SPDX-License-Identifier: ISC
"""snugd --workers: several processes that are one server to people."""
import collections
import contextlib
import os
import re
import signal

from snugtest import (SNUGD, Failed, dial, run, sanitized, test, until)

QUICK = ("--lease", "600ms", "--heartbeat", "100ms")


def start(w, n, *options, **more):
    return w.server("--workers", str(n), *QUICK, *options,
                    redis=more.pop("redis", None) or w.redis(), **more)


def workers(s):
    """{name of the node: pid} of the workers that were started last."""
    return {f"{s.name}-{n}": int(pid) for n, pid in
            re.findall(r"worker=(\d+) pid=(\d+) started", s.log())}


def is_there(pid):
    """Also a zombie is gone."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/stat", encoding="ascii") as f:
            return f.read().rsplit(")", 1)[1].split()[0] != "Z"
    return False


def guest(w, s, nick=None, rooms=(), **more):
    """A client that knows which worker it is with."""
    c = w.visitor(s, nick, **more)
    c.hello = c.welcome()
    c.node = c.hello["server"]
    if nick:
        c.take(nick)
    for room in rooms:
        c.join(room)
    return c


def guest_at(w, s, node, nick=None, rooms=()):
    """The kernel chooses; so this asks until it is that worker."""
    for _ in range(200):
        c = guest(w, s)
        if c.node == node:
            if nick:
                c.take(nick)
            for room in rooms:
                c.join(room)
            return c
        c.close()
    raise Failed(f"{node} answers to nobody")


def spread(address, n):
    """How many of n connections, all open at once, each node has."""
    socks = [dial(address) for _ in range(n)]
    try:
        for sock in socks:
            sock.sendall(b"\n")
        return collections.Counter(
            sock.recv(400).split()[3].decode()
            for sock in socks)
    finally:
        for sock in socks:
            sock.close()


def evenly(counts, n, least, most):
    if len(counts) != n or min(counts.values()) < least or \
            max(counts.values()) > most:
        raise Failed(f"not {least} to {most} each: {dict(counts)}")


def kill_worker(s, node):
    """kill -9, and another one takes its place; gives how long that waited."""
    pid = workers(s)[node]
    up = f"relay/{node.rsplit('-', 1)[1]} state=up"
    before = s.log().count(up)
    os.kill(pid, signal.SIGKILL)
    number = node.rsplit("-", 1)[1]
    pause = s.wait_log(rf"worker={number} pid={pid} died signal=9 "
                       r"again_in_ms=(\d+)")[1]
    until(lambda: s.log().count(up) > before, f"{node} is there again")
    return int(pause)


# --- spread -----------------------------------------------------------------

@test
def tcp_connections_are_dealt_out_evenly(w):
    """By chance: 250 each, and a deviation of 14."""
    s = start(w, 4, "--conn-per-addr", "2000")
    evenly(spread(s.address, 1000), 4, 250 - 70, 250 + 70)


@test
def so_are_those_at_a_unix_socket(w):
    s = start(w, 4, listen=(f"unix:{w.path('s')}",))
    evenly(spread(s.address, 400), 4, 50, 150)


@test
def all_have_one_port_and_one_key(w):
    s = start(w, 3, listen=("127.0.0.1:0", "[::1]:0"))
    if len(s.addresses) > 2:
        raise Failed(f"ready {s.addresses}")
    keys = {guest_at(w, s, node).hello["key"] for node in workers(s)}
    if len(keys) != 1:
        raise Failed(f"keys {keys}")


@test
def they_are_one_server_to_people(w):
    s = start(w, 2)
    ann = guest_at(w, s, "den-1", "ann", ["r"])
    bob = guest_at(w, s, "den-2", "bob", ["r"])
    ann.expect("JOINED r bob")
    one = ann.say("r", "hello")
    bob.expect(f"MSG r {one} ann hello")
    bob.ask("WHOIS ann", "USER ann guest=yes node=den-1 since=<any>", "OK")


# --- limits -----------------------------------------------------------------

@test
def an_address_has_one_cap_with_all_of_them(w):
    s = start(w, 4, "--conn-per-addr", "12")
    mine = [guest(w, s, source="127.0.0.9") for _ in range(12)]
    if len({c.node for c in mine}) < 2:
        raise Failed("all of them are with one worker")
    for _ in range(8):
        w.visitor(s, source="127.0.0.9").expect("BYE limit<any>")
    guest(w, s)
    mine[0].send("QUIT")
    mine[0].expect("OK", "BYE quit")
    mine[0].close()
    until(lambda: comes_in(w, s), "a place is free again")


def comes_in(w, s):
    c = w.visitor(s, source="127.0.0.9")
    return c.line().startswith("WELCOME")


@test
def what_a_dead_worker_counted_does_not_count(w):
    s = start(w, 2, "--conn-per-addr", "8")
    mine = [guest(w, s, source="127.0.0.9") for _ in range(8)]
    w.visitor(s, source="127.0.0.9").expect("BYE limit<any>")
    node, lost = collections.Counter(c.node for c in mine).most_common(1)[0]
    kill_worker(s, node)
    for _ in range(lost):
        guest(w, s, source="127.0.0.9")
    w.visitor(s, source="127.0.0.9").expect("BYE limit<any>")


@test
def failures_shut_an_address_out_of_all_of_them(w):
    s = start(w, 4, "--exempt", "", "--greet-local", "10s")
    for _ in range(4):
        c = w.visitor(s, source="127.0.0.9")
        c.raw(b"0 \n")
        with contextlib.suppress(OSError):
            while c.line() is not None:
                pass
    s.wait_log("shut out addr=127.0.0.9")
    for _ in range(16):
        w.visitor(s, source="127.0.0.9").expect("BYE limit<any>")
    guest(w, s)


# --- death ------------------------------------------------------------------

@test
def who_loses_a_worker_goes_on_with_another(w):
    s = start(w, 2)
    ann = guest_at(w, s, "den-1", "ann", ["r"])
    bob = guest_at(w, s, "den-2", "bob", ["r"])
    os.kill(workers(s)["den-1"], signal.SIGKILL)
    s.wait_log("worker=1 .* died signal=9")
    missed = bob.say("r", "where is she?")
    again = guest(w, s)
    again.ask(f"@resume={ann.hello['resume']} NICK ann", "OK ann")
    again.nick = "ann"
    again.send("@last=1 JOIN r")
    again.skip_to(f"@replay MSG r {missed} bob where is she?<any>")
    again.skip_to("OK <id>")
    one = again.say("r", "here")
    # She has never left: neither PARTED nor JOINED.
    bob.expect(f"MSG r {one} ann here")


@test
def it_is_started_again_and_the_others_hear_nothing(w):
    s = start(w, 3)
    others = {n: p for n, p in workers(s).items() if n != "den-2"}
    bob = guest_at(w, s, "den-1", "bob", ["r"])
    kill_worker(s, "den-2")
    guest_at(w, s, "den-2", "ann").nothing()
    bob.nothing()
    if {n: p for n, p in workers(s).items() if n != "den-2"} != others:
        raise Failed("others were started again as well")


@test
def nobody_waits_at_the_door_of_a_dead_worker(w):
    s = start(w, 2)
    for _ in range(3):
        kill_worker(s, "den-1")
    os.kill(workers(s)["den-1"], signal.SIGKILL)
    s.wait_log(r"again_in_ms=[78]\d\d")
    for _ in range(20):
        guest(w, s).close()


@test
def one_that_dies_again_and_again_has_to_wait(w):
    s = start(w, 2)
    pauses = [kill_worker(s, "den-2") for _ in range(4)]
    for pause, most in zip(pauses, (100, 200, 400, 800)):
        if not most // 2 < pause <= most:
            raise Failed(f"pauses {pauses}")
    guest_at(w, s, "den-2").nothing()


# --- the end ----------------------------------------------------------------

@test
def sigterm_tells_everybody_and_leaves_nothing(w):
    path = w.path("s")
    s = start(w, 3, listen=("127.0.0.1:0", f"unix:{path}"))
    people = [guest_at(w, s, node) for node in workers(s)]
    pids = workers(s).values()
    s.signal(signal.SIGTERM)
    for c in people:
        c.expect("BYE shutdown<any>")
        c.end()
    if s.wait() != 0:
        raise Failed(f"status {s.process.returncode}")
    if any(is_there(p) for p in pids) or os.path.exists(path):
        raise Failed("something is left")


@test
def a_worker_that_does_not_end_is_killed(w):
    s = start(w, 2, "--drain", "0s")
    os.kill(workers(s)["den-1"], signal.SIGSTOP)
    s.signal(signal.SIGTERM)
    s.wait_log("shutting down workers=2")
    s.signal(signal.SIGTERM)
    if s.wait() != 1:
        raise Failed(f"status {s.process.returncode}")
    s.wait_log("worker=1 did not end in time, and is killed")
    s.process.returncode = 0  # as it should be here


@test
def when_the_parent_is_killed_no_worker_stays(w):
    s = start(w, 3)
    people = [guest_at(w, s, node) for node in workers(s)]
    pids = workers(s).values()
    s.kill()
    for c in people:
        c.expect("BYE shutdown<any>")
        c.close()
    until(lambda: not any(is_there(p) for p in pids), "no worker is left")


# --- starting ---------------------------------------------------------------

@test
def without_redis_it_is_refused(w):
    p = w.program(SNUGD, "--no-config", "--workers", "2")
    if p.wait() != 2 or "set redis" not in p.log():
        raise Failed(p.log())


@test
def a_port_that_another_server_has_is_refused(w):
    redis = w.redis()
    s = start(w, 2, redis=redis)
    p = w.program(*[s.address if a == "127.0.0.1:0" else a for a in s.argv])
    if p.wait() != 1 or "listen 127.0.0.1" not in p.log():
        raise Failed(p.log())


@test
def where_no_worker_can_start_it_ends(w):
    s = start(w, 2)
    p = w.program(*s.argv, "--audit-log", w.path("no/such/folder"))
    if p.wait() != 1 or "cannot start, so none can" not in p.log():
        raise Failed(p.log())


def is_greeted(w, s, node, text):
    guest_at(w, s, node).ask("PING x", f"NOTICE motd {text}", "OK x")


@test
def a_reload_reaches_all_and_those_to_come(w):
    path = w.path("motd")
    with open(path, "w", encoding="ascii") as f:
        f.write("good morning\n")
    s = start(w, 2, "--motd", path)
    is_greeted(w, s, "den-1", "good morning")
    with open(path, "w", encoding="ascii") as f:
        f.write("good evening\n")
    s.signal(signal.SIGHUP)
    until(lambda: s.log().count(" reloaded changed=") == 3, "all have it")
    for node in workers(s):
        is_greeted(w, s, node, "good evening")
    kill_worker(s, "den-2")
    is_greeted(w, s, "den-2", "good evening")


@test
def parent_and_workers_are_confined_and_it_works_all_the_same(w):
    options = ("--user", "nobody") if os.geteuid() == 0 else ()
    os.chmod(w.dir, 0o777)
    redis = w.redis("--unixsocketperm", "777")
    s = start(w, 2, *options, redis=redis)
    kill_worker(s, "den-1")
    guest_at(w, s, "den-1", "ann", ["r"]).say("r", "hi")
    want = {"NoNewPrivs": "0", "Seccomp": "0"} if sanitized() else \
        {"NoNewPrivs": "1", "Seccomp": "2"}
    for pid in (s.pid, *workers(s).values()):
        with open(f"/proc/{pid}/status", encoding="ascii") as f:
            said = dict(re.findall(r"^(\w+):\s+(.*)$", f.read(), re.MULTILINE))
        if options and said["Uid"].split()[0] == "0":
            raise Failed("root is still there")
        if any(said[k] != v for k, v in want.items()):
            raise Failed(f"{pid}: {said}")


run()
