# SPDX-License-Identifier: ISC
"""The gate: proxies, penalties, and strangers who are too many."""
import socket
import struct

from snugtest import Failed, run, test, until

SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"
JUDGED = ("--exempt", "", "--greet-local", "10s")


def header(source=None, command=0x21, family=0x11, body=None):
    """A PROXY header of version 2."""
    if source:
        body = (socket.inet_aton(source) + socket.inet_aton("10.0.0.1") +
                struct.pack(">HH", 40000, 7684))
    return SIGNATURE + struct.pack(">BBH", command, family,
                                   len(body or b"")) + (body or b"")


def from_proxy(w, s, source, rest=b""):
    c = w.visitor(s)
    c.raw(header(source) + rest)
    return c


def is_let_in(w, s, source):
    """Does somebody who connects from there get an answer?"""
    c = w.visitor(s, source=source)
    try:
        c.raw(b"PING x\n")
        return "OK x" in (c.line(), c.line())
    except (OSError, Failed):
        return False
    finally:
        c.close()


def bad_frame(w, s, source):
    """A connection that fails."""
    c = w.visitor(s, source=source)
    try:
        c.raw(b"0 \n")
        while c.line() is not None:
            pass
    except OSError:
        pass
    c.close()


# --- proxies ----------------------------------------------------------------

@test
def a_proxied_connection_begins_behind_its_header(w):
    s = w.server("--proxy-from", "127.0.0.1", "--plaintext", "any")
    c = from_proxy(w, s, "192.0.2.1", b"4 PING\n")
    c.welcome()
    c.expect("OK")


@test
def it_is_greeted_when_its_header_is_whole_and_no_sooner(w):
    s = w.server("--proxy-from", "127.0.0.1", "--plaintext", "any",
                 "--penalty-from", "0")
    whole = header("192.0.2.1")
    for cut in range(len(whole)):
        c = w.visitor(s)
        c.raw(whole[:cut])
        # Another one is through meanwhile: the first part has been read.
        from_proxy(w, s, "192.0.2.2").welcome()
        c.raw(whole[cut:] + b"4 PING\n")
        c.welcome()
        c.expect("OK")
        c.close()


@test
def limits_count_the_address_behind_the_proxy(w):
    s = w.server("--proxy-from", "127.0.0.0/8", "--plaintext", "any",
                 "--conn-per-addr", "2")
    for _ in range(2):
        for source in ("192.0.2.1", "192.0.2.2"):
            from_proxy(w, s, source).welcome()
    from_proxy(w, s, "192.0.2.1").expect("BYE limit<any>")
    from_proxy(w, s, "192.0.2.3").welcome()


@test
def who_comes_through_a_proxy_from_afar_is_not_local(w):
    s = w.server("--proxy-from", "127.0.0.1")
    c = from_proxy(w, s, "192.0.2.1", b"NICK ann\n")
    c.skip_to("ERR secure-required <text>")
    c = from_proxy(w, s, "127.0.0.9", b"NICK ann\n")
    c.skip_to("OK ann")


@test
def a_health_check_of_the_proxy_is_nobody(w):
    s = w.server("--proxy-from", "127.0.0.1", "--conn-per-addr", "1")
    for _ in range(3):
        c = w.visitor(s)
        c.raw(header(command=0x20, family=0))
        c.welcome()


@test
def what_is_no_header_is_refused(w):
    s = w.server("--proxy-from", "127.0.0.1")
    for wrong in (b"4 PING\n", b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
                  header("192.0.2.1", family=0x12),
                  header("192.0.2.1", command=0x11),
                  SIGNATURE + b"\x21\x11\xff\xff"):
        c = w.visitor(s)
        c.raw(wrong)
        c.expect("BYE bad-frame <text>")
        c.end()
    c = w.visitor(s)
    c.raw(header("192.0.2.1")[:20])
    c.half_close()
    c.expect("BYE bad-frame <text>")


@test
def a_header_that_does_not_come_in_time_is_not_waited_for(w):
    s = w.server("--proxy-from", "127.0.0.1", "--greet", "200ms")
    c = w.visitor(s)
    c.raw(SIGNATURE)
    c.expect("BYE bad-frame <text>")
    c.end()


@test
def from_others_a_header_is_no_line(w):
    s = w.server("--proxy-from", "127.0.0.2")
    c = w.client(s, source="127.0.0.1")
    c.raw(header("192.0.2.1"))
    lines, _ = c.skip_to("ERR <text>")
    if lines:
        raise Failed(f"before it came {lines}")
    w.visitor(s, source="127.0.0.2").raw(header("192.0.2.1"))


# --- penalties --------------------------------------------------------------

@test
def who_fails_again_and_again_is_shut_out_alone(w):
    s = w.server(*JUDGED)
    guest = w.client(s, "guest1", source="127.0.0.5")
    for _ in range(4):
        bad_frame(w, s, "127.0.0.5")
    c = w.visitor(s, source="127.0.0.5")
    retry = int(c.expect("@retry=<ms> BYE limit<any>")[0])
    if not 10000 < retry <= 20000:
        raise Failed(f"it is told to come back in {retry} ms")
    c.end()
    guest.nothing()  # what it has stays
    if not is_let_in(w, s, "127.0.0.6"):
        raise Failed("somebody else is shut out, too")
    s.wait_log(r"shut out addr=127\.0\.0\.5 last=frame")


