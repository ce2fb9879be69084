# SPDX-License-Identifier: ISC
"""Limits: floods, connections, slow readers, silence, and what each costs."""
import socket

from snugtest import Failed, run, test, until, within

MIB = 1024 * 1024


@test
def a_flood_is_slowed_then_refused_then_ended(w):
    s = w.server("--flood-delay", "50ms", "--flood-limit", "300ms",
                 flood="5/1")
    ann = w.client(s)
    ann.send("JOIN r")
    ann.skip_to("OK 0-0")
    ann.send(*["SAY r x"] * 30)
    ann.skip_to("@retry=<ms> ERR slow-down <text>")

    def ended():
        try:
            ann.send(*["SAY r x"] * 10)
        except OSError:
            return True
        return any(line is None or "BYE limit" in line
                   for line in drain(ann))

    until(ended, "BYE limit")


def drain(c):
    """What is there already."""
    while True:
        try:
            line = c.line(0.02)
        except Failed:
            return
        yield line
        if line is None:
            return


@test
def a_refused_say_was_not_said(w):
    s = w.server("--flood-delay", "0s", flood="4/1")
    bob = w.client(s)
    bob.send("JOIN r")
    bob.skip_to("OK 0-0")
    ann = w.client(s)
    ann.send("JOIN r", *[f"SAY r {n}" for n in range(20)])
    said, refused = 0, 0
    while said + refused < 20:
        line = ann.line()
        if "ERR slow-down" in line:
            refused += 1
        elif line.startswith("OK ") and line != "OK 0-0":
            said += 1
    if not said or not refused:
        raise Failed(f"{said} said, {refused} refused")
    bob.skip_to("JOINED r <nick>")
    for _ in range(said):
        bob.expect("MSG r <id> <nick> <text>")
    bob.nothing()


@test
def one_purse_does_not_pay_for_another(w):
    s = w.server("--flood-delay", "0s", flood="4/1")
    ann, bob = w.client(s), w.client(s)
    ann.send(*["NAMES r"] * 20)
    ann.skip_to("@retry=<ms> ERR slow-down <text>")
    bob.send("PING x")
    bob.expect("OK x")


@test
def people_who_type_are_never_slowed(w):
    s = w.server(flood="20/2")
    ann = w.client(s)
    ann.send("NICK ann", "JOIN r", "SAY r one", "SAY r two", "NAMES r",
             "PING end")
    lines, _ = ann.skip_to("OK end")
    if [x for x in lines if "ERR" in x]:
        raise Failed(f"refused: {lines}")


@test
def one_address_has_so_many_connections(w):
    s = w.server("--conn-per-addr", "3")
    crowd = [w.client(s) for _ in range(3)]
    extra = w.visitor(s)
    extra.skip_to("BYE limit<any>")
    extra.end()
    crowd[0].close()

    def admitted():
        c = w.visitor(s)
        try:
            c.raw(b"PING x\n")
            return "OK x" in (c.line(), c.line())
        except (OSError, Failed):
            return False
        finally:
            c.close()

    until(admitted, "a place that was given up is free")


@test
def a_slow_reader_harms_only_itself(w):
    # A Unix socket: the kernel itself takes little there.
    s = w.server("--send-buffer", "64K", "--linger", "30s",
                 listen=(f"unix:{w.path('s')}",))
    ann, bob = w.client(s, "ann", ["r"]), w.client(s, "bob", ["r"])
    ann.expect("JOINED r bob")
    slow = w.client(s, "slow", ["r"])
    ann.expect("JOINED r slow")
    bob.expect("JOINED r slow")
    text = "x" * 4000
    gone = False
    for n in range(40):
        ann.send(*[f"SAY r {text}"] * 10, f"PING {n}")
        lines, _ = ann.skip_to(f"OK {n}")
        for line in lines:
            gone = gone or line.startswith("PARTED r slow")
        seen = 0
        while seen < 10:
            seen += bob.line().startswith("MSG r ")
        if gone:
            break
    if not gone:
        raise Failed("1.6 MB went to a reader that does not read")
    slow.skip_to("BYE slow-reader<any>")
    slow.end()
    ann.send("SAY r the others go on")
    ann.skip_to("MSG r <id> ann the others go on")
    bob.skip_to("MSG r <id> ann the others go on")


@test
def who_does_not_read_costs_bounded_memory(w):
    s = w.server("--send-buffer", "256K")
    ann = w.client(s, "ann", ["r"])
    readers = [w.client(s, f"r{n}", ["r"]) for n in range(20)]
    for c in readers:
        c.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    before = s.rss()
    text = "x" * 8000
    for n in range(100):
        ann.send(*[f"SAY r {text}"] * 10, f"PING {n}")
        ann.skip_to(f"OK {n}")
    # Twenty queues, and a thousand messages of history.
    within(s.rss() - before, 20 * 400 * 1024 + 1000 * 10000 + 4 * MIB)


@test
def a_silent_session_is_asked_and_then_ended(w):
    s = w.server("--ping", "300ms")
    c = w.client(s, "ann")
    token = c.expect("PING <text>")
    c.send(f"PONG {token}")
    c.expect("PING <text>")
    lines, _ = c.skip_to("BYE ping-timeout<any>")
    if [x for x in lines if not x.startswith("PING ")]:
        raise Failed(f"in between came {lines}")
    c.end()


@test
def any_bytes_are_a_sign_of_life(w):
    s = w.server("--ping", "300ms")
    c = w.client(s, "ann")
    for _ in range(4):
        c.expect("PING <text>")
        c.raw(b"\n")
    c.send("QUIT")
    c.skip_to("BYE quit<any>")


@test
def who_only_types_is_not_asked(w):
    s = w.server("--ping", "200ms")
    typist = w.visitor(s)
    typist.welcome()
    typist.type("NICK typist")
    typist.expect("OK typist")
    other = w.client(s, "other")
    other.skip_to("BYE ping-timeout<any>")
    typist.type("PING still here")
    typist.expect("OK still here")


@test
def a_line_that_is_not_complete_costs_no_more_than_a_line(w):
    s = w.server("--conn-per-addr", "1000")
    known = [w.client(s, f"k{n}") for n in range(200)]
    before = s.rss()
    for c in known:
        c.raw(b"16384 " + b"x" * 16000)
    known[0].raw(b"x" * 384 + b"\n")
    known[0].skip_to("ERR <text>")
    within(s.rss() - before, 200 * (16384 + 4096) + MIB)


@test
def a_claimed_length_costs_nothing(w):
    s = w.server("--conn-per-addr", "1000")
    crowd = [w.client(s) for _ in range(200)]
    before = s.rss()
    for c in crowd:
        c.raw(b"99999 ")
    for c in crowd:
        c.expect("ERR bad-frame <text>", "BYE bad-frame<any>")
        c.end()
    within(s.rss() - before, MIB)


@test
def a_stranger_costs_at_most_four_kilobytes(w):
    s = w.server("--conn-per-addr", "2000")
    w.client(s)
    before = s.rss()
    for _ in range(400):
        w.client(s).raw(b"1024 " + b"x" * 1000)
    w.client(s)
    within(s.rss() - before, 400 * 4096 + MIB // 2)


run()
