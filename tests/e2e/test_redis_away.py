# SPDX-License-Identifier: ISC
"""Redis goes away, by kill -9 and by silence, and comes back: both nodes say so,
carry on by themselves, lose no message that got OK and show none twice."""
import signal
import time

from snugtest import SNUGD, Failed, run, test, until


def number(one):
    return tuple(int(part) for part in one.split("-"))


class Writer:
    """Says numbered things with a cid each, and keeps book."""

    def __init__(self, c):
        self.c = c
        self.n = 0
        self.accepted = {}   # text -> id
        self.refused = set()
        self.unknown = set()
        self.seen = []       # (id, text)
        self.notices = []

    def say(self):
        self.n += 1
        text = f"{self.c.nick}.{self.n}"
        self.ask(text)
        return text

    def ask(self, text):
        self.c.send(f"#{text} @cid={text} SAY r {text}")

    def read(self, stop, deadline=10):
        """Reads until stop() holds."""
        end = time.monotonic() + deadline
        while not stop():
            line = self.c.line(max(0.01, end - time.monotonic()))
            if line is None:
                raise Failed(f"{self.c.name} was sent away")
            self.take(line)

    def take(self, line):
        words = line.split(" ")
        if words[0] == "MSG":
            self.seen.append((words[2], words[4]))
        elif words[0] == "NOTICE":
            self.notices.append(words[1])
        elif words[0].startswith("#"):
            text = words[0][1:]
            rest = [x for x in words[1:] if not x.startswith("@")]
            for book in (self.refused, self.unknown):
                book.discard(text)
            if rest[0] == "OK":
                self.accepted[text] = rest[1]
            elif rest[1] == "outcome-unknown":
                self.unknown.add(text)
            else:
                self.refused.add(text)

    def answered(self):
        return (len(self.accepted) + len(self.refused) + len(self.unknown)
                == self.n)


def judge(writers, log):
    """Every message with an OK is in everybody's view once, in one order."""
    for w in writers:
        ids = [one for one, _ in w.seen]
        if any(number(a) >= number(b) for a, b in zip(ids, ids[1:])):
            raise Failed(f"{w.c.nick} saw ids that do not rise")
        if w.seen != log[-len(w.seen):]:
            raise Failed(f"{w.c.nick}'s view is not the log: "
                         f"{set(w.seen) ^ set(log)}")
    texts = [text for _, text in log]
    if len(set(texts)) != len(texts):
        raise Failed("a message is in the log twice")
    for w in writers:
        for text, one in w.accepted.items():
            if (one, text) not in log:
                raise Failed(f"{text} got OK {one} and is not in the log")
        for text in w.refused:
            if text in texts:
                raise Failed(f"{text} was refused and is in the log")


def whole_log(w, node):
    c = w.client(node)
    c.send("@last=500 JOIN r")
    lines, _ = c.skip_to("OK <id>")
    return [(x[x.index("MSG") + 2], x[x.index("MSG") + 4])
            for x in (line.split(" ") for line in lines) if "MSG" in x[:3]]


@test
def kill_9_and_return_lose_nothing_and_double_nothing(w):
    redis = w.redis()
    den, nook = w.nodes("den", "nook", redis=redis)
    writers = [Writer(w.client(den, "ann", ["r"])),
               Writer(w.client(nook, "bob", ["r"]))]
    writers[0].c.expect("JOINED r bob")
    for x in writers:
        for _ in range(20):
            x.say()
    for x in writers:
        x.read(x.answered)
    for x in writers:
        for _ in range(20):
            x.say()
    redis.kill()
    killed = time.monotonic()
    for x in writers:
        for _ in range(5):
            x.say()
    for x in writers:
        x.read(lambda x=x: "relay-down" in x.notices and x.answered())
    if time.monotonic() - killed > 2:
        raise Failed("it took more than a second to say relay-down")
    for x in writers:
        x.say()
        x.read(x.answered, 2)
        if not x.refused:
            raise Failed("a SAY was not refused while Redis was away")
    redis.again()
    for x in writers:
        x.read(lambda x=x: "relay-up" in x.notices)
        if x.notices != ["relay-down", "relay-up"]:
            raise Failed(f"{x.c.nick} was told {x.notices}")
        for text in sorted(x.unknown):
            x.ask(text)
        for _ in range(10):
            x.say()
        x.read(lambda x=x: x.answered() and not x.unknown)
    log = whole_log(w, den)
    for x in writers:
        x.read(lambda x=x: x.seen and x.seen[-1] == log[-1])
    judge(writers, log)


@test
def a_silent_redis_is_found_out_within_a_second(w):
    redis = w.redis()
    (den,) = w.nodes("den", redis=redis)
    ann = Writer(w.client(den, "ann", ["r"]))
    ann.say()
    ann.read(ann.answered)
    redis.signal(signal.SIGSTOP)
    started = time.monotonic()
    ann.say()
    ann.read(lambda: "relay-down" in ann.notices and ann.answered())
    took = time.monotonic() - started
    if took > 2:
        raise Failed(f"it took {took:.1f} s")
    if ann.accepted.keys() != {"ann.1"}:
        raise Failed("accepted by a stopped Redis?")
    redis.signal(signal.SIGCONT)
    ann.read(lambda: "relay-up" in ann.notices)
    for text in sorted(ann.unknown):
        ann.ask(text)
    ann.say()
    ann.read(lambda: ann.answered() and not ann.unknown)
    log = whole_log(w, den)
    ann.read(lambda: ann.seen and ann.seen[-1] == log[-1])
    judge([ann], log)


