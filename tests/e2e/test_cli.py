# SPDX-License-Identifier: ISC
"""snug send and snug tail: what scripts build on, down to the exit status."""
import json
import os
import signal
import subprocess

from snugtest import SNUG, Failed, run, test, until


def snug(w, *args, text=None):
    """Runs snug to its end; gives (status, output, error)."""
    home = w.path(f"home{w.count()}")
    os.mkdir(home)
    env = {k: v for k, v in os.environ.items() if not k.startswith("XDG_")}
    p = subprocess.run([SNUG, *args], input=text or "", capture_output=True,
                       env=dict(env, HOME=home, LC_ALL="C.UTF-8"), text=True,
                       timeout=30, check=False)
    return p.returncode, p.stdout, p.stderr


def sends(w, server, status, *args, text=None, words=()):
    got, _, said = snug(w, "send", "--server", server.address, *args,
                        text=text)
    if got != status:
        raise Failed(f"send {args}: status {got}, not {status}: {said}")
    for word in words:
        if word not in said:
            raise Failed(f"send {args}: {said!r} does not say {word!r}")


class Tail:
    """A snug tail that runs, and the lines that it has printed."""

    def __init__(self, w, server, *args):
        self.path = w.path(f"tail{w.count()}")
        home = w.path(f"home{w.count()}")
        os.mkdir(home)
        with open(self.path, "wb") as out:
            self.program = w.program(
                SNUG, "tail", "--server", server.address, *args, stdout=out,
                env={"HOME": home, "PATH": os.environ["PATH"],
                     "LC_ALL": "C.UTF-8"})

    def lines(self):
        with open(self.path, encoding="utf-8") as f:
            return f.read().split("\n")[:-1]

    def wait(self, n):
        """Until there are n lines; no more may be there."""
        until(lambda: len(self.lines()) >= n, f"{n} lines of tail")
        if len(self.lines()) > n:
            raise Failed(f"more than {n} lines: {self.lines()}")
        return self.lines()


@test
def send_says_its_words(w):
    s = w.server()
    ann = w.client(s, "ann", ["ops"])
    sends(w, s, 0, "ops", "backup", "done")
    ann.expect("JOINED ops <guest>")
    ann.expect("MSG ops <id> <guest> backup done", "PARTED ops <guest><any>")


@test
def send_says_each_line_of_its_input(w):
    s = w.server()
    ann = w.client(s, "ann", ["ops"])
    sends(w, s, 0, "--nick", "cron", "ops", text="one\n\ntwo \u00e9\nthree")
    ann.expect("JOINED ops cron", "MSG ops <id> cron one",
               "MSG ops <id> cron two \u00e9", "MSG ops <id> cron three")


@test
def send_takes_a_room_as_it_is_shown(w):
    s = w.server()
    ann = w.client(s, "ann", ["ops"])
    sends(w, s, 0, "#ops", "hi")
    ann.skip_to("MSG ops <id> <guest> hi")


@test
def send_speaks_to_a_person(w):
    s = w.server()
    ann = w.client(s, "ann")
    sends(w, s, 0, "@ann", "hi")
    ann.expect("MSG @<nick> <id> <guest> hi")


@test
def send_says_a_thousand_lines_in_order(w):
    s = w.server()
    ann = w.client(s, "ann", ["ops"])
    sends(w, s, 0, "--nick", "cron", "ops",
          text="".join(f"{n}\n" for n in range(1000)))
    ann.expect("JOINED ops cron")
    for n in range(1000):
        ann.expect(f"MSG ops <id> cron {n}")


@test
def what_was_refused_is_1_and_named(w):
    s = w.server()
    sends(w, s, 1, "@nobody", "hi", words=["nobody"])
    sends(w, s, 1, "ops", text="x" * 9000 + "\n")


@test
def wrong_usage_is_2(w):
    for args in (["send"], ["tail"], ["send", "--nosuch", "r", "x"],
                 ["tail", "-n", "many", "r"], ["send", "no!room", "hi"]):
        status, _, said = snug(w, *args)
        if status != 2 or not said:
            raise Failed(f"{args}: status {status}: {said}")


