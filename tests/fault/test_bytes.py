# SPDX-License-Identifier: ISC
"""A SAY is cut at every byte of its way, and said again.  A run takes
each STEP-th byte, from another one each time; SNUG_FAULT_STEP=1 takes all."""
import os

from fleet import Fleet
from proxy import DOWN, UP, Proxy
from snugtest import Failed, run, test, until

STEP = int(os.environ.get("SNUG_FAULT_STEP", "3"))


def cut_at(f, c, direction, n):
    """Says something whose link ends after n bytes; waits until it is there."""
    proxy = f.nodes[0].proxy
    cuts = proxy.cuts
    proxy.limit("cmd", direction, n)
    (cid,) = until(lambda: c.say("r"), "it is said")
    until(lambda: cid not in c.outbox and c.is_settled(),
          f"{cid} is settled, cut after {n} bytes {direction}")
    return proxy.cuts > cuts


@test
def a_say_cut_at_any_byte_and_repeated_is_there_once(w):
    """D2 R13"""
    f = Fleet(w, 2, timers={"backoff": "50ms"})
    c = f.client("c", ["r"], nodes=f.nodes[:1], patience=0.05)
    f.client("other", ["r"], nodes=f.nodes[1:])
    f.ready()
    cut = 0
    for direction, step in ((UP, STEP), (DOWN, max(1, STEP // 4))):
        n = f.random.randrange(step)
        # As long as cuts happen at all; a SAY without one is the end of it.
        while cut_at(f, c, direction, n):
            n += step
            cut += 1
        f.nodes[0].proxy.cut()
        f.ready()
    if cut < 300 / STEP:
        raise Failed(f"only {cut} cuts")
    f.settled()
    lost = [e for e in f.checker.refused]
    print(f"# {cut} cuts, {len(lost)} refused", flush=True)


@test
def a_say_cut_at_any_byte_and_repeated_on_another_node_is_there_once(w):
    """D2"""
    f = Fleet(w, 2)
    doors = [Proxy(w.path(f"door{n}"), node.address)
             for n, node in enumerate(f.nodes)]
    w.closers += [door.close for door in doors]
    c = f.client("c", ["r"], addresses=[d.address for d in doors],
                 patience=0.05)
    f.client("other", ["r"])
    f.ready()
    # The framed SAY has some 30 bytes, MSG and OK with it some 90.
    for direction, most in ((UP, 34), (DOWN, 100)):
        for n in range(f.random.randrange(STEP), most, STEP):
            until(lambda: c.is_settled(), "it is settled")
            for door in doors:
                door.limit("cmd", direction, n)
            c.say("r")
            until(lambda: c.wire is None or not c.outbox,
                  f"an end after {n} bytes {direction}")
            for door in doors:
                door.cut()
    if c.happened("unknown") < 40 / STEP:
        raise Failed("next to nothing was cut")
    f.settled()
    if f.checker.counts["unknown"] or not c.resumes:
        raise Failed(f"not all were settled: {f.figures()}")


run()
