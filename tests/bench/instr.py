#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Counts the instructions that snugd spends on one delivery: `make bench-instr`.

    instr.py check     compare with the recorded figures; more than 5 % is a
                       failure
    instr.py record    write them anew

Two runs of different length are compared, so start and end cancel out.

The recorded figures hold for the compiler and the libraries they name; with
others the check is skipped, and says so.
"""
import sys
import tempfile

from counted import HERE, Crowd, Node, files_enough, say, toolchain

RECORD = HERE / "instructions"
MORE = 1.05     # of the recorded figure is a failure

# name: rooms, members of each, senders of each, messages of each a round
WORKLOADS = {
    "W2": (1, 1000, 1, 64),
    "W2b": (1, 1000, 64, 1),
    "W3": (200, 5, 5, 1),
}
SHORT, LONG = 2, 42     # rounds


def run(folder, workload, rounds):
    rooms, members, senders, messages = WORKLOADS[workload]
    node = Node(folder, "--name=den")
    try:
        crowd = Crowd()
        said = []
        for n in range(rooms * members):
            room = f"r{n // members}"
            s = crowd.enter(node.port, f"n{n}", [room])
            if n % members < senders:
                said.append((s, say(room, messages)))
        crowd.quiet()
        messages *= len(said)
        for _ in range(rounds):
            crowd.round(node, said, messages * (members + 1))   # and the OKs
        return node.in_all(), rounds * messages * members
    finally:
        node.kill()


def measure(folder, workload):
    few, deliveries_few = run(folder, workload, SHORT)
    many, deliveries_many = run(folder, workload, LONG)
    return (many - few) / (deliveries_many - deliveries_few)


def recorded():
    lines = RECORD.read_text().splitlines() if RECORD.exists() else []
    figures = dict(x.split() for x in lines if not x.startswith("#"))
    made_by = [x[2:] for x in lines if x.startswith("# ")]
    return {k: float(v) for k, v in figures.items()}, made_by[-1:]


def main(what):
    files_enough()
    before, made_by = recorded()
    if what == "check" and made_by != [toolchain()]:
        print("1..0 # skip the figures were recorded for another compiler")
        return 0
    print(f"1..{len(WORKLOADS)}")
    bad, now = 0, {}
    with tempfile.TemporaryDirectory() as folder:
        for n, workload in enumerate(WORKLOADS, 1):
            now[workload] = measure(folder, workload)
            limit = before.get(workload, 0) * MORE
            well = what == "record" or now[workload] <= limit
            bad += not well
            print(f"{'ok' if well else 'not ok'} {n} - {workload}: "
                  f"{now[workload]:.1f} instructions a delivery, recorded "
                  f"{before.get(workload, 0):.1f}", flush=True)
    if what == "record":
        RECORD.write_text(
            "# Instructions of snugd for one delivery, by instr.py record.\n"
            f"# {toolchain()}\n" +
            "".join(f"{k} {v:.1f}\n" for k, v in now.items()))
    return 1 if bad else 0


if __name__ == "__main__":
    if sys.argv[1:] not in (["check"], ["record"]):
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1]))
