#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A node of three dies, and its ten thousand come back: `make bench-storm`.

Three snugd on one redis-server.  On the first are 10,000 clients, in rooms of
20 of them; 2,000 more are on the other two, and somebody speaks in the rooms,
200 messages a second in all.  The first node is killed with SIGKILL.  All who
were on it come back to the other two with @resume and @since: at once, and
spread over two seconds, as the client of the project does it.

Printed are the time until all are in step, what those on the other nodes
noticed of it, and whether anything was lost, doubled or out of order.

Environment: SNUGD, STORM; STRUCK=10000, STAY=2000, RATE=200, JITTERS="0 2000".
"""
import os
import resource
import subprocess
import sys
import tempfile

from through import Redis, Snugd, Trouble

STORM = os.environ.get("STORM", "storm")
STRUCK, STAY = os.environ.get("STRUCK", "10000"), os.environ.get("STAY", "2000")
RATE = os.environ.get("RATE", "200")
JITTERS = os.environ.get("JITTERS", "0 2000").split()
CORE = 0    # of the servers; the generator has the other


def storm(jitter):
    with tempfile.TemporaryDirectory() as folder, Redis(CORE, folder) as redis:
        nodes = [Snugd(CORE, folder, redis, name) for name in
                 ("den", "nook", "loft")]
        try:
            command = [STORM, "-P", nodes[0].pid, "-n", STRUCK, "-s", STAY,
                       "-r", RATE, "-j", jitter, "-c", 1]
            for node in nodes:
                command += ["-p", node.port]
            done = subprocess.run(
                list(map(str, command)), stdout=subprocess.PIPE, text=True,
                timeout=200, check=False)
        finally:
            for node in nodes:
                node.end()
        if not done.stdout:
            raise Trouble("the storm could not be measured")
        return dict(x.split("=", 1) for x in done.stdout.split()), \
            done.returncode == 0


def main():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    whole = True
    print("| struck | stayed | come back within ms | all in step after s | "
          "p50, p99, max ms of those who stayed: before | during | after | "
          "replayed | lost, doubled, gaps | tries refused |")
    print("|---" * 10 + "|")
    for jitter in JITTERS:
        r, good = storm(jitter)
        whole = whole and good
        parts = [", ".join(r[f"{x}_{y}"] for y in ("p50", "p99", "max"))
                 for x in ("before", "during", "after")]
        lost = int(r["holes"]) + int(r["missing"])
        print(f"| {r['struck']} | {r['stayed']} | {jitter} | "
              f"{r['in_step_s']} | " + " | ".join(parts) +
              f" | {r['replayed']} | {lost}, {r['doubles']}, {r['gaps']} | "
              f"{r['refused']} |", flush=True)
    return 0 if whole else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Trouble as why:
        sys.exit(f"storm.py: {why}")
