# SPDX-License-Identifier: ISC
"""Two nodes on one Redis: people on both are in the same rooms, with netcat,
telnet, the client and programs; one order, one set of names."""
import re
import shutil

from snugtest import SNUG, Failed, Skip, run, test, together, until


def number(one):
    return tuple(int(part) for part in one.split("-"))


def two(w, *options):
    return w.nodes("den", "nook", options=options)


@test
def netcat_telnet_and_the_client_see_one_conversation(w):
    for program in ("nc", "telnet"):
        if not shutil.which(program):
            raise Skip(f"there is no {program}")
    den, nook = two(w)
    watch = w.client(den, "watch", ["lobby"])
    host, port = den.address.split(":")
    netcat = w.terminal(["nc", host, port])
    netcat.wait("WELCOME snug/1 den")
    netcat.type("NICK ned\rJOIN lobby\r")
    netcat.wait("JOINED lobby ned")
    host, port = nook.address.split(":")
    telnet = w.terminal(["telnet", host, port])
    telnet.wait("WELCOME snug/1 nook")
    telnet.type("NICK tel\rJOIN lobby\r")
    telnet.wait("JOINED lobby tel")
    screen = w.terminal([SNUG, "--nick", "tui", nook.address, "lobby"])
    screen.wait("lobby")
    netcat.wait("JOINED lobby tui")
    telnet.wait("JOINED lobby tui")

    netcat.type("SAY lobby one from netcat\r")
    for t in (netcat, telnet, screen):
        t.wait("one from netcat")
    telnet.type("SAY lobby two from telnet\r")
    for t in (netcat, telnet, screen):
        t.wait("two from telnet")
    screen.type("three from the screen\r")
    for t in (netcat, telnet, screen):
        t.wait("three from the screen")
    # Two at once: whichever is first is first for all.
    netcat.type("SAY lobby four from netcat\r")
    telnet.type("SAY lobby four from telnet\r")
    for t in (netcat, telnet, screen):
        t.wait("four from netcat")
        t.wait("four from telnet")

    watch.skip_to("MSG lobby <id> <nick> four<text>")
    watch.skip_to("MSG lobby <id> <nick> four<text>")
    order = said(watch.transcript)
    for t, name in ((netcat, "netcat"), (telnet, "telnet"), (screen, "snug")):
        shown = said(t.screen(), typed="SAY ")
        if shown != order:
            raise Failed(f"{name} shows {shown}, the room is {order}")
    netcat.type("QUIT\r")
    netcat.wait("BYE quit")
    screen.type("/quit\r")
    if screen.exit() != ("exit", 0):
        raise Failed("the client did not end well")
    telnet.wait("PARTED lobby tui")


def said(rows, typed=None):
    """The numbered sentences in the order of the rows."""
    out = []
    for row in rows:
        found = re.search(r"(one|two|three|four) from (\w+)( screen)?", row)
        if found and not (typed and row.startswith(typed)):
            out.append(found[0])
    return out


@test
def a_thousand_messages_over_two_nodes_are_one_log(w):
    den, nook = two(w)
    people = [w.client(den, "ann", ["r"]), w.client(nook, "bob", ["r"]),
              w.client(nook, "eve", ["r"])]
    watchers = [w.client(den, "wim", ["r"]), w.client(nook, "wyn", ["r"])]
    counts = {"ann": 334, "bob": 333, "eve": 333}
    for c in people:
        c.send(*[f"#{n} SAY r {c.nick}.{n}" for n in range(counts[c.nick])])
    seen = {c.nick: [] for c in people + watchers}
    oks = {c.nick: [] for c in people}

    def read(c):
        want = counts.get(c.nick, 0)
        while len(seen[c.nick]) < 1000 or len(oks.get(c.nick, [])) < want:
            words = c.line().split(" ")
            if words[0] == "MSG":
                seen[c.nick].append((words[2], words[4]))
            elif words[0].startswith("#"):
                oks[c.nick].append(words)

    together(*[lambda c=c: read(c) for c in people + watchers])
    log = seen["ann"]
    for nick, view in seen.items():
        if view != log:
            raise Failed(f"{nick} saw another log than ann")
    for one, other in zip(log, log[1:]):
        if number(one[0]) >= number(other[0]):
            raise Failed(f"{other} does not rise over {one}")
    ids = dict((text, one) for one, text in log)
    for nick, answers in oks.items():
        for n, words in enumerate(answers):
            if words != [f"#{n}", "OK", ids[f"{nick}.{n}"]]:
                raise Failed(f"{nick}'s {n}th answer is {words}")


