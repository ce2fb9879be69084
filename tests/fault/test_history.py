# SPDX-License-Identifier: ISC
"""The checker itself: it passes what may be, and catches what may not.  Without
these, a run that is found good would say nothing."""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "e2e")]
# pylint: disable=wrong-import-position
from snugtest import Failed, run, test
from history import Record, check, load


def ident(n):
    return f"{1000 + n}-0"


class Room:
    """A room r with a few people, who do as they should until told otherwise."""

    def __init__(self, *names):
        self.records = {name: Record(name) for name in names}
        self.n = 0
        for name in names:
            self.add(name, "joined", since=None, id=ident(0))

    def add(self, name, event, **more):
        self.records[name].add(event, room="r", **more)

    def send(self, name, cid=None):
        """Gives (cid, id) of what nobody has heard of yet."""
        self.n += 1
        cid = cid or f"{name}.{self.n}"
        self.add(name, "sent", cid=cid)
        return cid, ident(self.n)

    def see(self, message, *names, live=True):
        for name in names or self.records:
            self.add(name, "seen", cid=message[0], id=message[1], live=live)

    def say(self, name):
        """Sent, acked, seen by all."""
        message = self.send(name)
        self.add(name, "acked", cid=message[0], id=message[1])
        self.see(message)
        return message

    def end(self):
        for name in self.records:
            self.add(name, "done", id=ident(self.n))

    def verdict(self):
        self.end()
        return check({n: r.events for n, r in self.records.items()})

    def expect_good(self):
        complaints = self.verdict()
        if complaints:
            raise Failed("\n".join(complaints))

    def expect_bad(self, word):
        complaints = self.verdict()
        if not any(word in c for c in complaints):
            raise Failed(f"{word!r} was not noticed: {complaints}")


def three():
    room = Room("ann", "bob", "eve")
    room.say("ann")
    return room


@test
def a_clean_history_passes(_):
    room = three()
    for n in range(20):
        room.say(("ann", "bob", "eve")[n % 3])
    room.expect_good()


@test
def a_lost_message_is_caught(_):
    room = three()
    message = room.send("bob")
    room.add("bob", "acked", cid=message[0], id=message[1])
    room.say("eve")
    room.expect_bad("misses bob.2")


@test
def a_message_that_one_member_misses_is_caught(_):
    room = three()
    message = room.send("bob")
    room.add("bob", "acked", cid=message[0], id=message[1])
    room.see(message, "ann", "bob")
    room.say("eve")
    room.expect_bad("eve misses bob.2")


@test
def a_lost_last_message_is_caught(_):
    room = three()
    message = room.send("bob")
    room.add("bob", "acked", cid=message[0], id=message[1])
    room.see(message, "ann", "bob")
    room.expect_bad("eve misses bob.2")


@test
def a_message_shown_twice_is_caught(_):
    room = three()
    message = room.say("bob")
    room.see(message, "ann")
    room.expect_bad("again")


@test
def a_message_with_two_ids_is_caught(_):
    room = three()
    cid, _one = room.say("bob")
    room.n += 1
    room.see((cid, ident(room.n)))
    room.expect_bad("doubled")


@test
def reordered_messages_are_caught(_):
    room = three()
    one, two = room.send("ann"), room.send("bob")
    room.see(one, "ann", "bob")
    room.see(two)
    room.see(one, "eve")
    room.expect_bad("late")


@test
def two_messages_under_one_id_are_caught(_):
    room = three()
    one, two = room.send("ann"), room.send("bob")
    room.see(one, "ann")
    room.see((two[0], one[1]), "bob")
    room.expect_bad("and bob.3")


@test
def a_row_that_is_kept_in_another_order_is_caught(_):
    room = three()
    one, two = room.send("ann", "ann.a"), room.send("ann", "ann.b")
    room.see((two[0], one[1]))
    room.see((one[0], two[1]))
    room.expect_bad("later than its id")


@test
def a_false_ok_is_caught(_):
    room = three()
    cid, one = room.send("bob")
    room.add("bob", "acked", cid=cid, id=one)
    room.expect_bad("misses bob.2")


@test
def an_ok_with_anothers_id_is_caught(_):
    room = three()
    theirs = room.say("ann")
    cid, _one = room.send("bob")
    room.add("bob", "acked", cid=cid, id=theirs[1])
    room.expect_bad(f"is {theirs[0]} and {cid}")


