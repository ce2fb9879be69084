# SPDX-License-Identifier: ISC
"""A hostile client: the shared lists of hostile strings as names and as texts,
endless lines, claimed lengths.  Verdicts as the lists give them; never a
control byte to anybody, never a crash, memory within bounds."""
import json
import os
import re

from snugtest import Failed, run, test, testdata, within

MIB = 1024 * 1024
LONG = 16000  # what a frame can hold, with a verb before it


def entries(name):
    with open(testdata(name), encoding="utf-8") as f:
        return json.load(f)["entries"]


def pair(w):
    """One who says what it is told, and one who watches."""
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    return ann, bob


def say(ann, bob, raw):
    """Says raw bytes, framed; gives whether they were taken.  What bob is
    shown is then just these bytes.  (Those that no frame can hold are for
    test_framing.)"""
    if len(raw) > LONG:
        return False
    ann.send(b"SAY r " + raw)
    line = ann.line()
    if line.startswith("ERR "):
        ann.nothing()
        return False
    other = ann.line()
    shown = line if line.startswith("MSG ") else other
    got = bob.line()
    if got != shown or got.split(" ", 4)[4].encode() != raw:
        raise Failed(f"{raw!r} was shown as {got!r}")
    return True


def is_name(c, raw):
    """Does the server hold this for a name?  One with a space in it cannot
    even be asked for: a param ends there."""
    if not raw or b" " in raw or len(raw) > LONG:
        return False
    c.send(b"NAMES " + raw)
    return c.line().startswith("ERR no-such-room ")


def pour(c, data):
    """Sends bytes that may well end the session, and reads what it says."""
    try:
        c.raw(data)
        c.half_close()
    except OSError:
        pass
    while c.line() is not None:
        pass
    c.close()


@test
def hostile_names_and_texts_get_the_verdicts_of_the_list(w):
    ann, bob = pair(w)
    wrong = []
    for e in entries("hostile-text-a.json"):
        raw = bytes.fromhex(e["hex"])
        who = e["id"]
        if "message" in e and raw:
            taken = say(ann, bob, raw)
            if e["message"] == "refuse-line" and taken:
                wrong.append(f"text taken: {who}")
            if e["message"] == "ok" and not taken:
                wrong.append(f"text refused: {who}")
        if "nick" in e:
            good = is_name(ann, raw)
            if e["nick"] == "refuse" and good:
                wrong.append(f"name taken: {who}")
            if e["nick"] == "ok" and not good:
                wrong.append(f"name refused: {who}")
    if wrong:
        raise Failed("\n".join(wrong))
    ann.nothing()
    bob.nothing()


@test
def hostile_names_are_refused_as_nicks_too(w):
    ann = w.client(w.server(), "ann")
    for e in entries("hostile-text-a.json"):
        raw = bytes.fromhex(e["hex"])
        if e.get("nick") != "refuse" or b" " in raw or len(raw) > LONG:
            continue
        ann.send(b"NICK " + raw)
        got = ann.line()
        if not got.startswith("ERR bad-"):
            raise Failed(f"{e['hex']}: {got!r}")
    ann.nothing()


@test
def friendly_names_and_texts_are_taken(w):
    ann, bob = pair(w)
    wrong = []
    for e in entries("friendly-text.json"):
        raw = bytes.fromhex(e["hex"])
        who = e["id"]
        if e.get("message") == "ok" and not say(ann, bob, raw):
            wrong.append(f"text refused: {who}")
        if e.get("nick") == "ok" and not is_name(ann, raw):
            wrong.append(f"name refused: {who}")
    if wrong:
        raise Failed("\n".join(wrong))


@test
def the_big_list_of_naughty_strings_is_text(w):
    ann, bob = pair(w)
    with open(testdata("blns.json"), encoding="utf-8") as f:
        strings = json.load(f)
    for text in strings:
        raw = text.encode("utf-8", "surrogatepass")
        if not raw:
            continue
        taken = say(ann, bob, raw)
        clean = not re.search(
            "[\0-\x08\x0a-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff"
            "\ud800-\udfff]", text)
        if taken != clean:
            raise Failed(f"{raw!r}: taken {taken}, clean {clean}")
        is_name(ann, raw)
    ann.send("PING end")
    ann.skip_to("OK end")


