# SPDX-License-Identifier: ISC
"""Who may do what in a room: every path by every state, on both relays, on the
node of those who rule the room and on another one.

The tables are meant to be read.  A row is what somebody is, a column what they
try, a cell what they get: ok, the code of the error, or - for nothing at all.
What is refused shows nothing, neither to who tried nor to those in the room;
what is allowed is seen to happen.

A room, called den here, is ann's; eve is a member, and pat an operator who is
not in it.  bob is who tries.
"""
import itertools

from snugtest import TESTS, Failed, run, test
from test_accounts import (
    ANN, BOB, CY, PASSWORD, register, with_password)

TESTS.clear()  # those of accounts run by themselves

# --- the tables -------------------------------------------------------------

CODES = {
    "NM": "not-member", "NR": "no-such-room", "NA": "not-allowed",
    "BA": "banned", "BK": "bad-key", "MU": "muted"}

# A room that anybody may enter.
OPEN = """
                               JOIN live SAY reply TYPING HISTORY NAMES TOPIC topic ROOM ROOMS WHOIS DM KICK OP set
stranger                        ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
invited                         ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
member                          ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
gone                            ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
muted                           ok   ok   MU  MU    MU     ok      ok    ok    MU    ok   ok    ok    ok NA   NA NA
muted before it came            ok   ok   MU  MU    MU     ok      ok    ok    MU    ok   ok    ok    ok NA   NA NA
unmuted                         ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
hushed                          ok   ok   MU  MU    MU     ok      ok    ok    MU    ok   ok    ok    ok NA   NA NA
kicked                          ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
kicked and back                 ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
banned                          BA   -    NM  NM    NM     NM      BA    BA    NM    BA   ok    ok    ok NA   NA NA
banned before it came           BA   -    NM  NM    NM     NM      BA    BA    NM    BA   ok    ok    ok NA   NA NA
unbanned                        ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
resumed                         ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
resumed from elsewhere          ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
resumed and back                ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
banned, resumed                 BA   -    NM  NM    NM     NM      BA    BA    NM    BA   ok    ok    ok NA   NA NA
banned, resumed from elsewhere  BA   -    NM  NM    NM     NM      BA    BA    NM    BA   ok    ok    ok NA   NA NA
muted, resumed and back         ok   ok   MU  MU    MU     ok      ok    ok    MU    ok   ok    ok    ok NA   NA NA
account                         ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
second of a member              ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
second of a member elsewhere    ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
second, a member too            ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
second, member too, elsewhere   ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
second, the first gone          ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
second of one kicked            ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
second of one kicked elsewhere  ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
second, kicked with the first   ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
second of one banned            BA   -    NM  NM    NM     NM      BA    BA    NM    BA   ok    ok    ok NA   NA NA
second of one banned elsewhere  BA   -    NM  NM    NM     NM      BA    BA    NM    BA   ok    ok    ok NA   NA NA
second, banned with the first   BA   -    NM  NM    NM     NM      BA    BA    NM    BA   ok    ok    ok NA   NA NA
second of one muted             ok   ok   MU  MU    MU     ok      ok    ok    MU    ok   ok    ok    ok NA   NA NA
second of one muted elsewhere   ok   ok   MU  MU    MU     ok      ok    ok    MU    ok   ok    ok    ok NA   NA NA
operator                        ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok ok   NA NA
operator, outside               ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok ok   NA NA
operator no more                ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
operator, banned by the owner   BA   -    NM  NM    NM     NM      BA    BA    NM    BA   ok    ok    ok NA   NA NA
second of an operator           ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok ok   NA NA
owner                           ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok ok   ok ok
owner, outside                  ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok ok   ok ok
owner no more                   ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok ok   NA NA
server operator                 ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok ok   ok ok
"""

