# SPDX-License-Identifier: ISC
"""Whom one talks with: the server's key at the first meeting, and when it has
changed."""

from stage import *
from pins import *


# --- the first meeting -------------------------------------------------------

@test
def a_new_server_is_shown_and_asked_about():
    with Snugd() as server, secure(server, "lobby") as t:
        key, words = key_of(server)
        t.wait("was never seen before")
        t.wait(words)
        t.wait(key)
        t.wait("snugd --print-key")
        t.wait("Is this its key? yes or no:")
        check(not os.path.exists(pins(server)), "it is pinned unasked")
        equal("\n".join(t.screen()).count("is not known yet"), 1)
        t.type("yes\r")
        t.wait("ann  secure ok")
        t.wait("#lobby>")
        t.wait("1 here")
        equal(read_pins(server).split(" ")[:2], [server.address, key])


@test
def only_the_whole_word_is_a_yes():
    with Snugd() as server, secure(server, "lobby") as t:
        t.wait("Is this its key?")
        t.type("y\r")
        t.wait("write yes or no, the whole word")
        t.wait("Is this its key?")
        t.type("no\r")
        t.wait("the key was not taken")
        t.gone("Is this its key?")
        check(not os.path.exists(pins(server)), "it is pinned after a no")
        t.type("/reconnect\r")
        t.wait("Is this its key?")
        t.type("YES\r")
        t.wait("secure ok")


@test
def what_was_being_typed_is_no_answer_and_not_lost():
    with Snugd() as server:
        server.signal(signal.SIGSTOP)
        with secure(server, "lobby") as t:
            t.wait("connecting")
            t.type("half a sentence, yes")
            t.wait("> half a sentence, yes")
            server.signal(signal.SIGCONT)
            t.wait("Is this its key?")
            t.type("\r")
            t.wait("the key was not taken")
            t.type("\0331")
            t.wait("#lobby> half a sentence, yes")


@test
def a_known_server_is_not_asked_about_again():
    with Snugd() as server:
        with known(server, "lobby") as t:
            t.wait("1 here")
            t.wait("secure ok")
            check(not t.has("never seen"), "it is asked about")
        check("2026-01-01" in read_pins(server), "it was pinned anew")


@test
def a_changed_key_is_a_dead_end_that_shows_both():
    with Snugd() as server:
        other = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
        pin(server, other)
        with secure(server, "lobby") as t:
            key, words = key_of(server)
            t.wait("KEY HAS CHANGED")
            t.type("\033`")
            t.wait(words)
            t.wait(key)
            t.wait(other)
            t.wait("snug --forget " + server.address)
            t.type("yes\r")
            t.wait("offline: /reconnect")
            t.type("/reconnect\r")
            t.wait("KEY HAS CHANGED")
            check(not t.has("secure ok"), "it went on")
        check(other in read_pins(server), "the pin is gone")


@test
def an_announced_key_takes_over_without_a_question():
    with Snugd() as server:
        old = os.path.join(server.folder.path, "server.key")
        new = os.path.join(server.folder.path, "next.key")
        first, _ = key_of(server)
        pin(server, first)
        second = subprocess.run(
            [program("snugd"), "--no-config", "--key-file", new,
             "--print-key"], check=True, capture_output=True,
            text=True).stdout.split()[0]
        server.kill()
        server.options = ("--next-key-file", new)
        server.start()
        with secure(server, "lobby") as t:
            t.wait("1 here")
            t.type("\033`")
            t.wait("has announced its next key")
            t.wait(second)
        check("next=" + second in read_pins(server), "it is not pinned")
        server.kill()
        os.rename(new, old)
        server.options = ()
        server.start()
        with secure(server, "lobby") as t:
            t.wait("1 here")
            t.type("\033`")
            t.wait("that it had announced")
        equal(read_pins(server).split(" ")[1], second)
        check("next=" not in read_pins(server), "it is still the next one")


@test
def a_broken_pin_file_ends_it_before_it_begins():
    with Snugd() as server:
        pin(server, "not-a-key")
        p = subprocess.run(
            [program("snug"), "--no-config", server.address],
            env=dict(os.environ, XDG_DATA_HOME=os.path.join(
                server.folder.path, "data"), LC_ALL="C.UTF-8"),
            stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE)
        equal(p.returncode, 1)
        check(b"known_servers:1: the second word is no key" in p.stderr,
              p.stderr)


@test
def a_plain_session_is_marked():
    with Snugd() as server, snug(server, "lobby") as t:
        t.wait("ann  plain ok")


@test
def accounts_want_a_secure_session():
    with Snugd() as server, snug(server, "lobby") as t:
        t.wait("1 here")
        t.type("/register\r")
        t.wait("accounts need a secure session")


run()
