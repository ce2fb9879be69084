# SPDX-License-Identifier: ISC
"""What was said: replays at JOIN, HISTORY in both directions, and that a gap is
never silent."""
from snugtest import Failed, run, test


def talk(c, target, n, start=1):
    """Says n numbered things, pipelined; gives their ids."""
    c.send(*[f"SAY {target} m{i}" for i in range(start, start + n)])
    ids, shown = [], []
    while len(ids) < n or len(shown) < n:
        line = c.line()
        if line.startswith("OK "):
            ids.append(line[3:])
        elif line.startswith("MSG "):
            shown.append(line.split(" ")[2])
        else:
            raise Failed(f"SAY gave {line!r}")
    if ids != shown:
        raise Failed("the OKs and the messages have other ids")
    return ids


def replayed(lines):
    """The ids of a replay's lines, which must be nothing else."""
    out = []
    for line in lines:
        words = line.split(" ")
        while words[0].startswith("@"):
            words.pop(0)
        if "@replay" not in line or words[0] != "MSG":
            raise Failed(f"in a replay came {line!r}")
        out.append(words[2])
    return out


def enter(c, attrs, last):
    """Joins with a replay; gives (ids, was there a gap)."""
    c.send(f"{attrs} JOIN r")
    c.expect(f"JOINED r {c.nick}", "NAMES r <ms> <text>")
    lines, _ = c.skip_to(f"OK {last}")
    gap = bool(lines) and lines[0] == "NOTICE gap r"
    return replayed(lines[1:] if gap else lines), gap


