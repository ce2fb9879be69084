# SPDX-License-Identifier: ISC
"""Framing: every byte of snug(7), FRAMING, and that cutting them changes
nothing."""
from snugtest import Failed, dial, frame, run, test, until


def refused(w, data, *lines):
    """These bytes get these lines behind WELCOME, and the connection ends."""
    c = w.client(w.server())
    c.raw(data)
    c.expect(*lines)
    c.end()


def bad_frame(w, *starts):
    s = w.server()
    for data in starts:
        c = w.client(s)
        c.raw(data)
        c.expect("ERR bad-frame <text>", "BYE bad-frame<any>")
        c.end()


@test
def welcome_is_the_first_line_and_says_the_limits(w):
    c = w.visitor(w.server())
    keys = c.welcome()
    for key, value in {"server": "den", "max-line": "16384",
                       "max-text": "8192", "ping": "60", "dedupe": "300",
                       "durable": "process"}.items():
        if keys.get(key) != value:
            raise Failed(f"{key} is {keys.get(key)}, not {value}")


@test
def a_framed_line_is_answered(w):
    w.client(w.server()).raw(b"6 PING x\n")
    c = w.clients[0]
    c.expect("OK x")


@test
def bare_lines_end_with_lf_or_crlf(w):
    c = w.client(w.server())
    c.raw(b"PING a\nPING b\r\n")
    c.expect("OK a", "OK b")


@test
def both_forms_may_be_mixed(w):
    c = w.client(w.server())
    c.raw(b"PING a\n6 PING b\nPING c\r\n6 PING d\n")
    c.expect("OK a", "OK b", "OK c", "OK d")


@test
def empty_bare_lines_are_ignored(w):
    c = w.client(w.server())
    c.raw(b"\n\r\n\n\nPING x\n")
    c.expect("OK x")
    c.nothing()


@test
def a_length_that_is_no_length_ends_the_stream(w):
    bad_frame(w, b"0 \n", b"04 PING\n", b"00000", b"4PING\n", b"4\n", b"1a ",
              b"123456", b"4\tPING\n", b"1-")


@test
def a_missing_lf_ends_the_stream(w):
    bad_frame(w, b"4 PINGX", b"4 PING\r\n", b"4 PING4 PING\n")


@test
def a_length_above_max_line_is_refused_before_its_payload(w):
    s = w.server()
    for opening in (b"16385 ", b"99999 ", b"20000 x"):
        c = w.client(s, "ann")
        c.raw(opening)
        c.expect("ERR bad-frame <text>", "BYE bad-frame<any>")
        c.end()


@test
def a_length_of_max_line_is_a_line(w):
    c = w.client(w.server(), "ann")
    c.send("PING " + "x" * (16384 - 5))
    c.expect("OK " + "x" * (16384 - 5))


@test
def a_bare_line_of_max_line_is_a_line_and_one_more_byte_is_not(w):
    c = w.client(w.server(), "ann")
    c.type("PING " + "x" * (16384 - 5))
    c.expect("OK " + "x" * (16384 - 5))
    c.type("PING " + "x" * (16384 - 4))
    c.expect("ERR too-long <text>", "BYE too-long<any>")
    c.end()


@test
def a_bare_line_is_refused_when_it_is_too_long_not_when_it_ends(w):
    c = w.client(w.server(), "ann")
    c.raw(b"PING " + b"x" * 16380)
    c.expect("ERR too-long <text>", "BYE too-long<any>")
    c.end()


@test
def before_the_first_command_lines_have_1024_bytes(w):
    s = w.server()
    c = w.client(s)
    c.type("PING " + "x" * 1019)
    c.expect("OK " + "x" * 1019)
    c.send("PING " + "x" * 1019)
    c.expect("OK " + "x" * 1019)
    c.type("PING " + "x" * 1020)
    c.expect("ERR too-long <text>", "BYE too-long<any>")
    c.end()
    c = w.client(s)
    c.raw(b"1025 ")
    c.expect("ERR bad-frame <text>", "BYE bad-frame<any>")
    c.end()


@test
def help_ping_and_refused_commands_do_not_lift_that_limit(w):
    c = w.client(w.server())
    c.type("HELP", "PING", "NICK guest-aaaaaaaa", "NOPE")
    c.skip_to("ERR unknown-command <text>")
    c.type("PING " + "x" * 1020)
    c.expect("ERR too-long <text>", "BYE too-long<any>")
    c.end()


@test
def the_first_accepted_command_lifts_that_limit(w):
    c = w.client(w.server())
    c.type("NICK ann", "PING " + "x" * 5000)
    c.expect("OK ann", "OK " + "x" * 5000)


@test
def who_says_nothing_is_sent_away(w):
    s = w.server("--greet", "150ms", "--greet-local", "150ms")
    known = w.client(s, "ann")
    c = w.client(s)
    c.type("PING")
    c.expect("OK")
    c.expect("BYE ping-timeout<any>")
    c.end()
    known.nothing()


