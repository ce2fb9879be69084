#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What the way through Redis costs: `make bench-redis`.

Two hundred rooms of five in which all send (W3 of peers.sh), said to a snugd
whose relay is a private redis-server.  Beside it, in the same rounds:

    script  redis-benchmark -P 64 calls the very script that snugd calls, with
            the arguments that snugd sends (as MONITOR shows them), in as many
            rooms: what Redis alone can do
    memory  the same snugd with its relay in memory: what a message costs
            without Redis
    lag     the same at 80 % of the rate that was reached: round trips of a
            PING by somebody who is in no room, which is how late the loop is

The rate depends on who shares a core with whom, of which there are two here:
"shared" has snugd and redis-server on core 0 and the generator on core 1,
"apart" redis-server alone on core 0.  CPU seconds are of each process.  What a
core for each of the three would allow is the smaller of two rates, that of
redis-server and that of snugd, by the CPU which they took for a message.

Environment: FANOUT, SNUGD; ROUNDS=3, SECS=2, PLACES="shared apart",
PARTS="script memory redis lag".
"""
import os
import pathlib
import re
import resource
import shlex
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

FANOUT = os.environ.get("FANOUT", "fanout")
SNUGD = os.environ.get("SNUGD", "snugd")
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECS = float(os.environ.get("SECS", "2"))
PLACES = os.environ.get("PLACES", "shared apart").split()
PARTS = os.environ.get("PARTS", "script memory redis lag").split()
CORES = {"shared": (0, 0, 1), "apart": (0, 1, 1)}   # redis, snugd, generator
ROOMS, MEMBERS, TEXT, PIPELINE, LOAD = 200, 5, 100, 64, 0.8
DEADLINE = 30
TICK = os.sysconf("SC_CLK_TCK")


class Trouble(Exception):
    pass


def cpu(pid):
    """CPU seconds of a process and its threads so far."""
    stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1]
    return sum(map(int, stat.split()[11:13])) / TICK


class Process:
    """A program on a core, for as long as the with block lasts."""

    def __init__(self, core, *command, **how):
        self.popen = subprocess.Popen(
            ["taskset", "-c", str(core), *map(str, command)],
            stdin=subprocess.DEVNULL, **how)
        self.pid = self.popen.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.popen.terminate()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()
        if self.popen.stderr:
            self.popen.stderr.close()


class Redis(Process):
    def __init__(self, core, folder):
        self.path = f"{folder}/redis.sock"
        super().__init__(
            core, "redis-server", "--port", 0, "--unixsocket", self.path,
            "--dir", folder, "--save", "", "--appendonly", "yes",
            "--appendfsync", "everysec", "--loglevel", "warning",
            stdout=subprocess.DEVNULL)
        end = time.monotonic() + DEADLINE
        while True:
            try:
                self.talk().close()
                return
            except OSError:
                if time.monotonic() > end:
                    raise Trouble("redis-server does not start") from None
                time.sleep(0.02)

    def talk(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(DEADLINE)
        try:
            s.connect(self.path)
        except OSError:
            s.close()
            raise
        return s

    def ask(self, *words):
        done = subprocess.run(
            ["redis-cli", "-s", self.path, *words], check=True,
            capture_output=True, text=True)
        return done.stdout


class Snugd(Process):
    def __init__(self, core, folder, redis=None, name="den"):
        more = [f"--redis=unix://{redis.path}"] if redis else []
        super().__init__(
            core, SNUGD, "--no-config", "--flood=off", f"--name={name}",
            "--conn-per-addr=20000", "--log-level=error", "--drain=0s",
            f"--key-file={folder}/key", "--listen=127.0.0.1:0", *more,
            stderr=subprocess.PIPE, text=True)
        for line in self.popen.stderr:
            if found := re.search(r"ready 127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                break
        else:
            raise Trouble("snugd does not start")
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        """What it complains about is not lost."""
        try:
            for line in self.popen.stderr:
                sys.stderr.write(line)
        except ValueError:
            pass    # closed meanwhile


class Client:
    """Somebody with a connection of his own."""

    def __init__(self, port):
        self.s = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self.s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.f = self.s.makefile("rb")

    def until(self, word):
        for line in self.f:
            if word in line:
                return line
        raise Trouble("snugd closed a connection")

    def say(self, line):
        self.s.sendall(line.encode() + b"\n")


# ---- the generator -----------------------------------------------------------

def fanout(core, snugd, redis, rate=0):
    """Messages, and each server's seconds per message."""
    pids = [snugd.pid] + ([redis.pid] if redis else [])
    command = [FANOUT, "snug", "-p", snugd.port, "-n", ROOMS * MEMBERS,
               "-g", MEMBERS, "-m", MEMBERS, "-k", 1, "-t", SECS, "-c", core,
               "-C", 0, "-s", TEXT]
    command += ["-r", rate] if rate else []
    for pid in pids:
        command += ["-P", pid]
    done = subprocess.run(
        list(map(str, command)), stdout=subprocess.PIPE, text=True,
        timeout=100, check=False)
    if done.returncode != 0:
        raise Trouble("a message was lost, or came wrong: " + done.stdout)
    fields = dict(x.split("=", 1) for x in done.stdout.split())
    said = float(fields["delivered"]) / MEMBERS
    each = [float(x) for x in fields["cpus"].split(",")]
    return {"rate": said / float(fields["secs"]), "p99": float(fields["p99"]),
            "batch": float(fields["batch"]), "snugd": each[0] / said * 1e6,
            "redis": each[1] / said * 1e6 if redis else 0}