# The same, private: for those outside it answers as if it did not exist, but
# for JOIN, which would otherwise have to make it.
PRIVATE = """
                               JOIN live SAY reply TYPING HISTORY NAMES TOPIC topic ROOM ROOMS WHOIS DM KICK OP set
stranger                        NA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
invited                         ok   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
member                          ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
gone                            ok   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
muted                           ok   ok   MU  MU    MU     ok      ok    ok    MU    ok   ok    ok    ok NA   NA NA
muted before it came            ok   ok   MU  MU    MU     ok      ok    ok    MU    ok   ok    ok    ok NA   NA NA
unmuted                         ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
hushed                          ok   ok   MU  MU    MU     ok      ok    ok    MU    ok   ok    ok    ok NA   NA NA
kicked                          NA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
kicked and invited anew         ok   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
banned                          BA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
banned before it came           BA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
unbanned                        NA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
resumed                         ok   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
resumed from elsewhere          ok   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
resumed and back                ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
banned, resumed                 BA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
banned, resumed from elsewhere  BA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
account                         ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
second of a member              ok   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
second of a member elsewhere    ok   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
second of one who stayed        NA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
second of one who stayed elsewhere NA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
second, member too, elsewhere   ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
second of one kicked            NA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
second of one kicked elsewhere  NA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
second, kicked with the first   NA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
second of one banned            BA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
second of one banned elsewhere  BA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
second, banned with the first   BA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
second of one muted             ok   ok   MU  MU    MU     ok      ok    ok    MU    ok   ok    ok    ok NA   NA NA
operator                        ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok ok   NA NA
operator, outside               ok   -    NM  NM    NM     NM      ok    ok    NM    ok   -     ok    ok ok   NA NA
operator, banned by the owner   BA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
owner                           ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok ok   ok ok
owner, outside                  ok   -    NM  NM    NM     NM      ok    ok    NM    ok   -     ok    ok ok   ok ok
server operator                 ok   -    NM  NM    NM     NM      ok    ok    NM    ok   -     ok    ok ok   ok ok
"""

# A room with a key, whose every row is tried in one room: to hash a key takes
# long.  In the last rows it has another one.
KEYED = """
                               JOIN live SAY reply TYPING HISTORY NAMES TOPIC topic ROOM ROOMS WHOIS DM KICK OP set
stranger                        BK   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
with a wrong key                BK   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
with the key                    ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
invited                         ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
invited, with a wrong key       ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
member by the key               ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
member, with a wrong key        ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
gone, by the key                BK   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
kicked, with the key            ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
banned, with the key            BA   -    NM  NM    NM     NM      BA    BA    NM    BA   ok    ok    ok NA   NA NA
muted, with the key             ok   ok   MU  MU    MU     ok      ok    ok    MU    ok   ok    ok    ok NA   NA NA
second of one by the key        BK   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
member, the key changed         ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
gone, with the old key          BK   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok NA   NA NA
owner, outside                  ok   -    NM  NM    NM     NM      ok    ok    NM    ok   ok    ok    ok ok   ok ok
"""

