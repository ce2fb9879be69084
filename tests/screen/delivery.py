# SPDX-License-Identifier: ISC
"""The truth about what was sent: pending, delivered, failed, unknown; and
coming back after a break."""

import contextlib
import threading

from stage import *


def mark_of(t, text):
    """The last column of the message's row; None where it is not shown."""
    for number, row in enumerate(t.screen()):
        if text in row:
            return t.cell(number, t.cols - 1)[0]
    return None


@test
def pending_and_delivered_are_told_apart():
    with Snugd() as server, snug(server, "lobby") as t:
        t.wait("1 here")
        server.signal(signal.SIGSTOP)
        t.type("are you there?\r")
        t.wait("│ are you there?")
        t.until(lambda t: mark_of(t, "│ are you there?") == "o", "the mark")
        t.wait("no answer for")
        server.signal(signal.SIGCONT)
        t.until(lambda t: mark_of(t, "│ are you there?") == " ", "no mark")
        t.wait("ok ")


@test
def typing_goes_on_while_disconnected_and_is_sent_later():
    with Snugd() as server, snug(server, "lobby") as t:
        t.wait("1 here")
        server.kill()
        t.wait("offline")
        t.type("draft")
        t.wait("> draft")
        t.type(" done\r")
        t.until(lambda t: mark_of(t, "│ draft done") == "o", "the mark")
        server.start()
        t.type("\r")
        t.until(lambda t: mark_of(t, "│ draft done") == " ", "delivery")
        with Raw(server, "bob") as bob:
            bob.say("@last=10 JOIN lobby")
            bob.wait("ann draft done")


@test
def rooms_are_entered_again_after_a_restart():
    with Snugd() as server, snug(server, "lobby", "dev") as t:
        t.wait("1 here")
        t.type("before\r")
        t.wait("│ before")
        server.kill()
        t.wait("offline")
        server.start()
        t.type("\r")
        with Raw(server, "bob", "lobby") as bob:
            t.wait("2 here", timeout=40)
            bob.say("SAY lobby welcome back")
            t.wait("bob │ welcome back")
        check(t.has("│ before"), "what was there stays")


@test
def a_replay_closes_the_gap_without_a_double():
    with FakeServer() as server, snug(server, "lobby") as t:
        server.begin()
        first = server.msg("one")
        t.wait("bob │ one")
        server.drop()
        t.wait("offline")
        t.type("\r")
        server.welcome()
        tag, _, words = server.expect("NICK")
        server.answer(tag, "OK ann")
        tag, attributes, _ = server.expect("JOIN")
        equal(attributes.get("since"), first)
        server.send("JOINED lobby ann")
        server.send(tag + " NAMES lobby 2 ann bob")
        last = server.msg("two", attributes=tag + " @replay ")
        server.answer(tag, "OK " + last)
        server.msg("three")
        t.wait("│ three")
        rows = [r for r in t.screen() if re.search("│ (one|two|three)", r)]
        equal(len(rows), 3)


@test
def a_gap_is_told():
    with FakeServer() as server, snug(server, "lobby") as t:
        server.begin()
        t.wait("2 here")
        server.send("NOTICE gap lobby")
        t.wait("lost or out of reach")


@test
def a_refused_line_is_marked_and_can_be_resent():
    with FakeServer() as server, snug(server, "lobby") as t:
        server.begin()
        t.wait("2 here")
        t.type("hello\r")
        tag, attributes, _ = server.expect("SAY")
        server.answer(tag, "ERR muted you are muted")
        t.wait("not sent: you are muted")
        t.until(lambda t: mark_of(t, "│ hello") == "x", "the mark")
        t.type("/resend\r")
        tag, again, _ = server.expect("SAY")
        equal(again["cid"], attributes["cid"])
        server.answer(tag, "OK 1800000000000-0")
        t.until(lambda t: mark_of(t, "│ hello") == " ", "delivery")