# ---- Redis alone -------------------------------------------------------------

def room_name(n):
    """As redis-benchmark writes a random number."""
    return f"{n:012d}"


def append_seen(redis, snugd):
    """The words of the append that a SAY leads to."""
    who = Client(snugd.port)
    who.say(f"JOIN {room_name(0)}")
    who.until(b"OK")
    with redis.talk() as monitor:
        monitor.sendall(b"MONITOR\r\n")
        lines = monitor.makefile("rb")
        lines.readline()
        who.say(f"SAY {room_name(0)} " + "x" * TEXT)
        for line in lines:
            words = shlex.split(line.decode().split("] ", 1)[1])
            if words[0].upper() == "EVALSHA" and "x" * TEXT in words[-1] + \
                    " ".join(words):
                who.s.close()
                return words
    raise Trouble("no append was seen")


def script(redis, snugd):
    """The append script's rate without anything else: calls a second, and
    Redis' seconds for each."""
    words = append_seen(redis, snugd)
    key = next(w for w in words if w.endswith(":cfg"))
    settings = redis.ask("HGETALL", key).split("\n")[:-1]
    for n in range(1, ROOMS):
        redis.ask("HSET", key.replace(room_name(0), room_name(n)), *settings)
    nkeys = int(words[2])
    words[3 + nkeys] = "9" * 15     # the deadline
    words = [w.replace(room_name(0), "__rand_int__") for w in words]
    seconds, calls, used = 0.0, 50000, 0.0
    while seconds < SECS:   # a longer one, until it is long enough
        calls = int(calls * max(1.5, SECS / seconds if seconds else 1))
        before = cpu(redis.pid)
        done = subprocess.run(
            ["taskset", "-c", "1", "redis-benchmark", "-s", redis.path,
             "-P", str(PIPELINE), "-n", str(calls), "-r", str(ROOMS),
             "--csv", *words],
            check=True, capture_output=True, text=True)
        used = cpu(redis.pid) - before
        if "WARN" in done.stderr or "rror" in done.stdout:
            raise Trouble("redis-benchmark: " + done.stdout + done.stderr)
        rate = float(done.stdout.splitlines()[-1].split('","')[1])
        seconds = calls / rate
    if int(redis.ask("XLEN", key.replace(":cfg", ":st"))) < 100:
        raise Trouble("the script refused what redis-benchmark sent")
    return {"rate": rate, "redis": used / calls * 1e6}


