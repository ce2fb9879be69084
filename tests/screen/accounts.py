# SPDX-License-Identifier: ISC
"""As whom one talks: accounts, made, proved by key or by password, and never
taken for somebody else's."""

from stage import *
from pins import *


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
            t.wait("guest1  secure ok")
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
            for name in filter(lambda n: os.path.isfile(
                    os.path.join(path, n)), names):
                with open(os.path.join(path, name), "rb") as f:
                    check(b"horse" not in f.read(), name)
    folder.remove()


def send(server, *words):
    p = subprocess.run(
        [program("snug"), "send", "--no-config", "--secure", "-s",
         server.address, *words],
        env=dict(os.environ, LC_ALL="C.UTF-8", XDG_DATA_HOME=os.path.join(
            server.folder.path, "data")),
        stdin=subprocess.DEVNULL, capture_output=True, timeout=DEADLINE)
    return p.returncode, p.stderr.decode("utf-8")


@test
def a_script_speaks_as_the_account_and_as_nobody_else():
    server, folder = keeping()
    with server, Raw(server, "bob", "lobby") as bob:
        with known(server, "lobby") as t:
            t.wait("2 here")
            t.type("/register\r")
            t.wait("ann registered  secure ok")
        equal(send(server, "lobby", "the build is done")[0], 0)
        line = bob.wait("the build is done")
        check(" ann the build" in line and "@auth" in line, line)
        status, said = send(server, "--nick", "builder", "lobby", "x")
        equal(status, 1)
        check("your key is ann's here; --guest" in said, said)
        status, said = send(
            server, "--nick", "builder", "--guest", "lobby", "as a guest")
        equal((status, said), (0, ""))
        line = bob.wait("as a guest")
        check(" builder as" in line and "@auth" not in line, line)
    folder.remove()


@test
def what_waits_is_not_said_as_somebody_else():
    server, folder = keeping()
    with server, Raw(server, "bob", "lobby") as bob, \
            known(server, "lobby") as t:
        t.wait("2 here")
        t.type("/register\r")
        t.wait("ann registered  secure ok")
        t.type("/password\r")
        t.wait("New password")
        t.type("correct horse\r")
        t.wait("The same again")
        t.type("correct horse\r")
        t.wait("the password is set")
        t.type("/disconnect\r")
        t.wait("offline: /reconnect")
        env = other_home(server, "laptop")
        with known(server, "lobby", nick="guest1", env=env) as other:
            other.wait("here")
            other.type("/login ann\r")
            other.wait("Password of ann")
            other.type("correct horse\r")
            other.wait("ann registered  secure ok")
            other.type("/keys\r")
            other.wait("│ key ")
            row = next(r for r in other.screen() if "│ key " in r)
            other.type("/keys del %s\r" % row.split("│ key ")[1].split()[0])
            other.wait("does not have this key now")
        t.type("as ann alone\r")
        t.wait("│ as ann alone")
        t.type("/reconnect\r")
        t.wait("written as somebody else")
        bob.say("SAY lobby that is all")
        heard = [bob.next()]
        while "that is all" not in heard[-1]:
            heard.append(bob.next())
        check(not any("as ann alone" in line for line in heard), heard)
    folder.remove()


def find_in_memory(pid, text):
    """Where text stands in the memory that a program may write."""
    found = []
    with open("/proc/%d/maps" % pid, encoding="ascii") as maps, \
            open("/proc/%d/mem" % pid, "rb") as memory:
        for line in maps:
            words = line.split()
            if words[1][:2] != "rw":
                continue
            begin, end = (int(x, 16) for x in words[0].split("-"))
            if end - begin > 1 << 30:
                continue  # a sanitizer's notes on all the rest
            memory.seek(begin)
            data = memory.read(end - begin)
            for how in ("utf-8", "utf-32-le"):
                at = data.find(text.encode(how))
                if at >= 0:
                    found.append("%s+%x as %s" % (words[-1], at, how))
    return found


def forgotten(server, t, secret):
    """Not a piece of it is left in either program."""
    for name, pid in (("snugd", server.p.pid), ("snug", t.pid())):
        for piece in (secret[:12], secret[-12:]):
            found = find_in_memory(pid, piece)
            check(not found, "%s has %r at %s" % (name, piece, found))


@test
def no_piece_of_a_password_stays_in_memory():
    server, folder = keeping()
    secret = "pelican-zigzag-" + 6 * "0123456789" + "-quince-mortar"
    with server:
        with known(server, "lobby") as t:
            register(t)
            t.type("something said\r")
            t.wait("│ something said")
            check(find_in_memory(t.pid(), "something said"),
                  "the search finds nothing at all")
            check(find_in_memory(server.p.pid, "something said"),
                  "the search finds nothing at all")
            t.type("/password\r")
            t.wait("New password (not shown):")
            t.paste(secret)
            t.type("\r")
            t.wait("The same again (not shown):")
            t.type(secret + "\r")
            t.wait("the password is set")
            forgotten(server, t, secret)
        env = other_home(server, "laptop")
        with known(server, "lobby", nick="guest1", env=env) as t:
            t.wait("1 here")
            t.type("/login ann\r")
            t.wait("Password of ann (not shown):")
            t.type(secret + "\r")
            t.wait("ann registered  secure ok")
            t.type("/keys add\r")
            t.wait("this machine's key is the account's")
            forgotten(server, t, secret)
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
