#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What workers bring: W3 through Redis with 1, 2 and 3 of them.

Two hundred rooms of five in which all send, with snugd, redis-server and the
generator on the same two cores, unpinned.  Printed are the rate, and for each
program its CPU microseconds per message; SCALING.md reads them.

Environment: FANOUT, SNUGD; ROUNDS=3, SECS=2, WORKERS="1 2 3".
"""
import os
import re
import statistics
import subprocess
import sys
import tempfile

from through import (FANOUT, MEMBERS, ROOMS, ROUNDS, SECS, TEXT, Process, Redis,
                     SNUGD, Trouble)

WORKERS = [int(n) for n in os.environ.get("WORKERS", "1 2 3").split()]
CORES = "0,1"


class Workers(Process):
    def __init__(self, folder, redis, n):
        super().__init__(
            CORES, SNUGD, "--no-config", "--flood=off", "--name=den",
            "--conn-per-addr=20000", "--drain=0s", f"--workers={n}",
            f"--key-file={folder}/key", "--listen=127.0.0.1:0",
            f"--redis=unix://{redis.path}", stderr=subprocess.PIPE, text=True)
        self.workers = [] if n > 1 else [self.pid]
        for line in self.popen.stderr:
            if found := re.search(r"worker=\d+ pid=(\d+) started", line):
                self.workers.append(int(found[1]))
            elif found := re.search(r"^ready 127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                break
        else:
            raise Trouble("snugd does not start")
        # What else it says goes nowhere, but must not fill a pipe.
        # pylint: disable=consider-using-with
        subprocess.Popen(["cat"], stdin=self.popen.stderr,
                         stdout=subprocess.DEVNULL)


def measure(n):
    with tempfile.TemporaryDirectory() as folder, \
            Redis(CORES, folder) as redis, Workers(folder, redis, n) as s:
        command = [FANOUT, "snug", "-p", s.port, "-n", ROOMS * MEMBERS,
                   "-g", MEMBERS, "-m", MEMBERS, "-k", 1, "-t", SECS,
                   "-s", TEXT]
        for pid in s.workers + [redis.pid]:
            command += ["-P", pid]
        done = subprocess.run(list(map(str, command)), text=True, timeout=100,
                              stdout=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Trouble("a message was lost, or came wrong: " + done.stdout)
    fields = dict(x.split("=", 1) for x in done.stdout.split())
    if os.environ.get("RAW"):
        print(done.stdout, file=sys.stderr)
    said = float(fields["delivered"]) / MEMBERS
    secs = float(fields["secs"])
    each = [float(x) for x in fields["cpus"].split(",")]
    return {"rate": said / secs, "redis": each[-1] / said * 1e6,
            "workers": sum(each[:-1]) / said * 1e6,
            "busy": sum(each[:-1]) / secs, "redis_busy": each[-1] / secs}


def main():
    results = {n: [] for n in WORKERS}
    for _ in range(ROUNDS):
        for n in WORKERS:
            results[n].append(measure(n))
            print(n, " ".join(f"{k}={v:.2f}"
                              for k, v in results[n][-1].items()),
                  file=sys.stderr, flush=True)
    print("| workers | messages/s | deliveries/s | us a message: all workers |"
          " redis-server | cores busy: workers | redis-server |")
    print("|---" * 7 + "|")
    for n, rows in results.items():
        mid = {k: statistics.median(r[k] for r in rows) for k in rows[0]}
        print(f"| {n} | {mid['rate']:.0f} | {mid['rate'] * MEMBERS:.0f} | "
              f"{mid['workers']:.1f} | {mid['redis']:.1f} | "
              f"{mid['busy']:.2f} | {mid['redis_busy']:.2f} |")


if __name__ == "__main__":
    main()