@test
def a_silently_skipped_message_is_caught_after_a_resume(_):
    room = three()
    room.records["eve"].add("lost")
    message = room.send("bob")
    room.add("bob", "acked", cid=message[0], id=message[1])
    room.see(message, "ann", "bob")
    room.add("eve", "since", id=ident(1))
    room.add("eve", "joined", since=ident(1), id=ident(2))
    room.say("ann")
    room.expect_bad("eve misses bob.2")


@test
def a_gap_excuses_what_is_behind_it_and_nothing_else(_):
    def with_gap(late):
        room = three()
        message = room.send("bob")
        room.add("bob", "acked", cid=message[0], id=message[1])
        room.see(message, "ann", "bob")
        if late:
            room.say("ann")
        room.add("eve", "gap")
        room.say("ann")
        return room

    with_gap(late=False).expect_good()
    with_gap(late=True).expect_bad("eve misses bob.2")


@test
def a_replay_fills_the_view(_):
    room = three()
    room.records["eve"].add("lost")
    message = room.send("bob")
    room.add("bob", "acked", cid=message[0], id=message[1])
    room.see(message, "ann", "bob")
    room.add("eve", "since", id=ident(1))
    room.see(message, "eve", live=False)
    room.add("eve", "joined", since=ident(1), id=ident(2))
    room.say("ann")
    room.expect_good()


@test
def who_was_not_there_misses_nothing(_):
    room = three()
    room.records["kim"] = Record("kim")
    room.add("kim", "joined", since=None, id=ident(1))
    room.say("ann")
    room.expect_good()


@test
def a_refused_message_that_appears_is_caught(_):
    room = three()
    message = room.send("bob")
    room.add("bob", "refused", cid=message[0], code="relay-down")
    room.see(message)
    room.expect_bad("refused")


@test
def a_refused_message_that_stays_away_passes(_):
    room = three()
    message = room.send("bob")
    room.add("bob", "refused", cid=message[0], code="relay-down")
    room.n -= 1
    room.say("ann")
    room.expect_good()


@test
def an_unknown_message_may_be_there_once_or_not_at_all(_):
    for there in (True, False):
        room = three()
        message = room.send("bob")
        room.add("bob", "unknown", cid=message[0])
        if there:
            room.see(message)
        room.say("ann")
        room.expect_good()


@test
def an_unknown_message_that_half_the_room_sees_is_caught(_):
    room = three()
    message = room.send("bob")
    room.add("bob", "unknown", cid=message[0])
    room.see(message, "ann", "bob")
    room.say("ann")
    room.expect_bad("eve misses bob.2")


@test
def a_message_that_nobody_sent_is_caught(_):
    room = three()
    room.n += 1
    room.see(("ghost.1", ident(room.n)))
    room.expect_bad("never sent")


@test
def records_outlive_who_wrote_them(w):
    book = Record("ann", w.path("ann.jsonl"))
    book.add("joined", room="r", since=None, id=ident(0))
    book.add("seen", room="r", cid="ghost.1", id=ident(1), live=True)
    book.close()
    os.mkdir(w.path("records"))
    os.rename(w.path("ann.jsonl"), w.path("records/ann.jsonl"))
    if not check(load(w.path("records"))):
        raise Failed("what was written is not what was read")


# What a fleet promises, and the ways in which a relay fails (R11 belongs to
# Redis Cluster).
PROMISES = {f"D{n}" for n in range(1, 8)} | {"F1", "F2", "F3", "O2"} | {
    f"R{n}" for n in range(1, 18) if n != 11}


def proved(path):
    """The promises that the first words of a file's scenarios name; the mix,
    which is about all of them, is not counted."""
    with open(path, encoding="utf-8") as f:
        docs = re.findall(r'@test\ndef \w+\(w\):\n    """([^:"]*)', f.read())
    return {x for doc in docs if " to " not in doc
            for x in re.findall(r"[A-Z][0-9]+", doc)}


@test
def every_promise_has_a_scenario_of_its_own(_w):
    files = [os.path.join(HERE, x) for x in os.listdir(HERE)
             if x.startswith("test_")]
    missing = PROMISES - set().union(*map(proved, files))
    if missing:
        raise Failed(f"nothing proves {sorted(missing)}")


run()
