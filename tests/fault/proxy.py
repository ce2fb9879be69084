# SPDX-License-Identifier: ISC
"""A proxy on a Unix socket that does to a connection what networks do.

It stands between snugd and Redis, or between a client and snugd.  A connection
gets a label from what it carries: `sub` is a subscription, `beat` the heartbeat,
`cmd` the rest; so a fault can take one kind of link and leave the others.

    cut        an end, by FIN, or by RST where the socket has one
    swallow    bytes vanish, in one direction or both; ends are not passed on
               either.  A stream never comes back with a hole in it: what lost
               bytes is cut when the fault ends
    hold       bytes wait, and go on when the fault ends
    delay      each byte comes that much later
    cut_after  the n-th byte in a direction is the last
    mute_after the same, but the connection stays, deaf and dumb
    filter     Redis' replies pass one by one through a function that may drop or
               double them

A new connection suffers what is going on.  Nothing here is random.
"""
import asyncio
import collections
import contextlib
import os
import socket
import struct
import threading

from reactor import REACTOR

UP, DOWN = "up", "down"  # towards the server, towards the client
BOTH = (UP, DOWN)


def frame_end(data, at=0):
    """Where the RESP value that begins at `at` ends; -1 if it is not whole."""
    line = data.find(b"\r\n", at)
    if line < 0:
        return -1
    kind, end = data[at:at + 1], line + 2
    if kind == b"$":
        n = int(data[at + 1:line])
        end += n + 2 if n >= 0 else 0
        return end if len(data) >= end else -1
    if kind == b"*":
        for _ in range(int(data[at + 1:line])):
            end = frame_end(data, end)
            if end < 0:
                return -1
    return end


class Half(asyncio.Protocol):
    """One of a connection's two sockets."""

    def __init__(self, pipe, direction):
        self.pipe = pipe
        self.direction = direction  # of what is read here
        self.transport = None

    def connection_made(self, transport):
        self.transport = transport
        self.pipe.made(self)

    def data_received(self, data):
        self.pipe.carry(self.direction, data)

    def eof_received(self):
        return self.pipe.ended(self.direction)

    def connection_lost(self, exc):
        self.pipe.lost(self.direction)


class Pipe:
    """One connection through the proxy."""

    def __init__(self, proxy):
        self.proxy = proxy
        self.label = "cmd"
        self.near = Half(self, UP)     # reads what goes up
        self.far = None                # reads what comes down
        self.early = []                # before the far end is there
        self.passed = {UP: 0, DOWN: 0}
        self.held = {UP: [], DOWN: []}
        self.late = {UP: collections.deque(), DOWN: collections.deque()}
        self.limit = {}                # direction: last byte
        self.mute = False              # at the limit: silence, no end
        self.maimed = False            # bytes have vanished
        self.dead = False
        self.frames = b""

    # Life.
    def made(self, half):
        if self.dead:
            half.transport.abort()
        elif half is self.near:
            self.proxy.pipes.add(self)
            self.proxy.dialled += 1
            self.limit.update(self.proxy.take_limits())
            self.mute = self.proxy.muting
            asyncio.ensure_future(self.dial())
        else:
            early, self.early = self.early, []
            for data in early:
                self.carry(UP, data)

    async def dial(self):
        half = Half(self, DOWN)
        try:
            await self.proxy.dial(lambda: half)
        except OSError:
            self.cut()
            return
        self.far = half
        if self.dead:
            half.transport.abort()
            return
        self.made(half)

    def ended(self, direction):
        """A FIN: passed on, unless packets vanish."""
        if not self.proxy.harms(self, direction):
            out = self.out(direction)
            if out and out.can_write_eof():
                with contextlib.suppress(OSError):
                    out.write_eof()
            self.cut(reset=False)
        else:
            self.maimed = True
        return True

    def lost(self, direction):
        if not self.dead and not self.proxy.harms(self, direction):
            self.cut()
        else:
            self.maimed = True

    def cut(self, reset=True):
        """Both ends go."""
        if self.dead:
            return
        self.dead = True
        self.proxy.pipes.discard(self)
        for half in (self.near, self.far):
            if half and half.transport:
                end(half.transport, reset)

    # Bytes.
    def out(self, direction):
        half = self.far if direction == UP else self.near
        return half and half.transport

    def carry(self, direction, data):
        if self.dead:
            return
        if direction == UP:
            if self.far is None:
                self.early.append(data)
                return
            self.learn(data)
        if self.proxy.harms(self, direction) or self.is_mute():
            self.maimed = True
        elif self.proxy.holds(self, direction) or self.held[direction]:
            self.held[direction].append(data)
        else:
            self.pass_in_time(direction, data)

    def pass_in_time(self, direction, data):
        """Never before what came earlier, also when a delay has ended: each
        timer takes what has waited longest."""
        late = self.late[direction]
        if self.proxy.delayed or late:
            late.append(data)
            REACTOR.loop.call_later(
                self.proxy.delayed, self.pass_late, direction)
        else:
            self.pass_on(direction, data)

    def pass_late(self, direction):
        self.pass_on(direction, self.late[direction].popleft())

    def is_mute(self):
        return self.mute and self.maimed

    def learn(self, data):
        if b"SUBSCRIBE" in data:
            self.label = "sub"
        elif b"beacon" in data:
            self.label = "beat"

    def pass_on(self, direction, data):
        if self.dead:
            return
        if direction == DOWN and self.proxy.filter:
            data = self.sift(data)
        left = self.limit.get(direction)
        if left is not None:
            data = data[:max(0, left - self.passed[direction])]
        out = self.out(direction)
        if out and data and not out.is_closing():
            out.write(data)
        self.passed[direction] += len(data)
        if left is not None and self.passed[direction] >= left:
            self.proxy.cuts += 1
            if self.mute:
                self.maimed = True
            else:
                self.cut(reset=False)

    def sift(self, data):
        """Whole replies only, each as often as the filter says."""
        self.frames += data
        out = []
        while True:
            stop = frame_end(self.frames) if self.frames else -1
            if stop < 0:
                return b"".join(out)
            one, self.frames = self.frames[:stop], self.frames[stop:]
            times = self.proxy.filter(self, one)
            if self.dead:
                return b""
            out += [one] * times

    def release(self, direction):
        held, self.held[direction] = self.held[direction], []
        for data in held:
            self.pass_in_time(direction, data)


