# SPDX-License-Identifier: ISC
"""A client as a stranger would write it from snug(7), and keeps book.

It loses nothing by itself: every SAY has a cid and stays in the outbox until it
is settled; the cursor of a room is the id up to which all was seen, and a
connection that ends is followed by JOIN with it, on this node or another.  What
has no answer, or outcome-unknown, is said again with the same cid, by the same
sender within the dedupe time, after the replay has not settled it; else it stays
unknown.  What was refused by every try is not said again, so that the checker
can see that it is nowhere.

It takes its guest id along with `@resume` where WELCOME gives a token.  Where
not, it comes back as somebody else, and what was unknown remains so.
"""
import asyncio
import random
import re
import time

from history import number
from reactor import REACTOR

HEAD = re.compile(rb"([1-9][0-9]{0,4}) ")
ZERO = "0-0"
FINAL = ("relay-down", "busy", "slow-down", "limit", "storage-full",
         "not-member")


class Said:
    """A message of one's own, until it is settled."""

    def __init__(self, cid, room, now):
        self.cid = cid
        self.room = room
        self.first = now
        self.tries = 0
        self.unknown = False  # by some try
        self.sender = None    # the guest that said it first


class Place:
    """A room that a client is in, or on its way to."""

    def __init__(self, since):
        self.cursor = since  # up to it all was seen; None: never was there
        self.joined = False


class Wire(asyncio.Protocol):
    """One connection: lines in, lines out."""

    def __init__(self, client):
        self.client = client
        self.transport = None
        self.buffer = b""
        self.alive = True

    def connection_made(self, transport):
        self.transport = transport
        if not self.alive:
            transport.abort()

    def data_received(self, data):
        self.buffer += data
        while self.alive:
            head = HEAD.match(self.buffer)
            if not head:
                break
            stop = head.end() + int(head[1])
            if len(self.buffer) <= stop:
                break
            line = self.buffer[head.end():stop].decode()
            if self.buffer[stop:stop + 1] != b"\n":
                self.client.complaints.append(f"no LF behind {line!r}")
            self.buffer = self.buffer[stop + 1:]
            self.client.take(line)

    def connection_lost(self, exc):
        if self.alive:
            self.alive = False
            self.client.lost()

    def send(self, line):
        data = line.encode()
        if not self.transport.is_closing():
            self.transport.write(b"%d %s\n" % (len(data), data))

    def drop(self):
        self.alive = False
        if self.transport:
            self.transport.abort()


def split(line):
    """(tag, attributes, words)"""
    words = line.split(" ")
    tag, attrs = None, {}
    while words and words[0][:1] in ("#", "@"):
        head = words.pop(0)
        if head[0] == "#":
            tag = head[1:]
        else:
            key, _, value = head[1:].partition("=")
            attrs[key] = value
    return tag, attrs, words


