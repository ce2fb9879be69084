# SPDX-License-Identifier: ISC
"""Payloads: tags, attributes, verbs, params and text, and the help for people
who guess at a netcat."""
from snugtest import Failed, run, test, until


def refuses(w, code, *commands):
    c = w.client(w.server(), "ann", ["r"])
    for command in commands:
        c.send(command)
        c.expect(f"ERR {code} <text>")
    c.nothing()


@test
def the_tag_comes_back_on_ok_and_err(w):
    c = w.client(w.server())
    c.ask("#1 PING x", "#1 OK x")
    c.ask("#!~ NOPE", "#!~ ERR unknown-command <text>")
    c.ask("#" + "t" * 32 + " PING", "#" + "t" * 32 + " OK")


@test
def the_tag_is_on_lines_to_the_asker_alone(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    ann.send("#a TOPIC r cakes")
    ann.expect_both("TOPIC r ann cakes", "#a OK<any>")
    ann.ask("#b TOPIC r", "#b TOPIC r ann cakes", "#b OK")
    ann.ask("#c NAMES r", "#c NAMES r 1 ann", "#c OK")
    ann.ask("#d WHOIS ann", "#d USER ann<any>", "#d OK")
    ann.send("#e SAY r hi")
    ann.expect_both("MSG r <id> ann hi", "#e OK <id>")
    ann.ask("#f @last=1 HISTORY r", "#f @replay MSG r <id> ann hi<any>",
            "#f OK<any>")
    bob = w.client(s, "bob")
    bob.send("#g @last=1 JOIN r")
    bob.expect("JOINED r bob", "#g TOPIC r ann cakes", "#g NAMES r 2 <text>",
               "#g @replay MSG r <id> ann hi", "#g OK <id>")
    ann.expect("JOINED r bob")
    bob.ask("#h PART r bye", "PARTED r bob bye", "#h OK")
    ann.expect("PARTED r bob bye")


@test
def malformed_tags_are_bad_args(w):
    refuses(w, "bad-args", "# PING", "#" + "t" * 33 + " PING",
            "#\u00e9 PING")


@test
def a_second_tag_is_bad_args(w):
    c = w.client(w.server())
    c.ask("#a #b PING", "#a ERR bad-args <text>")
    c.nothing()


@test
def malformed_and_repeated_keys_are_bad_args(w):
    refuses(w, "bad-args", "@ PING", "@=1 PING", "@Key=1 PING", "@a_b PING",
            "@k=1 @k=2 PING", "@last=1 @last=2 JOIN r")


@test
def a_known_key_on_another_command_is_bad_args(w):
    refuses(w, "bad-args", "@last=1 PING", "@cid=x JOIN r", "@since=0-0 PART r",
            "@act TOPIC r x", "@clear SAY r x", "@before=1-1 JOIN r")


@test
def unknown_keys_are_ignored_and_not_passed_on(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    ann.ask("@zap @zip=zap PING x", "OK x")
    ann.send("@zap=1 SAY r hi")
    ann.expect_both("MSG r <id> ann hi", "OK <id>")


@test
def sixteen_prefixes_are_allowed_and_seventeen_are_not(w):
    c = w.client(w.server())
    keys = " ".join(f"@x{n}" for n in range(16))
    c.ask(f"{keys} PING x", "OK x")
    c.ask(f"{keys} @x16 PING x", "ERR bad-args <text>")


@test
def verbs_come_in_any_case(w):
    c = w.client(w.server())
    for verb in ("PING", "ping", "PiNg"):
        c.ask(f"{verb} x", "OK x")


@test
def missing_and_empty_params_are_bad_args(w):
    refuses(w, "bad-args", "JOIN", "JOIN ", "JOIN  r", "SAY", "SAY r", "SAY r ",
            "SAY  r x", "NICK", "PART", "TOPIC", "NAMES", "WHOIS", "HISTORY",
            "TYPING")


@test
def a_text_where_none_belongs_is_bad_args(w):
    refuses(w, "bad-args", "NICK two words", "JOIN q secret", "NAMES r x",
            "WHOIS ann x", "HISTORY r 50", "TYPING r x")


@test
def all_spaces_of_a_text_are_kept(w):
    c = w.client(w.server(), "ann", ["r"])
    c.ask("PING  x  y ", "OK  x  y ")
    c.send("SAY r   a  b  ")
    c.expect_both("MSG r <id> ann   a  b  ", "OK <id>")


@test
def a_tab_may_stand_in_text_and_nowhere_else(w):
    c = w.client(w.server(), "ann", ["r"])
    c.ask("PING a\tb", "OK a\tb")
    c.ask("JOIN a\tb", "ERR bad-text <text>")
    c.send("SAY r a\tb")
    c.expect_both("MSG r <id> ann a\tb", "OK <id>")


@test
def what_is_no_text_is_bad_text_and_the_connection_stays(w):
    c = w.client(w.server(), "ann", ["r"])
    for bad in (b"\x00", b"\x01", b"\x07", b"\x1b[2J", b"\x7f", b"\xc2\x80",
                b"\xc2\x9b", b"a\nb", b"a\rb", b"\x80", b"\xc3", b"\xc0\xaf",
                b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xef\xbf\xbf",
                b"\xef\xb7\x90", b"\xf0\x9f\xbf\xbe", b"\xff"):
        c.send(b"SAY r x" + bad)
        c.expect("ERR bad-text <text>")
        c.send(b"#t PING " + bad)
        c.expect("#t ERR bad-text <text>")
    c.nothing()


@test
def u2028_is_a_line_break_within_a_text(w):
    c = w.client(w.server(), "ann", ["r"])
    c.say("r", "one\u2028two")


@test
def a_line_without_a_verb_is_answered(w):
    c = w.client(w.server())
    for line in ("#t", "@x=1", "#t @x", "@x=1 "):
        c.send(line)
        got = c.line()
        if "ERR " not in got:
            raise Failed(f"{line!r} got {got!r}")
    c.nothing()


# What people type, and what the answer must hold.
GUESSES = [
    ("JION lobby", "unknown-command", "JOIN"),
    ("MSGS lobby", "unknown-command", ""),
    ("hello", "unknown-command", "HELP"),
    ("hello everybody in here", "unknown-command", "SAY"),
    ("/join lobby", "unknown-command", "JOIN lobby"),
    ("/join #lobby", "unknown-command", "JOIN lobby"),
    ("/nick ann", "unknown-command", "NICK ann"),
    ("/quit", "unknown-command", "QUIT"),
    ("/msg bob hi there", "unknown-command", "SAY @"),
    ("JOIN #lobby", "bad-name", "JOIN lobby"),
    ("join #lobby", "bad-name", "JOIN lobby"),
    ("PART #r", "bad-name", "PART r"),
    ("?", "unknown-command", "HELP"),
    ("12x", "bad-frame", ""),
]


@test
def people_who_guess_are_told_the_right_line(w):
    s = w.server()
    for typed, code, hint in GUESSES:
        c = w.client(s, "ann")
        c.type(typed)
        text = c.expect(f"ERR {code} <text>")
        if hint not in text:
            raise Failed(f"{typed!r}: {text!r} does not say {hint!r}")
        if code == "bad-frame":
            c.expect("BYE bad-frame<any>")
        else:
            c.ask("QUIT", "OK", "BYE quit<any>")
        c.end()
        until(lambda: not w.known(s, "ann"), "ann is gone")



@test
def what_is_not_built_yet_is_refused(w):
    s = w.server()
    c = w.client(s, "ann", ["r"])
    c.ask("READ r 1-1", "ERR unknown-command <text>")
    for line in ("@edit=1-1 SAY r x", "@delete=1-1 SAY r", "@react=1-1 SAY r x",
                 "@unreact=1-1 SAY r x"):
        c.ask(line, "ERR bad-args <text>")


@test
def lines_of_the_server_are_unknown_commands(w):
    c = w.client(w.server(), "ann")
    for line in ("WELCOME snug/1 x y", "MSG r 1-1 bob hi", "JOINED r ann",
                 "PARTED r ann", "NOTICE relay-down", "OK", "ERR busy x",
                 "BYE quit x", "USER ann", "RENAMED a b"):
        c.ask(line, "ERR unknown-command <text>")
    c.nothing()


run()