@test
def a_line_that_never_ends_does_not_hold_the_door(w):
    s = w.server("--greet", "150ms", "--greet-local", "150ms")
    c = w.client(s)
    c.raw(b"NICK an")
    c.expect("BYE ping-timeout<any>")
    c.end()


@test
def telnet_commands_are_taken_out_of_bare_lines(w):
    c = w.client(w.server())
    c.raw(b"\xff\xfd\x03\xff\xfb\x18PI\xff\xf1NG a\r\n")
    c.expect("OK a")
    c.raw(b"PING \xff\xfa\x18\x00xterm\xff\xf0b\r\n")
    c.expect("OK b")
    c.raw(b"PING c\r\0\n")
    c.expect("OK c")


@test
def telnet_bytes_in_a_framed_line_are_bad_text(w):
    c = w.client(w.server())
    c.send(b"PING \xff\xf1x")
    c.expect("ERR bad-text <text>")
    c.nothing()


@test
def http_is_turned_away_and_nothing_behind_it_is_read(w):
    s = w.server()
    for verb in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS",
                 "TRACE", "CONNECT", "PRI"):
        c = w.client(s)
        c.raw(f"{verb} / HTTP/1.1\r\nHost: x\r\n\r\nNICK evil\n".encode())
        c.expect("BYE bad-frame<any>")
        c.end()
    c = w.client(s)
    c.ask("WHOIS evil", "ERR no-such-nick <text>")


@test
def tls_and_ssh_are_turned_away(w):
    s = w.server()
    for hello in (b"\x16\x03\x01\x02\x00\x01\x00", b"SSH-2.0-x\r\n", b"SSH-"):
        c = w.client(s)
        c.raw(hello)
        c.expect("BYE bad-frame<any>")
        c.end()


@test
def another_protocol_is_known_byte_by_byte_too(w):
    s = w.server()
    for hello in (b"\x16\x03", b"SSH-", b"GET / HTTP/1.1\r\n"):
        c = w.client(s)
        for n in range(len(hello)):
            c.raw(hello[n:n + 1])
        c.expect("BYE bad-frame<any>")
        c.end()


@test
def words_that_begin_like_another_protocol_are_not_it(w):
    s = w.server()
    for word in ("GETAWAY x", "POSTER", "SSH", "PRIVMSG a b"):
        c = w.client(s)
        c.type(word)
        c.expect("ERR unknown-command <text>")
        c.nothing()


@test
def a_half_closed_client_is_answered_all_and_told_goodbye(w):
    c = w.client(w.server())
    c.raw(b"NICK ann\nJOIN r\nSAY r hi\n")
    c.half_close()
    c.expect("OK ann", "JOINED r ann", "NAMES r 1 ann", "OK 0-0")
    c.expect_both("MSG r <id> ann hi", "OK <id>")
    c.expect("BYE quit<any>")
    c.end()


@test
def a_half_close_at_once_is_a_goodbye(w):
    c = w.client(w.server())
    c.half_close()
    c.expect("BYE quit<any>")
    c.end()


SCRIPT = (b"PING a\r\n\r\n6 PING b\n\xff\xfd\x01NICK ann\n#t NOPE x\n"
          b"9 NICK bob1\n@x=1 PING \xc3\xa9\n" + frame("PING " + "z" * 300) +
          b"SAY\n" + frame(b"PING \x01") + b"QUIT\n")


def transcript(w, s, pieces):
    c = w.client(s)
    for piece in pieces:
        c.raw(piece)
    before, _ = c.skip_to("BYE quit<any>")
    c.end()
    return before


@test
def cutting_the_bytes_changes_nothing(w):
    s = w.server()
    whole = transcript(w, s, [SCRIPT])
    if len(whole) != 10:
        raise Failed(f"not ten answers: {whole}")

    def gone():
        return not w.known(s, "ann") and not w.known(s, "bob1")

    for size in (1, 2, 3, 7):
        until(gone, "the nicks are free again")
        pieces = [SCRIPT[i:i + size] for i in range(0, len(SCRIPT), size)]
        cut = transcript(w, s, pieces)
        if cut != whole:
            raise Failed(f"cut by {size}:\n  {cut}\nwhole:\n  {whole}")



@test
def a_connection_reset_at_any_moment_harms_nobody(w):
    s = w.server()
    ann = w.client(s, "ann", ["r"])
    for data in (b"", b"PI", b"6 PIN", b"JOIN r\n", b"JOIN r\nSAY r x\n",
                 b"QUIT\n", b"HISTORY r\nPING\nNAMES r\n"):
        c = w.visitor(s)
        c.raw(data)
        c.reset()
    sock = dial(s.address)
    sock.close()
    ann.send("PING done")
    ann.skip_to("OK done")


run()
