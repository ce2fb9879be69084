# SPDX-License-Identifier: ISC
"""Who has read the manual, and nothing of snug's code, can talk to snugd in
secret and prove who its user is: the handshake, the server's key, a conversation,
new keys, accounts, and the end; and what somebody on the way does to it shows."""
import contextlib
import os
import re
import socket
import struct
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from primitives import (  # noqa: E402
    Refused, ed25519_public, ed25519_sign)
from session import (  # noqa: E402
    FIRST_MAX, REKEY_EVERY, Secure, text_of, words_of)
from snugtest import (  # noqa: E402
    DEADLINE, SNUGD, Failed, frame, run, test, until, within)


def secure_client(w, server, nick=None, rooms=(), **more):
    """A secure session, greeted; with a nick and in rooms where asked."""
    c = Secure(server.address, nick or f"c{w.count()}", **more)
    w.clients.append(c)
    c.keys = c.greet()
    if nick:
        c.take(nick)
    for room in rooms:
        c.join(room)
    return c


def visitor(w, server, **more):
    """A connection that is not secure yet."""
    c = Secure(server.address, f"c{w.count()}", **more)
    w.clients.append(c)
    return c


def bytewise(data):
    """Each byte for itself."""
    return [data[i:i + 1] for i in range(len(data))]


def refuses(what, fn):
    try:
        fn()
    except Refused:
        return
    raise Failed(f"{what} was taken")


def said_nothing(c):
    """c has sealed nothing: whoever it met does not know who it is."""
    if any(" >> " in x for x in c.transcript):
        raise Failed("something was said to it")


@test
def the_handshake_succeeds_and_the_server_greets_again_inside(w):
    c = secure_client(w, w.server())
    if not re.fullmatch(r"guest-[a-z0-9]{8}", c.nick):
        raise Failed(f"the nick inside is {c.nick}")
    if c.keys["key"] != text_of(c.noise.server):
        raise Failed("inside, another key is named")
    c.ask("PING hello", "OK hello")


@test
def the_key_is_the_one_that_print_key_shows_as_letters_and_as_words(w):
    key_file = w.path("own.key")
    s = w.server("--key-file", key_file)
    c = secure_client(w, s)
    shown = subprocess.run(
        [SNUGD, "--no-config", "--key-file", key_file, "--print-key"],
        check=True, capture_output=True, text=True).stdout
    for wanted in (text_of(c.noise.server), words_of(c.noise.server)):
        if wanted not in shown:
            raise Failed(f"{wanted!r} is not in {shown!r}")


@test
def a_pinned_server_is_known_again_after_a_restart(w):
    key_file = w.path("own.key")
    s = w.server("--key-file", key_file)
    pin = secure_client(w, s).keys["key"]
    s.stop()
    s = w.server("--key-file", key_file)
    secure_client(w, s, pin=pin)


@test
def another_key_than_the_pinned_one_is_refused_before_anything_is_said(w):
    pin = secure_client(w, w.server("--key-file", w.path("one"))).keys["key"]
    c = visitor(w, w.server("--key-file", w.path("two")), pin=pin)
    refuses("another server", c.greet)
    said_nothing(c)


def hears(c, old, new):
    """Somebody on the way changes what c is told in the clear."""
    said = c.line

    def line():
        true = said()
        if old not in true:
            raise Failed(f"no {old!r} in {true!r}")
        return true.replace(old, new)
    c.line = line


@test
def a_greeting_that_was_changed_on_its_way_makes_no_session(w):
    s = w.server()
    other = secure_client(w, w.server("--key-file", w.path("other")))
    mine = secure_client(w, s)
    for old, new in (("snug/1 den", "snug/1 dem"),
                     ("max-text=8192", "max-text=8193"),
                     ("secure=offered", "secure=required"),
                     (" ping=60", ""),
                     (mine.keys["key"], other.keys["key"])):
        c = visitor(w, s)
        hears(c, old, new)
        refuses(f"a WELCOME with {new!r}", c.greet)
        said_nothing(c)


