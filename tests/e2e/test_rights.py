# SPDX-License-Identifier: ISC
"""Rooms with rights, on one node and on two: who owns them, who is put out of
them, and that it holds everywhere and after a restart."""
import time

from snugtest import TESTS, Failed, run
from test_accounts import (ANN, BOB, log_in, on_both, one_node, register,
                           two_nodes)

TESTS.clear()  # those of accounts run by themselves


@on_both
def who_makes_a_room_owns_it_and_names_say_so(w, kept):
    s = one_node(w, kept)
    ann = register(w, s, ANN, "ann")
    ann.ask("JOIN den", "JOINED den ann", "NAMES den 1 *ann", "OK <id>")
    ann.send("ROOM den slow=1")
    ann.expect_both("NOTICE rights den set ann slow=1", "OK")
    ann.ask("ROOM den", "ROOM den private=no key=no moderated=no slow=1 "
            "history=1000 owner=ann", "OK")


@on_both
def a_ban_holds_on_every_path_of_the_other_node(w, kept):
    s, other = two_nodes(w, kept)
    ann = register(w, s, ANN, "ann")
    ann.join("den")
    bob = w.client(other, "bob")
    bob.join("den")
    ann.skip_to("JOINED den bob")
    ann.send("BAN den bob be nice")
    began = time.monotonic()
    bob.skip_to("@by=ann PARTED den bob<any>")
    if time.monotonic() - began > 1:
        raise Failed("it took more than a second")
    ann.skip_to("OK")
    ann.send("SAY den secret")
    ann.skip_to("@auth MSG den <id> ann secret")
    bob.ask("SAY den x", "ERR not-member <text>")
    bob.ask("HISTORY den", "ERR not-member <text>")
    bob.ask("NAMES den", "ERR banned <text>")
    bob.ask("TOPIC den", "ERR banned <text>")
    bob.ask("@last=5 JOIN den", "ERR banned <text>")
    ann.send("UNBAN den bob")
    ann.skip_to("NOTICE rights den unban ann bob")
    bob.send("@last=1 JOIN den")
    bob.skip_to("@replay @auth MSG den <id> ann secret")


@on_both
def why_somebody_was_put_out_is_told_on_every_node(w, kept):
    s, other = two_nodes(w, kept)
    ann = register(w, s, ANN, "ann")
    ann.join("den")
    sam, pat = w.client(s, "sam", ["den"]), w.client(other, "pat", ["den"])
    bob, cat = w.client(other, "bob", ["den"]), w.client(other, "cat", ["den"])
    everybody = (ann, sam, pat, bob, cat)
    for c in everybody[:-1]:
        c.skip_to("JOINED den cat")
    ann.send("KICK den cat mind  your words")
    for c in everybody:
        c.skip_to("@by=ann PARTED den cat mind  your words")
    ann.send("BAN den bob be nice")
    for c in everybody[:-1]:
        c.skip_to("@by=ann PARTED den bob be nice")


@on_both
def who_is_put_out_while_it_reads_a_long_history_is_shown_no_more(w, kept):
    # A Unix socket: the kernel itself takes little there.
    more = {"listen": ("127.0.0.1:0", f"unix:{w.path('sock')}")}
    s = one_node(w, kept, **more)
    ann, eve = register(w, s, ANN, "ann", ["den"]), w.client(s, "eve", ["den"])
    ann.expect("JOINED den eve")
    text = "x" * 8000
    for n in range(40):
        ann.send(*[f"SAY den {text}"] * 10, f"PING {n}")
        ann.skip_to(f"OK {n}")
        eve.send(f"PING {n}")
        eve.skip_to(f"OK {n}")
    for verb in ("KICK", "BAN"):
        for line in ("@last=400 HISTORY den", "@last=400 JOIN den"):
            bob = w.client(s, f"bob{w.count()}", address=s.addresses[1])
            if "HISTORY" in line:
                bob.join("den")
            bob.send(line)
            bob.skip_to("@replay @auth MSG den <id> ann <text>")
            ann.send(f"{verb} den {bob.nick}")
            ann.skip_to(f"@by=ann PARTED den {bob.nick}")
            before, _ = bob.skip_to(f"@by=ann PARTED den {bob.nick}")
            if len(before) > 300:
                raise Failed(f"it was shown {len(before)} lines")
            bob.expect("ERR not-member <text>")
            bob.nothing()