# Private, with a key.
KEYED_PRIVATE = """
                               JOIN live SAY reply TYPING HISTORY NAMES TOPIC topic ROOM ROOMS WHOIS DM KICK OP set
stranger                        BK   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
with a wrong key                BK   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
with the key                    ok   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
invited                         ok   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
member by the key               ok   ok   ok  ok    ok     ok      ok    ok    ok    ok   ok    ok    ok NA   NA NA
banned, with the key            BA   -    NM  NM    NM     NM      NR    NR    NM    NR   -     ok    ok NR   NR NR
"""
# What somebody did to be what it is: other states, who says what, or a part
# that bob takes (PARTS).  In a private room whoever comes in is invited.
STATES = {
    "stranger": (),
    "invited": ("ann: INVITE {den} {bob}",),
    "member": ("invited", "bob: JOIN {den}"),
    "gone": ("member", "bob: PART {den}"),
    "muted": ("member", "pat: MUTE {den} {bob}"),
    "muted before it came": (
        "invited", "pat: MUTE {den} {bob}", "bob: JOIN {den}"),
    "unmuted": ("muted", "pat: UNMUTE {den} {bob}"),
    "hushed": ("member", "ann: ROOM {den} moderated=yes"),
    "kicked": ("member", "pat: KICK {den} {bob}"),
    "kicked and invited anew": ("kicked", "invited"),
    "kicked and back": ("kicked", "bob: JOIN {den}"),
    "banned": ("member", "pat: BAN {den} {bob}"),
    "banned before it came": ("pat: BAN {den} {bob}",),
    "unbanned": ("banned", "pat: UNBAN {den} {bob}"),

    "resumed": ("member", "resumed session"),
    "resumed from elsewhere": ("session elsewhere", "resumed"),
    "resumed and back": ("resumed from elsewhere", "bob: JOIN {den}"),
    "banned, resumed": ("banned", "resumed session"),
    "banned, resumed from elsewhere": ("session elsewhere", "banned, resumed"),
    "muted, resumed and back": (
        "muted", "resumed session", "bob: JOIN {den}"),

    "account": ("session of an account", "member"),
    "first a member": ("invited", "first: JOIN {den}"),
    "second of a member": ("second session", "first a member"),
    "second of a member elsewhere": (
        "second session, first elsewhere", "first a member"),
    "second of one who stayed": (
        "second session", "ann: ROOM {den} private=no", "first: JOIN {den}",
        "ann: ROOM {den} private=yes"),
    "second of one who stayed elsewhere": (
        "second session, first elsewhere", "ann: ROOM {den} private=no",
        "first: JOIN {den}", "ann: ROOM {den} private=yes"),
    "second, a member too": ("second of a member", "bob: JOIN {den}"),
    "second, member too, elsewhere": (
        "second of a member elsewhere", "bob: JOIN {den}"),
    "second, the first gone": (
        "second, member too, elsewhere", "first: PART {den}"),
    "second of one kicked": ("second of a member", "pat: KICK {den} {bob}"),
    "second of one kicked elsewhere": (
        "second of a member elsewhere", "pat: KICK {den} {bob}"),
    "second of one banned": ("second of a member", "pat: BAN {den} {bob}"),
    "second of one banned elsewhere": (
        "second of a member elsewhere", "pat: BAN {den} {bob}"),
    "second, banned with the first": (
        "second, member too, elsewhere", "pat: BAN {den} {bob}"),
    "second, kicked with the first": (
        "second, member too, elsewhere", "pat: KICK {den} {bob}"),
    "second of one muted": (
        "second of a member", "pat: MUTE {den} {bob}", "bob: JOIN {den}"),
    "second of one muted elsewhere": (
        "second of a member elsewhere", "pat: MUTE {den} {bob}",
        "bob: JOIN {den}"),

    "opped": ("account", "ann: OP {den} {bob}"),
    "operator": ("opped",),
    "operator, outside": ("opped", "bob: PART {den}"),
    "operator no more": ("opped", "ann: DEOP {den} {bob}"),
    "operator, banned by the owner": ("opped", "ann: BAN {den} {bob}"),
    "second of an operator": (
        "second of a member", "ann: OP {den} {bob}"),
    "owner": ("account", "ann: ROOM {den} owner={bob}"),
    "owner, outside": ("owner", "bob: PART {den}"),
    "owner no more": ("owner", "bob: ROOM {den} owner=ann"),
    "server operator": ("session of sue",),

    "with the key": ("key: sesame",),
    "with a wrong key": ("key: simsim",),
    "invited, with a wrong key": ("with a wrong key", "invited"),
    "member by the key": ("bob: @key=sesame JOIN {den}",),
    "member, with a wrong key": ("member by the key", "with a wrong key"),
    "gone, by the key": ("member by the key", "bob: PART {den}"),
    "kicked, with the key": (
        "member by the key", "pat: KICK {den} {bob}", "with the key"),
    "banned, with the key": ("pat: BAN {den} {bob}", "with the key"),
    "muted, with the key": ("member by the key", "pat: MUTE {den} {bob}"),
    "second of one by the key": (
        "second session", "first: @key=sesame JOIN {den}"),
    "member, the key changed": (
        "member by the key", "ann: ROOM {den} key=another"),
    "gone, with the old key": (
        "ann: ROOM {den} key=sesame", "gone, by the key",
        "ann: ROOM {den} key=another", "with the key"),
}


# --- people -----------------------------------------------------------------

class Refused(Failed):
    """On the way to what somebody is to be."""


