# SPDX-License-Identifier: ISC
"""Reading the configuration again at SIGHUP, promise O1: all of it or nothing,
with the verdict that --check-config gives, and nobody is dropped."""
import contextlib
import os
import pwd
import re
import resource
import signal
import subprocess

from snugtest import SNUGD, TESTS, Failed, Skip, run, test, until
from test_oper import ANN, register

TESTS.clear()  # those of operators run by themselves

ROUNDS = int(os.environ.get("SNUG_RELOADS", "200"))
DONE = r"main reloaded changed=\"(.*)\"$"
REFUSED = r"error main the configuration was not reloaded, nothing has " \
    r"changed: (.*)$"


def write(w, text, name="snugd.conf"):
    """As editors do: another file takes its name."""
    path = w.path(name)
    with open(path + ".new", "w", encoding="utf-8") as f:
        f.write(text)
    os.rename(path + ".new", path)
    return path


def start(w, text, *options, **more):
    return w.server(*options, config=write(w, text), **more)


def hang_up(s, pattern):
    """Signals, and gives what the log says of it."""
    with open(s.path, "rb") as f:
        before = f.seek(0, os.SEEK_END)
        s.signal(signal.SIGHUP)

        def look():
            f.seek(before)
            said = f.read().decode(errors="backslashreplace")
            found = re.search(f"{DONE}|{REFUSED}", said, re.MULTILINE)
            return found and said

        said = until(look, "an answer to SIGHUP")
    found = re.search(pattern, said, re.MULTILINE)
    if not found:
        raise Failed(f"{pattern!r} is not in {said!r}")
    return found[1] if found.re.groups else said


def reload(w, s, text):
    """Gives the names of what has changed."""
    write(w, text)
    return hang_up(s, DONE).split(" ")


@test
def what_is_live_takes_effect_at_once(w):
    s = start(w, "[limits]\nmax-text = 100\nmax-line = 2000\n")
    c = w.client(s, "ann", ["den"])
    c.ask("SAY den " + "x" * 101, "ERR too-long <text>")
    write(w, "Closing time.\n", "motd")
    changed = reload(w, s, f"[server]\nmotd = {w.path('motd')}\n"
                           "guests = no\n[limits]\nmax-text = 200\n"
                           "max-line = 2000\nconn-per-addr = 2\n")
    if changed != ["motd", "guests", "max-text", "conn-per-addr"]:
        raise Failed(str(changed))
    other = w.visitor(s)
    if other.welcome()["max-text"] != "200":
        raise Failed("WELCOME still says the old one")
    other.ask("JOIN den", "NOTICE motd Closing time.",
              "ERR not-allowed <text>")
    w.visitor(s).expect("BYE limit <text>")
    reload(w, s, "[limits]\nmax-text = 200\nmax-line = 2000\n")
    other.ask("NICK bob", "OK bob")
    c.say("den", "x" * 150)


@test
def parts_that_keep_copies_follow(w):
    """The flood rule, the gate's rules, quiet rooms, the relay's history and
    the ticks."""
    s = start(w, "[limits]\nexempt = 192.0.2.1\n", flood=None)
    ann = w.client(s, "ann", ["den"])
    reload(w, s, "[limits]\nflood = 2/1\nflood-delay = 0\nexempt = 192.0.2.1\n"
                 "penalty-from = 1s\n[rooms]\nhistory = 1\n"
                 "presence-max = 2\n")
    ann.send("SAY den two", "SAY den three", "SAY den four")
    ann.skip_to("@retry=<ms> ERR slow-down <text>")
    reload(w, s, "[limits]\nflood = off\nexempt = 192.0.2.1\n"
                 "penalty-from = 1s\n[rooms]\nhistory = 1\n"
                 "presence-max = 2\n")
    bob, eve = (w.client(s, nick, ["den"]) for nick in ("bob", "eve"))
    ann.skip_to("NOTICE presence den off")
    for text in ("five", "six"):
        ann.send(f"SAY den {text}")
        eve.skip_to(f"MSG den <id> ann {text}")
    eve.send("HISTORY den")
    lines, _ = eve.skip_to("OK<any>")
    if [x.split(" ")[-1] for x in lines if " MSG den " in x] != ["six"]:
        raise Failed(f"history = 1 is not kept: {lines}")
    bob.close()
    bad = w.visitor(s)
    bad.raw(b"0 \n")
    bad.skip_to("BYE bad-frame <text>")
    if not w.visitor(s).line().startswith("@retry="):
        raise Failed("the address is not shut out")


@test
def the_relay_follows(w):
    s = start(w, "")
    for text, answer in (("", "OK guesty"),
                         ("[relay]\nresume = 0\n",
                          "ERR no-such-nick <text>")):
        reload(w, s, text)
        guest = w.visitor(s)
        token = guest.welcome()["resume"]
        guest.take("guesty")
        guest.reset()
        until(lambda: not w.known(s, "guesty"), "the guest is lost")
        back = w.client(s)
        back.send(f"@resume={token} NICK guesty")
        back.expect(answer)
        back.close()
        until(lambda: not w.known(s, "guesty"), "it is gone again")


