# SPDX-License-Identifier: ISC
"""The end-to-end tests' one library: real servers, exact lines, TAP.

A test file is a list of functions under @test, each a sentence about the server,
and ends with run().  A test gets a World, which starts snugd and redis-server on
private ports and sockets, hands out clients, and stops all of it afterwards, in
whatever way the test ended.  A server that dies, leaks or upsets a sanitizer
fails the test in which it did.

Nothing here sleeps for a time: a test waits for a line, a log entry or another
condition, until a deadline that only a failure ever reaches.
"""
import contextlib
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import traceback

SRCDIR = os.environ.get("SNUG_SRCDIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
BUILDDIR = os.environ.get("SNUG_BUILDDIR") or os.path.join(SRCDIR, "build")
TESTDATA = os.environ.get("SNUG_TESTDATA") or os.path.join(
    SRCDIR, "..", "shared", "testdata")
REDIS_SERVER = os.environ.get("REDIS_SERVER") or "redis-server"
SNUGD = os.path.join(BUILDDIR, "snugd")
SNUG = os.path.join(BUILDDIR, "snug")
DEADLINE = float(os.environ.get("SNUG_TEST_DEADLINE", "10"))


class Failed(Exception):
    """What a test expected did not happen."""


class Skip(Exception):
    """The test cannot run here; the text says what is missing."""


def until(condition, what, deadline=DEADLINE):
    """Waits for a condition that nothing announces; gives its value."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failed(f"not within {deadline:g} s: {what}")
        time.sleep(0.01)


def testdata(name):
    """The path of a file of the shared test data, or a skip."""
    path = os.path.join(TESTDATA, name)
    if not os.path.exists(path):
        raise Skip(f"the test data is not here: {name}")
    return path


def sanitized():
    """Is the server built with sanitizers, which have memory of their own?"""
    with open(SNUGD, "rb") as f:
        return b"__asan_init" in f.read()


def within(grown, limit):
    """Judges how much memory something took, where that can be told."""
    if grown > limit and not sanitized():
        raise Failed(f"memory grew by {grown} bytes, not within {limit}")


# --- lines ------------------------------------------------------------------

PLACES = {
    "id": r"(\d{1,20}-\d{1,20})",
    "ms": r"(\d+)",
    "nick": r"(\S+)",
    "guest": r"(guest-[a-z0-9]{8})",
    "text": r"(.+)",
    "any": r"(.*)",
}


def normal(line):
    """Tag first, attributes sorted: the protocol gives them no order."""
    words = line.split(" ")
    n = 0
    while n < len(words) and words[n][:1] in ("#", "@"):
        n += 1
    prefixes = sorted(words[:n], key=lambda w: (w[0] != "#", w))
    return " ".join(prefixes + words[n:])


def template(text):
    """A line with <id>, <ms>, <nick>, <guest>, <text> or <any> in it.  Any BYE
    may say when to come back."""
    parts = re.split(r"<(\w+)>", normal(text))
    out = "".join(
        PLACES[p] if i % 2 else re.escape(p) for i, p in enumerate(parts))
    if text.startswith("BYE "):
        out = r"(?:@retry=\d+ )?" + out
    return re.compile(out, re.DOTALL)


def frame(line):
    data = line.encode() if isinstance(line, str) else line
    return b"%d %s\n" % (len(data), data)


class Client:
    """A connection that speaks bytes and checks every line it is sent."""

    def __init__(self, address, name="client", source=None):
        self.name = name
        self.transcript = []
        self.buffer = b""
        self.nick = None
        self.sock = dial(address, source)

    def note(self, mark, data):
        self.transcript.append(f"{self.name} {mark} {data!r}")

    # Sending.
    def raw(self, data):
        """Bytes, just so."""
        shown = data if len(data) < 300 else data[:300] + b"..."
        self.note(">", shown)
        self.put(data)

    def put(self, data):
        self.sock.settimeout(DEADLINE)
        self.sock.sendall(data)

    def send(self, *lines):
        """Framed lines, in one write."""
        self.raw(b"".join(frame(line) for line in lines))

    def type(self, *lines):
        """Bare lines, as people write them."""
        self.raw(b"".join(
            (x.encode() if isinstance(x, str) else x) + b"\n" for x in lines))

    def half_close(self):
        self.note(">", "(end)")
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def reset(self):
        """Goes away with a RST in place of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                             b"\1\0\0\0\0\0\0\0")
        self.sock.close()

    # Receiving.
    def receive(self, end):
        """Some bytes; none at the end of the stream."""
        left = end - time.monotonic()
        if left <= 0:
            raise Failed(f"{self.name}: nothing came in time")
        self.sock.settimeout(left)
        try:
            return self.sock.recv(65536)
        except socket.timeout:
            raise Failed(f"{self.name}: nothing came in time") from None
        except ConnectionResetError:
            return b""

    def fill(self, end):
        data = self.receive(end)
        self.buffer += data
        return bool(data)

    def line(self, deadline=DEADLINE):
        """The next line's payload; None at the end of the stream."""
        end = time.monotonic() + deadline
        while True:
            found = re.match(rb"([1-9][0-9]{0,4}) ", self.buffer)
            if found:
                start = found.end()
                stop = start + int(found[1])
                if len(self.buffer) > stop:
                    break
            elif len(self.buffer) >= 6:
                raise Failed(f"{self.name}: no frame: {self.buffer[:80]!r}")
            if not self.fill(end):
                if self.buffer:
                    raise Failed(f"{self.name}: cut: {self.buffer[:80]!r}")
                self.note("<", "(end)")
                return None
        data, last = self.buffer[start:stop], self.buffer[stop:stop + 1]
        self.buffer = self.buffer[stop + 1:]
        if last != b"\n":
            raise Failed(f"{self.name}: no LF behind {data[:80]!r}")
        self.note("<", data)
        return self.harmless(data)

    def harmless(self, data):
        text = data.decode()
        bad = re.search("[\0-\x08\x0a-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]",
                        text)
        if bad:
            raise Failed(f"{self.name}: a control character in {data!r}")
        return text

    def expect(self, *templates, deadline=DEADLINE):
        """These lines, in this order, and no others; gives what stood in their
        places: one value alone, or a list."""
        values = []
        for text in templates:
            got = self.line(deadline)
            if got is None:
                raise Failed(f"{self.name}: wanted {text!r}, got the end")
            match = template(text).fullmatch(normal(got))
            if not match:
                raise Failed(
                    f"{self.name}:\n  wanted {text!r}\n  got    {got!r}")
            values += match.groups()
        return values[0] if len(values) == 1 else values

    def expect_both(self, *templates):
        """These lines, in any order."""
        left = list(templates)
        values = {}
        while left:
            got = self.line()
            for text in left:
                match = got and template(text).fullmatch(normal(got))
                if match:
                    values[text] = match.groups()
                    left.remove(text)
                    break
            else:
                raise Failed(f"{self.name}:\n  wanted one of {left!r}"
                             f"\n  got    {got!r}")
        flat = [v for text in templates for v in values[text]]
        return flat[0] if len(flat) == 1 else flat

    def ask(self, command, *templates):
        """A framed command and its lines."""
        self.send(command)
        return self.expect(*templates)

    def skip_to(self, text, deadline=DEADLINE):
        """Reads on until a line fits; gives the lines before it, and what
        stood in its places."""
        end = time.monotonic() + deadline
        before = []
        while True:
            got = self.line(max(0.01, end - time.monotonic()))
            if got is None:
                raise Failed(f"{self.name}: the end came before {text!r}")
            match = template(text).fullmatch(normal(got))
            if match:
                return before, list(match.groups())
            before.append(got)

    def nothing(self):
        """Nothing has come but the answer to a PING."""
        self.send("PING nothing")
        self.expect("OK nothing")

    def end(self, deadline=DEADLINE):
        """The server closes, and says no more."""
        got = self.line(deadline)
        if got is not None:
            raise Failed(f"{self.name}: wanted the end, got {got!r}")

    # Habits.
    def welcome(self):
        """Reads WELCOME; gives its keys, and remembers the nick."""
        server, self.nick, rest = self.expect(
            "WELCOME snug/1 <nick> <nick><any>")
        keys = dict(w.split("=", 1) for w in rest.split())
        return dict(keys, server=server)

    def take(self, nick):
        self.ask(f"NICK {nick}", f"OK {nick}")
        self.nick = nick

    def join(self, room):
        """Joins a room without topic or replay; gives the OK's id."""
        self.send(f"JOIN {room}")
        self.expect(f"JOINED {room} {self.nick}")
        before, (last,) = self.skip_to("OK <id>")
        for line in before:
            if not line.startswith(f"NAMES {room} "):
                raise Failed(f"{self.name}: JOIN gave {line!r}")
        return last

    def set_topic(self, room, text):
        """Sets a topic and sees it; OK and TOPIC come in either order."""
        self.send(f"TOPIC {room} {text}")
        self.expect_both(f"TOPIC {room} {self.nick} {text}", "OK<any>")

    def say(self, target, text, attrs=""):
        """Says something and sees it; gives its id."""
        shown = f"MSG {target} <id> {self.nick} {text}"
        self.send(f"{attrs}SAY {target} {text}")
        one, two = self.expect_both(shown, "OK <id>")
        if one != two:
            raise Failed(f"{self.name}: OK {two}, but MSG {one}")
        return one

    def say_after(self, target, text):
        """Says something behind whatever is on its way; gives all lines up to
        the message's own, which ends the list."""
        self.send(f"SAY {target} {text}")
        shown = f"MSG {target} <id> {self.nick} {text}"
        before, (one,) = self.skip_to(shown)
        return before + [shown.replace("<id>", one)]