@test
def a_secure_line_that_was_changed_on_its_way_makes_no_session(w):
    c = visitor(w, w.server())
    said = c.call
    # To the server it is the same command.
    c.call = lambda: said().replace(b"SECURE", b"secure")
    refuses("the changed line", c.greet)
    said_nothing(c)


@test
def secure_may_be_sent_before_welcome_was_read(w):
    c = visitor(w, w.server())
    c.greet(early=True)
    c.ask("PING early", "OK early")


@test
def secure_and_plain_sessions_talk_to_each_other(w):
    s = w.server()
    ann = secure_client(w, s, "ann", ["lobby"])
    bob = w.client(s, "bob", ["lobby"])
    ann.expect("JOINED lobby bob")
    one = ann.say("lobby", "can you read this? \u00fcml\u00e4ut \u4e16\u754c")
    bob.expect(f"MSG lobby {one} ann can you read this? "
               "\u00fcml\u00e4ut \u4e16\u754c")
    two = bob.say("lobby", "yes")
    ann.expect(f"MSG lobby {two} bob yes")
    ann.ask("@last=5 HISTORY lobby",
            f"@replay MSG lobby {one} ann can you read this? "
            "\u00fcml\u00e4ut \u4e16\u754c",
            f"@replay MSG lobby {two} bob yes", "OK<any>")
    three = ann.say("@bob", "only for you")
    bob.expect(f"MSG @ann {three} ann only for you")
    ann.ask("PART lobby", "PARTED lobby ann", "OK")
    ann.ask("QUIT", "OK", "BYE quit<any>")
    ann.end()


@test
def lines_may_be_cut_anywhere_into_messages(w):
    c = secure_client(w, w.server(), "ann", ["lobby"])
    said = frame("PING one") + frame("PING two") + b"PING three\n"
    c.put(c.messages(bytewise(said)))
    c.expect("OK one", "OK two", "OK three")
    wire = c.messages([frame("PING four")])
    for i in range(len(wire)):
        c.put(wire[i:i + 1])
    c.expect("OK four")


@test
def the_longest_message_is_taken(w):
    c = secure_client(w, w.server())
    lines = b"".join(frame("PING " + f"{n:04}" * 100) for n in range(159))
    lines += frame("PING " + "x" * (65519 - len(lines) - 10))
    if len(lines) != 65519:
        raise Failed(f"it has {len(lines)} bytes")
    c.raw(lines)
    for n in range(159):
        c.expect("OK " + f"{n:04}" * 100)
    c.expect("OK <text>")


@test
def the_key_of_a_direction_changes_behind_65536_messages(w):
    c = secure_client(w, w.server(), "ann", ["lobby"])
    text = "x" * 16000
    line = frame("PING " + text)
    while c.ciphers[0].n < REKEY_EVERY + 100:
        c.put(c.messages(bytewise(line)))
        if c.line() != "OK " + text:
            raise Failed(f"another answer before n = {c.ciphers[0].n}")
    if not c.ciphers[0].rekeyed:
        raise Failed("the key has not changed")
    c.ask("PING behind", "OK behind")


# --- who is not known yet ---------------------------------------------------

@test
def a_stranger_seals_little_at_once(w):
    s = w.server()
    line = b"PING " + b"x" * (FIRST_MAX - 6) + b"\n"
    c = secure_client(w, s)
    c.put(c.messages([line]))
    c.expect("OK <text>")
    c.put(c.messages([line + b"\n"]))
    c.expect("ERR too-long <text>", "BYE too-long <text>")
    c.end()
    c = secure_client(w, s, "ann")
    c.put(c.messages([line + b"\n", line * 20]))
    c.expect(*["OK <text>"] * 21)


def all_is_read(s):
    """Has the server read all that was sent to it?"""
    port = int(s.address.rsplit(":", 1)[1])
    with open("/proc/net/tcp") as f:
        rows = [row.split() for row in f.readlines()[1:]]
    return not any(row[4].split(":")[1] != "00000000" for row in rows
                   if row[1].endswith(f":{port:04X}"))


def peak(s):
    """The most memory it had in use since this was called last."""
    with open(f"/proc/{s.pid}/status") as f:
        most = int(re.search(r"VmHWM:\s+(\d+)", f.read())[1]) * 1024
    with open(f"/proc/{s.pid}/clear_refs", "w") as f:
        f.write("5")
    return most


