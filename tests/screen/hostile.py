# SPDX-License-Identifier: ISC
"""A hostile server, and hostile text: the frame holds and nothing but what
snug itself draws reaches the terminal."""

import json

from stage import *

# What the sanitiser never lets out, whatever came in.
FORBIDDEN = [chr(c) for c in
             [0x85, 0x9b, 0xad, 0x61c, 0x200b, 0x200e, 0x200f,
              *range(0x202a, 0x202f), *range(0x2060, 0x2070), 0xfeff,
              0xe0001, 0xe0020, 0xe007f, 0xfff9, 0x3164]]


def entries(name):
    folder = os.environ.get("SNUG_TESTDATA")
    if not folder or not os.path.isdir(folder):
        return []
    with open(os.path.join(folder, name), encoding="utf-8") as f:
        return [(e["id"], bytes.fromhex(e["hex"]))
                for e in json.load(f)["entries"]]


def assert_frame(t):
    """160 columns: both rules stand, on every row of the pane."""
    for row in range(1, t.rows - 3):
        equal((t.cell(row, 18)[0], t.cell(row, 143)[0]), ("│", "│"))


def assert_clean(t):
    """No sequence but those curses writes, no character that misleads."""
    raw = t.raw()
    text = raw.decode("utf-8")
    for c in FORBIDDEN:
        check(c not in text, lambda: "U+%04X reached the terminal" % ord(c))
    for sequence in re.findall(r"\033(\[[?0-9;]*[a-zA-Z]|[^\[])", text):
        check(not sequence.startswith("]"), "an OSC reached the terminal")
        check(sequence[-1] != "n" and sequence[-1] != "c",
              "a query reached the terminal: " + sequence)


HOSTILE = [
    b"\033]0;owned\007title", b"\033[2J\033[Hcleared", b"\x9b2Jc1",
    b"\xc2\x9b2Jc1", b"a\rb", b"back\b\b\b\bspace", b"\xff\xfe\xfd",
    "rtl \u202eoverride\u202c".encode(), "zero\u200bwidth".encode(),
    "tags \U000e0041\U000e007f".encode(), ("z" + "\u0301" * 500).encode(),
    "wide \u3164 filler".encode(), "pua \ue0b0\ue0b2".encode(),
    b"\033[6n", b"\033[c", b"\033P1$tx\033\\", "x\u2028".encode() * 300,
    "\U0001f1e9".encode(), b"\t" * 50, ("\U0001f469\u200d" * 60).encode(),
    b"%s%n%s%n", b"x" * 8000, "日".encode() * 2000,
]


@test
def hostile_text_breaks_no_column_and_sends_nothing():
    with FakeServer() as server, \
            snug(server, "lobby", rows=30, cols=160) as t:
        server.begin()
        t.wait("2 here")
        t.raw()
        for text in HOSTILE:
            server.msg(text)
            server.msg("then")
        server.msg("the end")
        t.wait("the end")
        assert_frame(t)
        assert_clean(t)


@test
def all_of_the_shared_hostile_text_does_no_harm():
    found = entries("hostile-text-a.json")
    if not found:
        return
    with FakeServer() as server, \
            snug(server, "lobby", rows=30, cols=160) as t:
        server.begin()
        t.wait("2 here")
        t.raw()
        for ident, text in found:
            server.msg(text.replace(b"\n", b" "))
            server.msg("after " + ident)
            t.wait("after " + ident[:40])
            assert_clean(t)
        assert_frame(t)


@test
def hostile_names_topics_and_notices_do_no_harm():
    with FakeServer() as server, \
            snug(server, "lobby", rows=30, cols=160) as t:
        server.begin()
        t.wait("2 here")
        t.raw()
        for text in HOSTILE:
            text = text.replace(b"\n", b" ")
            word = text.replace(b" ", b"_")[:1000] or b"x"
            server.send(b"MSG lobby 5-5 " + word + b" hi")
            server.send(b"MSG " + word + b" 5-5 bob hi")
            server.send(b"MSG @" + word + b" 5-5 bob hi")
            server.send(b"JOINED lobby " + word)
            server.send(b"RENAMED bob " + word)
            server.send(b"NAMES lobby 3 ann bob " + word)
            server.send(b"TOPIC lobby bob " + text)
            server.send(b"NOTICE motd " + text)
            server.send(b"ROOM " + word + b" 1 " + text)
            server.send(b"USER " + word + b" x=" + word)
            server.send(b"ERR " + word + b" " + text)
        server.msg("the end", nick="carol")
        t.wait("the end")
        assert_frame(t)
        assert_clean(t)


@test
def nonsense_of_a_server_is_survived():
    with FakeServer() as server, snug(server, "lobby") as t:
        server.begin()
        t.wait("2 here")
        for line in [
                "MSG", "MSG lobby", "MSG lobby 1-1", "MSG lobby x bob hi",
                "MSG lobby 99999999999999999999-0 bob hi",
                "MSG lobby 18446744073709551615-18446744073709551615 bob hi",
                "MSG lobby 9223372036854775807-0 bob far future",
                "MSG lobby 0-0 bob zero", "MSG nowhere 5-0 bob hi",
                "NAMES lobby -1 x", "NAMES lobby 99999999999 x", "NAMES",
                "JOINED nowhere bob", "PARTED lobby nobody",
                "RENAMED nobody somebody", "OK", "OK 5-0", "#1 OK", "#99 OK",
                "ERR", "PING", "PONG", "WELCOME snug/9 x y",
                "WELCOME snug/1 x guest-abcd1234", "NOTICE", "NOTICE gap",
                "NOTICE gap nowhere", "NOTICE unread lobby 99999999",
                "READ lobby 5-0", "TYPING lobby bob", "BLAH blah blah",
                "@a @a @a MSG lobby 6-0 bob twice", "#x #y OK", "@ MSG",
                "TOPIC lobby", "@retry=99999999999999 ERR slow-down x"]:
            server.send(line)
        server.msg("still here")
        t.wait("bob │ still here")


@test
def strangers_cannot_open_windows_without_end():
    with FakeServer() as server, snug(server, "lobby") as t:
        server.begin()
        t.wait("2 here")
        for i in range(300):
            server.msg("hi", nick="p%d" % i, target="@p%d" % i)
        server.msg("still here")
        t.wait("bob │ still here")
        t.type("/window 99\r")
        t.wait("@p97")
        t.type("/window 100\r")
        t.wait("there is no such window")


@test
def many_members_and_messages_are_held():
    with FakeServer() as server, snug(server, "lobby", cols=160) as t:
        server.begin()
        t.wait("2 here")
        for k in range(25):
            server.send("NAMES lobby 12500 " +
                        " ".join("m%d" % (500 * k + i) for i in range(500)))
        for i in range(12000):
            server.msg("m %d" % i)
        server.msg("the last")
        t.wait("│ the last", timeout=30)


@test
def a_server_that_is_none_is_said_so():
    with FakeServer() as server, snug(server, "lobby", nick=None) as t:
        server.accept()
        server.s.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        t.wait("does not speak snug/1")
        t.wait("offline")


@test
def a_server_that_wants_secure_sessions_is_said_so():
    with FakeServer() as server, snug(server, "lobby") as t:
        server.accept()
        server.send("WELCOME snug/1 den * max-line=16384 secure=required")
        t.wait("secure sessions only")
        t.wait("offline: /reconnect")


run()
