# SPDX-License-Identifier: ISC
"""Secure sessions against a real server, with the independent client of
tests/interop: a session like any other, the server's key and how it is
exchanged, and what is no secure session."""
import os
import subprocess
import sys

from snugtest import SNUGD, SRCDIR, Failed, run, test, until, within

sys.path.insert(1, os.path.join(SRCDIR, "tests", "interop"))
# pylint: disable=wrong-import-position
from session import SUITE, Secure, key_of, words_of  # noqa: E402

LINE = f"SECURE {SUITE}\n".encode()


def secure(w, server, nick=None, rooms=()):
    """A secure connection, greeted; with a nick and in rooms where asked."""
    c = Secure(server.address, nick or f"s{w.count()}")
    w.clients.append(c)
    c.keys = c.greet()
    if nick:
        c.take(nick)
    for room in rooms:
        c.join(room)
    return c


def snugd(*options):
    """Runs snugd to its end; gives (status, standard output, error)."""
    p = subprocess.run([SNUGD, "--no-config", *options], capture_output=True,
                       timeout=20, text=True, check=False)
    return p.returncode, p.stdout, p.stderr


def key_in(path):
    """The public key of a key file, made if it is not there."""
    status, out, said = snugd("--print-key", "--key-file", path)
    if status:
        raise Failed(f"--print-key: {said}")
    return out.split("\n")[0]


def closed_without_a_word(c):
    """Nothing has come behind WELCOME but the end."""
    c.welcome()
    c.end()


# --- a session like any other -----------------------------------------------

@test
def plain_and_secure_people_talk_on_two_nodes(w):
    den, nook = w.nodes("den", "nook")
    ann = secure(w, den, "ann", ["r"])
    bob = w.client(nook, "bob", ["r"])
    ann.expect("JOINED r bob")
    eve = secure(w, nook, "eve", ["r"])
    for c in (ann, bob):
        c.expect("JOINED r eve")
    for n, c in enumerate((ann, bob, eve) * 20):
        one = c.say("r", f"{n}")
        for other in (ann, bob, eve):
            if other is not c:
                other.expect(f"MSG r {one} {c.nick} {n}")
    ann.send("QUIT bye")
    ann.expect("OK", "BYE quit bye")
    ann.end()
    eve.expect("PARTED r ann bye")


@test
def large_texts_and_long_histories_pass(w):
    s = w.server("--max-line", "90000", "--max-text", "80000",
                 "--send-buffer", "2M")
    ann, bob = secure(w, s, "ann", ["r"]), secure(w, s, "bob", ["r"])
    ann.expect("JOINED r bob")
    ids = []
    for n in range(12):
        ids.append(ann.say("r", f"{n} " + "x" * 70000))
        bob.expect(f"MSG r {ids[n]} ann {n} " + "x" * 70000)
    eve = secure(w, s, "eve")
    eve.send("@last=20 JOIN r")
    before, _ = eve.skip_to("OK <id>")
    if sum(" MSG r " in x for x in before) != len(ids):
        raise Failed(f"{len(before)} lines came")


