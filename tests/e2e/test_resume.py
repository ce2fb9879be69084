# SPDX-License-Identifier: ISC
"""NICK @resume: the same sender again, on whatever node."""
import signal

from snugtest import Failed, run, test, until


def guest(w, server, nick=None, rooms=()):
    """A client that keeps the token of its WELCOME."""
    c = w.visitor(server, nick and f"{nick}{w.count()}")
    c.token = c.welcome()["resume"]
    if nick:
        c.take(nick)
    for room in rooms:
        c.join(room)
    return c


def go_on(w, server, former, rooms=()):
    """Another session, as the same sender."""
    c = guest(w, server)
    c.ask(f"@resume={former.token} NICK {former.nick}", f"OK {former.nick}")
    c.nick = former.nick
    for room in rooms:
        c.join(room)
    return c


def said_once(reader, text):
    """All that was said before this moment has the text once."""
    reader.send("SAY r mark")
    before, _ = reader.skip_to(f"MSG r <id> {reader.nick} mark")
    n = sum(line.startswith("MSG r ") and line.endswith(" " + text)
            for line in before)
    if n != 1:
        raise Failed(f"{text!r} was heard {n} times")


def fleet(w, *options):
    """Two nodes that hold each other dead soon."""
    return w.nodes("den", "nook", options=(
        "--lease", "600ms", "--heartbeat", "100ms") + options)


def a_repeated_say_is_the_first_one(w, here, there, cut):
    """Said here, cut, and said again there."""
    bob = guest(w, there, "bob", ["r"])
    ann = guest(w, here, "ann", ["r"])
    bob.expect("JOINED r ann")
    ann.send("@cid=one SAY r hello", "@cid=two SAY @bob psst")
    bob.expect_both("MSG r <id> ann hello", "MSG @ann <id> ann psst")
    room, = ann.skip_to("OK <id>")[1]
    pair, = ann.skip_to("OK <id>")[1]
    cut(ann)
    again = go_on(w, there, ann, ["r"])
    again.ask("@cid=one SAY r hello", f"OK {room}")
    again.ask("@cid=two SAY @bob psst", f"OK {pair}")
    again.say("r", "on we go")
    before, _ = bob.skip_to("MSG r <id> ann on we go")
    if any(line.startswith("MSG") for line in before):
        raise Failed(f"a double: {before}")


@test
def a_repeated_say_after_a_cut_is_the_first_one(w):
    s = w.server()
    a_repeated_say_is_the_first_one(w, s, s, lambda ann: ann.reset())


@test
def a_repeated_say_of_one_that_hangs_is_the_first_one(w):
    s = w.server()
    a_repeated_say_is_the_first_one(w, s, s, lambda ann: None)


@test
def a_repeated_say_is_the_first_one_on_another_node(w):
    den, nook = fleet(w)
    a_repeated_say_is_the_first_one(w, den, nook, lambda ann: ann.reset())


@test
def a_repeated_say_of_one_that_hangs_is_the_first_one_on_another_node(w):
    den, nook = fleet(w)
    a_repeated_say_is_the_first_one(w, den, nook, lambda ann: None)


@test
def a_repeated_say_is_the_first_one_after_the_nodes_sudden_end(w):
    den, nook = fleet(w)
    a_repeated_say_is_the_first_one(w, den, nook, lambda ann: den.kill())


@test
def a_token_outlives_what_is_cleared_away_of_a_dead_node(w):
    den, nook = fleet(w, "--grace", "200ms")
    ann = guest(w, den, "ann", ["r"])
    den.kill()
    until(lambda: not w.known(nook, "ann"), "the nick is free")
    go_on(w, nook, ann, ["r"])


@test
def what_was_accepted_without_an_answer_is_said_once(w):
    """The node dies between Redis' yes and the client's OK, or before both."""
    den, nook = fleet(w)
    bob = guest(w, nook, "bob", ["r"])
    ann = guest(w, den, "ann", ["r"])
    ann.send("@cid=one SAY r hello")
    den.kill()
    again = go_on(w, nook, ann, ["r"])
    again.send("@cid=one SAY r hello")
    again.skip_to("OK <id>")
    said_once(bob, "hello")


@test
def the_former_session_is_told_and_closed(w):
    den, nook = fleet(w)
    for server in (den, nook):
        ann = guest(w, den, "ann", ["r"])
        again = go_on(w, server, ann)
        ann.expect("BYE replaced <text>")
        ann.end()
        again.ask("WHOIS ann",
                  f"USER ann guest=yes node={server.name} since=<any>", "OK")
        again.send("QUIT")
        again.expect("OK", "BYE quit")


@test
def a_member_that_was_taken_over_is_in_the_room_once(w):
    den, nook = fleet(w)
    bob = guest(w, den, "bob", ["r"])
    eve = guest(w, nook, "eve", ["r"])
    ann = guest(w, den, "ann", ["r"])
    again = go_on(w, nook, ann, ["r"])
    ann.expect("BYE replaced <text>")
    again.say("r", "here")
    for c in (bob, eve):
        c.skip_to("MSG r <id> ann here")
        c.send("NAMES r")
        c.skip_to("NAMES r 3 ann bob eve")
        c.skip_to("OK")


@test
def a_session_of_a_node_that_hangs_is_replaced_when_it_wakes(w):
    den, nook = fleet(w)
    ann = guest(w, den, "ann", ["r"])
    den.signal(signal.SIGSTOP)
    again = go_on(w, nook, ann, ["r"])
    den.signal(signal.SIGCONT)
    ann.skip_to("BYE replaced <text>")
    again.say("r", "still me")
    again.ask("WHOIS ann", "USER ann guest=yes node=nook since=<any>", "OK")


@test
def a_token_is_good_once_and_void_after_quit(w):
    s = w.server()
    ann = guest(w, s, "ann")
    again = go_on(w, s, ann)
    late = guest(w, s)
    late.ask(f"@resume={ann.token} NICK ann", "ERR nick-in-use <text>")
    again.ask("QUIT", "OK", "BYE quit")
    again.end()
    for old in (ann, again):
        late.ask(f"@resume={old.token} NICK ann", "ERR no-such-nick <text>")
    late.ask("NICK ann", "OK ann")


@test
def a_nick_that_was_left_is_anybodys(w):
    for s in (w.server(), w.server(redis=w.redis(), name="nook")):
        ann = guest(w, s, "ann")
        ann.close()
        until(lambda: not w.known(s, "ann"), "ann is gone")
        bob = guest(w, s, "ann")
        late = guest(w, s)
        late.ask(f"@resume={ann.token} NICK ann", "ERR nick-in-use <text>")
        bob.nothing()


@test
def a_token_is_worth_nothing_where_the_operator_says_so(w):
    s = w.server("--resume", "0")
    ann = guest(w, s, "ann")
    ann.close()
    until(lambda: not w.known(s, "ann"), "ann is gone")
    late = guest(w, s)
    late.ask(f"@resume={ann.token} NICK ann", "ERR no-such-nick <text>")


@test
def a_token_is_shown_before_the_first_word(w):
    s = w.server()
    ann, eve = guest(w, s, "ann"), guest(w, s, "eve", ["r"])
    eve.ask(f"@resume={ann.token} NICK ann", "ERR bad-args <text>")
    for bad in ("x", ann.token + "A", ann.token[:-1] + "!", "A" * 64):
        guest(w, s).ask(f"@resume={bad} NICK ann", "ERR bad-args <text>")


run()