def dial(address, source=None):
    """source: the address to come from, as 127.0.0.9."""
    if address.startswith("unix:"):
        sock = socket.socket(socket.AF_UNIX)
        sock.settimeout(DEADLINE)
        sock.connect(address[5:])
        return sock
    host, port = address.rsplit(":", 1)
    sock = socket.create_connection(
        (host.strip("[]"), int(port)), DEADLINE,
        source_address=(source, 0) if source else None)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


# --- programs ---------------------------------------------------------------

def die_with_parent():
    """In the child: no test outlived by what it started."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Program:
    """A process with its standard error kept in a file."""

    def __init__(self, world, argv, **popen):
        self.argv = argv
        self.path = world.path(f"log{world.count()}")
        with open(self.path, "wb") as log:
            self.process = subprocess.Popen(
                argv, stderr=log, preexec_fn=die_with_parent,
                **{"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL,
                   **popen})
        self.asked_to_die = False

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        with open(self.path, errors="backslashreplace") as f:
            return f.read()

    def wait_log(self, pattern, deadline=DEADLINE):
        """Waits for a line of the log; gives the match."""
        def look():
            found = re.search(pattern, self.log(), re.MULTILINE)
            if not found and self.process.poll() is not None:
                raise Failed(f"{self.argv[0]} ended with "
                             f"{self.process.returncode}:\n{self.log()}")
            return found
        return until(look, f"{pattern!r} in the log", deadline)

    def signal(self, number):
        self.process.send_signal(number)

    def wait(self, deadline=DEADLINE):
        """Waits for the end; gives the exit status."""
        self.asked_to_die = True
        try:
            return self.process.wait(deadline)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.argv[0]} does not end") from None

    def stop(self):
        if self.process.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait()

    def kill(self):
        """kill -9, and gone."""
        self.asked_to_die = True
        self.process.kill()
        self.process.wait()

    def rss(self):
        """Bytes of memory in use."""
        with open(f"/proc/{self.pid}/status") as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read())[1]) * 1024


class Server(Program):
    """A snugd that is ready."""

    def __init__(self, world, *options, listen=("127.0.0.1:0",), redis=None,
                 name="den", flood="off", config=None):
        argv = [SNUGD]
        argv += ["--config", config] if config else ["--no-config"]
        argv += ["--name", name, "--key-file", world.path("server.key")]
        if flood:
            argv += ["--flood", flood]
        for address in listen:
            argv += ["--listen", address]
        if redis:
            argv += ["--redis", redis.url]
        # Where the tests are root's, so are their files.
        if os.geteuid() == 0 and "--user" not in options:
            argv += ["--user", "root"]
        super().__init__(world, argv + list(options))
        self.name = name
        self.addresses = self.wait_log(r"^ready (.*)$")[1].split()
        if redis:
            self.wait_log(r"relay(/\d+)? state=up")
        self.address = self.addresses[0]


class Redis(Program):
    """A redis-server on a private socket, which keeps its data over kill()."""

    def __init__(self, world, *options, directory=None):
        self.world = world
        self.options = options
        self.dir = directory or world.path(f"redis{world.count()}")
        os.makedirs(self.dir, exist_ok=True)
        self.sock_path = os.path.join(self.dir, "sock")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.sock_path)
        super().__init__(world, [
            REDIS_SERVER, "--port", "0", "--unixsocket", self.sock_path,
            "--dir", self.dir, "--save", "", "--appendonly", "yes",
            "--appendfsync", "everysec", "--logfile",
            os.path.join(self.dir, "log"), *options])
        until(self.answers, "redis-server answers")

    @property
    def url(self):
        return f"unix://{self.sock_path}"

    def answers(self):
        with contextlib.suppress(OSError, Failed):
            return self.command("PING") == b"PONG"
        return False

    def again(self):
        """After kill(): the same data, on the same socket."""
        return self.world.add(Redis(self.world, *self.options,
                                    directory=self.dir))

    def command(self, *words):
        """One command over a connection of its own."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(DEADLINE)
            sock.connect(self.sock_path)
            sock.sendall(b"*%d\r\n" % len(words) + b"".join(
                b"$%d\r\n%s\r\n" % (len(w.encode()), w.encode())
                for w in words))
            with sock.makefile("rb") as f:
                return self.reply(f)

    def reply(self, f):
        head = f.readline()
        if not head:
            raise Failed("redis-server hung up")
        kind, rest = head[:1], head[1:].strip()
        if kind in b"+-":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            if int(rest) < 0:
                return None
            data = f.read(int(rest) + 2)
            return data[:-2]
        return [self.reply(f) for _ in range(max(0, int(rest)))]


