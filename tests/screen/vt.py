# SPDX-License-Identifier: ISC
"""Terminals that a test can read: the Python half of vtrun.

    from vt import Terminal

    with Terminal([snug, "--nick", "ann", address, "lobby"]) as t:
        t.wait("#lobby")              # until it is on the screen, or fail
        t.type("hello\\r")            # keys: text or bytes
        t.wait("ann | hello")
        print("\\n".join(t.screen())) # rows, without trailing blanks
        t.resize(50, 160)
        t.signal(signal.SIGTERM)
        how, code = t.exit()          # ("exit", 0) or ("signal", 15)

Every wait has a deadline and raises Timeout with the screen in its message.
$VTRUN names the driver; $TERM is xterm-256color and the locale C.UTF-8 unless
env says otherwise.  With wrapper=[...] (a debugger, say) the program is started
through it.
"""

import os
import subprocess
import time

# What a test may call keys, as xterm sends them.
KEYS = {
    "up": "\033OA", "down": "\033OB", "right": "\033OC", "left": "\033OD",
    "home": "\033OH", "end": "\033OF", "pgup": "\033[5~", "pgdn": "\033[6~",
    "enter": "\r", "tab": "\t", "backtab": "\033[Z", "esc": "\033",
    "backspace": "\177", "delete": "\033[3~", "f7": "\033[18~",
    "f8": "\033[19~", "alt-home": "\033[1;3H", "alt-end": "\033[1;3F",
    "paste-begin": "\033[200~", "paste-end": "\033[201~",
}


class Timeout(AssertionError):
    pass


def driver():
    """Where vtrun is: $VTRUN, or in the build folder."""
    built = os.path.join(os.environ.get("SNUG_BUILDDIR", "."),
                         "tests/screen/vtrun")
    for path in (os.environ.get("VTRUN"), built):
        if path and os.access(path, os.X_OK):
            return os.path.abspath(path)
    raise FileNotFoundError(
        "vtrun is not built: `make check`, or set $VTRUN to it")


class Terminal:
    def __init__(self, argv, rows=24, cols=80, env=None, cwd=None,
                 wrapper=(), timeout=10.0):
        full = dict(os.environ, TERM="xterm-256color", LC_ALL="C.UTF-8")
        full.pop("COLUMNS", None)
        full.pop("LINES", None)
        full.pop("NO_COLOR", None)
        for key, value in (env or {}).items():
            if value is None:
                full.pop(key, None)
            else:
                full[key] = value
        self.timeout = timeout
        self.rows, self.cols = rows, cols
        self.p = subprocess.Popen(
            [driver(), str(rows), str(cols), *wrapper, *argv], env=full,
            cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        """Ends the program if it is still there, and the terminal."""
        if self.p.stdin and not self.p.stdin.closed:
            self.p.stdin.close()
            self.p.wait()
            self.p.stdout.close()

    # -- one order, one answer

    def _ask(self, order):
        self.p.stdin.write(order.encode("ascii") + b"\n")
        self.p.stdin.flush()
        return self._line()

    def _line(self):
        line = self.p.stdout.readline()
        if not line:
            raise EOFError("vtrun has ended")
        return line.decode("utf-8", "replace").rstrip("\n")

    @staticmethod
    def _hex(text):
        data = text if isinstance(text, bytes) else text.encode("utf-8")
        return data.hex()

    def _fail(self, what):
        rows = "\n".join("  |" + row for row in self.screen())
        raise Timeout(what + "; the screen is\n" + rows)

    # -- typing

    def type(self, text):
        """Types text (or bytes)."""
        answer = self._ask("keys " + self._hex(text))
        if answer != "ok":
            raise AssertionError("could not type: " + answer)

    def press(self, *names):
        """Presses keys by name: see KEYS; "alt-x" and "ctrl-x" for any x."""
        for name in names:
            if name in KEYS:
                self.type(KEYS[name])
            elif name.startswith("alt-"):
                self.type("\033" + KEYS.get(name[4:], name[4:]))
            elif name.startswith("ctrl-"):
                self.type(bytes([ord(name[5:].upper()) & 0x1f]))
            else:
                self.type(name)

    def paste(self, text):
        """What a terminal sends for a paste in bracketed mode."""
        self.type("\033[200~" + text + "\033[201~")

    # -- waiting

    def wait(self, text, timeout=None):
        """Until a row holds the text."""
        ms = int(1000 * (timeout or self.timeout))
        if self._ask("wait %d %s" % (ms, self._hex(text))) != "ok":
            self._fail("waited for %r" % text)

    def gone(self, text, timeout=None):
        """Until no row holds it."""
        ms = int(1000 * (timeout or self.timeout))
        if self._ask("gone %d %s" % (ms, self._hex(text))) != "ok":
            self._fail("waited for %r to go" % text)

    def until(self, condition, what="a condition", timeout=None):
        """Until condition(self) is true; it is asked after each change."""
        end = time.monotonic() + (timeout or self.timeout)
        while True:
            value = condition(self)
            if value:
                return value
            left = end - time.monotonic()
            if left <= 0:
                self._fail("waited for " + what)
            self._ask("change %d" % max(1, min(100, int(left * 1000))))

    def exit(self, timeout=None):
        """Until the program has ended: ("exit", code) or ("signal", n)."""
        ms = int(1000 * (timeout or self.timeout))
        answer = self._ask("exit %d" % ms).split()
        if answer[0] != "ok":
            self._fail("waited for the program's end")
        return answer[1], int(answer[2])

    # -- looking

    def screen(self):
        """The rows, without trailing blanks."""
        n = int(self._ask("screen").split()[1])
        return [self._line() for _ in range(n)]

    def has(self, text):
        return any(text in row for row in self.screen())

    def cell(self, row, col):
        """(text, width, attributes); width 0 is a wide one's right half."""
        answer = self._ask("cell %d %d" % (row, col)).split(" ")
        if answer[0] != "ok":
            raise IndexError("no cell %d, %d" % (row, col))
        return (bytes.fromhex(answer[3]).decode("utf-8", "replace"),
                int(answer[1]), answer[2])

    def cursor(self):
        """(row, column, shown)"""
        answer = self._ask("cursor").split()
        return int(answer[1]), int(answer[2]), answer[3] == "shown"

    def modes(self):
        """A set of: alt mouse paste echo icanon."""
        return set(self._ask("modes").split()[1:])

    def raw(self):
        """What the program wrote since this was last asked, as bytes."""
        return bytes.fromhex(self._ask("raw")[3:])

    # -- doing things to it

    def resize(self, rows, cols):
        if self._ask("resize %d %d" % (rows, cols)) != "ok":
            raise AssertionError("could not resize")
        self.rows, self.cols = rows, cols

    def signal(self, number):
        if self._ask("signal %d" % number) != "ok":
            raise AssertionError("the program has ended already")

    def pid(self):
        return int(self._ask("pid").split()[1])