@test
def a_penalty_is_over_when_it_is_paid(w):
    s = w.server(*JUDGED, "--penalty-from", "1s", "--penalty-most", "1s")
    bad_frame(w, s, "127.0.0.5")
    w.visitor(s, source="127.0.0.5").expect("BYE limit<any>")
    until(lambda: is_let_in(w, s, "127.0.0.5"), "the penalty is over")


@test
def leaving_without_a_word_costs_as_well(w):
    s = w.server(*JUDGED, "--penalty-from", "10s")
    for _ in range(11):
        w.client(s, source="127.0.0.5").close()
    s.wait_log(r"shut out addr=127\.0\.0\.5 last=left")
    # Whoever says something and good-bye does not fail.
    for _ in range(20):
        c = w.client(s, "ann", source="127.0.0.6")
        c.send("QUIT")
        c.skip_to("BYE quit<any>")
    if not is_let_in(w, s, "127.0.0.6"):
        raise Failed("who comes and goes in peace is shut out")


@test
def silence_costs(w):
    s = w.server("--exempt", "", "--greet-local", "100ms",
                 "--penalty-from", "5s")
    w.visitor(s, source="127.0.0.5").skip_to("BYE ping-timeout<any>")
    s.wait_log(r"shut out addr=127\.0\.0\.5 last=timeout")


@test
def who_is_exempt_never_pays(w):
    s = w.server()
    for _ in range(30):
        bad_frame(w, s, "127.0.0.5")
    if not is_let_in(w, s, "127.0.0.5"):
        raise Failed("loopback is shut out")


# --- strangers --------------------------------------------------------------

@test
def strangers_make_way_for_who_is_alone(w):
    s = w.server(*JUDGED, "--early-drop", "5:100:10", "--conn-per-addr", "99")
    known = w.client(s, "ann", source="127.0.0.5")
    crowd = [w.client(s, source="127.0.0.5") for _ in range(5)]
    # Its own sixth is too much, another's first takes a place.
    w.visitor(s, source="127.0.0.5").expect("@retry=<ms> BYE limit<any>")
    bob = w.client(s, source="127.0.0.6")
    bob.take("bob")
    known.nothing()
    out = 0
    for c in crowd:
        c.raw(b"4 PING\n")
        line = c.line()
        out += line.endswith("nothing was said yet")
    if out != 1:
        raise Failed(f"{out} had to go, not 1")


# --- orders -----------------------------------------------------------------

@test
def a_range_that_is_closed_out_is_so_on_all_nodes(w):
    redis = w.redis()
    den, nook = w.nodes("den", "nook", redis=redis)
    ann = w.client(nook, "ann", source="127.0.0.5")
    bob = w.client(nook, "bob", source="127.0.0.6")
    redis.command("HSET", "sn1:{ops}:denies", "127.0.0.5/32", "0 go away")
    redis.command("PUBLISH", "sn1:{ops}:c", "denies")
    ann.expect("BYE banned go away")
    bob.nothing()
    for s in (den, nook):
        until(lambda s=s: not is_let_in(w, s, "127.0.0.5"), "it has heard")
        w.client(s, source="127.0.0.6").nothing()
    # A node that starts later knows it, too.
    late = w.nodes("late", redis=redis)[0]
    until(lambda: not is_let_in(w, late, "127.0.0.5"), "it is closed out")
    redis.command("HDEL", "sn1:{ops}:denies", "127.0.0.5/32")
    redis.command("PUBLISH", "sn1:{ops}:c", "denies")
    until(lambda: is_let_in(w, den, "127.0.0.5"), "it is let in again")


@test
def what_redis_says_in_operators_names_is_judged(w):
    redis = w.redis()
    s = w.nodes("den", redis=redis)[0]
    ann = w.client(s, "ann", source="127.0.0.5")
    for key, value in (("127.0.0.0/8/8", "0 x"), ("127.0.0.1/33", "0 x"),
                       ("127.0.0.5", "x"), ("127.0.0.5/32", "-1 x"),
                       ("::/129", "0"), ("127.0.0.4/30", "0 \x1b[2J"),
                       ("127.0.0.5/31", "0 " + "x" * 300), ("", "0 x")):
        redis.command("HSET", "sn1:{ops}:denies", key, value)
    for said in ("denies", "kill", "kill x", "kill g0", "announce",
                 "announce \x1b[2J", "announce " + "x" * 5000, "reboot now",
                 "", " ", "kill " + "g" + "0" * 32 + " \x07"):
        redis.command("PUBLISH", "sn1:{ops}:c", said)
    redis.command("PUBLISH", "sn1:{ops}:c", "announce all is well")
    ann.expect("NOTICE announce all is well")
    ann.nothing()
    if not is_let_in(w, s, "127.0.0.5"):
        raise Failed("a range that is none was closed out")


run()
