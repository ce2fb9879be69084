#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Somebody between snug and snugd, who reads and changes what passes: the client
stops with a word that says so, never falls back to a plain session, and has told
him nothing about its user."""
import contextlib
import os
import socket
import struct
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from primitives import x25519, x25519_public  # noqa: E402
from session import SUITE, Noise, text_of  # noqa: E402
from snugtest import SNUG, Failed, frame, run, test, until  # noqa: E402

COMMAND = frame("SECURE " + SUITE)
# The SECURE line and the handshake's first message: all that may be said.
GREETED = len(COMMAND) + 2 + 32
AGAIN, REFUSED = 75, 1


def read_line(f):
    """A framed line, whole; b"" at the end."""
    head = b""
    while not head.endswith(b" "):
        byte = f.read(1)
        if not byte:
            return b""
        head += byte
    return head + f.read(int(head) + 1)


def read_message(f):
    head = f.read(2)
    if len(head) < 2:
        return b""
    return head + f.read(struct.unpack(">H", head)[0])


def payload_of(line):
    return line.split(b" ", 1)[1][:-1]


class Last(bytes):
    """What is passed on before the connection ends."""


class Man:
    """Passes everything on; each step can be overridden.

    A step gets what passes and gives what is sent in its place; None ends the
    connection.
    """

    def __init__(self, w, server):
        self.server = server
        self.heard = []  # from each of the client's connections, all bytes
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        w.closers.append(self.close)
        self.accepts = threading.Thread(target=self.accept, daemon=True)
        self.accepts.start()

    # What is said in the clear, and after it.
    def greeting(self, line):
        return line

    def command(self, line):
        return line

    def call(self, message):
        return message

    def answer(self, message):
        return message

    def record(self, message):
        """A message of the server's, inside the session."""
        return message

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            heard = bytearray()
            self.heard.append(heard)
            threading.Thread(target=self.meet, args=(client, heard),
                             daemon=True).start()

    def meet(self, client, heard):
        host, port = self.server.address.rsplit(":", 1)
        try:
            server = socket.create_connection((host, int(port)))
        except OSError:  # the test is over
            client.close()
            return
        up = threading.Thread(target=self.carry, daemon=True, args=(
            client, server, heard, self.ways_up()))
        up.start()
        self.carry(server, client, bytearray(), self.ways_down())

    def ways_up(self):
        return [(read_line, self.command), (read_message, self.call),
                (read_message, lambda message: message)]

    def ways_down(self):
        return [(read_line, self.greeting), (read_message, self.answer),
                (read_message, self.record)]

    def carry(self, source, sink, heard, ways):
        """The last of the ways is for all that follows."""
        with contextlib.suppress(OSError, ValueError):
            with source.makefile("rb") as f:
                while True:
                    read, step = ways[0] if len(ways) == 1 else ways.pop(0)
                    data = read(f)
                    heard += data
                    passed = step(data) if data else None
                    if passed is None:
                        break
                    sink.sendall(passed)
                    if isinstance(passed, Last):
                        break
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def close(self):
        """Not under the feet of who accepts: the number would be another
        socket's."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.accepts.join()
        self.listener.close()

    def expect_innocent(self):
        """Nothing but a call for a session was ever heard."""
        if not self.heard:
            raise Failed("the client was never here")
        for heard in self.heard:
            if heard and (len(heard) > GREETED or
                          not bytes(heard).startswith(COMMAND)):
                raise Failed(f"the client has said {bytes(heard)!r}")

    def expect_no_clear_words(self):
        for heard in self.heard:
            for word in (b"mary", b"NICK", b"AUTH", b"JOIN", b"lobby",
                         b"a secret"):
                if word in heard[GREETED - 34:]:
                    raise Failed(f"{word!r} was heard")


class Home:
    """Where a user's pins and key are."""

    def __init__(self, w):
        self.path = w.path(f"home{w.count()}")
        os.makedirs(os.path.join(self.path, "data", "snug"), mode=0o700)

    def env(self):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("XDG_")}
        return dict(env, HOME=self.path, LC_ALL="C.UTF-8",
                    XDG_DATA_HOME=os.path.join(self.path, "data"))

    def pins(self):
        return os.path.join(self.path, "data", "snug", "known_servers")

    def pin(self, address, key):
        with open(os.open(self.pins(), os.O_WRONLY | os.O_CREAT, 0o600),
                  "w", encoding="ascii") as f:
            f.write(f"{address} {key} 2026-01-01 2026-01-02\n")

    def send(self, man, *options):
        p = subprocess.run(
            [SNUG, "send", "--no-config", "--server", man.address, "--secure",
             "--nick", "mary", "--timeout", "3s", *options, "lobby",
             "a secret"],
            input="", capture_output=True, env=self.env(), text=True,
            timeout=30, check=False)
        return p.returncode, p.stderr