@test
def a_nick_is_one_persons_on_all_nodes(w):
    den, nook = two(w)
    ann = w.client(den, "ann")
    bob = w.client(nook)
    bob.ask("NICK Ann", "ERR nick-in-use <text>")
    ann.ask("NICK eve", "OK eve")

    # The old one is given back behind the OK, over another link.
    def taken():
        bob.send("NICK ann")
        return bob.line() == "OK ann"

    until(taken, "the nick that was given up is free")


@test
def whois_names_and_rooms_are_right_on_all_nodes(w):
    den, nook = two(w)
    ann, bob = w.client(den, "ann", ["r"]), w.client(nook, "bob")
    rest = bob.ask("WHOIS ann", "USER ann<any>", "OK")
    if "node=den" not in rest.split():
        raise Failed(f"WHOIS says {rest}")
    bob.ask("NAMES r", "NAMES r 1 ann", "OK")
    bob.ask("ROOMS", "ROOM r 1", "OK")
    bob.ask("JOIN r", "JOINED r bob", "NAMES r 2 ann bob", "OK 0-0")
    ann.expect("JOINED r bob")
    for c in (ann, bob):
        c.ask("NAMES r", "NAMES r 2 ann bob", "OK")
        c.ask("ROOMS r*", "ROOM r 2", "OK")
    ann.set_topic("r", "tea")
    bob.expect("TOPIC r ann tea")
    kim = w.client(nook)
    kim.ask("ROOMS", "ROOM r 2 tea", "OK")
    ann.ask("PART r bye", "PARTED r ann bye", "OK")
    bob.expect("PARTED r ann bye")
    bob.ask("NAMES r", "NAMES r 1 bob", "OK")


@test
def news_of_people_crosses_the_nodes(w):
    den, nook = two(w)
    ann, bob = w.client(den, "ann", ["r"]), w.client(nook, "bob", ["r"])
    ann.expect("JOINED r bob")
    ann.ask("TYPING r", "OK")
    bob.expect("TYPING r ann")
    bob.send("NICK bea")
    bob.skip_to("OK bea")
    ann.expect("RENAMED bob bea")
    bob.close()
    ann.expect("PARTED r bea<any>")
    ann.ask("WHOIS bea", "ERR no-such-nick <text>")


@test
def people_on_two_nodes_talk_in_private(w):
    den, nook = two(w)
    ann, bob = w.client(den, "ann"), w.client(nook, "bob")
    ann.send("SAY @bob hi")
    ann.expect_both("MSG @bob <id> ann hi", "OK <id>")
    bob.expect("MSG @ann <id> ann hi")
    bob.send("@act SAY @ann waves")
    bob.expect_both("@act MSG @ann <id> bob waves", "OK <id>")
    ann.expect("@act MSG @bob <id> bob waves")
    ann.ask("TYPING @bob", "OK")
    bob.expect("TYPING @ann ann")
    bob.ask("HISTORY @ann", "@replay MSG @ann <id> ann hi",
            "@act @replay MSG @ann <id> bob waves", "OK end")