class Person:
    """A session that may be asked for one thing in many rooms at once."""

    def __init__(self, client):
        self.client = client
        self.nick = client.nick
        self.rooms = set()  # that it is in
        self.heard = []     # words of lines that answer nothing it asked
        self.tags = itertools.count()

    def note(self, line):
        """A line that came by itself."""
        if line is None:
            raise Failed(f"{self.nick}: the end")
        self.heard.append(set(line.split(" ")))
        words = bare(line)
        if words[0] == "PARTED" and words[2] == self.nick:
            self.rooms.discard(words[1])

    def ask(self, *lines):
        """Gives for each line the word of its answer, and the lines before
        that which belong to it."""
        tags = [f"#{next(self.tags)} " for _ in lines]
        self.client.send(*(t + x for t, x in zip(tags, lines)))
        return [self.answer(tag) for tag in tags]

    def answer(self, tag):
        lines = []
        while True:
            line = self.client.line()
            if line is None or not line.startswith(tag):
                self.note(line)
                continue
            words = bare(line)
            if words[0] in ("OK", "ERR"):
                return words[1] if words[0] == "ERR" else "ok", lines
            lines.append(line)

    def do(self, *lines):
        """What is allowed for sure."""
        for line, (word, _) in zip(lines, self.ask(*lines)):
            if word != "ok":
                raise Refused(f"{self.nick} {line}: {word}")
            verb, room = bare(line)[:2]
            if verb == "JOIN":
                self.rooms.add(room)
            if verb == "PART":
                self.rooms.discard(room)

    def has_heard(self, *words):
        """Is there a line that has all of these?"""
        return any(x.issuperset(words) for x in self.heard)

    def hear(self, *words):
        """Reads on until there is one."""
        found = self.has_heard(*words)
        while not found:
            self.note(self.client.line())
            found = self.heard[-1].issuperset(words)

    def hear_in(self, dens, word):
        """Reads on until it has heard this in each of the rooms that it is in,
        and is not put out of."""
        for den in dens:
            while den in self.rooms and not self.has_heard(den, word):
                self.note(self.client.line())


def bare(line):
    """The words behind tag and attributes."""
    words = line.split(" ")
    while words[0][:1] in ("#", "@"):
        words.pop(0)
    return words


SUE, ZOE = (bytes([n]) * 32 for n in (4, 5))


class Cast:
    """Everybody but bob: ann and pat at our node, bob at his, eve at hers."""

    def __init__(self, w, ours, his, hers):
        self.w = w
        self.ours, self.his = ours, his
        self.count = itertools.count()
        (self.ann,) = self.sessions(ANN, "ann", ours)
        self.pat, self.zoe, self.sue = (
            Person(register(w, server, seed, nick)) for server, seed, nick in
            ((ours, BOB, "pat"), (ours, ZOE, "zoe"), (his, SUE, "sue")))
        # Of one account, on his node and on ours; bob's is never the first.
        self.first, self.kim, self.elsewhere = self.sessions(
            CY, "kim", his, his, ours)
        self.eve = Person(w.client(hers, "eve"))

    def sessions(self, seed, nick, *servers):
        """Of a new account, in the clear: that takes less time."""
        maker = register(self.w, self.ours, seed, nick)
        maker.ask(f"PASSWORD {PASSWORD}", "OK")
        maker.ask("QUIT", "OK", "BYE quit")
        return [Person(with_password(self.w, s, nick)) for s in servers]


class Stage:
    """Some rooms, and bob as a row says."""

    def __init__(self, cast, rooms):
        self.cast = cast
        self.rooms = rooms
        self.key = ""
        self.bob = self.first = None
        self.token = None

    # Parts of bob's.
    def begins(self, server):
        """As a guest."""
        client = self.cast.w.visitor(server)
        self.token = client.welcome()["resume"]
        client.take(f"bob{next(self.cast.count)}")
        self.bob = Person(client)

    def resumes(self):
        was = self.bob
        client = self.cast.w.visitor(self.cast.his)
        client.welcome()
        client.ask(f"@resume={self.token} NICK {was.nick}", f"OK {was.nick}")
        client.nick = was.nick
        self.bob = Person(client)

    def plays(self, bob, first=None):
        self.bob = bob
        self.first = first
        for person in (bob, first):
            if person:
                person.heard.clear()

    def has_key(self, key):
        self.key = f"@key={key} "

    # How he becomes what he is.
    def act(self, who, line):
        person = self.bob if who == "bob" else (
            self.first if who == "first" else getattr(self.cast, who))
        person.do(*(line.format(den=den, bob=self.bob.nick)
                    for den in self.rooms))

    def become(self, state):
        for step in STATES[state]:
            who, _, line = step.partition(": ")
            if step in STATES:
                self.become(step)
            elif step in PARTS:
                PARTS[step](self)
            elif who == "key":
                self.has_key(line)
            else:
                self.act(who, line)

    def settle(self):
        """Waits until all who are there have heard of it."""
        cast = self.cast
        cast.ann.do(*(f"SAY {den} settled" for den in self.rooms))
        for person in (cast.ann, cast.eve, self.first, self.bob):
            if person:
                person.hear_in(self.rooms, "settled")
                person.heard.clear()