def key_of(server):
    """As the operator tells it."""
    path = server.argv[server.argv.index("--key-file") + 1]
    p = subprocess.run([server.argv[0], "--no-config", "--key-file", path,
                        "--print-key"], capture_output=True, text=True,
                       check=True)
    return p.stdout.split()[0]


def stops(w, kind, status, *words, innocent=True):
    """Sends through such a man, whose key is the server's: it is known."""
    man = kind(w, w.server())
    home = Home(w)
    home.pin(man.address, key_of(man.server))
    got, said = home.send(man)
    if got != status:
        raise Failed(f"status {got}, not {status}: {said}")
    for word in words:
        if word not in said:
            raise Failed(f"{said!r} does not say {word!r}")
    if innocent:
        man.expect_innocent()
    man.expect_no_clear_words()


@test
def who_only_passes_it_on_learns_nothing(w):
    man = Man(w, w.server())
    home = Home(w)
    home.pin(man.address, key_of(man.server))
    status, said = home.send(man)
    if status != 0:
        raise Failed(said)
    if len(man.heard[0]) <= GREETED:
        raise Failed("nothing was sent")
    man.expect_no_clear_words()


# --- the greeting ------------------------------------------------------------

def greeting_with(change):
    class Changed(Man):
        def greeting(self, line):
            return frame(change(payload_of(line).decode()))
    return Changed


@test
def a_greeting_with_another_name(w):
    stops(w, greeting_with(lambda s: s.replace(" den ", " dem ")), REFUSED,
          "no secure session", "between you and the server")


@test
def a_greeting_with_another_limit(w):
    stops(w, greeting_with(lambda s: s.replace("max-line=", "max-line=1")),
          REFUSED, "no secure session")


@test
def a_greeting_with_another_key(w):
    def swap(greeting):
        words = [("key=" + text_of(bytes(31) + b"\1")
                  if word.startswith("key=") else word)
                 for word in greeting.split(" ")]
        return " ".join(words)
    stops(w, greeting_with(swap), REFUSED, "no secure session")


@test
def a_greeting_without_a_key(w):
    stops(w, greeting_with(
        lambda s: " ".join(x for x in s.split(" ") if x[:4] != "key=")),
        REFUSED, "no secure session")


@test
def a_greeting_that_claims_that_there_are_no_secure_sessions(w):
    stops(w, greeting_with(lambda s: s.replace("secure=offered", "secure=off")
                           .replace("secure=required", "secure=off")),
          REFUSED, "no secure sessions", "--plaintext")


@test
def a_greeting_of_another_protocol(w):
    stops(w, greeting_with(lambda s: s.replace("snug/1", "snug/0")), REFUSED,
          "another version")


@test
def the_end_in_place_of_a_greeting(w):
    class Silent(Man):
        def greeting(self, line):
            return None
    stops(w, Silent, AGAIN, "cut")


# --- the SECURE line ---------------------------------------------------------

def command_with(change):
    class Changed(Man):
        def command(self, line):
            return change(line)
    return Changed


