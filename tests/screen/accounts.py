# SPDX-License-Identifier: ISC
"""As whom one talks: accounts, made, proved by key or by password, and never
taken for somebody else's."""

from stage import *


def key_of(server):
    """Its key and its words, as its operator tells them."""
    out = subprocess.run(
        [program("snugd"), "--no-config", "--key-file",
         os.path.join(server.folder.path, "server.key"), "--print-key"],
        check=True, capture_output=True, text=True).stdout.splitlines()
    return out[0].strip(), out[1].strip()


def pins(server):
    return os.path.join(server.folder.path, "data", "snug", "known_servers")


def pin(server, key):
    os.makedirs(os.path.dirname(pins(server)), mode=0o700)
    os.chmod(os.path.dirname(pins(server)), 0o700)
    with open(os.open(pins(server), os.O_WRONLY | os.O_CREAT, 0o600), "w",
              encoding="ascii") as f:
        f.write("%s %s 2026-01-01 2026-01-02\n" % (server.address, key))


def read_pins(server):
    with open(pins(server), encoding="ascii") as f:
        return f.read()


def secure(server, *rooms, **more):
    return snug(server, *rooms, options=("--secure",), **more)


def known(server, *rooms, **more):
    """At a server whose key is pinned."""
    if not os.path.exists(pins(server)):
        pin(server, key_of(server)[0])
    return secure(server, *rooms, **more)


def keeps_accounts():
    options = subprocess.run([program("snugd"), "--help"], check=True,
                             capture_output=True, text=True).stdout
    return "--state" in options


def other_home(server, name):
    """Another machine of the user's, which knows the server."""
    folder = os.path.join(server.folder.path, name)
    data = os.path.join(folder, "snug")
    os.makedirs(data, mode=0o700)
    shutil.copy(pins(server), os.path.join(data, "known_servers"))
    os.chmod(os.path.join(data, "known_servers"), 0o600)
    return {"XDG_DATA_HOME": folder}


def keeping():
    """A server that keeps accounts."""
    folder = Folder()
    return Snugd("--state", os.path.join(folder.path, "state")), folder


def register(t):
    t.wait("1 here")
    t.type("/register\r")
    t.wait("ann registered  secure ok")
    t.wait("1 here")


@test
def a_name_is_registered_and_proved_at_the_next_start():
    server, folder = keeping()
    with server:
        with known(server, "lobby") as t:
            register(t)
            t.type("hello\r")
            t.wait("│ hello")
        with known(server, "lobby", nick=None) as t:
            t.wait("ann registered  secure ok")
            t.wait("│ hello")
    folder.remove()


@test
def a_guest_cannot_have_a_registered_name():
    server, folder = keeping()
    with server:
        with known(server, "lobby") as t:
            register(t)
            env = other_home(server, "stranger")
            with known(server, "lobby", env=env) as other:
                other.type("\033`")
                other.wait("ann belongs to an account")
                other.wait("/login ann")
    folder.remove()


@test
def a_password_is_never_on_the_screen():
    server, folder = keeping()
    with server:
        with known(server, "lobby") as t:
            register(t)
            t.type("/password\r")
            t.wait("New password (not shown):")
            t.type("correct horse\r")
            t.wait("The same again (not shown):")
            t.type("correct horse\r")
            t.wait("the password is set")
            t.press("up")
            t.wait("> /password")
            check(not t.has("horse"), "the password is shown")
        env = other_home(server, "laptop")
        with known(server, "lobby", nick="guest1", env=env) as t:
            t.wait("1 here")
            t.type("/login ann\r")
            t.wait("Password of ann (not shown):")
            t.type("correct donkey\r")
            t.wait("not logged in as ann")
            t.type("/login ann\r")
            t.wait("Password of ann (not shown):")
            t.type("correct horse\r")
            t.wait("ann registered  secure ok")
            check(not t.has("horse"), "the password is shown")
            t.type("/keys add\r")
            t.wait("this machine's key is the account's")
            t.type("/keys\r")
            t.wait("(here)")
        with known(server, "lobby", nick=None, env=env) as t:
            t.wait("ann registered  secure ok")
        for path, _, names in os.walk(server.folder.path):
            for name in names:
                with open(os.path.join(path, name), "rb") as f:
                    check(b"horse" not in f.read(), name)
    folder.remove()


@test
def two_passwords_that_differ_set_none():
    server, folder = keeping()
    with server, known(server, "lobby") as t:
        register(t)
        t.type("/password\r")
        t.wait("New password")
        t.type("one password\r")
        t.wait("The same again")
        t.type("another one\r")
        t.wait("two different ones")
        t.type("/password in the line\r")
        t.wait("it is asked for, and not shown")
    folder.remove()


@test
def what_is_said_while_reconnecting_is_said_as_the_account():
    server, folder = keeping()
    with server, Raw(server, "bob", "lobby") as bob, \
            known(server, "lobby") as t:
        t.wait("2 here")
        t.type("/register\r")
        t.type("as myself\r")
        t.wait("ann registered  secure ok")
        line = bob.wait("as myself")
        check("@auth" in line, line)
    folder.remove()


if not keeps_accounts():
    print("1..0 # SKIP this snugd keeps no accounts")
    sys.exit(77)
run()
