# SPDX-License-Identifier: ISC
"""Nicks, WHOIS, HELP, PING, QUIT: the session itself."""
from snugtest import Failed, run, test, until


@test
def a_guest_has_a_guests_name(w):
    c = w.visitor(w.server())
    c.expect("WELCOME snug/1 den <guest> <text>")


@test
def two_guests_have_two_names(w):
    s = w.server()
    one, two = w.client(s), w.client(s)
    if one.nick == two.nick:
        raise Failed(f"both are {one.nick}")


@test
def nick_takes_a_free_nick(w):
    c = w.client(w.server())
    c.ask("NICK ann", "OK ann")


@test
def nick_to_ones_own_is_ok(w):
    c = w.client(w.server(), "ann")
    c.ask("NICK ann", "OK ann")


@test
def a_taken_nick_is_refused_in_any_spelling(w):
    s = w.server()
    w.client(s, "Ann")
    c = w.client(s)
    for nick in ("Ann", "ann", "ANN"):
        c.ask(f"NICK {nick}", "ERR nick-in-use <text>")


@test
def ones_own_nick_may_be_spelled_anew(w):
    c = w.client(w.server(), "ann")
    c.ask("NICK Ann", "OK Ann")
    c.ask("WHOIS ann", "USER Ann<any>", "OK")


@test
def an_old_nick_is_free_at_once(w):
    s = w.server()
    ann, bob = w.client(s, "ann"), w.client(s)
    ann.ask("NICK eve", "OK eve")
    bob.ask("NICK ann", "OK ann")


@test
def a_nick_is_free_when_its_session_has_gone(w):
    s = w.server()
    for leave in (lambda c: c.send("QUIT"), lambda c: c.close(),
                  lambda c: c.reset()):
        ann = w.client(s, "ann")
        leave(ann)
        bob = w.client(s)

        def free():
            bob.send("NICK ann")
            return bob.line() == "OK ann"

        until(free, "the nick is free")
        bob.ask("NICK bob", "OK bob")
        bob.close()
        until(lambda: not w.known(s, "bob"), "bob is gone")



@test
def the_guests_form_is_refused_to_everybody(w):
    c = w.client(w.server())
    for nick in ("guest-abcdefgh", "Guest-ABCDEFGH", "guest-12345678", c.nick):
        c.ask(f"NICK {nick}", "ERR bad-name <text>")
    # Small capitals look like it.
    c.ask("NICK \u0262\u1d1c\u1d07\ua731\u1d1b-12345678", "ERR bad-name <text>")
    c.ask("NICK guests", "OK guests")


@test
def nicks_that_look_alike_are_not_held_at_the_same_time(w):
    s = w.server()
    ann, bob = w.client(s, "miles"), w.client(s)
    for nick in ("rniles", "mi1es", "Rni1es"):
        said = bob.ask(f"NICK {nick}", "ERR nick-in-use <text>")
        if "looks like" not in said:
            raise Failed(f"the reason is not named: {said}")
        bob.ask(f"WHOIS {nick}", "ERR no-such-nick <text>")
    ann.ask("NICK rniles", "OK rniles")
    bob.ask("NICK miles", "ERR nick-in-use <text>")
    ann.ask("NICK ann", "OK ann")
    bob.ask("NICK miles", "OK miles")


@test
def the_names_of_those_in_charge_are_refused_to_everybody(w):
    c = w.client(w.server())
    for nick in ("root", "Admin", "adrnin", "r00t", "snugd", "guest",
                 "\u1d00\u1d05\u1d0d\u026a\u0274"):
        said = c.ask(f"NICK {nick}", "ERR bad-name <text>")
        if "reserved" not in said:
            raise Failed(f"the reason is not named: {said}")
    c.ask("NICK roots", "OK roots")


@test
def names_are_refused_never_repaired(w):
    c = w.client(w.server())
    for nick in ("-ann", ".ann", "_a", "a!b", "a@b", "#ann", "ann*", "+ann",
                 "a" * 25, "\u00e4" * 33, "\uff21nn", "an\u0430", "a\u202eb",
                 "\u0301a", "e\u0301\u0301\u0301", "\U0001f600", "a\u200bb",
                 "1\u0661"):
        c.ask(f"NICK {nick}", "ERR bad-name <text>")
    c.nothing()