@test
def who_is_an_operator_is_looked_at_anew(w):
    s = start(w, "", "--state", w.path("state"))
    ann = register(w, s, ANN, "ann")
    ann.ask("STATS", "ERR not-allowed <text>")
    reload(w, s, "[server]\noperators = ann\n")
    ann.send("STATS")
    ann.skip_to("OK")
    reload(w, s, "")
    ann.ask("STATS", "ERR not-allowed <text>")


@test
def the_greeting_is_read_anew_under_the_same_name(w):
    path = write(w, "One.\n", "motd")
    s = start(w, f"[server]\nmotd = {path}\n")
    write(w, "Two.\n", "motd")
    reload(w, s, f"[server]\nmotd = {path}\n")
    c = w.visitor(s)
    c.welcome()
    c.ask("PING x", "NOTICE motd Two.", "OK x")


@test
def the_log_follows(w):
    s = start(w, "[server]\nlog-format = json\n", "--log-level", "info")
    write(w, "[server]\nlog-level = debug\n")
    # The command line wins; text again.
    hang_up(s, DONE)
    if "debug" in s.log():
        raise Failed("the command line lost")
    other = start(w, "")
    reload(w, other, "[server]\nlog-level = debug\n")
    w.client(other).nothing()
    other.wait_log("debug session")


@test
def what_takes_a_restart_is_named_and_stays(w):
    s = start(w, "")
    said = reload_said(w, s, "[server]\nplaintext = any\nregister = no\n"
                             "[relay]\nlease = 30s\nprefix = x:\n")
    if 'changed="register"' not in said or not re.search(
            r"warn main only a restart changes \"plaintext prefix lease\"",
            said):
        raise Failed(said)
    w.client(s, "ann", ["den"]).say("den", "hi")


def reload_said(w, s, text):
    write(w, text)
    return hang_up(s, ".*") and s.log()


@test
def no_secret_is_in_what_is_said(w):
    s = start(w, "")
    said = reload_said(w, s, "[server]\nguests = no\n[relay]\n"
                             "redis = redis://me:sesame@192.0.2.1\n")
    if "sesame" in said or 'changes "redis"' not in said:
        raise Failed(said)
    write(w, "[relay]\nredis = redis://me:sesame@\n")
    if "sesame" in hang_up(s, REFUSED):
        raise Failed(s.log())


GOOD = ["", "# nothing\n", "[limits]\nping = 5s\n", "[server]\nname = lair\n",
        "[limits]\nmax-text = 9000\n", "[relay]\nlease = 1s\nheartbeat = 500ms\n"]
BAD = ["[limits]\nping = soon\n", "[limits]\nping = 1s\npong = 2s\n",
       "[colours]\nred = 1\n", "name = den\n", "[server\n",
       "[server]\nguests = maybe\n", "[limits]\nflood = 0/0\n",
       "[limits]\nmax-text = 16000\n", "[relay]\nheartbeat = 9s\n",
       "[relay]\nredis = http://there\n", "[server]\nname = two words\n",
       "[server]\nlisten = nowhere:99999\n", "[server]\nmotd = /nowhere/motd\n",
       "[limits]\nearly-drop = 3\n", "[server]\nproxy-from = 1.2.3.4/99\n",
       "[relay]\nprobe = 9s\n", "[limits]\npenalty-from = 1h\n", "\0\n",
       "[server]\nmotd = " + "x" * 5000 + "\n"]


@test
def it_is_the_verdict_of_check_config(w):
    s = start(w, "")
    c = w.client(s, "ann", ["den"])
    for text in GOOD + BAD:
        path = write(w, text)
        p = subprocess.run([SNUGD, "--check-config", "--config", path],
                           capture_output=True, text=True, timeout=20,
                           check=False)
        if (p.returncode == 0) != (text in GOOD):
            raise Failed(f"--check-config on {text!r}: {p}")
        if text in GOOD:
            hang_up(s, DONE)
            continue
        why = hang_up(s, REFUSED)
        if p.stderr.strip() != f"snugd: {why}":
            raise Failed(f"{text!r}: {p.stderr!r}, but {why!r}")
    c.say("den", "still here")


@test
def a_bad_file_is_named_with_its_line_and_changes_nothing(w):
    s = start(w, "[limits]\nmax-text = 100\n")
    c = w.client(s, "ann", ["den"])
    path = write(w, "[limits]\nmax-text = 200\n\nconn-per-addr = none\n")
    if f"{path}:4: conn-per-addr" not in hang_up(s, REFUSED):
        raise Failed(s.log())
    c.ask("SAY den " + "x" * 101, "ERR too-long <text>")
    if w.visitor(s).welcome()["max-text"] != "100":
        raise Failed("some of it was taken")


