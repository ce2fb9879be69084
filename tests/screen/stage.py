# SPDX-License-Identifier: ISC
"""What screen tests stand on: servers, raw sessions, and TAP.

    from stage import *

    @test
    def two_people_talk():
        with Snugd() as server, Raw(server, "bob") as bob, \\
                snug(server, "lobby", nick="ann") as t:
            ...

    run()

Snugd is a real server in memory on a private socket.  FakeServer says what a
test makes it say, for what a real one never would.  Nothing sleeps.
"""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

from vt import Terminal, Timeout

BUILD = os.environ.get("SNUG_BUILDDIR", os.getcwd())
DEADLINE = 10.0

tests = []
states = [0]


def test(function):
    tests.append(function)
    return function


def run():
    failed = 0
    print("1..%d" % len(tests), flush=True)
    for number, function in enumerate(tests, 1):
        name = function.__name__.replace("_", " ")
        try:
            function()
            print("ok %d - %s" % (number, name), flush=True)
        except Exception:
            failed += 1
            print("not ok %d - %s" % (number, name))
            for line in traceback.format_exc().splitlines():
                print("# " + line)
            sys.stdout.flush()
    sys.exit(1 if failed else 0)


def check(condition, what):
    if not condition:
        raise AssertionError(what() if callable(what) else what)


def equal(have, want):
    check(have == want, "have %r, want %r" % (have, want))


def program(name):
    path = os.path.join(BUILD, name)
    check(os.access(path, os.X_OK), path + " is not built")
    return path


class Folder:
    """A private folder; its path is short enough for a socket's."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="snug-screen-")

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Snugd:
    def __init__(self, *options):
        self.folder = Folder()
        self.socket = os.path.join(self.folder.path, "s")
        self.address = "unix:" + self.socket
        self.options = options
        self.p = None
        self.start()

    def start(self):
        self.p = subprocess.Popen(
            [program("snugd"), "--no-config", "--flood=off", "--listen",
             self.address, "--key-file",
             os.path.join(self.folder.path, "server.key"), *self.options],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE)
        for line in self.p.stderr:
            if line.startswith(b"ready "):
                break
        else:
            raise AssertionError("snugd did not start")

    def signal(self, number):
        self.p.send_signal(number)

    def kill(self):
        self.p.kill()
        self.p.wait()
        self.p.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.kill()
        self.folder.remove()


class Raw:
    """A session as with netcat: bare lines out, framed ones in."""

    def __init__(self, server, nick=None, room=None):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(DEADLINE)
        self.s.connect(server.socket)
        self.data = b""
        self.lines = []
        self.wait("WELCOME")
        if nick:
            self.say("NICK " + nick)
            self.wait("OK " + nick)
        if room:
            self.say("JOIN " + room)
            self.wait("OK")

    def say(self, line):
        data = line if isinstance(line, bytes) else line.encode("utf-8")
        self.s.sendall(data + b"\n")

    def next(self):
        while True:
            m = re.match(rb"(\d+) ", self.data)
            if m and len(self.data) > m.end() + int(m.group(1)):
                end = m.end() + int(m.group(1))
                line, self.data = self.data[m.end():end], self.data[end + 1:]
                return line.decode("utf-8", "replace")
            more = self.s.recv(65536)
            if not more:
                raise EOFError("the server has closed")
            self.data += more

    def wait(self, text):
        """The next line that holds the text; those before it are dropped."""
        while True:
            line = self.next()
            if text in line:
                return line

    def close(self):
        self.s.close()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class FakeServer:
    """Says what it is told to, to one client at a time."""

    def __init__(self):
        self.folder = Folder()
        self.socket = os.path.join(self.folder.path, "s")
        self.address = "unix:" + self.socket
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.socket)
        self.listener.listen(5)
        self.listener.settimeout(DEADLINE)
        self.s = None
        self.data = b""
        self.next_id = 1700000000000

    def accept(self):
        self.s, _ = self.listener.accept()
        self.s.settimeout(DEADLINE)
        self.data = b""

    def drop(self):
        """Cuts the connection, without a word."""
        self.s.close()
        self.s = None

    def send(self, payload):
        data = payload if isinstance(payload, bytes) \
            else payload.encode("utf-8", "surrogatepass")
        self.s.sendall(b"%d %s\n" % (len(data), data))

    def next(self):
        """The client's next command: (tag, attributes, words)."""
        while True:
            m = re.match(rb"(\d+) ", self.data)
            if m and len(self.data) > m.end() + int(m.group(1)):
                break
            more = self.s.recv(65536)
            if not more:
                raise EOFError("the client has closed")
            self.data += more
        end = m.end() + int(m.group(1))
        line, self.data = self.data[m.end():end], self.data[end + 1:]
        words = line.decode("utf-8").split(" ")
        tag, attributes = None, {}
        while words and words[0][:1] in "#@":
            word = words.pop(0)
            if word[0] == "#":
                tag = word
            else:
                key, _, value = word[1:].partition("=")
                attributes[key] = value
        return tag, attributes, words

    def expect(self, verb):
        tag, attributes, words = self.next()
        check(words[0] == verb,
              "the client said %r, not %s" % (words, verb))
        return tag, attributes, words

    def answer(self, tag, text):
        self.send(tag + " " + text)

    def welcome(self, keys="max-line=16384 max-text=8192 ping=60 dedupe=300"):
        self.accept()
        self.send("WELCOME snug/1 fake guest-abcd1234 " + keys)

    def begin(self, room="lobby", nick="ann", members="ann bob"):
        """A session as a client begins it: NICK, JOIN."""
        self.welcome()
        tag, _, words = self.expect("NICK")
        self.answer(tag, "OK " + words[1])
        return self.join(room, nick, members)

    def join(self, room="lobby", nick="ann", members="ann bob"):
        tag, attributes, words = self.expect("JOIN")
        equal(words[1], room)
        self.send("JOINED %s %s" % (room, nick))
        self.send("%s NAMES %s %d %s" % (
            tag, room, len(members.split()), members))
        self.answer(tag, "OK 0-0")
        return attributes

    def msg(self, text, nick="bob", target="lobby", attributes=""):
        """A message with an id of its own; gives the id."""
        self.next_id += 1000
        ident = "%d-0" % self.next_id
        head = "%sMSG %s %s %s " % (attributes, target, ident, nick)
        if isinstance(text, bytes):
            self.send(head.encode("utf-8") + text)
        else:
            self.send(head + text)
        return ident

    def close(self):
        if self.s:
            self.s.close()
        self.listener.close()
        self.folder.remove()

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


def snug(server, *rooms, nick="ann", rows=24, cols=80, env=None, options=()):
    """snug in a terminal; its manners are the defaults, and its outbox is its
    own unless env has another XDG_STATE_HOME.  All at one server have one key
    and know the same servers."""
    argv = [program("snug"), "--no-config"]
    if nick:
        argv += ["--nick", nick]
    states[0] += 1
    full = {"XDG_CONFIG_HOME": "/nonexistent",
            "XDG_DATA_HOME": os.path.join(server.folder.path, "data"),
            "XDG_STATE_HOME": os.path.join(
                server.folder.path, "state-%d" % states[0])}
    full.update(env or {})
    return Terminal(argv + list(options) + [server.address, *rooms],
                    rows=rows, cols=cols, env=full, timeout=DEADLINE)


def row_with(t, text):
    """The number of the first row that holds the text."""
    for number, row in enumerate(t.screen()):
        if text in row:
            return number
    t._fail("no row holds %r" % text)
