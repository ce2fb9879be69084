# SPDX-License-Identifier: ISC
"""What snugd gives up when it starts, and that it goes on all the same."""
import functools
import os
import pwd
import re
import signal

from snugtest import SNUGD, Failed, Skip, run, sanitized, test, until


def status(program):
    """{name: value} of /proc/PID/status, also of its threads: the least."""
    with open(f"/proc/{program.pid}/status", encoding="ascii") as f:
        return dict(line.split(":\t", 1) for line in f.read().splitlines()
                    if ":\t" in line)


def threads(program, key):
    """What every thread has there."""
    out = set()
    for tid in os.listdir(f"/proc/{program.pid}/task"):
        with open(f"/proc/{program.pid}/task/{tid}/status",
                  encoding="ascii") as f:
            out |= set(re.findall(rf"^{key}:\t(.*)$", f.read(), re.MULTILINE))
    return out


def has_sandbox():
    """Builds that check or count their own memory have none."""
    with open(SNUGD, "rb") as f:
        return not sanitized() and b"__gcov" not in f.read()


def sandboxed(function):
    """A test of builds that have a sandbox."""
    return test(function) if has_sandbox() else function


def as_root(function):
    """A test that only root can run: the others cannot become anybody."""
    @functools.wraps(function)
    def guarded(w):
        if os.geteuid() != 0:
            raise Skip("only root can become somebody else")
        function(w)

    return test(guarded)


def open_to_all(w):
    """The folder of the test, for somebody who is not root."""
    os.chmod(w.dir, 0o777)


@sandboxed
def it_says_what_is_in_force_and_the_kernel_agrees(w):
    s = w.server()
    s.wait_log(r"sandbox landlock=\d+")
    s.wait_log(r"sandbox seccomp=yes")
    if threads(s, "Seccomp") != {"2"} or threads(s, "NoNewPrivs") != {"1"}:
        raise Failed(f"Seccomp {threads(s, 'Seccomp')}, NoNewPrivs "
                     f"{threads(s, 'NoNewPrivs')}")
    w.client(s, "ann", ["r"]).say("r", "hi")


@test
def a_build_without_it_says_so(w):
    s = w.server()
    s.wait_log(r"sandbox seccomp=yes" if has_sandbox() else r"sandbox off: ")


@test
def it_can_be_switched_off(w):
    s = w.server("--sandbox", "no")
    s.wait_log(r"sandbox off")
    if threads(s, "Seccomp") != {"0"}:
        raise Failed(f"Seccomp {threads(s, 'Seccomp')}")


@sandboxed
def it_can_be_insisted_on(w):
    w.client(w.server("--sandbox", "must"), "ann")


@sandboxed
def it_has_no_core_and_no_debugger(w):
    s = w.server()
    with open(f"/proc/{s.pid}/limits", encoding="ascii") as f:
        if not re.search(r"^Max core file size +0 +0 ", f.read(),
                         re.MULTILINE):
            raise Failed("a core file may be written")


@as_root
def root_becomes_the_user_it_was_told(w):
    open_to_all(w)
    nobody = pwd.getpwnam("nobody")
    s = w.server("--user", "nobody",
                 listen=("127.0.0.1:0", f"unix:{w.path('s')}"))
    for key, want in (("Uid", nobody.pw_uid), ("Gid", nobody.pw_gid)):
        if set(status(s)[key].split()) != {str(want)}:
            raise Failed(f"{key}: {status(s)[key]}")
    if "0" in status(s)["Groups"].split():
        raise Failed(f"it is still in the groups {status(s)['Groups']}")
    for key in ("CapEff", "CapPrm", "CapAmb"):
        if int(status(s)[key], 16) != 0:
            raise Failed(f"{key}: {status(s)[key]}")
    w.client(s, "ann", ["r"]).say("r", "hi")


@as_root
def a_low_port_is_bound_before_that(w):
    for port in range(1000, 800, -1):
        p = w.program(SNUGD, "--no-config", "--secure=off", "--user",
                      "nobody", "--listen",
                      f"127.0.0.1:{port}")
        if until(lambda p=p: "ready" in p.log() or p.process.poll(), "start"):
            if p.process.poll() is None:
                w.client(p, address=f"127.0.0.1:{port}").nothing()
                return
            p.wait()
    raise Failed("no port below 1000 was free")


def owner(path):
    """Whose it is, and who may touch it."""
    st = os.lstat(path)
    return st.st_uid, st.st_mode & 0o777


def in_a_state_folder(w, *options):
    """Started by root, with a state directory that is nobody's yet."""
    os.chmod(w.dir, 0o755)
    return w.program(SNUGD, "--no-config", "--user", "nobody", "--listen",
                     "127.0.0.1:0", *options,
                     env=dict(os.environ, STATE_DIRECTORY=w.path("state")))