@on_both
def a_key_opens_a_room_and_a_wrong_one_does_not(w, kept):
    s, other = two_nodes(w, kept)
    ann = register(w, s, ANN, "ann", ["den"])
    ann.send("ROOM den key=sesame private=yes")
    ann.skip_to("OK")
    bob = w.client(other, "bob")
    bob.ask("JOIN den", "ERR bad-key <text>")
    bob.ask("@key=simsim JOIN den", "ERR bad-key <text>")
    bob.ask("NAMES den", "ERR no-such-room <text>")
    bob.send("@key=sesame JOIN den")
    bob.skip_to("NAMES den 2 <text>")


@on_both
def an_invitation_comes_to_all_sessions_of_the_invited_and_is_not_kept(w, kept):
    s, other = two_nodes(w, kept)
    ann = register(w, s, ANN, "ann", ["den"])
    bob = [register(w, other, BOB, "bob"), log_in(w, s, BOB, "bob")]
    cat = w.client(other, "cat", ["hall"])
    ann.send("ROOM den private=yes")
    ann.expect_both("NOTICE rights den set ann private=yes", "OK")
    ann.send("INVITE den bob bring  cake")
    for c in bob:
        c.expect("NOTICE invited den ann bring  cake")
    ann.expect_both("NOTICE rights den invite ann bob", "OK")
    cat.ask("PING x", "OK x")
    bob[0].ask("HISTORY @ann", "OK end")
    cat.ask("JOIN den", "ERR not-allowed <text>")
    bob[1].send("JOIN den")
    bob[1].skip_to("NAMES den 2 *ann bob")
    # Who is not there is told nothing later; the invitation stands.
    for c in bob:
        c.send("QUIT")
        c.skip_to("BYE quit<any>")
    ann.skip_to("PARTED den bob<any>")
    ann.send("INVITE den bob")
    ann.expect_both("NOTICE rights den invite ann bob", "OK")
    late = log_in(w, other, BOB, "bob")
    late.ask("PING x", "OK x")
    late.send("JOIN den")
    late.skip_to("NAMES den 2 *ann bob")


@on_both
def how_many_rooms_one_may_own_holds_over_a_restart(w, kept):
    redis = w.redis() if kept == "redis" else None
    options = ("--rooms-per-account", "2") + (
        () if redis else ("--state", w.path("state")))
    s = w.server(*options, redis=redis)
    ann = register(w, s, ANN, "ann", ["den", "attic"])
    ann.ask("JOIN cellar", "ERR limit you own 2 rooms<any>")
    s.stop()
    s = w.server(*options, redis=redis)
    ann = log_in(w, s, ANN, "ann")
    bob = register(w, s, BOB, "bob", ["one", "two"])
    ann.ask("JOIN cellar", "ERR limit you own 2 rooms<any>")
    ann.ask("ROOM den owner=bob", "ERR limit bob owns 2 rooms<any>")
    bob.ask("ROOM one owner=ann", "ERR limit ann owns 2 rooms<any>")
    cat = w.client(s, "cat")  # who owns nothing, and makes what is nobody's
    cat.join("cellar")
    ann.send("JOIN cellar")
    ann.skip_to("OK 0-0")
    if redis:  # one of them has lapsed, and counts no more
        ann.ask("JOIN hall", "ERR limit you own 2 rooms<any>")
        redis.command("DEL", "sn1:{r:den}:cfg")
        ann.send("JOIN hall")
        ann.skip_to("NAMES hall 1 *ann")


@on_both
def rights_are_kept_over_a_restart(w, kept):
    redis = w.redis() if kept == "redis" else None
    options = () if redis else ("--state", w.path("state"))
    s = w.server(*options, redis=redis)
    ann = register(w, s, ANN, "ann", ["den"])
    ann.send("ROOM den moderated=yes")
    ann.skip_to("OK")
    s.stop()
    s = w.server(*options, redis=redis)
    bob = w.client(s, "bob", ["den"])
    bob.ask("SAY den x", "ERR muted <text>")


if __name__ == "__main__":
    run()
