# SPDX-License-Identifier: ISC
"""Where snugd listens, how it starts, and how it goes down."""
import os
import signal
import socket
import stat

from snugtest import SNUGD, Failed, Skip, run, test, until


def fails(w, status, words, *options):
    """snugd with these options ends with this status and says these words."""
    p = w.program(SNUGD, "--no-config", "--secure=off", *options)
    got = p.wait()
    said = p.log()
    if got != status:
        raise Failed(f"status {got}, not {status}: {said}")
    for word in words:
        if word not in said:
            raise Failed(f"{said!r} does not say {word!r}")
    return said


@test
def it_says_all_its_addresses_when_it_is_ready(w):
    path = w.path("s.sock")
    s = w.server(listen=("127.0.0.1:0", f"unix:{path}", "127.0.0.2:0"))
    if len(s.addresses) != 3 or s.addresses[1] != f"unix:{path}":
        raise Failed(f"ready says {s.addresses}")
    for address in s.addresses:
        w.client(s, address=address).nothing()


@test
def people_on_all_addresses_meet(w):
    s = w.server(listen=("127.0.0.1:0", f"unix:{w.path('s.sock')}"))
    ann = w.client(s, "ann", ["r"])
    bob = w.client(s, "bob", ["r"], address=s.addresses[1])
    ann.expect("JOINED r bob")
    one = bob.say("r", "hi")
    ann.expect(f"MSG r {one} bob hi")


@test
def it_listens_on_ipv6(w):
    with socket.socket(socket.AF_INET6) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            raise Skip("this host has no [::1]") from None
    s = w.server(listen=("[::1]:0",))
    if not s.address.startswith("[::1]:"):
        raise Failed(f"ready says {s.address}")
    w.client(s).nothing()


@test
def a_unix_socket_is_for_owner_and_group(w):
    path = w.path("s.sock")
    w.server(listen=(f"unix:{path}",))
    mode = stat.S_IMODE(os.stat(path).st_mode)
    if mode != 0o660:
        raise Failed(f"mode {mode:o}")


@test
def a_dead_servers_socket_is_replaced(w):
    path = w.path("s.sock")
    old = w.server(listen=(f"unix:{path}",))
    old.kill()
    if not os.path.exists(path):
        raise Failed("kill -9 removed the socket?")
    w.client(w.server(listen=(f"unix:{path}",))).nothing()


@test
def a_live_servers_socket_is_not(w):
    path = w.path("s.sock")
    s = w.server(listen=(f"unix:{path}",))
    fails(w, 1, [path], "--listen", f"unix:{path}")
    w.client(s).nothing()


@test
def a_file_that_is_no_socket_is_left_alone(w):
    path = w.path("precious")
    with open(path, "w", encoding="utf-8") as f:
        f.write("data")
    fails(w, 1, [path], "--listen", f"unix:{path}")
    with open(path, encoding="utf-8") as f:
        if f.read() != "data":
            raise Failed("the file is gone")


@test
def the_socket_goes_with_the_server(w):
    path = w.path("s.sock")
    s = w.server(listen=(f"unix:{path}",))
    s.stop()
    if os.path.exists(path):
        raise Failed("the socket stays behind")


@test
def an_address_in_use_is_named(w):
    s = w.server()
    fails(w, 1, [s.address], "--listen", s.address)


@test
def an_address_that_is_not_here_is_named(w):
    fails(w, 1, ["192.0.2.1:1"], "--listen", "192.0.2.1:1")


@test
def one_bad_address_of_two_is_enough_to_refuse(w):
    s = w.server()
    fails(w, 1, [s.address], "--listen", "127.0.0.1:0", "--listen", s.address)


@test
def sigterm_says_goodbye_to_everybody(w):
    for number in (signal.SIGTERM, signal.SIGINT):
        s = w.server()
        ann, bob = w.client(s, "ann", ["r"]), w.client(s)
        s.signal(number)
        for c in (ann, bob):
            lines, _ = c.skip_to("BYE shutdown<any>")
            c.end()
            if [x for x in lines if not x.startswith("PARTED")]:
                raise Failed(f"before BYE came {lines}")
        if s.wait() != 0:
            raise Failed("the exit status is not 0")


@test
def sigterm_does_not_wait_for_who_does_not_read(w):
    s = w.server("--linger", "300ms")
    ann = w.client(s, "ann", ["r"])
    deaf = w.client(s, "deaf", ["r"])
    deaf.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    for n in range(10):
        ann.send(*["SAY r " + "x" * 8000] * 10, f"PING {n}")
        ann.skip_to(f"OK {n}")
    s.signal(signal.SIGTERM)
    if s.wait() != 0:
        raise Failed("the exit status is not 0")


@test
def sighup_and_sigpipe_kill_nobody(w):
    s = w.server()
    c = w.client(s)
    for number in (signal.SIGHUP, signal.SIGPIPE):
        s.signal(number)
        c.nothing()


@test
def a_start_without_redis_says_where_the_rooms_are(w):
    s = w.server()
    if "memory" not in s.log():
        raise Failed(f"the log is {s.log()!r}")


@test
def no_descriptor_left_turns_away_and_harms_nobody(w):
    s = w.program("bash", "-c",
                  f"ulimit -n 40; exec {SNUGD} --no-config --listen "
                  "127.0.0.1:0 --flood off --secure off")
    address = s.wait_log(r"^ready (.*)$")[1]
    known = w.client(s, "ann", address=address)
    crowd = [w.visitor(s, address=address) for _ in range(60)]
    known.nothing()
    for c in crowd:
        c.close()

    def admitted():
        c = w.visitor(s, address=address)
        try:
            c.raw(b"PING x\n")
            return "OK x" in (c.line(1), c.line(1))
        except (OSError, Failed):
            return False
        finally:
            c.close()

    until(admitted, "a place that was given up is free")
    known.nothing()


run()