@test
def history_is_one_on_all_nodes(w):
    den, nook = two(w)
    ann = w.client(den, "ann", ["r"])
    ids = [ann.say("r", f"m{n}") for n in range(10)]
    bob = w.client(nook, "bob")
    bob.ask(f"@since={ids[6]} JOIN r", "JOINED r bob", "NAMES r 2 ann bob",
            *[f"@replay MSG r {ids[n]} ann m{n}" for n in (7, 8, 9)],
            f"OK {ids[9]}")
    bob.ask(f"@before={ids[2]} HISTORY r", f"@replay MSG r {ids[0]} ann m0",
            f"@replay MSG r {ids[1]} ann m1", "OK end")


@test
def a_room_outlives_the_node_it_was_made_on(w):
    den, nook = two(w)
    ann, bob = w.client(den, "ann", ["r"]), w.client(nook, "bob", ["r"])
    ann.expect("JOINED r bob")
    one = ann.say("r", "kept")
    bob.expect(f"MSG r {one} ann kept")
    den.stop()
    bob.expect("PARTED r ann<any>")
    two_ = bob.say("r", "still here")
    if number(two_) <= number(one):
        raise Failed("ids fell back")
    again = w.server(redis=w.programs[0], name="den")
    eve = w.client(again, "ann")
    eve.ask("@last=5 JOIN r", "JOINED r ann", "NAMES r 2 <text>",
            f"@replay MSG r {one} ann kept",
            f"@replay MSG r {two_} bob still here", f"OK {two_}")


@test
def kill_9_of_a_node_loses_no_message_that_got_ok(w):
    den, nook = two(w)
    bob = w.client(nook, "bob", ["r"])
    ann = w.client(den, "ann", ["r"])
    bob.expect("JOINED r ann")
    ann.send(*[f"SAY r {n}" for n in range(400)])
    accepted = []
    while len(accepted) < 150:
        line = ann.line()
        if line.startswith("OK "):
            accepted.append(line[3:])
    den.kill()
    for line in iter(ann.line, None):
        if line.startswith("OK "):
            accepted.append(line[3:])
    mark = bob.say_after("r", "mark")
    seen = [x.split(" ")[2] for x in mark if x.startswith("MSG r ")]
    eve = w.client(nook, "eve")
    eve.send("@last=500 JOIN r")
    lines, _ = eve.skip_to("OK <id>")
    log = [re.search(r"MSG r (\S+) ", x)[1] for x in lines if "MSG r " in x]
    if seen != log:
        raise Failed("who was there all along saw another log")
    if accepted != log[:len(accepted)]:
        raise Failed(f"{len(accepted)} got OK, the log is {len(log)} long")


@test
def what_is_durable_is_said(w):
    den, _ = two(w)
    keys = w.visitor(den).welcome()
    if keys["durable"] != "relay":
        raise Failed(f"WELCOME says {keys}")


@test
def odd_room_names_are_rooms_on_all_nodes(w):
    den, nook = two(w)
    for name in ("a.b-c_d", "\u30eb\u30fc\u30e0", "\u0431\u0430\u0440", "7"):
        ann, bob = w.client(den), w.client(nook)
        ann.join(name)
        bob.join(name)
        ann.expect(f"JOINED {name} {bob.nick}")
        one = ann.say(name, "hi")
        bob.expect(f"MSG {name} {one} {ann.nick} hi")


@test
def replay_and_live_messages_join_without_a_seam_on_another_node(w):
    den, nook = two(w)
    ann = w.client(den, "ann", ["r"])
    joiners = []
    for burst in range(5):
        ann.send(*[f"SAY r {burst}.{n}" for n in range(80)])
        c = w.client(nook, f"j{burst}")
        c.send("@last=500 JOIN r")
        joiners.append(c)
    ids = []
    while len(ids) < 400:
        line = ann.line()
        if line.startswith("OK "):
            ids.append(line[3:])
    for c in joiners:
        lines, _ = c.skip_to(f"<any>MSG r {ids[-1]} ann 4.79")
        seen = [re.search(r"MSG r (\S+) ", x)[1] for x in lines if "MSG r " in x]
        if seen + [ids[-1]] != ids[-len(seen) - 1:]:
            raise Failed(f"{c.name} saw a hole or a double")


run()