class World:
    """What one test started."""

    def __init__(self):
        # In memory where there is such a place: with appendfsync everysec
        # Redis puts writing off while an fsync is slow, and what it answered
        # then is lost when it is killed; on a busy disk that happens.
        shm = "/dev/shm"
        self.dir = tempfile.mkdtemp(
            prefix="snug-e2e-",
            dir=shm if os.access(shm, os.W_OK) else None)
        self.programs = []
        self.clients = []
        self.terminals = []
        self.closers = []  # functions to call at the end
        self.counter = 0

    def count(self):
        self.counter += 1
        return self.counter

    def path(self, name):
        return os.path.join(self.dir, name)

    def add(self, program):
        self.programs.append(program)
        return program

    def server(self, *options, **more):
        return self.add(Server(self, *options, **more))

    def redis(self, *options):
        return self.add(Redis(self, *options))

    def program(self, *argv, **popen):
        return self.add(Program(self, list(argv), **popen))

    def terminal(self, argv, data=None, **more):
        """A program in a terminal of its own (tests/screen/vt.py), with a home
        of its own; its XDG_DATA_HOME may be another's."""
        sys.path.insert(1, os.path.join(SRCDIR, "tests", "screen"))
        import vt  # pylint: disable=import-outside-toplevel
        home = self.path(f"home{self.count()}")
        os.mkdir(home)
        os.environ["SNUG_BUILDDIR"] = BUILDDIR
        env = {"HOME": home, "XDG_CONFIG_HOME": None, "XDG_DATA_HOME": data,
               "XDG_STATE_HOME": None}
        t = vt.Terminal(argv, env=env, **more)
        self.terminals.append(t)
        return t

    def nodes(self, *names, redis=None, options=()):
        """Nodes on one Redis."""
        redis = redis or self.redis()
        return [self.server(*options, redis=redis, name=n) for n in names]

    def client(self, server, nick=None, rooms=(), address=None, source=None):
        """A connection, greeted; with a nick and in rooms where asked."""
        c = self.visitor(server, nick, address, source)
        c.welcome()
        if nick:
            c.take(nick)
        for room in rooms:
            c.join(room)
        return c

    def visitor(self, server, name=None, address=None, source=None):
        """A connection that has not read its WELCOME."""
        c = Client(address or server.address, name or f"c{self.count()}",
                   source)
        self.clients.append(c)
        return c

    def known(self, server, nick):
        """Is somebody of that nick connected?"""
        c = self.client(server)
        c.send(f"WHOIS {nick}", "QUIT")
        found = c.line().startswith("USER")
        c.close()
        return found

    def tidy(self):
        """Stops everything; gives what went wrong with it."""
        complaints = []
        for close in self.closers:
            close()
        for c in self.clients + self.terminals:
            c.close()
        for p in reversed(self.programs):
            with contextlib.suppress(ProcessLookupError):
                p.signal(signal.SIGCONT)
            died = not p.asked_to_die and p.process.poll() is not None
            try:
                status = p.stop()
            except Failed:
                p.kill()
                status = "no end after SIGTERM"
            log = p.log()
            if died:
                complaints.append(f"{p.argv[0]} died: status {status}")
            elif isinstance(p, Server) and status not in (0, -signal.SIGKILL):
                complaints.append(f"snugd ended with {status}")
            if re.search(r"Sanitizer|runtime error:", log):
                complaints.append("a sanitizer complained")
        return complaints

    def story(self):
        """What can be said about a failure."""
        out = []
        for p in self.programs:
            if isinstance(p, Server):
                out.append(f"--- log of {' '.join(p.argv)}")
                out += p.log().splitlines()[-60:]
        for c in self.clients:
            if c.transcript:
                out.append(f"--- {c.name}")
                out += [x[:200] for x in c.transcript[-40:]]
        return out

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)