# What a stranger may hold back: the lines that are to be sealed, a message each,
# and what follows them in the clear.
HALF_A_MESSAGE = struct.pack(">H", FIRST_MAX + 16) + b"x" * (FIRST_MAX + 15)
HOLDS_BACK = {
    "half of a message": ([], HALF_A_MESSAGE),
    "half of the longest message there is": (
        [], b"\xff\xff" + b"x" * 65000),
    "half of a line and of a message": (
        [b"1024 " + b"x" * 500, b"x" * 512], HALF_A_MESSAGE),
    "a line that waits, half of the next one, and of a message": (
        [b"PING x\n" * 22 + b"1024 PING " + b"x" * 300, b"x" * 512,
         b"x" * 207 + b"\n1024 " + b"x" * 299, b"x" * 512], HALF_A_MESSAGE),
    "answers": ([b"HELP\n" * 22, b"1000 " + b"x" * 500], b""),
}


@test
def a_stranger_costs_4_kib_at_most_whatever_it_holds_back(w):
    first, many = 40, 160
    for what, (lines, rest) in HOLDS_BACK.items():
        s = w.server("--conn-per-addr", "5000", "--early-drop", "off",
                     "--penalty-from", "0", "--handshake", "60s",
                     "--greet-local", "60s", flood="20/2")
        for n in range(first + many):
            if n == first:
                until(lambda: all_is_read(s), "all is read")
                peak(s)
                before = s.rss()
            c = visitor(w, s)
            c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            c.greet()
            with contextlib.suppress(OSError):  # it may be closed by now
                c.put(c.messages(lines) + rest)
        until(lambda: all_is_read(s), "all is read")
        grown = peak(s) - before
        print(f"# {what}: {grown // many} bytes each")
        within(grown, many * 4096)
        s.stop()


@test
def what_was_said_before_a_half_close_is_answered_and_the_end_is_a_cut(w):
    s = w.server()
    bob = w.client(s, "bob", ["r"])
    ann = secure_client(w, s)
    ann.send("NICK ann", "JOIN r", "SAY r hi")
    ann.half_close()
    ann.expect("OK ann", "JOINED r ann", "NAMES r 2 ann bob", "OK 0-0")
    ann.expect_both("OK <id>", "MSG r <id> ann hi")
    ann.end()
    bob.expect("JOINED r ann", "MSG r <id> ann hi",
               "PARTED r ann cut: the stream ended without QUIT")
    eve = secure_client(w, s)
    eve.send("NICK eve", "QUIT bye")
    eve.half_close()
    eve.expect("OK eve", "OK", "BYE quit bye")
    eve.end()


@test
def an_end_within_a_message_is_an_error(w):
    s = w.server()
    bob = w.client(s, "bob", ["r"])
    ann = secure_client(w, s, "ann", ["r"])
    bob.expect("JOINED r ann")
    ann.put(ann.messages([b"QUIT bye\n"])[:-1])
    ann.half_close()
    ann.end()
    bob.expect("PARTED r ann cut: the stream ended within a message")


# --- what is harmed ---------------------------------------------------------

@test
def a_refusal_is_lines_and_not_a_message(w):
    c = visitor(w, w.server())
    c.line()
    c.send("SECURE Noise_XX_25519_ChaChaPoly_BLAKE2b")
    c.expect("ERR <any>")
    c.expect("BYE <any>")
    c.end()


@test
def a_changed_bit_is_not_answered(w):
    c = secure_client(w, w.server())
    wire = bytearray(c.messages([frame("PING x")]))
    wire[10] ^= 1
    c.put(bytes(wire))
    c.end()


@test
def the_same_message_again_is_not_answered(w):
    c = secure_client(w, w.server())
    wire = c.messages([frame("PING x")])
    c.put(wire)
    c.expect("OK x")
    c.put(wire)
    c.end()


@test
def bytes_behind_message_1_end_it_without_message_2(w):
    c = visitor(w, w.server())
    c.line()
    c.put(c.call() + b"\0")
    if c.receive(time.monotonic() + DEADLINE):
        raise Failed("something was answered")