class Client:
    """Belongs to the reactor; the scenario uses the functions at the end."""

    def __init__(self, name, addresses, rooms, record, *, seed=0,
                 from_start=False, patience=1.0):
        self.name = name
        self.addresses = list(addresses)
        self.record = record
        self.random = random.Random(f"{seed}/{name}")
        self.patience = patience     # the longest wait between dials
        self.places = {room: Place(ZERO if from_start else None)
                       for room in rooms}
        self.node = self.random.randrange(len(self.addresses))
        self.wire = None
        self.abandoned = []
        self.generation = 0
        self.tokens = []             # any of them may stand for this guest
        self.sender = object()       # a guest id, whichever it is
        self.dedupe = 300.0
        self.pending = {}            # tag: what to do with the answer
        self.tags = 0
        self.said = 0
        self.outbox = {}             # cid: Said; in the order of first tries
        self.asked = {}              # tag: when, for SAY
        self.up = False              # joined everywhere, on a live relay
        self.relay_up = True
        self.wait = 0.05
        self.dialling = None
        self.closed = False
        self.padding = ""            # behind the cid in each text
        self.lines = []              # the MSG lines, without attributes
        self.byes = []               # (code, retry)
        self.notices = []
        self.slowest = 0.0           # answer to a SAY
        self.resumes = 0
        self.takeovers = 0
        self.complaints = []

    # --- a connection's life ---

    def dial(self, wait=0.0):
        if self.closed or self.dialling:
            return
        self.dialling = REACTOR.loop.call_later(
            wait, lambda: asyncio.ensure_future(self.connect()))

    async def connect(self):
        self.dialling = None
        address = self.addresses[self.node % len(self.addresses)]
        wire = Wire(self)
        try:
            if address.startswith("unix:"):
                await REACTOR.loop.create_unix_connection(
                    lambda: wire, address[5:])
            else:
                host, port = address.rsplit(":", 1)
                await REACTOR.loop.create_connection(
                    lambda: wire, host, int(port))
        except OSError:
            self.again()
            return
        if self.closed:
            wire.drop()
            return
        self.wire = wire
        # WELCOME has to come; a stopped node accepts and says nothing.
        REACTOR.loop.call_later(2 * self.patience + 1, self.give_up, wire)

    def give_up(self, wire):
        if self.wire is wire and not self.up and self.relay_up:
            self.hang_up()

    def again(self, wait=None):
        """Later, on the next node."""
        self.node += 1
        if wait is None:
            wait = self.wait * self.random.uniform(0.5, 1)
            self.wait = min(self.patience, 2 * self.wait)
        self.dial(min(wait, self.patience))

    def forget(self):
        """What ends with a connection."""
        self.up = False
        self.relay_up = True
        self.pending.clear()
        self.asked.clear()
        for place in self.places.values():
            place.joined = False
        for one in self.outbox.values():
            if one.tries and not one.unknown:
                one.unknown = True
                self.record.add("unknown", room=one.room, cid=one.cid)
        self.record.add("lost")

    def lost(self):
        self.wire = None
        self.forget()
        if self.byes and self.byes[-1][2] is False:
            code, retry, _ = self.byes.pop()
            self.byes.append((code, retry, True))
            self.again(None if retry is None else retry / 1000)
        else:
            self.again()

    def hang_up(self):
        """The client's own end: no QUIT."""
        if self.wire:
            self.wire.drop()
            self.lost()

    def abandon(self):
        """The connection stays, and nobody is at its end any more."""
        if self.wire:
            self.wire.alive = False
            self.wire.transport.pause_reading()
            self.abandoned.append(self.wire)
            self.lost()

    # --- lines ---

    def ask(self, line, then):
        self.tags += 1
        tag = str(self.tags)
        self.pending[tag] = then
        self.wire.send(f"#{tag} {line}")
        return tag

    def take(self, line):
        tag, attrs, words = split(line)
        verb = words[0]
        if verb in ("OK", "ERR"):
            then = self.pending.pop(tag, None)
            if tag in self.asked:
                took = time.monotonic() - self.asked.pop(tag)
                self.slowest = max(self.slowest, took)
            if then:
                then(verb, attrs, words[1:])
            elif tag is not None:
                self.complaints.append(f"an answer to nothing: {line!r}")
            return
        on = getattr(self, "on_" + verb.lower(), None)
        if on:
            on(attrs, words[1:])

    def on_welcome(self, _attrs, words):
        keys = dict(w.split("=", 1) for w in words[3:])
        self.dedupe = float(keys.get("dedupe", self.dedupe))
        # What a lost connection took over, if it did, it took over with its
        # own token: so that one is kept until one of them is good.
        old = list(self.tokens)
        self.tokens += [keys["resume"]] if "resume" in keys else []
        self.resume(old)

    def nick(self):
        return self.name + (f"-{self.generation}" if self.generation else "")

    def resume(self, tokens):
        """With the first of them that is good; else as somebody new."""
        if tokens:
            self.ask(f"@resume={tokens[0]} NICK {self.nick()}",
                     lambda v, a, w: self.resumed(tokens[1:], v, a, w))
        else:
            self.take_nick()

    def take_nick(self):
        """As somebody new."""
        self.sender = object()
        self.tokens = self.tokens[-1:]
        self.ask(f"NICK {self.nick()}", self.nicked)

    def resumed(self, rest, verb, attrs, words):
        if verb == "OK":
            self.tokens = self.tokens[-1:]
            self.resumes += 1
            self.record.add("resumed", by="token")
            self.join_all()
        elif words[0] in ("relay-down", "busy", "outcome-unknown"):
            self.later(attrs, self.hang_up)
        else:
            self.resume(rest)

    def nicked(self, verb, attrs, words):
        if verb == "OK":
            self.join_all()
        elif words[0] == "nick-in-use":
            self.generation += 1
            self.take_nick()
        else:
            self.later(attrs, self.take_nick)

    def later(self, attrs, what):
        """A command is tried again, if this connection is still there."""
        wire = self.wire
        wait = min(int(attrs.get("retry") or 100) / 1000, self.patience)
        REACTOR.loop.call_later(
            wait, lambda: self.wire is wire and wire and what())

    def join_all(self):
        for room, place in self.places.items():
            if not place.joined:
                self.join(room)
        self.perhaps_up()

    def join(self, room):
        place = self.places.get(room)
        if place is None or place.joined:
            return
        since = place.cursor
        if since is not None:
            self.record.add("since", room=room, id=since)
        head = "" if since is None else f"@since={since} "
        self.ask(f"{head}JOIN {room}",
                 lambda v, a, w: self.joined(room, since, v, a, w))

    def joined(self, room, since, verb, attrs, words):
        place = self.places.get(room)
        if place is None:
            return
        if verb == "ERR":
            self.later(attrs, lambda: self.join(room))
            return
        place.joined = True
        place.cursor = words[0]
        self.record.add("joined", room=room, since=since, id=words[0])
        self.perhaps_up()

    def perhaps_up(self):
        if all(p.joined for p in self.places.values()) and not self.up:
            self.up = True
            self.wait = 0.05
            self.settle()

    def on_msg(self, attrs, words):
        room, one, cid = words[0], words[1], words[3]
        place = self.places.get(room)
        if place is None:
            return
        self.record.add("seen", room=room, id=one, cid=cid,
                        live="replay" not in attrs)
        place.cursor = one
        self.lines.append(" ".join(words))
        if attrs.get("cid") in self.outbox:
            self.accepted(self.outbox[attrs["cid"]], one)

    def on_notice(self, _attrs, words):
        self.notices.append(words[0])
        if words[0] == "gap":
            self.record.add("gap", room=words[1])
        elif words[0] == "relay-down":
            self.relay_up = False
        elif words[0] == "relay-up":
            self.relay_up = True
            self.settle()

    def on_ping(self, _attrs, words):
        self.wire.send(" ".join(["PONG"] + words))

    def on_bye(self, attrs, words):
        retry = int(attrs["retry"]) if "retry" in attrs else None
        self.byes.append((words[0], retry, False))

    # --- the outbox ---

    def settle(self):
        """Says again what has no answer, if this is the one who said it."""
        now = time.monotonic()
        for one in list(self.outbox.values()):
            if not one.unknown or one.sender is not self.sender:
                continue
            if now - one.first > self.dedupe / 2:
                del self.outbox[one.cid]
            else:
                self.try_one(one)
        for one in list(self.outbox.values()):
            if one.sender is not self.sender:
                del self.outbox[one.cid]

    def try_one(self, one):
        if self.outbox.get(one.cid) is not one or not self.up:
            return
        if one.tries:
            self.record.add("again", room=one.room, cid=one.cid)
        else:
            self.record.add("sent", room=one.room, cid=one.cid)
        one.tries += 1
        tag = self.ask(f"@cid={one.cid} SAY {one.room} {one.cid}{self.padding}",
                       lambda v, a, w: self.answered(one, v, a, w))
        self.asked[tag] = time.monotonic()

    def answered(self, one, verb, attrs, words):
        if self.outbox.get(one.cid) is not one:
            return
        if verb == "OK":
            self.accepted(one, words[0])
        elif words[0] == "outcome-unknown" or one.unknown:
            if not one.unknown:
                one.unknown = True
                self.record.add("unknown", room=one.room, cid=one.cid)
            self.later(attrs, lambda: self.try_one(one))
        else:
            if words[0] not in FINAL:
                self.complaints.append(f"{one.cid}: {' '.join(words)}")
            del self.outbox[one.cid]
            self.record.add("refused", room=one.room, cid=one.cid,
                            code=words[0])

    def accepted(self, one, msgid):
        del self.outbox[one.cid]
        self.record.add("acked", room=one.room, cid=one.cid, id=msgid)

    def say_now(self, room):
        place = self.places.get(room)
        if not self.up or place is None or not place.joined:
            return None
        self.said += 1
        one = Said(f"{self.name}.{self.said}", room, time.monotonic())
        one.sender = self.sender
        self.outbox[one.cid] = one
        self.try_one(one)
        return one.cid

    def reaches(self, room, one):
        place = self.places[room]
        return (place.cursor is not None
                and number(place.cursor) >= number(one))

    # --- for scenarios ---

    def start(self):
        REACTOR.call(self.dial)

    def say(self, room, n=1):
        """Says n messages; gives their cids, without those that could not even
        be tried."""
        def do():
            return [c for c in (self.say_now(room) for _ in range(n)) if c]
        return REACTOR.call(do)

    def drop(self):
        REACTOR.call(self.hang_up)

    def desert(self):
        REACTOR.call(self.abandon)

    def stop_reading(self):
        REACTOR.call(lambda: self.wire.transport.pause_reading())

    def read_on(self):
        REACTOR.call(lambda: self.wire and self.wire.transport
                     and self.wire.transport.resume_reading())

    def is_settled(self):
        return self.up and self.relay_up and not self.outbox

    def happened(self, event):
        """How often something stands in the record."""
        return sum(e["e"] == event for e in list(self.record.events))

    def done(self, room, one):
        """Notes that all up to this id has been seen."""
        self.record.add("done", room=room, id=one)

    def close(self):
        def do():
            self.closed = True
            if self.dialling:
                self.dialling.cancel()
            for wire in [self.wire] + self.abandoned:
                if wire:
                    wire.drop()
            self.wire = None
        REACTOR.call(do)
        self.record.close()
