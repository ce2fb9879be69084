# SPDX-License-Identifier: ISC
"""Somebody is put out of a room by one node while another, where it sits, does
not hear of it: it must not hear any more of the room either."""
import time

from fleet import DEAD, SLACK, Fleet
from proxy import BOTH
from snugtest import TESTS, Failed, run, test
from test_accounts import ANN, BOB, log_in, register

TESTS.clear()  # those of accounts run by themselves

SECRETS = [f"secret-{n}" for n in range(20)]


def is_push(pipe, frame):
    return pipe.label == "sub" and \
        frame.startswith(b"*3\r\n$7\r\nmessage\r\n")


def said(c):
    """The texts that a client was sent, however it came by them."""
    texts = set(SECRETS)
    return [word for word in " ".join(
        x for x in c.transcript if x.startswith(c.name + " <")).replace(
            "'", " ").split(" ") if word in texts]


class Den:
    """A room: its owner and a guest on one node; on the other one who will be
    banned, twice, only one session in the room, and two guests who stay."""

    def __init__(self, w):
        self.fleet = Fleet(w)
        here, there = self.fleet.nodes
        self.proxy = there.proxy
        self.ann = register(w, here.server, ANN, "ann", ["den"])
        self.cat = w.client(here.server, "cat", ["den"])
        self.eve = register(w, there.server, BOB, "eve")
        self.since = self.eve.join("den")
        self.again = log_in(w, there.server, BOB, "eve")
        self.stay = [w.client(there.server, nick, ["den"])
                     for nick in ("gus", "hal")]

    def ban(self):
        """The ban is acknowledged; what is said from here on is secret."""
        self.ann.send("BAN den eve")
        self.ann.skip_to("OK")

    def talk(self, texts):
        for n, text in enumerate(texts):
            c = (self.ann, self.cat)[n % 2]
            c.send(f"SAY den {text}")
            c.skip_to("OK <id>")

    def pry(self):
        """All ways in to what was said; gives the answers."""
        self.eve.send("#h @last=50 HISTORY den")
        self.again.send(f"#j @since={self.since} JOIN den")
        return answer(self.eve, "#h"), answer(self.again, "#j")

    def pry_until_put_out(self):
        """Over and over, until it is known for good that it is banned."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            h, j = self.pry()
            self.judge(h, j)
            if "ERR not-member" in h and "ERR banned" in j:
                return
        raise Failed(f"eve is not put out: {h!r}, {j!r}")

    def judge(self, h, j):
        """Either is refused; nothing is given."""
        if " ERR " not in h or " ERR " not in j:
            raise Failed(f"let in: {h!r}, {j!r}")

    def settled(self):
        """Who stays has heard all of it, once and in order; who went nothing."""
        for c in self.stay:
            if SECRETS[-1] not in said(c):
                c.skip_to(f"<any>MSG den <id> <nick> {SECRETS[-1]}")
            if said(c) != SECRETS:
                raise Failed(f"{c.nick} heard {said(c)}")
        for c in (self.eve, self.again):
            c.send("PING over")
            c.skip_to("OK over")
            if said(c):
                raise Failed(f"leaked to {c.name}: {said(c)}")
        seen = [x for x in self.eve.transcript if "PARTED den eve" in x]
        if len(seen) != 1 or "@by=ann" not in seen[0]:
            raise Failed(f"eve was told {seen}")


def answer(c, tag):
    """The OK or ERR to this tag; what came before is in the transcript."""
    while True:
        line = c.line()
        if line is None:
            raise Failed(f"{c.name}: the end came before an answer")
        words = line.split(" ")
        verb = next(x for x in words if x[0] not in "#@")
        if words[0] == tag and verb in ("OK", "ERR"):
            return line


@test
def a_ban_leaks_nothing_on_a_node_that_cannot_hear_of_it(w):
    """S4: it answers busy as long as it cannot ask."""
    d = Den(w)
    d.proxy.swallow(BOTH)
    began = time.monotonic()
    d.ban()
    d.talk(SECRETS[:10])
    while time.monotonic() < began + DEAD + 2.0 * SLACK:
        for line in d.pry():
            if " ERR busy " not in line or "@retry=" not in line:
                raise Failed(f"while it is deaf: {line!r}")
    d.talk(SECRETS[10:])
    d.stay[0].skip_to("NOTICE relay-down<any>")
    d.proxy.heal()
    d.pry_until_put_out()
    d.stay[0].skip_to("NOTICE relay-up<any>")
    d.settled()


@test
def a_ban_leaks_nothing_where_only_the_subscription_is_deaf(w):
    """S4: nodes that can ask may know before they hear."""
    d = Den(w)
    d.proxy.swallow(BOTH, ("sub",))
    d.ban()
    d.talk(SECRETS[:10])
    d.stay[0].skip_to("NOTICE relay-down<any>")
    d.talk(SECRETS[10:])
    d.proxy.heal()
    d.pry_until_put_out()
    d.settled()


@test
def a_ban_whose_news_is_lost_holds_for_the_message_behind_it(w):
    """S4: nobody pries, nothing is cut; a message tells by its rights' version
    that something is missing."""
    d = Den(w)
    lost = []

    def lose(pipe, frame):
        if is_push(pipe, frame) and b"den" in frame and not lost:
            lost.append(frame)
            return 0
        return 1

    d.proxy.filter = lose
    d.ban()
    d.talk(SECRETS)
    d.eve.skip_to("@by=ann PARTED den eve<any>")
    if not lost:
        raise Failed("nothing was lost")
    d.proxy.filter = None
    d.pry_until_put_out()
    d.settled()


run()