@test
def a_length_that_no_message_has_ends_it(w):
    c = secure_client(w, w.server())
    c.put(struct.pack(">H", 16))
    c.end()


# --- who the user is --------------------------------------------------------

def known_as(c, nick, *command):
    """A command that makes the session an account's."""
    c.send(*command)
    c.keys = c.welcome()
    c.expect(f"OK {nick}")
    if c.nick != nick or "account" not in c.keys:
        raise Failed(f"the nick is {c.nick}, and the greeting says {c.keys}")


def authenticated(w, server, seed, nick):
    c = secure_client(w, server)
    known_as(c, nick, f"AUTH {c.proof(seed)}")
    return c


def registered(w, server, seed, nick):
    c = secure_client(w, server)
    c.ask(f"AUTH {c.proof(seed)}", "OK")
    c.take(nick)
    known_as(c, nick, "REGISTER")
    return c


@test
def a_key_makes_an_account_and_proves_it_in_other_sessions(w):
    s = w.server("--state", w.path("state"))
    seed = os.urandom(32)
    ann = registered(w, s, seed, "ann")
    again = authenticated(w, s, seed, "ann")
    if again.keys["account"] != ann.keys["account"]:
        raise Failed("that is another account")
    ann.join("lobby")
    bob = w.client(s, "bob", ["lobby"])
    ann.expect("JOINED lobby bob")
    ann.send("SAY lobby it is me")
    ann.expect_both("@auth MSG lobby <id> ann it is me", "OK <id>")
    bob.expect("@auth MSG lobby <id> ann it is me")
    s.stop()
    s = w.server("--state", w.path("state"))
    authenticated(w, s, seed, "ann")


@test
def a_proof_is_worth_nothing_in_another_session(w):
    s = w.server("--state", w.path("state"))
    ann = registered(w, s, b"a" * 32, "ann")
    eve = secure_client(w, s)
    eve.ask(f"AUTH {ann.proof(b'a' * 32)}", "ERR login-failed <text>")
    key, signature = eve.proof(b"e" * 32).split(" ")
    eve.ask(f"AUTH {text_of(ed25519_public(b'a' * 32))} {signature}",
            "ERR login-failed <text>")
    eve.ask(f"AUTH {key} {signature}", "OK")


@test
def another_key_is_added_shown_and_removed(w):
    s = w.server("--state", w.path("state"))
    old, new = b"o" * 32, b"n" * 32
    ann = registered(w, s, old, "ann")
    account = ann.keys["account"]
    names = {seed: text_of(ed25519_public(seed)) for seed in (old, new)}

    def signed(server, owner):
        """The words of KEY add: the new key's signature."""
        return f"{names[new]} " + text_of(ed25519_sign(
            new, b"snug-key-1" + server + owner.encode()))

    for wrong in (signed(bytes(32), account),
                  signed(ann.noise.server, account[:-1] + "?")):
        ann.ask(f"KEY add {wrong}", "ERR login-failed <text>")
    ann.ask(f"KEY add {signed(ann.noise.server, account)}", "OK")
    ann.send("KEY list")
    shown, _ = ann.skip_to("OK")
    if sorted(shown) != sorted(f"NOTICE key {x}" for x in names.values()):
        raise Failed(f"the keys are {shown}")
    authenticated(w, s, new, "ann").ask(f"KEY del {names[old]}", "OK")
    stranger = secure_client(w, s)
    stranger.ask(f"AUTH {stranger.proof(old)}", "OK")


@test
def a_password_lets_in_from_elsewhere(w):
    s = w.server("--state", w.path("state"))
    ann = registered(w, s, b"a" * 32, "ann")
    ann.ask("PASSWORD correct horse battery", "OK")
    there = secure_client(w, s)
    there.ask("LOGIN ann correct horse batterx", "ERR login-failed <text>")
    known_as(there, "ann", "LOGIN ann correct horse battery")
    ann.ask("@clear PASSWORD", "OK")
    secure_client(w, s).ask("LOGIN ann correct horse battery",
                            "ERR login-failed <text>")


run()