@test
def a_line_that_has_to_wait_is_said_again_in_order():
    with FakeServer() as server, snug(server, "lobby") as t:
        server.begin()
        t.wait("2 here")
        t.type("one\rtwo\r")
        tag, attributes, words = server.expect("SAY")
        equal(words[2], "one")
        server.send(tag.replace("#", "#") + " @retry=50 ERR slow-down easy")
        tag, again, words = server.expect("SAY")
        equal((words[2], again["cid"]), ("one", attributes["cid"]))
        server.answer(tag, "OK 1800000000000-0")
        tag, _, words = server.expect("SAY")
        equal(words[2], "two")
        server.answer(tag, "OK 1800000000001-0")
        t.until(lambda t: mark_of(t, "│ two") == " ", "delivery")


@test
def a_line_lost_on_the_way_is_asked_about():
    with FakeServer() as server, snug(server, "lobby") as t:
        server.begin()
        t.wait("2 here")
        t.type("hello\r")
        server.expect("SAY")
        server.drop()
        t.wait("offline")
        t.type("\r")
        server.begin()
        t.wait("may or may not have been sent")
        t.until(lambda t: mark_of(t, "│ hello") == "?", "the mark")
        t.type("/discard\r")
        t.gone("│ hello")


@test
def a_line_lost_on_the_way_is_said_again_where_that_is_harmless():
    with FakeServer() as server, snug(server, "lobby") as t:
        server.welcome("dedupe=300 resume=s3cret")
        tag, _, _ = server.expect("NICK")
        server.answer(tag, "OK ann")
        server.join()
        t.wait("2 here")
        t.type("hello\r")
        _, attributes, _ = server.expect("SAY")
        server.drop()
        t.wait("offline")
        t.type("\r")
        server.welcome("dedupe=300 resume=another")
        tag, resume, words = server.expect("NICK")
        equal((resume.get("resume"), words[1]), ("s3cret", "ann"))
        server.answer(tag, "OK ann")
        server.join()
        tag, again, words = server.expect("SAY")
        equal((words[2], again["cid"]), ("hello", attributes["cid"]))
        server.answer(tag, "OK 1800000000000-0")
        t.until(lambda t: mark_of(t, "│ hello") == " ", "delivery")


@test
def a_line_that_arrived_after_all_is_not_said_again():
    with FakeServer() as server, snug(server, "lobby") as t:
        server.welcome("dedupe=300 resume=s3cret")
        tag, _, _ = server.expect("NICK")
        server.answer(tag, "OK ann")
        server.join()
        t.wait("2 here")
        t.type("hello\r")
        _, attributes, _ = server.expect("SAY")
        server.drop()
        t.wait("offline")
        t.type("\r")
        server.welcome("dedupe=300 resume=another")
        tag, _, _ = server.expect("NICK")
        server.answer(tag, "OK ann")
        tag, _, _ = server.expect("JOIN")
        server.send(tag + " NAMES lobby 2 ann bob")
        last = server.msg("hello", nick="ann", attributes=
                          tag + " @replay @cid=" + attributes["cid"] + " ")
        server.answer(tag, "OK " + last)
        t.until(lambda t: mark_of(t, "│ hello") == " ", "delivery")
        t.type("next\r")
        equal(server.expect("SAY")[2][2], "next")


class Gate:
    """Between snug and a server: what goes one way can be thrown away."""

    def __init__(self, server):
        self.server = server
        self.folder = Folder()
        self.address = "unix:" + os.path.join(self.folder.path, "g")
        self.swallows = None  # "up", "down"
        self.swallowed = b""
        self.ends = []
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(self.address[len("unix:"):])
        self.socket.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                down, _ = self.socket.accept()
            except OSError:
                return
            up = socket.socket(socket.AF_UNIX)
            up.connect(self.server.socket)
            self.ends += [down, up]
            for way in (("up", down, up), ("down", up, down)):
                threading.Thread(
                    target=self.carry, args=way, daemon=True).start()

    def carry(self, way, source, sink):
        try:
            while data := source.recv(65536):
                if self.swallows == way:
                    self.swallowed += data
                else:
                    sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def cut(self):
        """Ends what there is; a new connection passes whole."""
        ends, self.ends = self.ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        self.swallows = None

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.cut()
        self.socket.close()
        self.folder.remove()


