# SPDX-License-Identifier: ISC
"""Rooms: JOIN, PART, NAMES, ROOMS, TOPIC, TYPING, and who is told of what."""
from snugtest import Failed, run, test


@test
def join_tells_who_is_there_and_where_the_log_ends(w):
    s = w.server()
    ann = w.client(s, "ann")
    ann.ask("JOIN lobby", "JOINED lobby ann", "NAMES lobby 1 ann", "OK 0-0")
    last = ann.say("lobby", "hi")
    bob = w.client(s, "bob")
    bob.send("JOIN lobby")
    bob.expect("JOINED lobby bob")
    there = bob.expect("NAMES lobby 2 <text>")
    if sorted(there.split()) != ["ann", "bob"]:
        raise Failed(f"NAMES says {there}")
    bob.expect(f"OK {last}")
    ann.expect("JOINED lobby bob")


@test
def join_gives_the_topic_before_the_names(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    ann.set_topic("r", "cakes")
    bob = w.client(s, "bob")
    bob.ask("JOIN r", "JOINED r bob", "TOPIC r ann cakes", "NAMES r 2 <text>",
            "OK <id>")


@test
def joining_again_tells_nobody(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    last = ann.say("r", "hi")
    bob.expect("MSG r <id> ann hi")
    bob.send("JOIN r")
    before, _ = bob.skip_to(f"OK {last}")
    if [x for x in before if x.startswith(("JOINED", "MSG", "@"))]:
        raise Failed(f"joining again gave {before}")
    ann.nothing()


@test
def a_room_is_one_room_in_any_spelling_shown_as_first_spelled(w):
    s = w.server()
    ann, bob = w.client(s, "ann"), w.client(s, "bob")
    ann.ask("JOIN Lobby", "JOINED Lobby ann", "NAMES Lobby 1 ann", "OK 0-0")
    bob.ask("JOIN lOBBY", "JOINED Lobby bob", "NAMES Lobby 2 <text>", "OK 0-0")
    ann.expect("JOINED Lobby bob")
    bob.send("SAY lobby hi")
    bob.expect_both("MSG Lobby <id> bob hi", "OK <id>")
    ann.expect("MSG Lobby <id> bob hi")


@test
def rooms_and_people_have_names_of_their_own(w):
    s = w.server()
    ann = w.client(s, "ann")
    ann.ask("JOIN ann", "JOINED ann ann", "NAMES ann 1 ann", "OK 0-0")


@test
def a_bad_room_name_is_refused_by_every_command(w):
    c = w.client(w.server(), "ann")
    for command in ("JOIN {}", "PART {}", "SAY {} x", "TOPIC {} x", "NAMES {}",
                    "HISTORY {}", "TYPING {}"):
        for name in ("#r", "-r", "r!", "\u202er", "r" * 65):
            c.ask(command.format(name), "ERR bad-name <text>")
    c.nothing()


@test
def part_tells_all_and_the_one_who_leaves(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    bob.ask("PART r off to lunch", "PARTED r bob off to lunch", "OK")
    ann.expect("PARTED r bob off to lunch")
    ann.say("r", "gone?")
    bob.nothing()
    bob.ask("PART r", "ERR not-member <text>")
    bob.ask("SAY r x", "ERR not-member <text>")
    ann.nothing()


@test
def part_without_a_reason_gives_none(w):
    ann = w.client(w.server(), "ann", ["r"])
    ann.ask("PART r", "PARTED r ann", "OK")


@test
def who_loses_the_connection_has_parted(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    for leave in (lambda c: c.close(), lambda c: c.reset(),
                  lambda c: c.half_close()):
        bob = w.client(s, f"bob{w.count()}", ["r"])
        ann.expect(f"JOINED r {bob.nick}")
        leave(bob)
        ann.expect(f"PARTED r {bob.nick}<any>")


@test
def quit_gives_its_reason_to_all_rooms(w):
    s = w.server()
    ann = w.client(s, "ann", ["r", "q"])
    bob = w.client(s, "bob", ["r", "q"])
    ann.expect("JOINED r bob", "JOINED q bob")
    bob.ask("QUIT home", "OK", "BYE quit<any>")
    ann.expect_both("PARTED r bob home", "PARTED q bob home")


@test
def messages_reach_the_members_and_no_others(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    eve = w.client(s, "eve", ["q"])
    ann.expect("JOINED r bob")
    one = ann.say("r", "for members")
    bob.expect(f"MSG r {one} ann for members")
    eve.ask("SAY r x", "ERR not-member <text>")
    eve.ask("TYPING r", "ERR not-member <text>")
    eve.ask("TOPIC r x", "ERR not-member <text>")
    eve.ask("HISTORY r", "ERR not-member <text>")
    eve.nothing()
    ann.nothing()


@test
def names_lists_the_members_to_anybody(w):
    s = w.server()
    for nick in ("eve", "ann", "Bob"):
        w.client(s, nick, ["r"])
    c = w.client(s)
    names = c.ask("NAMES R", "NAMES r 3 <text>", "OK").split()
    if names != ["ann", "Bob", "eve"]:
        raise Failed(f"NAMES says {names}")
    if c.ask("@after=ann NAMES r", "NAMES r 3 <text>", "OK") != "Bob eve":
        raise Failed("@after does not go on behind a name")
    c.ask("NAMES nowhere", "ERR no-such-room <text>")


@test
def rooms_lists_by_pattern_with_counts_and_topics(w):
    s = w.server()
    ann = w.client(s, "ann", ["dev", "den", "ops"])
    w.client(s, "bob", ["dev"])
    ann.expect("JOINED dev bob")
    ann.set_topic("ops", "on call: eve")
    ann.ask("ROOMS", "ROOM den 1", "ROOM dev 2", "ROOM ops 1 on call: eve",
            "OK")
    ann.ask("ROOMS de*", "ROOM den 1", "ROOM dev 2", "OK")
    ann.ask("ROOMS ?p?", "ROOM ops 1 on call: eve", "OK")
    ann.ask("ROOMS DEV", "ROOM dev 2", "OK")
    ann.ask("@after=den ROOMS de*", "ROOM dev 2", "OK")
    ann.ask("ROOMS zz*", "OK")


@test
def a_room_without_members_is_not_listed(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    ann.ask("PART r", "PARTED r ann", "OK")
    ann.ask("ROOMS", "OK")
    ann.ask("NAMES r", "ERR no-such-room <text>")


@test
def long_lists_are_whole_across_several_lines(w):
    s = w.server()
    nicks = [f"{n:02d}" + "x" * 20 for n in range(60)]
    for nick in nicks[:-1]:
        w.client(s, nick, ["r"])
    c = w.clients[0]
    for nick in nicks[1:-1]:
        c.expect(f"JOINED r {nick}")
    c.send("NAMES r")
    lines, _ = c.skip_to("OK")
    got = []
    for line in lines:
        verb, room, count, rest = line.split(" ", 3)
        if (verb, room, count) != ("NAMES", "r", "59"):
            raise Failed(f"a line of NAMES is {line!r}")
        got += rest.split()
    if got != nicks[:-1]:
        raise Failed(f"NAMES says {got}")


@test
def topic_is_set_asked_for_and_cleared(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    ann.ask("TOPIC r", "OK")
    ann.set_topic("r", " two words")
    bob.expect("TOPIC r ann  two words")
    bob.ask("TOPIC r", "TOPIC r ann  two words", "OK")
    bob.send("@clear TOPIC r")
    bob.expect_both("TOPIC r bob", "OK<any>")
    ann.expect("TOPIC r bob")
    ann.ask("TOPIC r", "OK")
    ann.ask("@clear TOPIC r x", "ERR bad-args <text>")
    ann.ask("TOPIC r " + "x" * 8193, "ERR too-long <text>")


@test
def a_topic_is_no_message(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    one = ann.say("r", "one")
    ann.set_topic("r", "t")
    two = ann.say("r", "two")
    ann.ask("HISTORY r", f"@replay MSG r {one} ann one<any>",
            f"@replay MSG r {two} ann two<any>", "OK end")


@test
def typing_is_told_to_the_others(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    ann.ask("TYPING r", "OK")
    bob.expect("TYPING r ann")
    ann.ask("TYPING @bob", "OK")
    bob.expect("TYPING @ann ann")
    ann.ask("TYPING @nobody", "ERR no-such-nick <text>")
    ann.nothing()


@test
def a_session_may_be_in_so_many_rooms_and_no_more(w):
    c = w.client(w.server("--rooms-per-session", "3"), "ann",
                 ["a", "b", "c"])
    c.ask("JOIN d", "ERR limit <text>")
    c.ask("JOIN a", "OK 0-0")
    c.ask("PART a", "PARTED a ann", "OK")
    c.ask("JOIN d", "JOINED d ann", "NAMES d 1 ann", "OK 0-0")


@test
def two_who_join_at_once_both_get_in(w):
    s = w.server()
    crowd = [w.client(s, f"p{n}") for n in range(20)]
    for c in crowd:
        c.send("JOIN r")
    for c in crowd:
        lines, _ = c.skip_to("OK 0-0")
        if f"JOINED r {c.nick}" not in lines:
            raise Failed(f"{c.nick} did not see itself join: {lines}")
    crowd[0].send("NAMES r")
    lines, _ = crowd[0].skip_to("OK")
    if not lines[-1].startswith("NAMES r 20 "):
        raise Failed(f"NAMES says {lines[-1]}")


@test
def large_rooms_keep_comings_and_goings_to_themselves(w):
    s = w.server("--presence-max", "10")
    ann = w.client(s, "ann", ["r"])
    crowd = []
    for n in range(9):
        crowd.append(w.client(s, f"p{n}", ["r"]))
        ann.expect(f"JOINED r p{n}")
    extra = w.client(s, "last")
    extra.send("JOIN r")
    extra.skip_to("OK 0-0")
    lines, _ = ann.skip_to("NOTICE presence r off")
    if lines not in ([], ["JOINED r last"]):
        raise Failed(f"on the way up: {lines}")
    ann.ask("TYPING r", "OK")
    extra.send("NICK lest")
    extra.skip_to("OK lest")
    extra.nick = "lest"
    said = ann.say("r", "still here")
    lines, _ = extra.skip_to(f"MSG r {said} ann still here")
    if [x for x in lines if not x.startswith("NOTICE presence")]:
        raise Failed(f"in a large room came {lines}")
    extra.ask("PART r", "PARTED r lest", "OK")
    for c in crowd[:3]:
        c.send("PART r")
    lines, _ = ann.skip_to("NOTICE presence r on")
    if [x for x in lines if not x.startswith("PARTED")] or len(lines) > 1:
        raise Failed(f"on the way down: {lines}")
    crowd[3].send("PART r")
    ann.expect("PARTED r p3")


run()
