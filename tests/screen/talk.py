# SPDX-License-Identifier: ISC
"""People talk: what they type arrives, and the screen says what is new."""

import re

from stage import *


@test
def two_people_talk():
    with Snugd() as server, snug(server, "lobby", nick="ann") as ann, \
            snug(server, "lobby", nick="bob") as bob:
        ann.wait("2 here")
        ann.type("good morning\r")
        bob.wait("ann │ good morning")
        bob.type("hello ann\r")
        ann.wait("bob │ hello ann")
        bob.wait("bob │ hello ann")
        bob.until(lambda t: t.cell(row_with(t, "hello ann"), 79)[0] == " ",
                  "the pending mark to go")


@test
def a_person_at_netcat_and_one_at_the_screen_talk():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby") as ann:
        ann.wait("2 here")
        bob.say("SAY lobby from netcat")
        ann.wait("bob │ from netcat")
        ann.type("to netcat\r")
        bob.wait("ann to netcat")


@test
def actions_and_line_breaks_are_shown():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby") as ann:
        ann.wait("2 here")
        bob.say("@act SAY lobby waves")
        ann.wait("* │ bob waves")
        ann.type("/me waves back\r")
        bob.wait("@act MSG lobby")
        ann.type("one")
        ann.press("alt-enter")
        ann.type("two\r")
        check("one\u2028two" in bob.wait("one"), "U+2028 on the wire")
        ann.wait("│ two")


@test
def what_is_new_elsewhere_is_counted():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby", "dev", nick="ann") as ann:
        ann.wait("2 here")
        bob.say("JOIN dev")
        bob.wait("OK")
        for i in range(3):
            bob.say("SAY dev news %d" % i)
        ann.wait("2 #dev+3")
        bob.say("SAY dev ann: look")
        ann.wait("2 #dev!1")
        bob.say("SAY @ann psst")
        ann.wait("3 @bob!1")
        ann.press("alt-2")
        ann.wait("4 new")
        ann.gone("#dev!1")
        ann.press("alt-a")
        ann.wait("bob │ psst")
        ann.wait("[3 @bob]")


@test
def private_messages_have_a_window():
    with Snugd() as server, Raw(server, "bob") as bob, \
            snug(server, "lobby") as ann:
        ann.wait("1 here")
        ann.type("/msg bob hi bob\r")
        check("MSG @ann" in bob.wait("hi bob"), "bob reads it as ann's")
        ann.wait("[1 #lobby]")
        ann.type("/query bob\r")
        ann.wait("[2 @bob]")
        ann.wait("ann │ hi bob")
        bob.say("SAY @ann hello")
        ann.wait("bob │ hello")


@test
def comings_goings_topics_and_names_are_told():
    with Snugd() as server, snug(server, "lobby") as ann:
        ann.wait("1 here")
        with Raw(server, "bob", "lobby") as bob:
            ann.wait("-> │ bob joined")
            bob.say("TOPIC lobby Release on Friday")
            ann.wait("#lobby  Release on Friday")
            bob.say("NICK rob")
            ann.wait("bob is rob now")
            bob.say("PART lobby so long")
            ann.wait("<- │ rob left: so long")
        ann.type("/topic Nothing today\r")
        ann.wait("#lobby  Nothing today")
        ann.type("/names\r")
        ann.wait("1 here: ")
        ann.type("/nick anna\r")
        ann.wait("you are anna now")
        ann.type("/list\r")
        ann.wait("-- │ #lobby  1")


@test
def a_node_that_died_takes_its_people_off_the_list():
    with FakeServer() as server, snug(server, "lobby", "dev",
                                      cols=160) as t:
        server.begin(members="ann bob carol dave erin frank")
        server.join("dev", members="ann bob")
        t.press("alt-1")
        t.wait("6 here")
        server.send("NOTICE parted lobby 4")
        t.wait("<- │ 4 people left: the server they were on went away")
        tag, _, words = server.expect("NAMES")
        equal(words[1], "lobby")
        server.send(tag + " NAMES lobby 2 ann bob")
        server.answer(tag, "OK")
        t.wait("2 here")
        t.gone("carol")
        server.send("NOTICE parted elsewhere 4")
        server.send("NOTICE parted lobby x")
        server.send("NOTICE parted")
        server.msg("still here")
        t.wait("bob │ still here")
        equal(sum("people left" in row for row in t.screen()), 1)


@test
def an_unknown_command_stays_in_the_input():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby") as ann:
        ann.wait("2 here")
        ann.type(" /jion dev\r")
        ann.wait("did you mean /join?")
        ann.wait("#lobby>  /jion dev")
        ann.press("ctrl-u")
        ann.type("//jion is no word\r")
        check(bob.wait("MSG").endswith("ann /jion is no word"), "literal")


@test
def a_paste_of_several_lines_asks_first():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby") as ann:
        ann.wait("2 here")
        ann.paste("only one\n")
        ann.wait("#lobby> only one")
        ann.press("ctrl-u")
        ann.paste("one\ntwo\nthree")
        ann.wait("paste 3 lines")
        ann.type("n")
        ann.gone("paste 3 lines")
        ann.paste("four\nfive")
        ann.wait("paste 2 lines")
        ann.type("y")
        ann.wait("> four")
        ann.type("\r")
        check("four\u2028five" in bob.wait("MSG"), "one message")


@test
def completion_prefers_who_spoke_last():
    with Snugd() as server, Raw(server, "bert", "lobby") as bert, \
            Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby") as ann:
        ann.wait("3 here")
        bert.say("SAY lobby first")
        ann.wait("bert │ first")
        bob.say("SAY lobby second")
        ann.wait("bob │ second")
        ann.type("b\t")
        ann.wait("> bob:")
        ann.type("\t")
        ann.wait("> bert:")
        ann.press("backtab")
        ann.wait("> bob:")


@test
def drafts_stay_with_their_window():
    with Snugd() as server, snug(server, "lobby", "dev") as ann:
        ann.wait("1 here")
        ann.type("half a thought")
        ann.press("ctrl-n")
        ann.wait("#dev>")
        check(not ann.has("half a thought"), "it went along")
        ann.wait("1 #lobby@")
        ann.press("ctrl-p")
        ann.wait("#lobby> half a thought")


@test
def readline_keys_edit_the_line():
    with Snugd() as server, snug(server, "lobby") as ann:
        ann.wait("1 here")
        ann.type("one two three")
        ann.press("ctrl-w", "ctrl-a", "ctrl-y", "ctrl-e")
        ann.type("!")
        ann.wait("> threeone two !")
        ann.press("ctrl-c")
        ann.gone("threeone")
        ann.press("ctrl-_")
        ann.wait("> threeone two !")
        ann.type("\r")
        ann.wait("│ threeone two !")
        ann.press("up")
        ann.wait("> threeone two !")


@test
def a_nick_that_is_taken_is_said():
    with Snugd() as server, Raw(server, "ann", "lobby"), \
            snug(server, "lobby", nick="ann") as t:
        t.wait("until you take another: /nick NAME")
        t.type("/nick anna\r")
        t.wait("you are anna now")


@test
def whois_is_answered_in_words():
    with Snugd() as server, Raw(server, "bob", "lobby"), \
            snug(server, "lobby") as ann:
        ann.wait("2 here")
        ann.type("/whois bob\r")
        ann.wait("bob, a guest, on ")
        check(any(re.search(r"since \d+ \w+ \d\d:\d\d", row)
                  for row in ann.screen()), "when bob came")


run()
