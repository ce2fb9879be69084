# SPDX-License-Identifier: ISC
"""Crowds at the gate: those who never say anything whole, and those who fail
again and again.  Others get in within a second throughout, and the memory that
it takes stays within what snugd(8) says.

With SNUG_FLOOD=full the numbers are those of RESULTS.md: 1,000 who hold on, and
100,000 who fail."""
import os
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "e2e"))
from snugtest import (BUILDDIR, Client, Failed, run,  # noqa: E402
                      sanitized, test, until, within)

FULL = os.environ.get("SNUG_FLOOD") == "full"
HOLD = 1000 if FULL else 300
FAIL = 100000 if FULL else 3000
HONEST_S = 1.0
MIB = 1024 * 1024
PAGE_SAYS = 16 * MIB  # snugd(8), Limits
FLOOD = os.path.join(BUILDDIR, "tests", "fault", "flood")


class Honest(threading.Thread):
    """Somebody who comes, takes a nick and leaves, again and again."""

    def __init__(self, address):
        super().__init__(daemon=True)
        self.address = address
        self.took = []
        self.error = None
        self.stop = threading.Event()

    def once(self, n):
        c = Client(self.address, source="127.0.0.99")
        try:
            c.send(f"NICK honest{n}", "QUIT")
            while True:
                line = c.line(5)
                if line is None or line.startswith("@retry"):
                    return False
                if line.startswith("OK honest"):
                    return True
        except OSError:
            return False
        finally:
            c.close()

    def run(self):
        try:
            n = 0
            while not self.stop.is_set():
                n += 1
                began = time.monotonic()
                while not self.once(n):
                    if time.monotonic() - began > 5:
                        raise Failed("nobody lets it in")
                self.took.append(time.monotonic() - began)
                self.stop.wait(0.02)
        except Exception as e:  # pylint: disable=broad-except
            self.error = e

    def judge(self, what):
        self.stop.set()
        self.join()
        if self.error:
            raise self.error
        worst = max(self.took)
        print(f"# {what}: {len(self.took)} others got in, within "
              f"{worst * 1000:.0f} ms at worst")
        if worst > HONEST_S and not sanitized():
            raise Failed(f"it took {worst:.2f} s to get in")


def serve(w):
    return w.server("--exempt", "", "--greet-local", "10s", "--log-level",
                    "warn", "--key-file", w.path("key"))


def flood(*words):
    return subprocess.Popen([FLOOD, *(str(x) for x in words)], text=True,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def hold(w, what):
    """HOLD connections that do not get on, and others who do meanwhile."""
    s = serve(w)
    port = s.address.rsplit(":", 1)[1]
    honest = Honest(s.address)
    honest.start()
    until(lambda: honest.took or honest.error, "the first is in")
    before = s.rss()
    crowd = flood("hold", port, HOLD, HOLD // 40, what)
    try:
        crowd.stdout.readline()
        seen = len(honest.took)
        until(lambda: len(honest.took) > seen + 20 or honest.error,
              "others come and go")
        grown = s.rss() - before
    finally:
        out = crowd.communicate()[0]
    honest.judge(f"{HOLD} who said {what} ({out.strip()}), "
                 f"{grown // 1024} KiB more")
    within(grown, PAGE_SAYS)


@test
def who_says_nothing_keeps_nobody_out(w):
    hold(w, "nothing")


@test
def who_says_half_a_line_keeps_nobody_out(w):
    hold(w, "line")


@test
def who_begins_a_handshake_keeps_nobody_out(w):
    hold(w, "handshake")


@test
def who_claims_a_great_length_gets_no_memory(w):
    hold(w, "frame")


@test
def who_claims_a_great_record_gets_no_memory(w):
    hold(w, "record")


@test
def who_fails_again_and_again_keeps_nobody_out(w):
    s = serve(w)
    port = s.address.rsplit(":", 1)[1]
    honest = Honest(s.address)
    honest.start()
    until(lambda: honest.took or honest.error, "the first is in")
    before = s.rss()
    began = time.monotonic()
    crowd = flood("fail", port, FAIL, 8)
    out = crowd.communicate()[0].strip()
    took = time.monotonic() - began
    grown = s.rss() - before
    honest.judge(f"{FAIL} who failed in {took:.1f} s ({out}), "
                 f"{grown // 1024} KiB more")
    within(grown, PAGE_SAYS)
    words = out.split()
    if words[1] != str(FAIL) or int(words[3]) < FAIL * 0.9:
        raise Failed(f"hardly anybody was refused: {out}")


run()