@test
def while_it_is_away_every_say_is_answered_at_once(w):
    redis = w.redis()
    (den,) = w.nodes("den", redis=redis)
    ann = w.client(den, "ann", ["r"])
    redis.kill()
    ann.skip_to("NOTICE relay-down <any>")
    for n in range(5):
        ann.ask(f"#{n} SAY r x", f"#{n} @retry=<ms> ERR relay-down <text>")
    ann.ask("PING x", "OK x")


@test
def people_and_rooms_are_there_again_afterwards(w):
    redis = w.redis()
    den, nook = w.nodes("den", "nook", redis=redis)
    ann, bob = w.client(den, "ann", ["r"]), w.client(nook, "bob", ["r"])
    ann.expect("JOINED r bob")
    redis.kill()
    for c in (ann, bob):
        c.skip_to("NOTICE relay-down <any>")
    redis.again()
    for c in (ann, bob):
        c.skip_to("NOTICE relay-up <any>")
    for c in (ann, bob):
        c.ask("NAMES r", "NAMES r 2 ann bob", "OK")
        c.ask("WHOIS ann", "USER ann <text>", "OK")
    w.client(nook).ask("NICK ann", "ERR nick-in-use <text>")
    one = ann.say("r", "hi")
    bob.expect(f"MSG r {one} ann hi")


@test
def a_redis_that_lost_everything_is_a_gap_not_a_silence(w):
    redis = w.redis("--appendonly", "no")
    den, nook = w.nodes("den", "nook", redis=redis)
    ann, bob = w.client(den, "ann", ["r"]), w.client(nook, "bob", ["r"])
    ann.expect("JOINED r bob")
    one = ann.say("r", "before")
    bob.expect(f"MSG r {one} ann before")
    redis.kill()
    for c in (ann, bob):
        c.skip_to("NOTICE relay-down <any>")
    redis.again()
    told = {}
    for c in (ann, bob):
        told[c.nick], _ = c.skip_to("NOTICE relay-up <any>")

    def said():
        ann.send("SAY r after")
        line = ann.line()
        while not line.startswith(("OK ", "ERR ", "@")):
            told["ann"].append(line)
            line = ann.line()
        return line.startswith("OK ") and line[3:]

    two = until(said, "a SAY is accepted again")
    if number(two) <= number(one):
        raise Failed(f"ids fell back from {one} to {two}")
    lines, _ = bob.skip_to(f"MSG r {two} ann after")
    if "NOTICE gap r" not in told["bob"] + lines:
        raise Failed(f"bob was told {told['bob'] + lines}")


@test
def a_node_may_start_before_its_redis(w):
    redis = w.redis()
    redis.kill()
    server = w.program(*node(redis))
    redis.again()
    address = server.wait_log(r"^ready (.*)$")[1]
    c = w.client(server, address=address)

    def joined():
        c.send("JOIN r")
        for _ in range(6):
            line = c.line()
            if line.startswith("OK "):
                return True
            if "ERR " in line:
                return False
        return False

    until(joined, "JOIN is accepted")


def node(redis):
    return [SNUGD, "--no-config", "--secure=off", "--listen", "127.0.0.1:0",
            "--redis", redis.url]


@test
def a_redis_that_comes_and_goes_is_followed(w):
    redis = w.redis()
    (den,) = w.nodes("den", redis=redis)
    ann = w.client(den, "ann", ["r"])
    for n in range(4):
        redis.kill()
        ann.skip_to("NOTICE relay-down <any>")
        redis = redis.again()
        ann.skip_to("NOTICE relay-up <any>")
        ann.say("r", f"round {n}")


@test
def data_of_an_older_layout_are_taken_over_and_a_newer_one_is_refused(w):
    """What this one does not know of, it must not write past."""
    redis = w.redis()
    redis.command("SET", "sn1:{nodes}:layout", "1")
    s = w.server(redis=redis)
    until(lambda: redis.command("GET", "sn1:{nodes}:layout") == b"2",
          "the layout is that of this snugd")
    s.stop()
    redis.command("SET", "sn1:{nodes}:layout", "3")
    # It is not w.server(), which waits for the relay.
    late = w.program(*s.argv)
    status = late.wait()
    if status != 78 or "a newer snugd keeps its data" not in late.log():
        raise Failed(f"it ends with {status}: {late.log()}")
    if "relay state=up" in late.log():
        raise Failed("it works on data that it does not understand")
    if redis.command("GET", "sn1:{nodes}:layout") != b"3":
        raise Failed("it wrote its own layout over the newer one")


@test
def who_is_in_service_when_a_newer_layout_comes_steps_aside(w):
    redis = w.redis()
    (den,) = w.nodes("den", redis=redis)
    ann = w.client(den, "ann", ["r"])
    redis.command("SET", "sn1:{nodes}:layout", "3")
    ann.skip_to("NOTICE relay-down <any>")
    den.wait_log(r"a newer snugd keeps its data there in another way")
    ann.ask("SAY r x", "@retry=1000 ERR relay-down <text>")
    redis.command("SET", "sn1:{nodes}:layout", "2")
    ann.skip_to("NOTICE relay-up <any>")
    ann.say("r", "back")


run()