PARTS = {
    "session elsewhere": lambda t: t.begins(t.cast.ours),
    "resumed session": Stage.resumes,
    "session of an account": lambda t: t.plays(t.cast.kim),
    "second session": lambda t: t.plays(t.cast.kim, t.cast.first),
    "second session, first elsewhere":
        lambda t: t.plays(t.cast.kim, t.cast.elsewhere),
    "session of sue": lambda t: t.plays(t.cast.sue),
}


# --- what they try ----------------------------------------------------------

def reading(line, shown):
    """A question whose lines are to have this word, and are none if it is
    refused."""
    def attempt(t, den):
        ((word, lines),) = t.bob.ask(line.format(den=den, key=t.key))
        has = any(shown in x.split(" ") for x in lines)
        if word != "ok" and lines or word == "ok" and not has:
            return f"{word}, but {lines}"
        return word
    return attempt


def writing(line, shown):
    """What ann, who is in the room, hears of or not."""
    def attempt(t, den):
        text = f"text{next(t.cast.count)}"
        # TYPING is answered while it is on its way; the next one is behind it.
        (word, _), _ = t.bob.ask(line.format(den=den, text=text), "WHOIS eve")
        mark = f"mark{next(t.cast.count)}"
        ann = t.cast.ann
        ann.do(f"SAY {den} {mark}")
        ann.hear(den, mark)
        want = shown.format(den=den, text=text, bob=t.bob.nick).split(" ")
        heard, ann.heard = ann.heard, []
        if any(x.issuperset(want) for x in heard) != (word == "ok"):
            return f"{word}, and ann heard {heard}"
        return word
    return attempt


def live(t, den):
    """What is said to bob alone comes behind what is said in the room."""
    text = f"secret{next(t.cast.count)}"
    t.cast.ann.do(f"SAY {den} {text}", f"SAY @{t.bob.nick} behind-{text}")
    t.bob.hear(f"behind-{text}")
    t.bob.ask("PING")  # lines of rooms leave at the end of a turn
    return "ok" if t.bob.has_heard(den, text) else "-"


def rooms(t, den):
    ((word, lines),) = t.bob.ask(f"ROOMS {den}")
    if word != "ok" or len(lines) > 1:
        return f"{word}, with {lines}"
    return "ok" if lines else "-"


def whois(t, den):
    ((word, lines),) = t.bob.ask(f"WHOIS {t.cast.eve.nick}")
    if any(den in x for x in lines):
        return f"it tells the room: {lines}"
    return word


def direct(t, _den):
    text = f"text{next(t.cast.count)}"
    ((word, _),) = t.bob.ask(f"SAY @{t.cast.eve.nick} {text}")
    if word == "ok":
        t.cast.eve.hear(f"@{t.bob.nick}", text)
    return word


# In the tables' order.  Where they share a room JOIN comes last, for it alone
# would change who bob is.
PATHS = {
    "JOIN": reading("@last=500 {key}JOIN {den}", "before"),
    "live": live,
    "SAY": writing("SAY {den} {text}", "MSG {den} {bob} {text}"),
    "reply": writing("@re=1-0 SAY {den} {text}",
                     "@re=1-0 MSG {den} {bob} {text}"),
    "TYPING": writing("TYPING {den}", "TYPING {den} {bob}"),
    "HISTORY": reading("@last=500 HISTORY {den}", "before"),
    "NAMES": reading("NAMES {den}", "NAMES"),
    "TOPIC": reading("TOPIC {den}", "TOPIC"),
    "topic": writing("TOPIC {den} {text}", "TOPIC {den} {bob} {text}"),
    "ROOM": reading("ROOM {den}", "slow=0"),
    "ROOMS": rooms,
    "WHOIS": whois,
    "DM": direct,
    "KICK": writing("KICK {den} eve", "@by={bob} PARTED {den} eve"),
    "OP": writing("OP {den} zoe", "NOTICE rights {den} op {bob} zoe"),
    "set": writing("ROOM {den} slow=0", "NOTICE rights {den} set {bob} slow=0"),
}


