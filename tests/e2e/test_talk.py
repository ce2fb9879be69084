# SPDX-License-Identifier: ISC
"""SAY: to rooms and to people, its attributes, and that repeating is
harmless."""
from snugtest import Failed, run, test, until


def number(one):
    return tuple(int(part) for part in one.split("-"))


@test
def a_message_has_one_id_for_all(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    one = ann.say("r", "hi")
    bob.expect(f"MSG r {one} ann hi")
    two = bob.say("r", "hi yourself")
    ann.expect(f"MSG r {two} bob hi yourself")
    if number(one) >= number(two):
        raise Failed(f"{two} does not follow {one}")


@test
def a_message_to_a_person_names_the_other_one(w):
    s = w.server()
    alice, bob = w.client(s, "alice"), w.client(s, "bob")
    eve = w.client(s, "eve")
    alice.send("SAY @bob hi")
    alice.expect_both("MSG @bob <id> alice hi", "OK <id>")
    one = bob.expect("MSG @alice <id> alice hi")
    bob.send("SAY @ALICE yes?")
    bob.expect_both("MSG @alice <id> bob yes?", "OK <id>")
    two = alice.expect("MSG @bob <id> bob yes?")
    if number(one) >= number(two):
        raise Failed(f"{two} does not follow {one}")
    eve.nothing()


@test
def notes_to_oneself_come_once(w):
    ann = w.client(w.server(), "ann")
    ann.send("SAY @ann milk")
    ann.expect_both("MSG @ann <id> ann milk", "OK <id>")
    ann.nothing()


@test
def a_guest_may_talk_and_be_talked_to(w):
    s = w.server()
    one, two = w.client(s), w.client(s)
    one.ask(f"TYPING @{two.nick}", "ERR no-such-nick <text>")
    two.join("r")
    one.send(f"SAY @{two.nick} hi")
    one.expect_both(f"MSG @{two.nick} <id> {one.nick} hi", "OK <id>")
    two.expect(f"MSG @{one.nick} <id> {one.nick} hi")


@test
def nobody_hears_what_is_said_to_nobody(w):
    c = w.client(w.server(), "ann")
    c.ask("SAY @nobody hi", "ERR no-such-nick <text>")
    c.ask("SAY @ hi", "ERR bad-name <text>")
    c.ask("SAY @no! hi", "ERR bad-name <text>")
    c.ask("SAY nowhere hi", "ERR not-member <text>")


@test
def the_text_is_relayed_byte_for_byte(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    for text in ("#tag @key", "17 framed", "a\tb", "\u00e9\u0301\u202e",
                 "\U0001f469\u200d\U0001f469\u200d\U0001f466", "%n%s%d",
                 "OK 1-1", "\\x1b", "'; DROP TABLE rooms; --", "  "):
        one = ann.say("r", text)
        bob.expect(f"MSG r {one} ann {text}")


@test
def a_text_of_max_text_is_said_and_one_more_byte_is_not(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    one = ann.say("r", "x" * 8192)
    bob.expect(f"MSG r {one} ann " + "x" * 8192)
    ann.ask("SAY r " + "x" * 8193, "ERR too-long <text>")
    ann.nothing()
    bob.nothing()


@test
def act_re_and_enc_are_passed_on(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    one = ann.say("r", "hi")
    bob.expect("MSG r <id> ann hi")
    for attrs, text in ((f"@re={one}", "yes"), ("@act", "waves"),
                        (f"@act @re={one}", "nods"),
                        ("@enc=box1", "3q2-7w_A")):
        ann.send(f"{attrs} SAY r {text}")
        ann.expect_both(f"{attrs} MSG r <id> ann {text}", "OK <id>")
        bob.expect(f"{attrs} MSG r <id> ann {text}")


@test
def the_cid_is_not_passed_on(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    ann.say("r", "hi", "@cid=c1 ")
    bob.expect("MSG r <id> ann hi")


@test
def malformed_attributes_are_bad_args(w):
    c = w.client(w.server(), "ann", ["r"])
    for attr in ("@cid", "@cid=", "@cid=" + "c" * 65, "@cid=\u00e9", "@re",
                 "@re=", "@re=1", "@re=1-", "@re=01-1", "@re=x-y",
                 "@re=18446744073709551616-0", "@act=1", "@enc", "@enc="):
        c.ask(f"{attr} SAY r x", "ERR bad-args <text>")
    c.ask("@enc=box1 SAY r not+base64url/", "ERR bad-args <text>")
    c.send("@cid=" + "c" * 64 + " SAY r x")
    c.expect_both("MSG r <id> ann x", "OK <id>")


@test
def a_repeated_cid_gives_the_first_id_and_no_second_message(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r", "q"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    one = ann.say("r", "hi", "@cid=c1 ")
    for _ in range(3):
        ann.ask("@cid=c1 SAY r hi", f"OK {one}")
    ann.ask("@cid=c1 SAY r another text", f"OK {one}")
    two = ann.say("r", "next", "@cid=c2 ")
    bob.expect(f"MSG r {one} ann hi", f"MSG r {two} ann next")
    ann.say("q", "hi", "@cid=c1 ")


@test
def repeats_in_one_burst_are_one_message(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    ann.send(*["@cid=c SAY r hi"] * 10, "PING x")
    lines, _ = ann.skip_to("OK x")
    oks = [x for x in lines if x.startswith("OK")]
    if len(oks) != 10 or len(set(oks)) != 1:
        raise Failed(f"the OKs are {oks}")
    bob.expect(f"MSG r {oks[0][3:]} ann hi")
    bob.nothing()


@test
def the_cids_of_others_are_others(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    one = ann.say("r", "hi", "@cid=same ")
    bob.expect(f"MSG r {one} ann hi")
    two = bob.say("r", "hi", "@cid=same ")
    ann.expect(f"MSG r {two} bob hi")


@test
def a_cid_is_the_senders_not_the_nicks(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    one = ann.say("r", "hi", "@cid=c ")
    ann.ask("NICK anna")
    ann.skip_to("OK anna")
    ann.nick = "anna"
    ann.ask("@cid=c SAY r hi", f"OK {one}")
    bob = w.client(s, "ann", ["r"])
    two = bob.say("r", "hi", "@cid=c ")
    if one == two:
        raise Failed("somebody else of that nick got the old id")


@test
def a_cid_is_forgotten_after_the_dedupe_time(w):
    ann = w.client(w.server("--dedupe", "1s"), "ann", ["r"])
    one = ann.say("r", "hi", "@cid=c ")

    def again():
        ann.send("@cid=c SAY r hi")
        before, (two,) = ann.skip_to("OK <id>")
        return two != one and before

    until(again, "a new message under the same cid")


@test
def the_attributes_of_a_message_to_a_person_are_passed_on(w):
    s = w.server()
    ann, bob = w.client(s, "ann"), w.client(s, "bob")
    ann.send("@act @cid=c SAY @bob waves")
    ann.expect_both("@act MSG @bob <id> ann waves", "OK <id>")
    one = bob.expect("@act MSG @ann <id> ann waves")
    ann.ask("@cid=c SAY @bob waves", f"OK {one}")
    bob.nothing()


run()
