# SPDX-License-Identifier: ISC
"""What the clients of a run have written down, and whether it may be.

Each client appends to a record of its own, one JSON object a line:

    sent     room cid            a SAY was written for the first time
    again    room cid            and once more, with the same cid
    acked    room cid id         OK
    refused  room cid code       certainly not accepted, by every try so far
    unknown  room cid            a try without an answer, or outcome-unknown
    answer   room cid ms         how long a try's answer took
    since    room id             a JOIN with @since is on its way
    joined   room since id       the OK of a JOIN; since is null for a fresh one
    seen     room id cid live    a MSG; live is false for a replay
    gap      room                NOTICE gap
    lost                         the connection ended
    resumed  by                  a session was taken over; by: how
    done     room id             the end of the run: all up to id has been seen

A text is its message's cid, so whoever sees one knows whose it is.

A client's view of a room is a row of stretches.  One begins at the id of a
JOIN's OK, or behind a gap; it ends at a gap, or with the record.  A JOIN with
`since` continues the stretch that the client had.  What is promised:

    - ids rise in every view, and one id is one message to everybody: so there
      is one order
    - a message has one id: nobody sees it twice
    - a stretch holds every message between its ends that was acked or that
      anybody saw: nothing is lost, or skipped without a word
    - a refused message is nowhere, and nothing is seen that was not sent
    - what a session said in a row is in the log in that row
"""
import bisect
import collections
import json
import os


def number(one):
    """An id as something to compare."""
    ms, _, seq = one.partition("-")
    return (int(ms), int(seq))


class Record:
    """One client's book; append only."""

    def __init__(self, name, path=None):
        self.name = name
        self.events = []
        self.file = open(path, "w", encoding="utf-8") if path else None

    def add(self, event, **more):
        entry = {"e": event, **more}
        self.events.append(entry)
        if self.file:
            self.file.write(json.dumps(entry) + "\n")

    def close(self):
        if self.file:
            self.file.close()
            self.file = None


def load(directory):
    """The records of a run, from their files."""
    out = {}
    for name in sorted(os.listdir(directory)):
        with open(os.path.join(directory, name), encoding="utf-8") as f:
            out[name.rsplit(".", 1)[0]] = [json.loads(line) for line in f]
    return out


class Stretch:
    """A part of a view without a gap: the messages in (low, high]."""

    def __init__(self, client, room, low):
        self.client = client
        self.room = room
        self.low = low      # number; None: the first message seen
        self.high = low
        self.seen = []      # (number, cid), rising

    def see(self, one, cid):
        if self.low is None:
            self.low = (one[0], one[1] - 1)
        self.seen.append((one, cid))
        self.reach(one)

    def reach(self, one):
        if self.high is None or one > self.high:
            self.high = one


