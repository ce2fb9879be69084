# SPDX-License-Identifier: ISC
"""Everything at once, at random: three nodes, one Redis, thirty clients in twenty
rooms, and faults of all kinds for SNUG_FAULT_MINUTES (half a minute) from
SNUG_FAULT_SEED, each node with SNUG_FAULT_WORKERS (one).  No message with an OK
is lost, none is doubled, there is one order, and nothing is skipped without a
word."""
import os
import random
import time

from faults import Injector
from fleet import SEED, Fleet
from snugtest import Failed, run, test, until

MINUTES = float(os.environ.get("SNUG_FAULT_MINUTES", "0.5"))
WORKERS = os.environ.get("SNUG_FAULT_WORKERS", "1")
CLIENTS, ROOMS = 30, 20
LOG = 7500  # messages a room at most, so that its whole log can be read


def show(title, counts):
    print(f"# {title}: " + ", ".join(f"{v} {k}" for k, v in counts.items()),
          flush=True)


@test
def no_fault_of_any_kind_loses_or_doubles_a_message(w):
    """R1 to R10, R13 to R17, D1 to D5, D7"""
    rng = random.Random(SEED)
    f = Fleet(w, 3, options=("--workers", WORKERS))
    crowd = f.crowd(CLIENTS, [f"room{n}" for n in range(ROOMS)], each=4)
    injector = Injector(f, rng)
    begin = time.monotonic()
    end = begin + 60 * MINUTES

    def turn():
        now = time.monotonic()
        injector.step(now)
        done = (now - begin) / (end - begin)
        if sum(c.said for c in crowd) < 100 + done * LOG * ROOMS:
            f.chatter(rng.sample(crowd, 2), rng.choice((1, 1, 1, 5)))
        return now > end

    try:
        until(turn, "the time is over", 60 * MINUTES + 60)
        injector.finish()
        f.settled(deadline=60)
    except Failed as e:
        raise Failed("\n".join([str(e)] + injector.story)) from e
    show("faults", injector.count)
    show("records", f.figures())
    print(f"# verdict: nothing lost, nothing doubled, one order; "
          f"the slowest answer took {f.slowest():.2f} s", flush=True)
    if f.checker.counts["acked"] < 60 * MINUTES:
        raise Failed("next to nothing was accepted")


run()
