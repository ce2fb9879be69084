# SPDX-License-Identifier: ISC
"""One answer to each command, in the order of the commands, which take effect
in that order."""
from snugtest import Failed, run, test, together


def number(one):
    return tuple(int(part) for part in one.split("-"))


@test
def answers_come_in_the_order_of_the_commands(w):
    c = w.client(w.server(), "ann", ["r"])
    c.send("#1 SAY r a", "#2 PING b", "#3 SAY r c", "#4 NOPE", "#5 TOPIC r t",
           "#6 SAY nowhere d", "#7 NICK -", "#8 HISTORY r", "#9 PING e")
    answers = []
    while len(answers) < 9:
        line = c.line()
        words = line.split(" ")
        if words[0].startswith("#") and words[1] in ("OK", "ERR"):
            answers.append(words[0])
    if answers != [f"#{n}" for n in range(1, 10)]:
        raise Failed(f"the order was {answers}")
    c.nothing()


@test
def commands_take_effect_in_their_order(w):
    s = w.server()
    ann = w.client(s, "ann")
    ann.send("JOIN r", "SAY r in", "NICK eve", "SAY r renamed", "PART r",
             "SAY r out", "JOIN r", "@last=5 HISTORY r", "QUIT")
    ann.expect("JOINED r ann", "NAMES r 1 ann", "OK 0-0")
    one = ann.expect_both("MSG r <id> ann in", "OK <id>")[0]
    before, _ = ann.skip_to("OK eve")
    if before not in ([], ["RENAMED ann eve"]):
        raise Failed(f"NICK gave {before}")
    two = ann.expect_both("MSG r <id> eve renamed", "OK <id>")[0]
    ann.expect("PARTED r eve", "OK", "ERR not-member <text>", "JOINED r eve",
               "NAMES r 1 eve", f"OK {two}",
               f"@replay MSG r {one} ann in",
               f"@replay MSG r {two} eve renamed", "OK end",
               "OK", "BYE quit<any>")
    ann.end()


@test
def the_lines_of_a_command_stand_before_its_answer(w):
    s = w.server()
    c = w.client(s, "ann", ["r"])
    c.set_topic("r", "t")
    c.send("#2 TOPIC r", "#3 NAMES r", "#4 WHOIS ann", "#5 ROOMS")
    c.expect("#2 TOPIC r ann t", "#2 OK",
             "#3 NAMES r 1 ann", "#3 OK", "#4 USER ann<any>", "#4 OK",
             "#5 ROOM r 1 t", "#5 OK")


@test
def a_thousand_in_one_write_are_answered_one_by_one(w):
    s = w.server()
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    ann.send(*[f"#{n} SAY r {n}" for n in range(1000)])
    oks, seen = [], []
    while len(oks) < 1000 or len(seen) < 1000:
        words = ann.line().split(" ")
        if words[0].startswith("#"):
            oks.append(words)
        else:
            seen.append((words[2], words[4]))
    for n, words in enumerate(oks):
        if words[:2] != [f"#{n}", "OK"] or (words[2], str(n)) != seen[n]:
            raise Failed(f"the {n}th answer is {words}, seen was {seen[n]}")
    for one, two in zip(seen, seen[1:]):
        if number(one[0]) >= number(two[0]):
            raise Failed(f"{two} does not rise over {one}")
    for one, text in seen:
        bob.expect(f"MSG r {one} ann {text}")


@test
def many_voices_are_heard_in_one_order(w):
    s = w.server()
    voices = [w.client(s, f"v{n}", ["r"]) for n in range(5)]
    listener = w.client(s, "listener", ["r"])
    each, total = 200, 1000

    def listen(c, out):
        while len(out) < total:
            line = c.line()
            if line.startswith("MSG "):
                out.append(line)

    for c in voices:
        c.send(*[f"SAY r {c.nick}.{n}" for n in range(each)])
    heard = [[] for _ in range(6)]
    together(*[lambda c=c, out=out: listen(c, out)
               for c, out in zip(voices + [listener], heard)])
    for out in heard[1:]:
        if out != heard[0]:
            raise Failed("two members saw another order")
    for c in voices:
        mine = [x.split(" ")[4] for x in heard[0] if f" {c.nick} " in x]
        if mine != [f"{c.nick}.{n}" for n in range(each)]:
            raise Failed(f"{c.nick}'s messages are out of order")


@test
def other_commands_wait_for_the_says_before_them(w):
    c = w.client(w.server(), "ann", ["r"])
    c.send(*["SAY r x"] * 50, "PART r", *["SAY r y"] * 50, "PING end")
    lines, _ = c.skip_to("OK end")
    parted = lines.index("PARTED r ann")
    if [x for x in lines[parted:] if x.startswith("MSG")]:
        raise Failed("a message came behind PARTED")
    if len([x for x in lines if x.startswith("MSG")]) != 50:
        raise Failed("not all fifty were said")
    if len([x for x in lines if x.startswith("ERR not-member")]) != 50:
        raise Failed("not all fifty were refused")


run()