@test
def the_utf8_stress_files_are_judged_line_by_line(w):
    ann, bob = pair(w)
    for name in ("utf8-kuhn-2015.txt", "utf8tests.txt"):
        with open(testdata(name), "rb") as f:
            lines = f.read().split(b"\n")
        for raw in lines:
            raw = raw.rstrip(b"\r")[:8000]
            if not raw:
                continue
            taken = say(ann, bob, raw)
            try:
                clean = not re.search(
                    "[\0-\x08\x0a-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]",
                    raw.decode())
                clean = clean and not any(
                    ord(c) & 0xfffe == 0xfffe for c in raw.decode())
            except UnicodeDecodeError:
                clean = False
            if taken != clean:
                raise Failed(f"{raw!r}: taken {taken}, clean {clean}")


@test
def hostile_bytes_as_bare_lines_end_nobody_elses_session(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    for e in entries("hostile-text-a.json"):
        pour(w.client(s), bytes.fromhex(e["hex"]) + b"\n")
    ann.nothing()


@test
def hostile_text_does_not_reach_the_log_raw(w):
    s = w.server("--log-level", "debug")
    c = w.client(s, "ann", ["r"])
    for e in entries("hostile-text-a.json"):
        raw = bytes.fromhex(e["hex"])
        if len(raw) > LONG:
            continue
        for verb in (b"NICK ", b"JOIN ", b"SAY r ", b"WHOIS ", b"", b"PART r ",
                     b"JOIN r "):
            if verb + raw:
                c.send(verb + raw)
    c.send("PING end")
    c.skip_to("OK end")
    with open(s.path, "rb") as f:
        log = f.read()
    bad = re.search(rb"[^\t\n\x20-\x7e]", log)
    if bad:
        near = log[max(0, bad.start() - 60):bad.end() + 20]
        raise Failed(f"the log holds {near!r}")


@test
def a_bare_line_of_ten_megabytes_is_cut_off(w):
    s = w.server()
    ann = w.client(s, "ann")
    before = s.rss()
    c = w.client(s)
    try:
        for _ in range(160):
            c.raw(b"x" * 65536)
    except OSError:
        pass
    within(s.rss() - before, MIB)
    lines = []
    try:
        while True:
            line = c.line()
            if line is None:
                break
            lines.append(line.split(" ")[:2])
    except (OSError, Failed):
        pass
    if lines and lines != [["ERR", "too-long"], ["BYE", "too-long"]]:
        raise Failed(f"the answer is {lines}")
    ann.nothing()


@test
def a_bare_line_too_long_is_answered_to_who_stops_in_time(w):
    s = w.server()
    c = w.client(s, "ann")
    c.raw(b"y" * 16385)
    c.expect("ERR too-long <text>", "BYE too-long<any>")
    c.end()


@test
def a_line_never_finished_holds_no_more_than_a_line(w):
    s = w.server("--conn-per-addr", "1000")
    crowd = [w.client(s, f"n{n}") for n in range(100)]
    before = s.rss()
    for c in crowd:
        for _ in range(16):
            c.raw(b"z" * 1000)
    for c in crowd[:1]:
        c.raw(b"\n")
        c.expect("ERR unknown-command <text>")
    within(s.rss() - before, 100 * (16384 + 4096) + MIB)


@test
def random_bytes_harm_nobody(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    for size in (1, 7, 100, 1000, 5000):
        for _ in range(20):
            pour(w.client(s), os.urandom(size))
    ann.nothing()


@test
def all_commands_with_too_few_and_too_many_words(w):
    s = w.server()
    c = w.client(s, "ann", ["r"])
    verbs = ("HELP NICK JOIN PART SAY TYPING TOPIC NAMES ROOMS WHOIS HISTORY "
             "PING").split()
    for verb in verbs:
        for words in ("", " ", "  ", " r", " r ", " r  ", " @ann", " @",
                      " r r r r r", " " + "r" * 1000, " @" + "r" * 1000,
                      " %n%s%n", " -1", " 0", " *", " #", " +", " ann\t"):
            c.send(f"#x {verb}{words}")
            while not re.match(r"#x (OK|ERR)\b", c.line()):
                pass
    c.nothing()


run()