@test
def names_of_all_scripts_are_taken(w):
    c = w.client(w.server())
    for nick in ("a", "a" * 24, "a-b_c.d", "7up", "J\u00f6rg", "\u0410\u043d\u043d\u0430",
                 "\u30a2\u30f3", "\ubbfc\uc900", "\u05d3\u05e0\u05d4"):
        c.ask(f"NICK {nick}", f"OK {nick}")


@test
def an_ascii_server_takes_ascii_names_only(w):
    c = w.client(w.server("--names", "ascii"))
    c.ask("NICK J\u00f6rg", "ERR bad-name <text>")
    c.ask("JOIN b\u00e4r", "ERR bad-name <text>")
    c.ask("NICK jorg", "OK jorg")


@test
def those_who_share_a_room_are_told_once_of_a_new_nick(w):
    s = w.server()
    ann = w.client(s, "ann", ["r", "q"])
    bob = w.client(s, "bob", ["r", "q"])
    eve = w.client(s, "eve", ["z"])
    ann.expect("JOINED r bob", "JOINED q bob")
    ann.send("NICK anna")
    before, _ = ann.skip_to("OK anna")
    if before not in ([], ["RENAMED ann anna"]):
        raise Failed(f"before the OK: {before}")
    bob.expect("RENAMED ann anna")
    bob.nothing()
    eve.nothing()
    ann.nick = "anna"
    ann.say("r", "it is me")
    bob.expect("MSG r <id> anna it is me")
    bob.send("NAMES r")
    if "anna" not in bob.expect("NAMES r 2 <text>", "OK").split():
        raise Failed("NAMES does not know the new nick")


@test
def whois_says_where_and_since_when(w):
    s = w.server()
    ann, bob = w.client(s, "ann"), w.client(s, "bob")
    rest = bob.ask("WHOIS ANN", "USER ann<any>", "OK")
    keys = dict(k.split("=", 1) for k in rest.split())
    if keys.get("node") != "den" or not keys.get("since", "").isdigit():
        raise Failed(f"USER says {keys}")
    ann.nothing()


@test
def whois_does_not_know_everybody(w):
    c = w.client(w.server())
    c.ask("WHOIS nobody", "ERR no-such-nick <text>")
    c.ask("WHOIS !", "ERR bad-name <text>")


@test
def help_lists_the_commands_and_explains_each(w):
    c = w.client(w.server())
    c.send("HELP")
    lines, _ = c.skip_to("OK")
    text = "\n".join(lines)
    if [x for x in lines if not x.startswith("NOTICE help ")]:
        raise Failed(f"not all are NOTICE help: {lines}")
    for verb in ("HELP NICK JOIN PART SAY TYPING TOPIC NAMES ROOMS WHOIS "
                 "HISTORY PING PONG QUIT").split():
        if verb not in text:
            raise Failed(f"HELP does not speak of {verb}")
        c.send(f"HELP {verb.lower()}")
        lines, _ = c.skip_to("OK")
        if not lines or verb not in "".join(lines):
            raise Failed(f"HELP {verb}: {lines}")


@test
def help_for_an_unknown_command_says_so(w):
    c = w.client(w.server())
    if "HELP" not in c.ask("HELP NOPE", "ERR unknown-command <text>"):
        raise Failed("the mend is not named")


@test
def ping_gives_back_its_text(w):
    c = w.client(w.server())
    c.ask("PING", "OK")
    c.ask("PING \u00e9\U0001f600 x", "OK \u00e9\U0001f600 x")


@test
def pong_is_not_answered(w):
    c = w.client(w.server())
    c.send("PONG", "PONG x", "#t PONG", "PING x")
    c.expect("OK x")


@test
def quit_says_ok_and_goodbye_and_closes(w):
    c = w.client(w.server())
    c.ask("#q QUIT see you", "#q OK", "BYE quit<any>")
    c.end()


@test
def what_follows_quit_is_not_done(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    bob.send("QUIT bye", "SAY r ghost", "PING x")
    bob.expect("OK", "BYE quit<any>")
    bob.end()
    ann.expect("PARTED r bob bye")
    ann.nothing()


@test
def the_greeting_of_the_operator_follows_the_first_line(w):
    path = w.path("motd")
    with open(path, "w", encoding="utf-8") as f:
        f.write("Be kind.\n\nThe bar opens at five.\n")
    c = w.client(w.server("--motd", path))
    c.send("PING x")
    c.expect("NOTICE motd Be kind.")
    lines, _ = c.skip_to("NOTICE motd The bar opens at five.")
    if lines not in ([], ["NOTICE motd"]):
        raise Failed(f"between: {lines}")
    c.expect("OK x")


run()