@test
def a_file_that_has_gone_is_not_an_empty_one(w):
    s = start(w, "[server]\nguests = no\n")
    os.unlink(w.path("snugd.conf"))
    hang_up(s, REFUSED)
    w.client(s).ask("JOIN den", "ERR not-allowed <text>")


@test
def a_link_that_leads_elsewhere_is_followed_where_it_led(w):
    os.mkdir(w.path("real"))
    os.mkdir(w.path("etc"))
    path = write(w, "", "real/snugd.conf")
    os.symlink(path, w.path("etc/snugd.conf"))
    s = w.server(config=w.path("etc/snugd.conf"))
    write(w, "[server]\nguests = no\n", "real/snugd.conf")
    if hang_up(s, DONE) != "guests":
        raise Failed(s.log())


@test
def what_the_new_user_may_not_read_changes_nothing(w):
    if os.geteuid() != 0:
        raise Skip("only root can become somebody else")
    pwd.getpwnam("nobody")
    os.chmod(w.dir, 0o755)
    path = write(w, "[server]\nguests = no\n")
    os.chmod(path, 0o600)
    s = w.server("--user", "nobody", config=path)
    if f"{path}: Permission denied" not in hang_up(s, REFUSED):
        raise Failed(s.log())
    w.client(s).ask("JOIN den", "ERR not-allowed <text>")
    os.chmod(path, 0o644)
    hang_up(s, DONE)


@test
def workers_reload_when_their_parent_is_told(w):
    s = start(w, "", "--workers", "2", redis=w.redis())
    write(w, "[server]\nguests = no\n")
    s.signal(signal.SIGHUP)
    for which in ("main", "main/1", "main/2"):
        s.wait_log(rf"info {which} reloaded changed=\"guests\"$")
    if not all(refuses_guests(w, s) for _ in range(8)):
        raise Failed("a worker takes guests")


def refuses_guests(w, s):
    c = w.client(s)
    c.send("JOIN den")
    return c.line().startswith("ERR not-allowed ")


@contextlib.contextmanager
def without_descriptors(program):
    """It can open nothing; what it has open it keeps."""
    was = resource.prlimit(program.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(program.pid, resource.RLIMIT_NOFILE, (3, was[1]))
    try:
        yield
    finally:
        resource.prlimit(program.pid, resource.RLIMIT_NOFILE, was)


@test
def without_descriptors_the_old_one_holds(w):
    s = start(w, "[server]\nguests = no\n", "--audit-log",
              w.path("audit.log"))
    write(w, "")
    with without_descriptors(s):
        said = hang_up(s, REFUSED)
        if "Too many open files" not in said:
            raise Failed(said)
        s.wait_log("audit-log .*Too many open files; the lines go on")
    w.client(s).ask("JOIN den", "ERR not-allowed <text>")
    if hang_up(s, DONE) != "guests":
        raise Failed(s.log())


@test
def many_reloads_under_load_drop_nobody(w):
    write(w, "Be kind.\n" * 50, "motd")
    texts = (
        f"[server]\nmotd = {w.path('motd')}\noperators = ann bob eve\n"
        "proxy-from = 192.0.2.0/24 198.51.100.0/24\n[limits]\nping = 30s\n"
        "exempt = ::1\nflood = 1000/1000\n[rooms]\nhistory = 10\n"
        "presence-max = 2\n",
        "[server]\nnames = ascii\n[limits]\nping = soon\n",
        "[server]\nlog-level = debug\n[limits]\nmax-text = 500\n"
        "send-buffer = 64K\nconn-per-addr = 9\nflood = off\n"
        "[relay]\nlease = 20s\n",
        "[server]\nmotd = /nowhere\n",
        "[limits]\nflood = 100/100\n")
    s = start(w, texts[-1], flood=None)
    clients = [w.client(s, f"c{i}", ["den"]) for i in range(5)]
    for i, c in enumerate(clients):  # who came later was told of
        for j in range(i + 1, 5):
            c.expect(f"JOINED den c{j}")
    for n in range(ROUNDS):
        write(w, texts[n % len(texts)])
        speaker = clients[n % 5]
        speaker.send(f"SAY den {n} before")
        s.signal(signal.SIGHUP)
        speaker.send(f"SAY den {n} meanwhile")
        hang_up(s, f"{DONE}|{REFUSED}")
        for c in clients:
            for word in ("before", "meanwhile"):
                c.skip_to(f"MSG den <id> c{n % 5} {n} {word}")
        if n % 20 == 0:
            with without_descriptors(s):
                hang_up(s, REFUSED)
    if " closed age_ms" in s.log():
        raise Failed("somebody was dropped")


run()