# ---- how late the loop is ----------------------------------------------------

def trips(port, stop, out):
    try:    # it shares a core with the generator, and is not to wait for it
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), -19)
    except OSError:
        pass
    who = Client(port)
    while not stop.is_set():
        start = time.monotonic()
        who.say("PING x")
        who.until(b" x")
        out.append((start, (time.monotonic() - start) * 1000))
        time.sleep(0.005)
    who.s.close()


def lag(core, snugd, redis, rate):
    stop, out = threading.Event(), []
    os.sched_setaffinity(0, {core})
    thread = threading.Thread(target=trips, args=(snugd.port, stop, out))
    thread.start()
    figures = fanout(core, snugd, redis, rate)
    begun = time.monotonic() - SECS     # before it a thousand came and joined
    stop.set()
    thread.join()
    loaded = sorted(ms for start, ms in out if start > begun)
    return {"rate": figures["rate"], "median": statistics.median(loaded),
            "p99": loaded[int(len(loaded) * 0.99)], "max": loaded[-1]}


# ---- rounds ------------------------------------------------------------------

def round_of(place, results):
    redis_core, snugd_core, core = CORES[place]

    def note(part, figures):
        results.setdefault((place, part), []).append(figures)
        print(place, part, " ".join(f"{k}={v:.2f}" for k, v in figures.items()),
              file=sys.stderr, flush=True)

    def measure(part, work, with_redis=True):
        if part not in PARTS:
            return None
        with tempfile.TemporaryDirectory() as folder:
            if not with_redis:
                with Snugd(snugd_core, folder) as snugd:
                    note(part, work(snugd, None))
            else:
                with Redis(redis_core, folder) as redis, \
                        Snugd(snugd_core, folder, redis) as snugd:
                    note(part, work(snugd, redis))
        return results[place, part][-1]

    measure("script", lambda s, r: script(r, s))
    measure("memory", lambda s, r: fanout(core, s, r), with_redis=False)
    full = measure("redis", lambda s, r: fanout(core, s, r))
    if full:
        measure("lag", lambda s, r: lag(core, s, r, LOAD * full["rate"]))


def table(results):
    def med(place, part, key):
        figures = results.get((place, part))
        return statistics.median(x[key] for x in figures) if figures else 0

    def over(a, b):
        return f"{a / b:.2f}" if b else "-"

    print("| place | redis-benchmark -P 64, calls/s | through snugd, messages/s"
          " | share | a core each | share | Redis us a call | Redis us a message | snugd us a message"
          " | in memory | times | p99 ms | PING ms at 80 %: median, p99, max |")
    print("|---" * 13 + "|")
    for place in PLACES:
        alone, through = med(place, "script", "rate"), med(place, "redis",
                                                            "rate")
        ours, memory = med(place, "redis", "snugd"), med(place, "memory",
                                                         "snugd")
        dearest = max(ours, med(place, "redis", "redis"))
        each = 1e6 / dearest if dearest else 0
        print(f"| {place} | {alone:.0f} | {through:.0f} | "
              f"{over(through, alone)} | {each:.0f} | {over(each, alone)} | {med(place, 'script', 'redis'):.1f} | "
              f"{med(place, 'redis', 'redis'):.1f} | {ours:.1f} | "
              f"{memory:.1f} | {over(ours, memory)} | "
              f"{med(place, 'redis', 'p99') / 1000:.1f} | "
              f"{med(place, 'lag', 'median'):.1f}, "
              f"{med(place, 'lag', 'p99'):.1f}, "
              f"{med(place, 'lag', 'max'):.1f} |")


def main():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, hard), hard))
    results = {}
    for _ in range(ROUNDS):
        for place in PLACES:
            round_of(place, results)
    table(results)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        sys.exit(__doc__)
    main()