@test
def a_cut_connection_is_told_apart_from_quit(w):
    s = w.server()
    ann, bob = secure(w, s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    ann.half_close()
    ann.end()
    bob.expect("PARTED r ann cut: the stream ended without QUIT")
    s.wait_log(r"cut reason=\"the stream ended without QUIT\"")


@test
def a_token_of_a_secure_session_fits_no_plain_one_on_any_node(w):
    den, nook = w.nodes("den", "nook")
    ann = secure(w, den, "ann", ["r"])
    token = ann.keys["resume"]
    for s in (den, nook):
        w.client(s).ask(f"@resume={token} NICK ann", "ERR nick-in-use <text>")
    again = secure(w, nook)
    again.ask(f"@resume={token} NICK ann", "OK ann")
    ann.skip_to("BYE replaced <any>")


# --- the server's key -------------------------------------------------------

@test
def the_key_is_made_once_and_printed_with_its_words(w):
    path = w.path("made.key")
    key = key_in(path)
    status, out, said = snugd("--print-key", "--key-file", path)
    if status or out != f"{key}\n{words_of(key_of(key))}\n":
        raise Failed(f"{out!r} {said!r}")
    if os.stat(path).st_mode & 0o7777 != 0o600:
        raise Failed("others may read the key")
    s = w.server("--key-file", path)
    for c in (secure(w, s), secure(w, s)):
        if c.keys["key"] != key:
            raise Failed(f"{c.keys} has another key than {key}")
    if key not in s.log() or "secret" in s.log():
        raise Failed(s.log())


@test
def a_key_file_that_is_not_safe_is_refused_and_left(w):
    def loose(path):
        os.chmod(path, 0o640)
        return "chmod 600"

    def cut(path):
        os.truncate(path, 50)
        return "damaged"

    def link(path):
        os.rename(path, path + "-")
        os.symlink(path + "-", path)
        return "link"

    for n, harm in enumerate((loose, cut, link)):
        path = w.path(f"bad{n}.key")
        key_in(path)
        word = harm(path)
        before = os.lstat(path)
        for options in (["--print-key"], ["--listen", "127.0.0.1:0"]):
            status, _, said = snugd("--key-file", path, *options)
            if status != 1 or path not in said or word not in said:
                raise Failed(f"status {status}: {said}")
        after = os.lstat(path)
        if (before.st_ino, before.st_size) != (after.st_ino, after.st_size):
            raise Failed(f"{path} was changed")


@test
def a_folder_that_is_not_there_is_named_with_the_mend(w):
    status, _, said = snugd("--print-key", "--key-file", w.path("no/k"))
    if status != 1 or w.path("no") not in said:
        raise Failed(f"status {status}: {said}")


@test
def the_next_key_is_announced_within_and_then_it_is_the_key(w):
    old, new = w.path("old.key"), w.path("new.key")
    first, second = key_in(old), key_in(new)
    s = w.server("--key-file", old, "--next-key-file", new)
    c = secure(w, s)
    c.expect(f"NOTICE next-key {second}")
    w.client(s).nothing()
    s.stop()
    os.rename(new, old)
    c = secure(w, w.server("--key-file", old))
    c.nothing()
    if first == second or c.keys["key"] != second:
        raise Failed(f"the key is {c.keys['key']}, not {second}")


@test
def a_next_key_is_never_made_and_never_the_key(w):
    path = w.path("one.key")
    key_in(path)
    for other, word in ((w.path("none.key"), "--print-key"),
                        (path, "in use")):
        status, _, said = snugd("--listen", "127.0.0.1:0", "--key-file", path,
                                "--next-key-file", other)
        if status != 1 or "next-key-file" not in said or word not in said:
            raise Failed(f"status {status}: {said}")
        if other != path and os.path.exists(other):
            raise Failed("a next key was made")


@test
def options_that_contradict_each_other_are_refused(_w):
    for options in (["--secure=required", "--plaintext=any"],
                    ["--secure=off", "--next-key-file=x"],
                    ["--secure=maybe"]):
        status, _, said = snugd("--check-config", *options)
        if status != 2:
            raise Failed(f"{options}: status {status}: {said}")


# --- what is no secure session ----------------------------------------------

@test
def lines_behind_secure_are_never_parsed(w):
    s = w.server()
    c = w.visitor(s)
    c.raw(LINE + b"NICK eve\nJOIN r\nSAY r hello\n")
    closed_without_a_word(c)
    c = w.visitor(s)
    c.raw(b"SECURE x\nNICK eve\nJOIN r\nSAY r hello\n")
    c.welcome()
    c.expect("ERR bad-args <text>", "BYE bad-frame <text>")
    c.half_close()
    c.end()
    if w.known(s, "eve"):
        raise Failed("a line behind SECURE was run")


@test
def lines_behind_the_handshake_in_the_clear_end_it(w):
    s = w.server()
    c = secure(w, s, "ann")
    c.put(b"JOIN r\n" * 4000)
    c.end()
    w.client(s).ask("NAMES r", "ERR no-such-room <text>")


@test
def a_handshake_has_its_time(w):
    s = w.server("--handshake", "200ms")
    for half in (b"", b"\0", b"\0\x20" + b"x" * 31):
        c = w.visitor(s)
        c.raw(LINE + half)
        closed_without_a_word(c)
    s.wait_log(r"handshake failed reason=\"the handshake was not finished")
    secure(w, s, "ann").nothing()


@test
def many_unfinished_handshakes_take_little(w):
    many = 1000
    s = w.server("--conn-per-addr", "5000", "--early-drop", "off",
                 "--handshake", "60s")
    secure(w, s, "ann").nothing()
    before = s.rss()
    for _ in range(many):
        w.visitor(s).raw(LINE + b"\0\x20" + b"x" * 31)
    c = secure(w, s, "bob")
    c.nothing()
    until(lambda: len([1 for x in s.log().splitlines() if " open " in x])
          >= many, "all of them are there")
    within(s.rss() - before, many * 6 * 1024)
    for other in w.clients[1:-1]:
        other.close()
    c.nothing()


run()