@test
def last_replays_the_newest_oldest_first(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    ids = talk(ann, "r", 10)
    for n, expected in ((3, ids[-3:]), (10, ids), (500, ids), (1, ids[-1:])):
        got, gap = enter(w.client(s, f"b{n}"), f"@last={n}", ids[-1])
        if got != expected or gap:
            raise Failed(f"@last={n} gave {got}, gap {gap}")


@test
def since_replays_what_came_after(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    ids = talk(ann, "r", 10)
    for n in (0, 4, 8, 9):
        got, gap = enter(w.client(s, f"b{n}"), f"@since={ids[n]}", ids[-1])
        if got != ids[n + 1:] or gap:
            raise Failed(f"@since the {n}th gave {got}, gap {gap}")


@test
def since_zero_replays_all(w):
    s = w.server()
    ids = talk(w.client(s, "ann", ["r"]), "r", 5)
    got, gap = enter(w.client(s, "bob"), "@since=0-0", ids[-1])
    if got != ids or gap:
        raise Failed(f"got {got}, gap {gap}")


@test
def a_since_that_nobody_knows_is_a_gap(w):
    s = w.server()
    ids = talk(w.client(s, "ann", ["r"]), "r", 5)
    got, gap = enter(w.client(s, "bob"), "@since=1-1", ids[-1])
    if got != ids or not gap:
        raise Failed(f"an old one gave {got}, gap {gap}")
    _, gap = enter(w.client(s, "eve"), "@since=99999999999999-0", ids[-1])
    if not gap:
        raise Failed("one of the future gave no gap")
    ms, seq = ids[2].split("-")
    _, gap = enter(w.client(s, "kim"), f"@since={ms}-{int(seq) + 9999}",
                   ids[-1])
    if not gap:
        raise Failed("one between two messages gave no gap")


@test
def a_trimmed_history_is_a_gap(w):
    s = w.server("--history", "5")
    ann = w.client(s, "ann", ["r"])
    ids = talk(ann, "r", 600)
    got, gap = enter(w.client(s, "bob"), f"@since={ids[0]}", ids[-1])
    if not gap or got != ids[-len(got):] or not got:
        raise Failed(f"got {len(got)} messages, gap {gap}")
    got, gap = enter(w.client(s, "eve"), "@last=500", ids[-1])
    if got != ids[-5:] or gap:
        raise Failed(f"of 5 kept, @last gave {got}, gap {gap}")


@test
def a_since_in_an_empty_room_is_a_gap_and_a_zero_is_not(w):
    s = w.server()
    got, gap = enter(w.client(s, "ann"), "@since=5-5", "0-0")
    if got or not gap:
        raise Failed(f"got {got}, gap {gap}")
    s = w.server()
    got, gap = enter(w.client(s, "ann"), "@since=0-0", "0-0")
    if got or gap:
        raise Failed(f"got {got}, gap {gap}")


@test
def joining_again_with_since_only_replays(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    ids = talk(ann, "r", 5)
    for one in ids:
        bob.expect(f"MSG r {one} ann <text>")
    bob.send(f"@since={ids[1]} JOIN r")
    lines, _ = bob.skip_to(f"OK {ids[-1]}")
    if replayed([x for x in lines if "MSG" in x]) != ids[2:]:
        raise Failed(f"joining again gave {lines}")
    ann.nothing()


@test
def malformed_questions_are_bad_args(w):
    c = w.client(w.server(), "ann", ["r"])
    for line in ("@last JOIN q", "@last=x JOIN q", "@last=501 JOIN q",
                 "@last=-1 JOIN q", "@last=01 JOIN q", "@since JOIN q",
                 "@since=1 JOIN q", "@since=x-1 JOIN q", "@last=x HISTORY r",
                 "@last=501 HISTORY r", "@before=1 HISTORY r",
                 "@after=1- HISTORY r", "@before HISTORY r"):
        c.ask(line, "ERR bad-args <text>")
    c.nothing()


@test
def history_gives_the_newest_fifty(w):
    ann = w.client(w.server(), "ann", ["r"])
    ids = talk(ann, "r", 60)
    ann.send("HISTORY r")
    lines, _ = ann.skip_to("OK")
    if replayed(lines) != ids[-50:]:
        raise Failed(f"HISTORY gave {lines}")
    ann.send("@last=500 HISTORY r")
    lines, _ = ann.skip_to("OK end")
    if replayed(lines) != ids:
        raise Failed("@last=500 did not give all")


@test
def history_pages_back_to_the_beginning(w):
    ann = w.client(w.server(), "ann", ["r"])
    ids = talk(ann, "r", 120)
    seen, before = [], ""
    for _ in range(20):
        ann.send(f"@last=25 {before}HISTORY r")
        lines, (end,) = ann.skip_to("OK<any>")
        page = replayed(lines)
        seen = page + seen
        if end == " end":
            break
        before = f"@before={page[0]} "
    if seen != ids:
        raise Failed(f"paging back gave {len(seen)} of {len(ids)}")


@test
def history_pages_forward_to_the_end(w):
    ann = w.client(w.server(), "ann", ["r"])
    ids = talk(ann, "r", 120)
    seen, after = [], "0-0"
    for _ in range(20):
        ann.send(f"@last=25 @after={after} HISTORY r")
        lines, (end,) = ann.skip_to("OK<any>")
        page = replayed(lines)
        seen += page
        if end == " end":
            break
        after = page[-1]
    if seen != ids:
        raise Failed(f"paging forward gave {len(seen)} of {len(ids)}")


@test
def history_takes_ids_that_are_not_there(w):
    ann = w.client(w.server(), "ann", ["r"])
    ids = talk(ann, "r", 5)
    ann.ask("@before=1-1 HISTORY r", "OK end")
    ann.ask("@after=99999999999999-0 HISTORY r", "OK end")
    ann.send("@before=99999999999999-0 HISTORY r")
    lines, _ = ann.skip_to("OK end")
    if replayed(lines) != ids:
        raise Failed(f"before the future came {lines}")


@test
def history_of_an_empty_room_is_empty(w):
    ann = w.client(w.server(), "ann", ["r"])
    ann.ask("HISTORY r", "OK end")
    ann.ask("@last=5 HISTORY r", "OK end")


@test
def history_with_a_person_is_for_the_two(w):
    s = w.server()
    ann, bob = w.client(s, "ann"), w.client(s, "bob")
    eve = w.client(s, "eve")
    ids = talk(ann, "@bob", 5)
    for one in ids:
        bob.expect(f"MSG @ann {one} ann <text>")
    for c, other in ((ann, "bob"), (bob, "ann")):
        c.send(f"HISTORY @{other}")
        lines, _ = c.skip_to("OK end")
        if replayed(lines) != ids:
            raise Failed(f"{c.name} was given {lines}")
        for line in lines:
            if f"MSG @{other} " not in line:
                raise Failed(f"{c.name} was given {line}")
    eve.ask("HISTORY @bob", "OK end")


@test
def a_replay_keeps_what_a_message_was(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    one = ann.say("r", "  two  words ")
    ann.send(f"@act @re={one} SAY r waves")
    ann.expect_both(f"@act @re={one} MSG r <id> ann waves", "OK <id>")
    ann.send("@enc=box1 SAY r 3q2-7w_A")
    ann.expect_both("@enc=box1 MSG r <id> ann 3q2-7w_A", "OK <id>")
    bob = w.client(s, "bob")
    bob.ask("@last=9 JOIN r", "JOINED r bob", "NAMES r 2 <text>",
            f"@replay MSG r {one} ann   two  words ",
            f"@act @re={one} @replay MSG r <id> ann waves",
            "@enc=box1 @replay MSG r <id> ann 3q2-7w_A", "OK <id>")


@test
def a_replay_gives_the_cid_to_its_sender_alone(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    one = ann.say("r", "hi", "@cid=c1 ")
    bob.expect(f"MSG r {one} ann hi")
    ann.ask("HISTORY r", f"@cid=c1 @replay MSG r {one} ann hi", "OK end")
    bob.ask("HISTORY r", f"@replay MSG r {one} ann hi", "OK end")
    ann.send("@last=1 JOIN r")
    ann.skip_to(f"@cid=c1 @replay MSG r {one} ann hi")
    ann.expect(f"OK {one}")


@test
def replay_and_live_messages_join_without_a_seam(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    ids = []
    joiners = []
    for burst in range(8):
        ann.send(*[f"SAY r {burst}.{n}" for n in range(100)])
        c = w.client(s, f"j{burst}")
        c.send("@last=500 JOIN r")
        joiners.append(c)
    while len(ids) < 800:
        line = ann.line()
        if line.startswith("OK "):
            ids.append(line[3:])
    for c in joiners:
        lines, _ = c.skip_to(f"<any>MSG r {ids[-1]} ann 7.99")
        got = [x for line in lines for x in [line.split(" ")]
               if "MSG" in x[:2]]
        seen = [x[x.index("MSG") + 2] for x in got] + [ids[-1]]
        if seen != ids[-len(seen):]:
            raise Failed(f"{c.name} saw a hole or a double in {len(seen)}")
        ok = [n for n, line in enumerate(lines) if line.startswith("OK ")]
        end = lines[ok[0]][3:] if ok else ids[-1]
        for n, line in enumerate(lines):
            if "@replay" in line and ok and n > ok[0]:
                raise Failed(f"{c.name}: a replay behind the OK: {line}")
            if line.startswith("MSG") and ok and n < ok[0]:
                raise Failed(f"{c.name}: live before the OK {end}: {line}")


@test
def long_answers_wait_for_their_reader(w):
    s = w.server("--send-buffer", "64K")
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    text = "x" * 8000
    for n in range(10):
        ann.send(*[f"SAY r {text}"] * 30, f"PING {n}")
        ann.skip_to(f"OK {n}")
        for _ in range(30):
            bob.expect(f"MSG r <id> ann {text}")
    bob.send(*["@last=300 HISTORY r"] * 5, "PING done")
    ann.send("PING still here")
    ann.skip_to("OK still here")
    for _ in range(5):
        lines, _ = bob.skip_to("OK end")
        if len(replayed(lines)) != 300:
            raise Failed(f"a long answer has {len(lines)} lines")
    bob.expect("OK done")


@test
def no_history_offers_nothing(w):
    s = w.server("--history", "0")
    ann = w.client(s, "ann", ["r"])
    ids = talk(ann, "r", 3)
    ann.ask("HISTORY r", "OK end")
    bob = w.client(s, "bob")
    bob.ask("@last=10 JOIN r", "JOINED r bob", "NAMES r 2 <text>",
            f"OK {ids[-1]}")
    eve = w.client(s, "eve")
    got, gap = enter(eve, f"@since={ids[0]}", ids[-1])
    if gap or got != ids[1:]:
        raise Failed(f"who comes back was given {got}, gap {gap}")


run()
