# SPDX-License-Identifier: ISC
"""The terminal is given back as it was, on every way out."""

from stage import *

BEFORE = {"echo", "icanon"}


def leave(how, expected):
    with Snugd() as server, snug(server, "lobby") as t:
        t.wait("1 here")
        check("paste" in t.modes() and "alt" in t.modes(), "it is taken")
        check("echo" not in t.modes(), "keys are not echoed")
        how(t)
        if expected:
            equal(t.exit(), expected)
        else:
            check(t.exit() != ("exit", 0), "it ended badly")
        equal(t.modes(), BEFORE)
        check(t.cursor()[2], "the cursor is shown")


@test
def after_quit():
    leave(lambda t: t.type("/quit bye\r"), ("exit", 0))


@test
def after_ctrl_c_twice():
    def how(t):
        t.press("ctrl-c")
        t.wait("again to quit")
        t.press("ctrl-c")
    leave(how, ("exit", 0))


@test
def after_sigterm():
    leave(lambda t: t.signal(signal.SIGTERM), ("signal", signal.SIGTERM))


@test
def after_sighup():
    leave(lambda t: t.signal(signal.SIGHUP), ("signal", signal.SIGHUP))


@test
def after_sigint():
    leave(lambda t: t.signal(signal.SIGINT), ("signal", signal.SIGINT))


@test
def after_sigsegv():
    leave(lambda t: t.signal(signal.SIGSEGV), None)


@test
def after_sigabrt():
    leave(lambda t: t.signal(signal.SIGABRT), None)


@test
def after_sigbus():
    leave(lambda t: t.signal(signal.SIGBUS), None)


@test
def while_suspended_and_back():
    with Snugd() as server:
        shell = ["bash", "--norc", "-i"]
        with Terminal(shell, env={"PS1": "shell> "}) as t:
            t.wait("shell>")
            t.type("%s --no-config %s lobby\r" % (
                program("snug"), server.address))
            t.wait("1 here")
            t.press("ctrl-z")
            t.wait("Stopped")
            check("alt" not in t.modes(), "the screen is given back")
            t.type("echo al''ive\r")
            t.wait("alive")
            t.type("fg\r")
            t.wait("1 here")
            t.type("back again\r")
            t.wait("│ back again")
            t.type("/quit\r")
            t.gone("1 here")


@test
def a_screen_painted_over_is_painted_anew():
    with Snugd() as server, snug(server, "lobby") as t:
        t.wait("1 here")
        t.raw()
        t.press("ctrl-l")
        t.until(lambda t: b"#lobby" in t.raw(), "the title, again")


def refused(argv, env=None):
    full = dict(os.environ, LC_ALL="C.UTF-8", XDG_DATA_HOME="/nonexistent",
                **(env or {}))
    p = subprocess.run([program("snug"), "--no-config", *argv], env=full,
                       stdin=subprocess.DEVNULL, capture_output=True,
                       timeout=DEADLINE)
    return p.returncode, p.stderr.decode("utf-8")


@test
def a_pipe_is_told_of_send_and_tail():
    code, text = refused(["unix:/nonexistent/s", "lobby"])
    equal(code, 1)
    check("snug send" in text and "snug tail" in text, text)


@test
def a_dumb_terminal_is_refused_with_a_word():
    with Snugd() as server, \
            snug(server, "lobby", env={"TERM": "dumb"}) as t:
        t.wait("cannot place its cursor")
        equal(t.exit(), ("exit", 1))


@test
def an_unknown_terminal_is_refused_with_a_word():
    with Snugd() as server, \
            snug(server, "lobby", env={"TERM": "no-such-terminal"}) as t:
        t.wait("is not known here")
        equal(t.exit(), ("exit", 1))


@test
def another_locale_than_utf8_still_shows_text():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby", env={"LC_ALL": "C"}) as t:
        t.wait("2 here")
        bob.say("SAY lobby grüße 日本")
        t.wait("grüße 日本")


def colours(env):
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby", env=env) as t:
        t.wait("2 here")
        bob.say("SAY lobby hello")
        t.wait("bob │ hello")
        row = row_with(t, "bob │ hello")
        return t.cell(row, t.screen()[row].index("bob"))[2]


@test
def colours_are_used_unless_told_not_to():
    check("f" in colours({}), "a nick is coloured")
    check("f" not in colours({"NO_COLOR": "1"}), "NO_COLOR")
    check("f" not in colours({"TERM": "vt100"}), "a terminal without")


@test
def usage_errors_are_said_and_end_with_2():
    for argv in (["--nonsense"], ["--nick", "-x", "localhost"],
                 ["localhost", "no:room"], ["localhost:99999"]):
        code, text = refused(argv)
        equal(code, 2)
        check(text.startswith("snug: "), text)


run()
