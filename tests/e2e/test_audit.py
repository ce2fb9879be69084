# SPDX-License-Identifier: ISC
"""The trail of rights that were used, in a file of its own: every deed, by one
line, whatever becomes of the file."""
import json
import os
import pwd
import re
import resource
import shutil
import signal

from snugtest import SNUGD, TESTS, Failed, Skip, run, test, until
from test_oper import ANN, register

TESTS.clear()  # those of operators run by themselves


def owner(w, server, nick="ann", room="den", seed=ANN):
    c = register(w, server, seed, nick)
    c.join(room)
    return c


def trail(w, name="audit.log"):
    with open(w.path(name), encoding="ascii") as f:
        return f.read().splitlines()


def op(c, slow=1, room="den"):
    """A deed of an owner's."""
    c.send(f"ROOM {room} slow={slow}")
    c.skip_to("OK")


def says(line, slow):
    """Is it that deed's?"""
    return f" settings=\"slow={slow}\" " in line


def server(w, *options, **more):
    """One whose accounts need no Redis."""
    return w.server("--state", w.path("state"), "--audit-log",
                    w.path("audit.log"), *options, **more)


@test
def a_deed_is_one_line_with_who_what_whom_where_when_and_why(w):
    s = server(w, "--operators", "ann")
    ann = owner(w, s)
    w.client(s, "eve")
    ann.send("BAN den eve be nice")
    ann.skip_to("OK")
    ann.send("KILL eve out\"of text=\"order")
    ann.skip_to("OK")
    lines = trail(w)
    for line, rest in zip(lines[-2:], (
            r"verb=ban room=den target=eve id=\S+ for=0 settings=\"\" "
            r"text=\"be nice\"",
            r"verb=KILL target=eve id=\S+ text=\"out\\\"of text=\\\"order\"")):
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z info "
                            r"audit \d+ node=den actor=ann id=a[0-9a-f]{32} "
                            + rest, line):
            raise Failed(line)
    if os.stat(w.path("audit.log")).st_mode & 0o7777 != 0o600:
        raise Failed("others may look")


@test
def json_is_an_object_a_line(w):
    s = server(w, "--log-format", "json")
    op(owner(w, s))
    got = json.loads(trail(w)[-1])
    if got["area"] != "audit" or not says(got["msg"], 1):
        raise Failed(str(got))


@test
def it_is_written_whatever_else_is_logged(w):
    s = server(w, "--log-level", "error")
    op(owner(w, s))
    if not says(trail(w)[-1], 1) or "audit" in s.log():
        raise Failed(s.log())


@test
def it_is_moved_away_and_begun_anew_at_a_hangup(w):
    s = server(w)
    ann = owner(w, s)
    op(ann, 1)
    os.rename(w.path("audit.log"), w.path("audit.log.1"))
    op(ann, 2)
    s.signal(signal.SIGHUP)
    until(lambda: os.path.exists(w.path("audit.log")), "the new file")
    op(ann, 3)
    moved, new = trail(w, "audit.log.1"), trail(w)
    if not says(moved[-1], 2) or len(new) != 1 or not says(new[0], 3):
        raise Failed(f"{moved} {new}")


@test
def a_bad_file_at_a_hangup_leaves_the_open_one_in_use(w):
    s = server(w)
    ann = owner(w, s)
    op(ann, 1)
    os.rename(w.path("audit.log"), w.path("audit.log.1"))
    with open(w.path("audit.log"), "w", encoding="ascii"):
        os.chmod(w.path("audit.log"), 0o644)
    s.signal(signal.SIGHUP)
    s.wait_log(r"error main audit-log .*audit.log: .*chmod 600")
    op(ann, 2)
    if not says(trail(w, "audit.log.1")[-1], 2) or trail(w):
        raise Failed(str(trail(w)))


@test
def two_nodes_may_share_a_file(w):
    nodes = w.nodes("den", "nook", options=(
        "--audit-log", w.path("audit.log")))
    clients = [owner(w, s, f"ann{n}", f"room{n}", bytes([n + 1]) * 32)
               for n, s in enumerate(nodes)]
    for i in range(20):
        for n, c in enumerate(clients):
            op(c, i + 1, f"room{n}")
    for n, name in enumerate(("den", "nook")):
        lines = [x for x in trail(w) if f" node={name} actor=ann{n} " in x]
        if len(lines) != 20 or not all(
                says(x, i + 1) for i, x in enumerate(lines)):
            raise Failed("\n".join(lines))


@test
def a_file_that_takes_no_more_is_said_and_ends_nobody(w):
    # The log of the test is a file, too, and is to have room.
    with open(w.path("audit.log"), "wb") as f:
        os.chmod(f.fileno(), 0o600)
        f.write(b"x" * 99999 + b"\n")
    s = server(w)
    ann = owner(w, s)
    op(ann)
    size = os.stat(w.path("audit.log")).st_size
    was = resource.prlimit(s.pid, resource.RLIMIT_FSIZE)
    resource.prlimit(s.pid, resource.RLIMIT_FSIZE, (size + 10, was[1]))
    op(ann, 2)
    s.wait_log(r"error audit \d+ audit-log .*audit.log could not be .*slow=2")
    resource.prlimit(s.pid, resource.RLIMIT_FSIZE, was)
    op(ann, 3)
    if not says(trail(w)[-1], 3):
        raise Failed(str(trail(w)))


@test
def what_others_may_touch_is_refused(w):
    path = w.path("audit.log")
    with open(path, "w", encoding="ascii"):
        os.chmod(path, 0o640)
    p = w.program(SNUGD, "--no-config", "--secure=off", "--listen",
                  "127.0.0.1:0", "--audit-log", path)
    if p.wait() != 1 or "chmod 600" not in p.log() or path not in p.log():
        raise Failed(p.log())


@test
def root_leaves_it_to_the_user_that_it_becomes(w):
    if os.geteuid() != 0:
        raise Skip("only root can become somebody else")
    nobody = pwd.getpwnam("nobody")
    folder = w.path("log")
    os.mkdir(folder)
    os.chmod(w.dir, 0o755)
    shutil.chown(folder, nobody.pw_uid, nobody.pw_gid)
    s = w.server("--user", "nobody", "--audit-log", f"{folder}/audit.log")
    if os.stat(f"{folder}/audit.log").st_uid != nobody.pw_uid:
        raise Failed("it is still root's")
    os.rename(f"{folder}/audit.log", f"{folder}/audit.log.1")
    s.signal(signal.SIGHUP)
    until(lambda: os.path.exists(f"{folder}/audit.log"), "the new file")


run()