def end(transport, reset):
    sock = transport.get_extra_info("socket")
    if not reset:
        transport.close()
        return
    if sock is not None and sock.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                            struct.pack("ii", 1, 0))
    transport.abort()


class Proxy:
    """Listens on a Unix socket and passes on to `target`: `unix:PATH` or
    `HOST:PORT`, which may be changed."""

    def __init__(self, path, target):
        self.path = path
        self.target = target
        self.pipes = set()
        self.harmed = {}     # direction: labels, or None for all
        self.holding = {}
        self.delayed = 0.0
        self.filter = None
        self.limits = []     # of connections to come, one each
        self.always = {}     # of all connections to come
        self.muting = False  # what limits do: else they cut
        self.chance = None   # gives limits, where neither does
        self.dialled = 0
        self.cuts = 0
        self.server = None
        self.lock = threading.Lock()
        self.listen()

    @property
    def url(self):
        return f"unix://{self.path}"

    @property
    def address(self):
        return f"unix:{self.path}"

    async def dial(self, factory):
        if self.target.startswith("unix:"):
            await REACTOR.loop.create_unix_connection(
                factory, self.target[5:])
        else:
            host, port = self.target.rsplit(":", 1)
            await REACTOR.loop.create_connection(factory, host, int(port))

    # What the pipes ask.
    def applies(self, table, pipe, direction):
        if direction not in table:
            return False
        labels = table[direction]
        return labels is None or pipe.label in labels

    def harms(self, pipe, direction):
        return self.applies(self.harmed, pipe, direction)

    def holds(self, pipe, direction):
        return self.applies(self.holding, pipe, direction)

    def take_limits(self):
        if self.limits:
            return self.limits.pop(0)
        return self.chance() if self.chance else dict(self.always)

    # What a scenario does.
    def listen(self):
        async def start():
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
            self.server = await REACTOR.loop.create_unix_server(
                lambda: Pipe(self).near, self.path, backlog=1000)
        REACTOR.wait(start())

    def refuse(self):
        """Nobody listens any more; what is connected stays."""
        def stop():
            self.server.close()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(self.path)
        REACTOR.call(stop)

    def cut(self, label=None, reset=True):
        """Ends connections now; gives how many."""
        def do():
            n = 0
            for pipe in list(self.pipes):
                if label is None or pipe.label == label:
                    pipe.cut(reset)
                    n += 1
            self.cuts += n
            return n
        return REACTOR.call(do)

    def swallow(self, directions=BOTH, labels=None):
        REACTOR.call(self.harmed.update, {d: labels for d in directions})

    def hold(self, directions=BOTH, labels=None):
        REACTOR.call(self.holding.update, {d: labels for d in directions})

    def delay(self, seconds):
        self.delayed = seconds

    def cut_after(self, direction, n):
        """Of the next connection that nothing else was said of."""
        REACTOR.call(self.limits.append, {direction: n})

    def cut_all_after(self, direction, n):
        """Of all connections to come, until heal()."""
        self.always = {direction: n}

    def mute_all_after(self, direction, n):
        self.muting = True
        self.always = {direction: n}

    def limit(self, label, direction, n):
        """n bytes more on the connections that are."""
        def do():
            for pipe in self.pipes:
                if pipe.label == label:
                    pipe.limit[direction] = pipe.passed[direction] + n
        REACTOR.call(do)

    def heal(self):
        """The faults end."""
        def do():
            self.harmed.clear()
            self.holding.clear()
            self.delayed = 0.0
            self.always = {}
            self.muting = False
            self.chance = None
            self.filter = None
            self.limits.clear()
            for pipe in list(self.pipes):
                if pipe.maimed:
                    pipe.cut()
                    continue
                for direction in BOTH:
                    pipe.release(direction)
        REACTOR.call(do)

    def count(self, label=None):
        return sum(1 for p in list(self.pipes)
                   if label is None or p.label == label)

    def close(self):
        with contextlib.suppress(Exception):
            self.refuse()
        self.cut()