class Checker:
    """Reads records, and says what may not be."""

    def __init__(self, records):
        self.complaints = []
        self.sent = {}          # cid: (client, room)
        self.acked = {}         # cid: id
        self.refused = {}       # cid: code
        self.unknown = set()    # cids that had such a try
        self.ids = {}           # (room, number): cid
        self.cids = {}          # cid: number
        self.stretches = []
        self.counts = collections.Counter()
        self.first_tries = []   # (client, room, cids of one session in a row)
        for client, events in records.items():
            for e in events:
                self.book(client, e)
        for client, events in records.items():
            self.read(client, events)
        self.judge()

    def complain(self, text):
        self.complaints.append(text)

    # What was said of each message.
    def book(self, client, e):
        self.counts[e["e"]] += 1
        kind = e["e"]
        if kind == "sent":
            if e["cid"] in self.sent:
                self.complain(f"the record is wrong: {e['cid']} is sent anew")
            self.sent[e["cid"]] = (client, e["room"])
        elif kind == "acked":
            old = self.acked.setdefault(e["cid"], e["id"])
            if old != e["id"]:
                self.complain(f"{e['cid']} got OK {old} and OK {e['id']}")
            self.name(e["room"], number(e["id"]), e["cid"], "acked")
        elif kind == "joined" and e["since"] not in (None, "0-0"):
            self.counts["rejoined"] += 1
        elif kind == "refused":
            self.refused[e["cid"]] = e["code"]
        elif kind == "unknown":
            self.unknown.add(e["cid"])
        elif kind == "seen":
            self.name(e["room"], number(e["id"]), e["cid"],
                      f"seen by {client}")

    def name(self, room, one, cid, how):
        """One id is one message, and a message has one id."""
        old = self.ids.setdefault((room, one), cid)
        if old != cid:
            self.complain(f"{room} {show(one)} is {old} and {cid} ({how})")
        was = self.cids.setdefault(cid, one)
        if was != one:
            self.complain(f"{cid} is doubled: {show(was)} and {show(one)} "
                          f"({how})")

    # The views.
    def read(self, client, events):
        now, row, again = {}, [], set()
        for e in events:
            kind, room = e["e"], e.get("room")
            at = now.get(room)
            if kind == "joined":
                if e["since"] is None:
                    at = self.begin(now, client, room, number(e["id"]))
                elif at is None:
                    self.complain(f"the record is wrong: {client} goes on in "
                                  f"{room} where it never was")
                    continue
                if at.low is None:
                    at.low = number(e["id"])
                at.reach(number(e["id"]))
            elif kind == "since":
                if at is None:
                    self.begin(now, client, room, number(e["id"]))
            elif kind == "seen":
                self.see(client, at, e)
            elif kind == "gap":
                self.begin(now, client, room, None)
            elif kind == "done" and at is not None:
                at.reach(number(e["id"]))
            elif kind == "sent":
                row.append((room, e["cid"]))
            elif kind == "again":
                again.add(e["cid"])
            elif kind == "lost":
                self.first_tries.append((client, row, again))
                row = []
        self.first_tries.append((client, row, again))

    def begin(self, now, client, room, low):
        now[room] = Stretch(client, room, low)
        self.stretches.append(now[room])
        return now[room]

    def see(self, client, at, e):
        one = number(e["id"])
        if at is None:
            self.complain(f"{client} sees {e['cid']} in {e['room']}, where it "
                          "is not")
            return
        if at.seen and one <= at.seen[-1][0]:
            how = "again" if any(one == x for x, _ in at.seen) else "late"
            self.complain(f"{client} sees {e['cid']} {show(one)} {how}, behind "
                          f"{show(at.seen[-1][0])}")
            return
        if at.low is not None and one <= at.low:
            self.complain(f"{client} sees {e['cid']} {show(one)}, not above "
                          f"{show(at.low)}")
            return
        at.see(one, e["cid"])

    # The verdict.
    def judge(self):
        for cid, one in self.cids.items():
            if cid not in self.sent:
                self.complain(f"{cid} {show(one)} was never sent")
            if cid in self.refused and cid not in self.unknown:
                self.complain(f"{cid} was refused ({self.refused[cid]}), and "
                              f"is there as {show(one)}")
        rooms = collections.defaultdict(list)
        for room, one in self.ids:
            rooms[room].append(one)
        for ids in rooms.values():
            ids.sort()
        covered = set()
        for s in self.stretches:
            if s.low is not None:
                self.judge_stretch(s, rooms[s.room], covered)
        for client, row, again in self.first_tries:
            self.judge_row(client, row, again)
        self.counts["acked"] = len(self.acked)
        self.counts["unknown"] = len(
            [c for c in self.unknown if c not in self.acked])

    def judge_stretch(self, s, ids, covered):
        first = bisect.bisect_right(ids, s.low)
        last = bisect.bisect_right(ids, s.high)
        seen = {one for one, _ in s.seen}
        covered.update((s.room, one) for one in seen)
        missing = [one for one in ids[first:last] if one not in seen]
        for one in missing[:5]:
            cid = self.ids[(s.room, one)]
            what = "acked" if cid in self.acked else "seen by others"
            self.complain(f"{s.client} misses {cid} {show(one)} of {s.room}, "
                          f"which was {what}")
        if len(missing) > 5:
            self.complain(f"{s.client} misses {len(missing) - 5} more")

    def judge_row(self, client, row, again):
        last = {}
        for room, cid in row:
            if cid in again or cid not in self.cids:
                continue
            one = self.cids[cid]
            if one <= last.get(room, (0, 0)):
                self.complain(f"{client} said {cid} later than its id "
                              f"{show(one)} says")
            last[room] = max(one, last.get(room, (0, 0)))

    def unseen(self):
        """Acked messages that are in nobody's view."""
        seen = {(s.room, one) for s in self.stretches for one, _ in s.seen}
        return [cid for cid, one in self.acked.items()
                if (self.sent[cid][1], number(one)) not in seen]


def show(one):
    return f"{one[0]}-{one[1]}"


def check(records):
    """The complaints about records, in words; none if all is well."""
    return Checker(records).complaints