# What changes a room, or makes the node ask anew what the room allows.
CHANGING = {"SAY", "reply", "TYPING", "HISTORY", "topic", "KICK", "OP", "set"}


# --- trying -----------------------------------------------------------------

def rows(table):
    """Gives each row's name and cells; a table without one cell is wrong."""
    head, *lines = table.strip("\n").split("\n")
    if head.split() != list(PATHS):
        raise Failed(f"these are not the paths: {head}")
    for line in lines:
        cells = line.split()[-len(PATHS):]
        name = " ".join(line.split()[:-len(PATHS)])
        if name not in STATES:
            raise Failed(f"this is no row: {line}")
        yield name, dict(zip(PATHS, (CODES.get(c, c) for c in cells)))


def furnish(cast, dens, settings):
    """Rooms that ann owns, with eve, a message and a topic."""
    def say(who, *lines):
        who.do(*(line.format(d) for line in lines for d in dens))
    say(cast.ann, "JOIN {}", "SAY {} before", "TOPIC {} topical")
    say(cast.eve, "JOIN {}")
    say(cast.ann, "OP {} pat", f"ROOM {{}} {settings}")


def play(cast, title, row, den_of):
    """Tries a row; gives what was wrong, a line a cell."""
    name, cells = row
    dens = list(dict.fromkeys(den_of[path] for path in PATHS))
    t = Stage(cast, dens)
    t.begins(cast.his)
    try:
        t.become(name)
    except Refused as e:
        return [f"{title}, {name}: {e}"]
    t.settle()
    wrong = []
    for path in sorted(PATHS, key=lambda p: p == "JOIN"):
        got = PATHS[path](t, den_of[path])
        if got != cells[path]:
            wrong.append(f"{title}, {name}, {path}: {got}, not {cells[path]}")
    return wrong


def dens_of(name):
    """Gives the room in which each path is tried: one of its own, but for
    those that leave it, and what the node knows of it, as they are."""
    return {path: f"{name}-{path.lower()}{n}" if path in CHANGING else name
            for n, path in enumerate(PATHS)}


def play_apart(cast, title, table, settings):
    """Each row in rooms of its own."""
    wrong = []
    for row in rows(table):
        den_of = dens_of(f"{title}{next(cast.count)}")
        furnish(cast, list(dict.fromkeys(den_of.values())), settings)
        wrong += play(cast, title, row, den_of)
    return wrong


def play_together(cast, title, table, settings):
    """All rows in one room."""
    furnish(cast, [title], settings)
    wrong = []
    for row in rows(table):
        wrong += play(cast, title, row, dict.fromkeys(PATHS, title))
    return wrong


def play_all(cast):
    wrong = play_apart(cast, "open", OPEN, "private=no")
    wrong += play_apart(cast, "private", PRIVATE, "private=yes")
    wrong += play_together(cast, "keyed", KEYED, "key=sesame")
    wrong += play_together(cast, "both", KEYED_PRIVATE,
                           "private=yes key=sesame")
    if wrong:
        raise Failed("\n".join([f"{len(wrong)} cells:"] + wrong))


OPTIONS = ("--operators", "sue", "--rooms-per-session", "10000",
           "--rooms-per-account", "10000",
           "--conn-per-addr", "500")


@test
def every_path_by_every_state_in_memory(w):
    s = w.server("--state", w.path("state"), *OPTIONS)
    play_all(Cast(w, s, s, s))


@test
def every_path_by_every_state_on_a_node_of_a_fleet(w):
    s, _ = w.nodes("den", "nook", options=OPTIONS)
    play_all(Cast(w, s, s, s))


@test
def every_path_by_every_state_on_the_other_node(w):
    s, other = w.nodes("den", "nook", options=OPTIONS)
    play_all(Cast(w, s, other, other))


@test
def every_path_by_every_state_on_a_node_where_nobody_else_is(w):
    s, other = w.nodes("den", "nook", options=OPTIONS)
    play_all(Cast(w, s, other, s))


if __name__ == "__main__":
    run()