@test
def a_suite_downgraded(w):
    stops(w, command_with(
        lambda _: frame("SECURE Noise_NN_25519_ChaChaPoly_BLAKE2b")),
        REFUSED, "gives no session")


@test
def a_secure_line_in_small_letters(w):
    stops(w, command_with(lambda line: line.replace(b"SECURE", b"secure")),
          REFUSED, "no secure session")


@test
def a_secure_line_with_more_in_it(w):
    stops(w, command_with(lambda line: frame("@x=1 SECURE " + SUITE)),
          REFUSED)


@test
def a_secure_line_made_a_plain_session(w):
    class Plain(Man):
        """Says NICK to the server in the client's place, and passes on."""
        def command(self, line):
            return b"NICK mallory\n"

        def ways_down(self):
            return [(read_line, self.greeting), (read_line, self.answer)]
    stops(w, Plain, REFUSED, "between you and the server")


# --- bytes before, between and behind the handshake's messages ---------------

@test
def bytes_between_the_secure_line_and_message_1(w):
    stops(w, command_with(lambda line: line + b"\0\1x"), AGAIN, "cut")


@test
def a_command_behind_message_1(w):
    class Early(Man):
        def call(self, message):
            return message + b"NICK mallory\n"
    stops(w, Early, AGAIN, "cut")


@test
def another_message_1(w):
    class Other(Man):
        def call(self, message):
            return message[:2] + x25519_public(bytes(range(32)))
    stops(w, Other, REFUSED, "changed on its way")


@test
def half_of_message_1(w):
    class Half(Man):
        """The server would wait for the rest."""
        def meet(self, client, heard):
            host, port = self.server.address.rsplit(":", 1)
            with socket.create_connection((host, int(port))) as server, \
                    server.makefile("rb") as down, client, \
                    client.makefile("rb") as up:
                client.sendall(read_line(down))
                heard += read_line(up) + read_message(up)
                server.sendall(bytes(heard[:-14]))
    stops(w, Half, AGAIN, "cut")


def before_message_2(data):
    class Injects(Man):
        def answer(self, message):
            return data + message
    return Injects


@test
def a_line_before_message_2(w):
    stops(w, before_message_2(frame("OK")), REFUSED, "between you")


@test
def a_refusal_before_message_2(w):
    stops(w, before_message_2(frame("ERR not-allowed go away")), REFUSED,
          "gives no session: go away")


@test
def a_message_before_message_2(w):
    stops(w, before_message_2(b"\0\x20" + bytes(32)), REFUSED,
          "not of a secure session")


@test
def the_start_of_a_message_before_message_2(w):
    stops(w, before_message_2(b"\0\x60" + bytes(10)), REFUSED,
          "changed on its way")


@test
def a_message_2_with_one_bit_changed(w):
    for at in (5, 40, 90):
        class Flips(Man):
            def answer(self, message, at=at):
                return (message[:at] + bytes([message[at] ^ 4]) +
                        message[at + 1:])
        stops(w, Flips, REFUSED, "changed on its way")


@test
def half_of_message_2(w):
    class Half(Man):
        def answer(self, message):
            return Last(message[:50])
    stops(w, Half, AGAIN, "cut")


@test
def message_2_twice(w):
    class Twice(Man):
        def answer(self, message):
            return message + message
    stops(w, Twice, AGAIN, "cut")


@test
def a_line_behind_message_2(w):
    class Behind(Man):
        def answer(self, message):
            # taken for a length, it is one of more than will ever come
            return message + frame("WELCOME snug/1 den mary")
    stops(w, Behind, AGAIN, "did not answer in time")


# --- records -----------------------------------------------------------------

@test
def a_first_record_with_one_bit_changed(w):
    class Flips(Man):
        def record(self, message):
            return message[:-1] + bytes([message[-1] ^ 128])
    stops(w, Flips, AGAIN, "connection was cut")