@as_root
def the_state_directory_is_the_users_who_can_write_there(w):
    nobody = pwd.getpwnam("nobody").pw_uid
    for _ in range(2):  # made, and met again
        p = in_a_state_folder(w, "--state", w.path("state/state"))
        p.wait_log("^ready")
        for name, mode in (("state", 0o700), ("state/server.key", 0o600),
                           ("state/state", 0o600)):
            if owner(w.path(name)) != (nobody, mode):
                raise Failed(f"{name}: {owner(w.path(name))}")
        p.stop()


@as_root
def what_root_made_before_there_was_a_user_is_handed_over(w):
    nobody = pwd.getpwnam("nobody").pw_uid
    root = w.program(SNUGD, "--no-config", "--user", "root", "--print-key",
                     env=dict(os.environ, STATE_DIRECTORY=w.path("state")))
    if root.wait() != 0 or owner(w.path("state/server.key"))[0] != 0:
        raise Failed(root.log())
    in_a_state_folder(w).wait_log("^ready")
    if owner(w.path("state/server.key")) != (nobody, 0o600):
        raise Failed("the key is still root's")


@as_root
def what_is_not_the_servers_own_stays_roots(w):
    os.mkdir(w.path("state"), 0o700)
    secret = w.path("secret")
    with open(secret, "w", encoding="ascii"):
        os.chmod(secret, 0o600)
    for link in (os.symlink, os.link):
        link(secret, w.path("state/server.key"))
        p = in_a_state_folder(w)
        if p.wait() != 1 or owner(secret)[0] != 0:
            raise Failed(f"{link.__name__}: {p.log()}")
        os.unlink(w.path("state/server.key"))
    os.rmdir(w.path("state"))
    os.mkdir(w.path("other"))
    os.symlink(w.path("other"), w.path("state"))
    p = in_a_state_folder(w)
    if p.wait() != 1 or owner(w.path("other"))[0] != 0:
        raise Failed(p.log())


@as_root
def a_key_that_root_makes_elsewhere_is_the_users(w):
    os.chmod(w.dir, 0o755)
    nobody = pwd.getpwnam("nobody").pw_uid
    for _ in range(2):
        w.server("--user", "nobody").stop()
        if owner(w.path("server.key")) != (nobody, 0o600):
            raise Failed("it is still root's")


@as_root
def a_user_that_is_none_is_named(w):
    p = w.program(SNUGD, "--no-config", "--secure=off", "--listen",
                  "127.0.0.1:0", "--user",
                  "no-such-user")
    if p.wait() != 1 or "useradd" not in p.log():
        raise Failed(p.log())


@as_root
def root_is_warned_that_it_is_root(w):
    try:
        pwd.getpwnam("snug")
        raise Skip("there is a user snug here, whom it becomes")
    except KeyError:
        pass
    p = w.program(SNUGD, "--no-config", "--secure=off", "--listen",
                  "127.0.0.1:0")
    p.wait_log(r"warn.*running as root.*useradd")
    p.wait_log("^ready")


@as_root
def others_need_not_say_who_they_are_and_cannot_change_it(w):
    nobody = pwd.getpwnam("nobody")
    open_to_all(w)

    def start(*options):
        return w.program("setpriv", f"--reuid={nobody.pw_uid}",
                         f"--regid={nobody.pw_gid}", "--clear-groups", "env",
                         f"XDG_STATE_HOME={w.dir}", SNUGD, "--no-config",
                         "--listen", "127.0.0.1:0", *options)

    probe = w.program("setpriv", f"--reuid={nobody.pw_uid}", "test", "-x",
                      SNUGD)
    if probe.wait() != 0:
        raise Skip("the build is not readable for others")
    p = start()
    address = p.wait_log(r"^ready (.*)$")[1]
    w.client(p, "ann", address=address).nothing()
    p = start("--user", "root")
    if p.wait() != 1 or "only root" not in p.log():
        raise Failed(p.log())


@test
def redis_comes_and_goes_over_a_socket(w):
    redis = w.redis()
    s = w.server(redis=redis)
    ann = w.client(s, "ann", ["r"])
    ann.say("r", "one")
    redis.kill()
    ann.skip_to("NOTICE relay-down<any>")
    redis.again()
    ann.skip_to("NOTICE relay-up<any>", deadline=20)
    ann.say("r", "two")


@test
def redis_is_found_by_name_and_comes_back_over_tcp(w):
    import socket  # a port that is free now
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    redis = w.redis("--port", str(port), "--bind", "127.0.0.1")

    class Named:
        url = f"redis://localhost:{port}/0"

    s = w.server(redis=Named)
    ann = w.client(s, "ann", ["r"])
    ann.say("r", "one")
    redis.kill()
    ann.skip_to("NOTICE relay-down<any>")
    redis.again()
    ann.skip_to("NOTICE relay-up<any>", deadline=20)
    ann.say("r", "two")


@test
def it_still_goes_down_in_order(w):
    path = w.path("s")
    s = w.server(listen=(f"unix:{path}",))
    c = w.client(s)
    s.signal(signal.SIGTERM)
    c.skip_to("BYE shutdown<any>")
    if s.wait() != 0 or os.path.exists(path):
        raise Failed("the socket stays behind")


run()