def a_line_in_flight_arrives_once(way):
    with Snugd() as server, Gate(server) as gate, \
            Raw(server, "bob", "lobby") as bob, snug(gate, "lobby") as t:
        t.wait("2 here")
        gate.swallows = way
        t.type("hello\r")
        if way == "up":
            t.until(lambda _: b"hello" in gate.swallowed, "the line is lost")
        else:
            bob.wait("ann hello")
            t.until(lambda _: b"hello" in gate.swallowed, "the echo is lost")
        t.until(lambda t: mark_of(t, "│ hello") == "o", "the mark")
        gate.cut()
        t.wait("offline")
        t.type("\r")
        t.until(lambda t: mark_of(t, "│ hello") == " ", "delivery")
        t.type("next\r")
        heard = []
        while not heard or "ann next" not in heard[-1]:
            heard.append(bob.next())
        equal(sum("ann hello" in line for line in heard), way == "up")
        equal(sum("│ hello" in row for row in t.screen()), 1)


@test
def a_line_that_was_cut_on_its_way_arrives_once():
    a_line_in_flight_arrives_once("up")


@test
def a_line_whose_answer_was_cut_arrives_once():
    a_line_in_flight_arrives_once("down")


@test
def what_a_person_said_meanwhile_is_read_to_its_end():
    with FakeServer() as server, snug(server, nick="ann") as t:
        server.welcome()
        tag, _, _ = server.expect("NICK")
        server.answer(tag, "OK ann")
        first = server.msg("before", target="@bob")
        t.wait("1 @bob!1")
        t.press("alt-1")
        t.wait("│ before")
        server.drop()
        t.wait("offline")
        t.type("\r")
        server.welcome()
        tag, _, _ = server.expect("NICK")
        server.answer(tag, "OK ann")
        tag, attributes, words = server.expect("HISTORY")
        equal((words[1], attributes["after"]), ("@bob", first))
        last = server.msg("one", target="@bob", attributes=tag + " @replay ")
        server.answer(tag, "OK")
        tag, attributes, _ = server.expect("HISTORY")
        equal(attributes["after"], last)
        server.msg("two", target="@bob", attributes=tag + " @replay ")
        server.answer(tag, "OK end")
        t.wait("│ two")
        t.type("hi\r")
        equal(server.expect("SAY")[2], ["SAY", "@bob", "hi"])


@test
def a_goodbye_without_a_time_is_obeyed():
    with FakeServer() as server, snug(server, "lobby") as t:
        server.begin()
        t.wait("2 here")
        server.send("BYE banned you are banned")
        server.drop()
        t.wait("offline: /reconnect")
        t.wait("you are banned")
        t.type("/reconnect\r")
        server.begin()
        t.wait("ok ")


@test
def quitting_with_undelivered_lines_asks():
    with Snugd() as server, snug(server, "lobby") as t:
        t.wait("1 here")
        server.signal(signal.SIGSTOP)
        t.type("wait for me\r")
        t.wait("│ wait for me")
        t.type("/quit\r")
        t.wait("1 not delivered")
        t.type("/quit\r")
        equal(t.exit(), ("exit", 0))
        server.signal(signal.SIGCONT)


@test
def quitting_lets_what_was_just_said_arrive():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby") as t:
        t.wait("2 here")
        t.type("one\rtwo\rthree\r/quit so long\r")
        equal(t.exit(), ("exit", 0))
        for text in ("ann one", "ann two", "ann three", "so long"):
            bob.wait(text)


run()