@test
def a_first_record_cut_short(w):
    class Short(Man):
        def record(self, message):
            return Last(message[:-5])
    stops(w, Short, AGAIN, "cut")


@test
def an_end_behind_the_handshake(w):
    class Ends(Man):
        def record(self, message):
            return None
    stops(w, Ends, AGAIN, "cut")


@test
def every_record_twice(w):
    class Twice(Man):
        def record(self, message):
            return message + message
    stops(w, Twice, AGAIN, "cut", innocent=False)


class Tail:
    def __init__(self, w, man):
        self.home = Home(w)
        self.home.pin(man.address, key_of(man.server))
        self.path = w.path("tail")
        with open(self.path, "wb") as out:
            self.program = w.program(
                SNUG, "tail", "--no-config", "--secure", "--server",
                man.address, "--nick", "mary", "lobby", stdout=out,
                env=self.home.env())

    def texts(self):
        with open(self.path, encoding="utf-8") as f:
            return [line.rsplit(": ", 1)[-1] for line in f.read().split("\n")
                    if line]

    def wait(self, *texts):
        until(lambda: len(self.texts()) >= len(texts), f"{len(texts)} lines")
        if self.texts() != list(texts):
            raise Failed(f"tail has {self.texts()}, not {texts}")


def recovers_from(w, harm):
    """In a conversation: what is harmed is not believed, the connection is cut,
    and what was said is read in the next one, once and in order."""
    class Harms(Man):
        armed = False
        seen = 0

        def record(self, message):
            if not self.armed:
                return message
            self.seen += 1
            return harm(self, message)

    man = Harms(w, w.server())
    man.held = []
    bob = w.client(man.server, "bob", ["lobby"])
    tail = Tail(w, man)
    bob.skip_to("JOINED lobby mary")
    bob.send("SAY lobby one")
    tail.wait("one")
    man.armed = True
    bob.send("SAY lobby two")
    until(lambda: man.seen, "the record that is harmed")
    bob.send("SAY lobby three")
    tail.wait("one", "two", "three")
    if len(man.heard) < 2:
        raise Failed("the connection was not cut")
    man.expect_no_clear_words()


@test
def a_record_replayed(w):
    def again(man, message):
        man.armed = False
        return message + message
    recovers_from(w, again)


@test
def a_record_left_out(w):
    def drop(man, message):
        man.armed = False
        return b""
    recovers_from(w, drop)


@test
def records_in_another_order(w):
    def swap(man, message):
        man.held.append(message)
        if len(man.held) < 2:
            return b""
        man.armed = False
        second, first = man.held
        return first + second
    recovers_from(w, swap)


@test
def a_record_cut_short_in_a_conversation(w):
    def cut(man, message):
        man.armed = False
        return Last(message[:10])
    recovers_from(w, cut)


# --- a key of his own --------------------------------------------------------

class Responder(Noise):
    """NX, the other side."""

    def read_call(self, message):
        self.theirs = message[:32]
        self.mix(self.theirs)
        self.mix(message[32:])

    def write_answer(self, static):
        public = x25519_public(self.secret)
        self.mix(public)
        self.mix_key(x25519(self.secret, self.theirs))
        sealed = self.seal(x25519_public(static))
        self.mix_key(x25519(static, self.theirs))
        return public + sealed + self.seal(b"")

    def seal(self, plain):
        sealed = self.cipher.seal(plain, self.h)
        self.mix(sealed)
        return sealed