@test
def a_server_that_is_not_there_is_75(w):
    s = w.server()
    s.stop()
    sends(w, s, 75, "--timeout", "1s", "ops", "hi", words=[s.address])


@test
def a_relay_that_is_away_is_75(w):
    redis = w.redis()
    s = w.server(redis=redis)
    redis.kill()
    s.wait_log("relay state=down")
    sends(w, s, 75, "--timeout", "1s", "ops", "hi")


@test
def tail_prints_what_was_said_and_what_is(w):
    s = w.server()
    ann = w.client(s, "ann", ["ops"])
    for n in range(30):
        ann.say("ops", f"old {n}")
    tail = Tail(w, s, "-n", "3", "ops")
    lines = tail.wait(3)
    for n, line in enumerate(lines):
        if "ann" not in line or f"old {27 + n}" not in line:
            raise Failed(f"tail printed {line!r}")
    ann.expect("JOINED ops <guest>")
    ann.say("ops", "new")
    if "new" not in tail.wait(4)[3]:
        raise Failed(f"tail printed {tail.lines()}")
    tail.program.signal(signal.SIGINT)
    tail.program.wait()


@test
def tail_prints_an_object_a_line(w):
    s = w.server()
    ann = w.client(s, "ann", ["ops"])
    tail = Tail(w, s, "--json", "-n", "0", "ops")
    ann.expect("JOINED ops <guest>")
    one = ann.say("ops", 'a "quote", a \\ and \u00e9\t.')
    ann.send(f"@act @re={one} SAY ops waves")
    tail.wait(2)
    first, second = [json.loads(x) for x in tail.lines()]
    for key, value in {"type": "message", "target": "ops", "id": one,
                       "nick": "ann",
                       "text": 'a "quote", a \\ and \u00e9\t.'}.items():
        if first.get(key) != value:
            raise Failed(f"{key} is {first.get(key)!r}, not {value!r}")
    if not first["time"].endswith("Z") or "T" not in first["time"]:
        raise Failed(f"time is {first['time']}")
    if second.get("re") != one or not second.get("act"):
        raise Failed(f"the attributes are not members: {second}")


@test
def tail_harms_no_terminal(w):
    s = w.server()
    ann = w.client(s, "ann", ["ops"])
    tail = Tail(w, s, "-n", "0", "ops")
    ann.expect("JOINED ops <guest>")
    ann.say("ops", "abc\u202egfedcba\u200b\u2066x\ufeff\U000e0041")
    line = tail.wait(1)[0]
    for bad in "\u202e\u2066\ufeff\U000e0041":
        if bad in line:
            raise Failed(f"{bad!r} reached the terminal: {line!r}")


@test
def tail_follows_several_rooms(w):
    s = w.server()
    ann = w.client(s, "ann", ["a", "b"])
    tail = Tail(w, s, "--json", "-n", "0", "a", "b")
    ann.expect("JOINED a <guest>", "JOINED b <guest>")
    ann.say("a", "one")
    ann.say("b", "two")
    tail.wait(2)
    got = [(x["target"], x["text"]) for x in map(json.loads, tail.lines())]
    if got != [("a", "one"), ("b", "two")]:
        raise Failed(f"tail printed {got}")


@test
def tail_comes_back_and_misses_nothing(w):
    redis = w.redis()
    den, nook = w.nodes("den", "nook", redis=redis)
    ann = w.client(nook, "ann", ["ops"])
    tail = Tail(w, den, "--json", "-n", "0", "ops")
    ann.expect("JOINED ops <guest>")
    ann.say("ops", "before")
    tail.wait(1)
    den.kill()
    for n in range(5):
        ann.send(f"SAY ops while away {n}")
        ann.skip_to(f"MSG ops <id> ann while away {n}")
    w.server(redis=redis, name="den2", listen=(den.address,))
    until(lambda: len(tail.lines()) >= 6, "what was missed")
    ann.send("SAY ops after")
    texts = [json.loads(x)["text"] for x in tail.wait(7)]
    if texts != ["before"] + [f"while away {n}" for n in range(5)] + ["after"]:
        raise Failed(f"tail printed {texts}")


run()
