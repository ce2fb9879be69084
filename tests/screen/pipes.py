# SPDX-License-Identifier: ISC
"""snug without a screen: send and tail, as scripts use them."""

import json

from stage import *


def send(server, *argv, text=None, timeout=DEADLINE):
    p = subprocess.run(
        [program("snug"), "send", "--no-config", "--server", server.address,
         *argv], input=text, stdin=None if text else subprocess.DEVNULL,
        capture_output=True, timeout=timeout)
    return p.returncode, p.stderr.decode("utf-8")


class Tail:
    def __init__(self, server, *argv):
        self.p = subprocess.Popen(
            [program("snug"), "tail", "--no-config", "--server",
             server.address, *argv], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE)

    def line(self):
        return self.p.stdout.readline().decode("utf-8").rstrip("\n")

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.p.terminate()
        equal(self.p.wait(timeout=DEADLINE), 0)
        self.p.stdout.close()


@test
def a_text_is_sent():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob:
        equal(send(server, "--nick", "ann", "lobby", "hello", "there"),
              (0, ""))
        bob.wait("ann hello there")


@test
def each_line_of_the_input_is_sent_in_order():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob:
        lines = "".join("line %d\n" % i for i in range(200)) + "no newline"
        equal(send(server, "lobby", text=lines.encode()), (0, ""))
        for i in range(200):
            check(bob.wait("MSG").endswith(" line %d" % i), "order")
        bob.wait("no newline")


@test
def a_person_is_sent_to():
    with Snugd() as server, Raw(server, "bob") as bob:
        equal(send(server, "--nick", "ann", "@bob", "psst"), (0, ""))
        bob.wait("MSG @ann")


@test
def what_is_refused_ends_with_1():
    with Snugd() as server:
        code, text = send(server, "@nobody", "hello")
        equal(code, 1)
        check(text, "it says why")
        code, text = send(server, "lobby", "bad\033text")
        equal(code, 1)
        with Raw(server, "ann", "lobby"):
            code, text = send(server, "--nick", "ann", "lobby", "hello")
            equal(code, 1)


@test
def a_server_that_is_not_there_ends_with_75():
    with Snugd() as server:
        server.kill()
        code, text = send(server, "lobby", "hello")
        equal(code, 75)
        check("cannot reach" in text, text)
        server.start()


@test
def a_server_that_hangs_ends_with_75():
    with Snugd() as server:
        server.signal(signal.SIGSTOP)
        code, text = send(server, "--timeout", "500ms", "lobby", "hello")
        server.signal(signal.SIGCONT)
        equal(code, 75)


@test
def wrong_use_ends_with_2():
    with Snugd() as server:
        equal(send(server)[0], 2)
        equal(send(server, "no:room", "x")[0], 2)
        equal(send(server, "--nonsense", "lobby", "x")[0], 2)


@test
def tail_prints_what_was_said_and_what_comes():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob:
        for i in range(5):
            bob.say("SAY lobby old %d" % i)
        bob.wait("old 4")
        with Tail(server, "lobby", "-n", "2") as tail:
            check(tail.line().endswith("#lobby bob: old 3"), "the last two")
            check(tail.line().endswith("#lobby bob: old 4"), "the last two")
            bob.say("SAY lobby new")
            check(tail.line().endswith("#lobby bob: new"), "what comes")
            bob.say("@act SAY lobby waves")
            check(tail.line().endswith("#lobby * bob waves"), "an action")


@test
def tail_prints_json():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            Raw(server, "carol", "dev") as carol:
        with Tail(server, "lobby", "dev", "--json", "-n", "0") as tail:
            bob.wait("JOINED lobby")
            carol.wait("JOINED dev")
            bob.say('@act SAY lobby say "grüße" \\ and\ttab')
            have = json.loads(tail.line())
            equal((have["type"], have["target"], have["nick"], have["act"]),
                  ("message", "lobby", "bob", True))
            equal(have["text"], 'say "grüße" \\ and\ttab')
            check(re.fullmatch(r"\d+-\d+", have["id"]), have["id"])
            check(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                               have["time"]), have["time"])
            carol.say("SAY dev hello")
            equal(json.loads(tail.line())["target"], "dev")


@test
def tail_comes_back_and_misses_nothing():
    with FakeServer() as server:
        p = subprocess.Popen(
            [program("snug"), "tail", "--no-config", "--server",
             server.address, "-n", "0", "lobby"], stdout=subprocess.PIPE)
        server.welcome()
        server.join()
        first = server.msg("one")
        check(p.stdout.readline().endswith(b"bob: one\n"), "live")
        server.drop()
        server.welcome()
        tag, attributes, _ = server.expect("JOIN")
        equal(attributes["since"], first)
        last = server.msg("two", attributes=tag + " @replay ")
        server.answer(tag, "OK " + last)
        server.msg("three")
        check(p.stdout.readline().endswith(b"bob: two\n"), "replayed")
        check(p.stdout.readline().endswith(b"bob: three\n"), "live again")
        p.kill()
        p.wait()
        p.stdout.close()


@test
def tail_cleans_what_it_prints():
    with FakeServer() as server:
        p = subprocess.Popen(
            [program("snug"), "tail", "--no-config", "--server",
             server.address, "-n", "0", "lobby"], stdout=subprocess.PIPE)
        server.welcome()
        server.join()
        server.msg("rtl \u202eoverride")
        line = p.stdout.readline().decode("utf-8")
        check("\u202e" not in line and "override" in line, line)
        p.kill()
        p.wait()
        p.stdout.close()


run()