class Impostor(Man):
    """A server of his own: all is in order, but the key."""

    def __init__(self, w):
        self.static = os.urandom(32)
        self.read = []  # what he could open
        super().__init__(w, None)

    def key(self):
        return text_of(x25519_public(self.static))

    def meet(self, client, heard):
        greeting = ("WELCOME snug/1 den * max-line=16384 max-text=8192 "
                    f"secure=required key={self.key()}")
        with contextlib.suppress(OSError), client, client.makefile("rb") as f:
            client.sendall(frame(greeting))
            line = read_line(f)
            heard += line
            noise = Responder(b"snug/1\n" + greeting.encode() + b"\n" +
                              payload_of(line), os.urandom(32))
            call = read_message(f)
            heard += call
            noise.read_call(call[2:])
            answer = noise.write_answer(self.static)
            theirs, mine = noise.split()
            inside = mine.seal(frame(
                "WELCOME snug/1 den guest-abcd1234 max-line=16384 "
                "max-text=8192 ping=60 dedupe=300"))
            client.sendall(struct.pack(">H", 96) + answer +
                           struct.pack(">H", len(inside)) + inside)
            while message := read_message(f):
                heard += message
                self.read.append(theirs.unseal(message[2:]))


def fails(home, man, *words, options=()):
    status, said = home.send(man, *options)
    if status != REFUSED:
        raise Failed(f"status {status}: {said}")
    for word in words:
        if word not in said:
            raise Failed(f"{said!r} does not say {word!r}")
    man.expect_innocent()


@test
def another_key_against_a_known_server(w):
    man, home = Impostor(w), Home(w)
    known = text_of(b"\1" * 32)
    home.pin(man.address, known)
    for options in ((), ("--accept-new",)):
        fails(home, man, "HAS CHANGED", known, man.key(),
              f"snug --forget {man.address}", options=options)
    with open(home.pins(), encoding="ascii") as f:
        if known not in f.read():
            raise Failed("the pin is gone")


@test
def another_key_at_the_first_meeting_in_a_script(w):
    man, home = Impostor(w), Home(w)
    fails(home, man, "never seen before", man.key(), "--accept-new")
    if os.path.exists(home.pins()):
        raise Failed("a stranger was pinned")


@test
def another_key_than_the_one_in_the_link(w):
    man, home = Impostor(w), Home(w)
    link = f"snug://{man.address}/#{text_of(bytes([2]) * 32)}"
    fails(home, man, "in the link", options=("--server", link))


@test
def who_accepts_whatever_is_new_talks_with_him(w):
    """The test's own test: an impostor can open what is said to him."""
    man, home = Impostor(w), Home(w)
    home.send(man, "--accept-new", "--timeout", "1s")
    if not any(b"AUTH" in plain for plain in man.read):
        raise Failed(f"he has read {man.read}")


@test
def no_plain_session_with_a_known_server(w):
    man, home = Man(w, w.server()), Home(w)
    home.pin(man.address, key_of(man.server))
    status, said = home.send(man, "--no-secure", "--plaintext")
    if status != REFUSED or "--plaintext is refused" not in said:
        raise Failed(f"status {status}: {said}")
    if man.heard:
        raise Failed("the client was there")


# --- before the user's eyes --------------------------------------------------

@test
def on_the_screen_a_changed_key_is_a_dead_end(w):
    man, home = Impostor(w), Home(w)
    home.pin(man.address, text_of(b"\1" * 32))
    t = w.terminal([SNUG, "--no-config", "--secure", "--nick", "mary",
                    man.address, "lobby"], data=home.env()["XDG_DATA_HOME"])
    t.wait("HAS CHANGED")
    for keys in ("yes\r", "y", "\r", "/reconnect\r"):
        t.type(keys)
    until(lambda: len(man.heard) >= 2, "it was tried again")
    t.wait("nothing was said to it")
    man.expect_innocent()


@test
def on_the_screen_a_changed_greeting_is_told(w):
    man = greeting_with(lambda s: s.replace(" den ", " dem "))(w, w.server())
    home = Home(w)
    home.pin(man.address, key_of(man.server))
    t = w.terminal([SNUG, "--no-config", "--secure", "--nick", "mary",
                    man.address, "lobby"], data=home.env()["XDG_DATA_HOME"])
    t.wait("no secure session")
    t.wait("offline: /reconnect")
    man.expect_innocent()


run()
