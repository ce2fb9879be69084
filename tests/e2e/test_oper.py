# SPDX-License-Identifier: ISC
"""Server operators: what they order holds on every node, and only they may."""
import os
import sys

from snugtest import SRCDIR, Failed, run, test, until

sys.path.insert(1, os.path.join(SRCDIR, "tests", "interop"))
# pylint: disable=wrong-import-position
from session import Secure  # noqa: E402

ANN, BOB = (bytes([n]) * 32 for n in (1, 2))
OPTIONS = ("--operators", "ann")


def register(w, server, seed, nick):
    c = Secure(server.address, f"s{w.count()}")
    w.clients.append(c)
    c.greet()
    c.ask(f"AUTH {c.proof(seed)}", "OK")
    c.take(nick)
    c.send("REGISTER")
    c.welcome()
    c.expect(f"OK {nick}")
    return c


def again(w, server, seed, nick):
    c = Secure(server.address, f"s{w.count()}")
    w.clients.append(c)
    c.greet()
    c.send(f"AUTH {c.proof(seed)}")
    c.welcome()
    c.expect(f"OK {nick}")
    return c


def fleet(w):
    return w.nodes("den", "nook", options=OPTIONS)


def is_banned(w, server, source, why=""):
    c = w.visitor(server, source=source)
    return c.line().startswith(f"BYE banned {why}")


@test
def a_kill_ends_all_sessions_of_a_person_on_all_nodes(w):
    den, nook = fleet(w)
    ann = register(w, den, ANN, "ann")
    bob = [register(w, den, BOB, "bob"), again(w, den, BOB, "bob"),
           again(w, nook, BOB, "bob")]
    other = w.client(nook, "other")
    ann.ask("KILL bob that was enough", "OK")
    for c in bob:
        lines, _ = c.skip_to("BYE killed that was enough")
        if lines:
            raise Failed(f"before BYE came {lines}")
    other.nothing()
    ann.ask("KILL nobody9", "ERR no-such-nick <text>")
    den.wait_log(r"audit .*actor=ann id=a[0-9a-f]{32} verb=KILL target=bob "
                 r"id=a[0-9a-f]{32} text=\"that was enough\"")


@test
def a_killed_guest_does_not_come_back_by_its_token(w):
    den, nook = fleet(w)
    ann = register(w, den, ANN, "ann")
    guest = w.visitor(nook)
    token = guest.welcome()["resume"]
    guest.take("guesty")
    ann.ask("KILL guesty", "OK")
    guest.expect("BYE killed <text>")
    back = w.client(den)
    until(lambda: not w.known(den, "guesty"), "the nick is given back")
    back.send(f"@resume={token} NICK guesty")
    back.expect("ERR no-such-nick <text>")


@test
def an_announcement_reaches_everybody(w):
    den, nook = fleet(w)
    ann = register(w, den, ANN, "ann")
    bob, cy = w.client(den, "bob"), w.client(nook, "cy")
    ann.send("ANNOUNCE tea is ready")
    ann.expect_both("NOTICE announce tea is ready", "OK")
    for c in (bob, cy):
        c.expect("NOTICE announce tea is ready")


@test
def a_range_is_closed_out_and_let_in_again(w):
    den, nook = fleet(w)
    ann = register(w, den, ANN, "ann")
    far = w.client(nook, "far", source="127.0.0.5")
    ann.ask("DENY 127.0.0.4/30 not today", "OK 127.0.0.4/30")
    far.expect("BYE banned not today")
    until(lambda: is_banned(w, den, "127.0.0.6", "not today"),
          "the other node has heard of it", 1)
    ann.ask("DENY 127.0.0.0/8", "ERR bad-args <text>")  # its own address
    ann.send("STATS")
    lines, _ = ann.skip_to("OK")
    if "NOTICE stats closed-out 127.0.0.4/30 until=0 not today" not in lines:
        raise Failed(f"STATS said {lines}")
    ann.ask("ALLOW 127.0.0.4/31", "ERR bad-args <text>")
    ann.ask("ALLOW 127.0.0.4/30", "OK 127.0.0.4/30")
    until(lambda: not is_banned(w, nook, "127.0.0.5"), "it is let in again", 1)


@test
def a_range_is_closed_out_for_a_time(w):
    s = w.server(*OPTIONS, "--state", w.path("state"))
    ann = register(w, s, ANN, "ann")
    ann.ask("@for=1 DENY 127.0.0.5", "OK 127.0.0.5/32")
    w.visitor(s, source="127.0.0.5").expect("BYE banned <text>")
    until(lambda: not is_banned(w, s, "127.0.0.5"), "the time is over")


@test
def the_state_file_keeps_what_is_closed_out(w):
    s = w.server(*OPTIONS, "--state", w.path("state"))
    ann = register(w, s, ANN, "ann")
    ann.ask("DENY 127.0.0.5 for good", "OK 127.0.0.5/32")
    s.kill()
    s = w.server(*OPTIONS, "--state", w.path("state"))
    w.visitor(s, source="127.0.0.5").expect("BYE banned for good")
    w.client(s, source="127.0.0.6").nothing()


@test
def nobody_else_may(w):
    s = w.server(*OPTIONS, "--state", w.path("state"))
    guest = w.client(s, "ann")  # an operator's nick, not yet registered
    bob = register(w, s, BOB, "bob")
    for c in (guest, bob):
        for line in ("KILL bob", "DENY 192.0.2.0/24", "ALLOW 192.0.2.0/24",
                     "ANNOUNCE x", "STATS"):
            c.ask(line, "ERR not-allowed <text>")
    if "verb=" in s.log():
        raise Failed("what was refused stands in the audit log")


@test
def stats_are_for_the_operator(w):
    s = w.server(*OPTIONS, "--state", w.path("state"))
    ann = register(w, s, ANN, "ann")
    ann.send("#t STATS")
    lines, _ = ann.skip_to("#t OK")
    names = {x.split()[3] for x in lines}
    for name in ("node", "sessions", "strangers", "admitted", "failures",
                 "shut-out-now", "memory-max-kb", "relay-up"):
        if name not in names:
            raise Failed(f"STATS lacks {name}: {lines}")


if __name__ == "__main__":
    run()