# --- running ----------------------------------------------------------------

TESTS = []


def test(function):
    """Registers a test; its name is the sentence that it proves."""
    TESTS.append(function)
    return function


def run_one(function):
    """Gives (verdict, lines of explanation)."""
    world = World()
    problem, skipped = [], None
    try:
        function(world)
    except Skip as e:
        skipped = str(e)
    except Failed as e:
        problem = str(e).splitlines() + where(e)
    except Exception:  # pylint: disable=broad-except
        problem = traceback.format_exc().splitlines()
    try:
        problem += world.tidy()
        if problem:
            problem += world.story()
    finally:
        world.remove()
    return problem, skipped


def where(error):
    """The lines of the test on the way to the failure."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"  at {os.path.basename(f.filename)}:{f.lineno}: {f.line}"
            for f in frames if f.filename != __file__]


def on_term(_number, _frame):
    """timeout(1) has lost patience: end the test so that it tidies up."""
    raise Failed("the whole file took too long")


def run():
    """Runs the tests of the file, or those named on the command line."""
    signal.signal(signal.SIGTERM, on_term)
    chosen = [t for t in TESTS if not sys.argv[1:] or t.__name__ in sys.argv]
    print(f"1..{len(chosen)}", flush=True)
    failed = 0
    for n, function in enumerate(chosen, 1):
        title = function.__name__.replace("_", " ")
        started = time.monotonic()
        problem, skipped = run_one(function)
        took = time.monotonic() - started
        if problem:
            failed += 1
            print(f"not ok {n} - {title}")
            for line in problem:
                print(f"# {line}")
        elif skipped:
            print(f"ok {n} - {title} # SKIP {skipped}")
        else:
            print(f"ok {n} - {title}")
        if took > 5:
            print(f"# that took {took:.1f} s")
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


def together(*functions):
    """Runs functions side by side; the first failure is raised."""
    errors = []

    def guarded(function):
        try:
            function()
        except Exception as e:  # pylint: disable=broad-except
            errors.append(e)

    threads = [threading.Thread(target=guarded, args=(f,), daemon=True)
               for f in functions]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if errors:
        raise errors[0]
