#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Measures terminal clients side by side: `make bench-client`.

    client.py [--rounds N] [--messages N] [--rate N] [CLIENT ...]

Each client (snug irssi weechat) runs in a pseudo-terminal of 160x50 and shows
one room.  A server of its own protocol, here in this process, says N messages
at the same rate to each: the same nicks, the same texts.  What is counted:

  CPU     seconds of the client from the first message until the last is shown
  bytes   what it wrote to the terminal meanwhile
  paint   milliseconds from its start until a screen is drawn
  letter  bytes it writes for a letter that is typed

Rounds are interleaved; the table shows medians.
"""
import argparse
import fcntl
import os
import pathlib
import pty
import random
import re
import selectors
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("SNUG_BUILDDIR", HERE.parent.parent))
ROWS, COLS = 50, 160
TICKS = os.sysconf("SC_CLK_TCK")
DEADLINE = 60
PAINTED = 200           # bytes of output that make a screen
LAST = "%%%%%%%% ~~~~~~~~ ^^^^^^^^"  # letters that no other text has
WORDS = ("the build is green again and nobody knows why let us look at the "
         "logs of last night before lunch tea is ready").split()


class Trouble(Exception):
    pass


def texts(n):
    dice = random.Random(1)
    people = [f"person{k:02d}" for k in range(50)]
    for _ in range(n):
        yield (dice.choice(people),
               " ".join(dice.choices(WORDS, k=dice.randint(4, 24))))


# --- servers: what a client asks, what it is told -----------------------------

class Snug:
    """snug/1, as far as a quiet room needs it."""

    def __init__(self):
        self.n = 0

    @staticmethod
    def line(text):
        data = text.encode()
        return b"%d %s\n" % (len(data), data)

    def greeting(self):
        return self.line("WELCOME snug/1 den guest-abcdefgh max-line=16384 "
                         "max-text=8192 ping=600 dedupe=300 durable=process")

    def answer(self, asked):
        found = re.match(rb"(?:\d+ )?(?:#(\S+) )?(?:@\S+ )*(\w+) ?(.*)", asked)
        tag = f"#{found[1].decode()} " if found[1] else ""
        verb, rest = found[2], found[3].decode()
        if verb == b"NICK":
            return self.line(f"{tag}OK {rest}")
        if verb == b"JOIN":
            return (self.line("JOINED room me") +
                    self.line(f"{tag}NAMES room 1 me") +
                    self.line(f"{tag}OK 0-0"))
        return b"" if verb == b"PONG" else self.line(f"{tag}OK")

    def said(self, who, text):
        self.n += 1
        return self.line(f"MSG room 1732371234567-{self.n} {who} {text}")

    @staticmethod
    def command(port, home):
        return [str(BUILD / "snug"), "--nick", "me", f"127.0.0.1:{port}",
                "room"]

    join = b""


class Irc:
    def greeting(self):
        return b""

    def answer(self, asked):
        words = asked.decode().split()
        verb = words[0].upper() if words else ""
        if verb == "CAP" and words[1:2] == ["LS"]:
            return b":den CAP * LS :\r\n"
        if verb == "USER":
            return (b":den 001 me :hello\r\n:den 005 me CHANTYPES=# NETWORK=n "
                    b":are supported\r\n:den 422 me :no motd\r\n")
        if verb == "JOIN":
            return (b":me!me@here JOIN #room\r\n"
                    b":den 353 me = #room :me\r\n:den 366 me #room :end\r\n")
        if verb == "PING":
            return b":den PONG den " + words[-1].encode() + b"\r\n"
        if verb == "MODE":
            return b":den 324 me #room +\r\n"
        return b""

    def said(self, who, text):
        return f":{who}!u@host PRIVMSG #room :{text}\r\n".encode()

    join = b"/join #room\r"


class Irssi(Irc):
    @staticmethod
    def command(port, home):
        return ["irssi", f"--home={home}", "-c", "127.0.0.1", "-p", str(port),
                "-n", "me"]


class Weechat(Irc):
    @staticmethod
    def command(port, home):
        return ["weechat", "--dir", home, f"irc://me@127.0.0.1:{port}/"]


CLIENTS = {"snug": Snug, "irssi": Irssi, "weechat": Weechat}


# --- one measurement ----------------------------------------------------------

class Stage:
    """A client in its terminal, and its server."""

    def __init__(self, name, home):
        self.server = CLIENTS[name]()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.select = selectors.DefaultSelector()
        self.select.register(self.listener, selectors.EVENT_READ, self.accept)
        self.peer, self.asked, self.told = None, b"", b""
        self.screen, self.tail, self.painted = 0, b"", None
        self.joined = False
        self.started = time.monotonic()
        self.pid = self.spawn(home)

    def spawn(self, home):
        size = struct.pack("HHHH", ROWS, COLS, 0, 0)
        command = self.server.command(self.listener.getsockname()[1], home)
        pid, self.terminal = pty.fork()
        if pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, size)
            env = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8",
                       HOME=home, XDG_CONFIG_HOME=home, XDG_DATA_HOME=home,
                       XDG_STATE_HOME=home)
            os.execvpe(command[0], command, env)
        os.set_blocking(self.terminal, False)
        self.select.register(self.terminal, selectors.EVENT_READ, self.drawn)
        return pid

    def accept(self):
        self.peer, _ = self.listener.accept()
        self.peer.setblocking(False)
        self.select.register(self.peer, selectors.EVENT_READ, self.hear)
        self.tell(self.server.greeting())

    def hear(self):
        data = self.peer.recv(65536)
        if not data:
            raise Trouble("the client hung up")
        self.asked += data
        while b"\n" in self.asked:
            line, self.asked = self.asked.split(b"\n", 1)
            self.joined = self.joined or b"JOIN" in line
            self.tell(self.server.answer(line.rstrip(b"\r")))

    def tell(self, data):
        self.told += data
        try:
            self.told = self.told[self.peer.send(self.told):]
        except BlockingIOError:
            pass

    def drawn(self):
        try:
            data = os.read(self.terminal, 1 << 18)
        except OSError:
            raise Trouble("the client ended") from None
        self.screen += len(data)
        if self.painted is None and self.screen >= PAINTED:
            self.painted = time.monotonic() - self.started
        self.tail = (self.tail + data)[-65536:]

    def turn(self, wait):
        ready = self.select.select(wait)
        for key, _ in ready:
            key.data()
        if self.told:
            self.tell(b"")
        return bool(ready)

    def until(self, condition, what):
        end = time.monotonic() + DEADLINE
        while not condition():
            self.turn(0.01)
            if time.monotonic() > end:
                raise Trouble(f"{what}: never within {DEADLINE} s")

    def quiet(self, seconds=0.5):
        while self.turn(seconds):
            pass

    def cpu(self):
        with open(f"/proc/{self.pid}/stat") as f:
            fields = f.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def close(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)
        for s in (self.peer, self.listener):
            if s:
                s.close()


def talk(stage, messages, rate):
    """Says it all; gives CPU seconds and bytes drawn until it is shown."""
    cpu, drawn = stage.cpu(), stage.screen
    begun = time.monotonic()
    for n, (who, text) in enumerate(texts(messages)):
        due = begun + n / rate
        while time.monotonic() < due or stage.told:
            stage.turn(max(0, due - time.monotonic()))
        stage.tell(stage.server.said(who, text))
    stage.tell(stage.server.said("person00", LAST))
    stage.until(lambda: LAST.split()[-1].encode() in stage.tail,
                "the last message on the screen")
    stage.quiet(0.2)
    return stage.cpu() - cpu, stage.screen - drawn


def letters(stage):
    """Bytes for each of ten letters that are typed one by one."""
    cost = []
    for letter in b"now tea is":
        before = stage.screen
        os.write(stage.terminal, bytes([letter]))
        stage.until(lambda: stage.screen > before, "a typed letter")
        stage.quiet(0.1)
        cost.append(stage.screen - before)
    return statistics.mean(cost)


def measure(name, messages, rate):
    with tempfile.TemporaryDirectory() as home:
        stage = Stage(name, home)
        try:
            stage.until(lambda: stage.painted, "a first screen")
            stage.until(lambda: stage.peer, "a connection")
            stage.quiet()
            os.write(stage.terminal, stage.server.join)
            stage.until(lambda: stage.joined, "a JOIN")
            stage.quiet()
            letter = letters(stage)
            os.write(stage.terminal, b"\x15")
            stage.quiet()
            cpu, drawn = talk(stage, messages, rate)
            return cpu, drawn, stage.painted * 1000, letter
        finally:
            stage.close()


def version(name):
    path = str(BUILD / "snug") if name == "snug" else name
    done = subprocess.run([path, "--version"], capture_output=True, text=True)
    return f"{name} " + re.search(r"\d+\.\d+(\.\d+)?", done.stdout)[0]


def main():
    p = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    p.add_argument("--rounds", type=int, default=3)
    p.add_argument("--messages", type=int, default=20000)
    p.add_argument("--rate", type=int, default=2000)
    p.add_argument("clients", nargs="*", default=list(CLIENTS))
    o = p.parse_args()
    figures = {name: [] for name in o.clients}
    for _ in range(o.rounds):
        for name in o.clients:
            figures[name].append(measure(name, o.messages, o.rate))
    print(f"{', '.join(map(version, o.clients))}; {o.messages} messages, "
          f"{o.rate} a second, {o.rounds} rounds, medians\n")
    print("| client | CPU s | bytes written | first screen ms | bytes a "
          "letter |\n|---|---|---|---|---|")
    for name, rows in figures.items():
        cpu, drawn, paint, letter = map(statistics.median, zip(*rows))
        print(f"| {name} | {cpu:.2f} | {drawn:,.0f} | {paint:.0f} | "
              f"{letter:.0f} |")


if __name__ == "__main__":
    try:
        main()
    except Trouble as e:
        sys.exit(f"client.py: {e}")
