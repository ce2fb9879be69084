# SPDX-License-Identifier: ISC
"""Accounts: keys and passwords that prove them, nicks that are theirs, several
sessions of one; on both relays."""
import os
import re
import sys

from snugtest import SNUGD, SRCDIR, Failed, run, test, until

sys.path.insert(1, os.path.join(SRCDIR, "tests", "interop"))
# pylint: disable=wrong-import-position
from primitives import ed25519_public, ed25519_sign  # noqa: E402
from session import Secure, key_of, text_of  # noqa: E402

ANN, BOB, CY = (bytes([n]) * 32 for n in (1, 2, 3))
PASSWORD = "correct horse battery"


# --- people -----------------------------------------------------------------

def secure(w, server):
    """A secure connection, greeted."""
    c = Secure(server.address, f"s{w.count()}")
    w.clients.append(c)
    c.keys = c.greet()
    return c


def log_in(w, server, seed, nick, rooms=()):
    """A session of the account that has this key."""
    c = secure(w, server)
    c.send(f"AUTH {c.proof(seed)}")
    c.keys = c.welcome()
    c.expect(f"OK {nick}")
    if c.nick != nick or "resume" in c.keys or c.keys["account"][0] != "a":
        raise Failed(f"logged in as {c.nick}: {c.keys}")
    for room in rooms:
        c.join(room)
    return c


def register(w, server, seed, nick, rooms=()):
    """Makes an account; gives its first session."""
    c = secure(w, server)
    c.ask(f"AUTH {c.proof(seed)}", "OK")
    c.take(nick)
    c.send("REGISTER")
    c.keys = c.welcome()
    c.expect(f"OK {nick}")
    if c.nick != nick or "account" not in c.keys:
        raise Failed(f"registered as {c.nick}: {c.keys}")
    for room in rooms:
        c.join(room)
    return c


def with_password(w, server, nick):
    """A session on loopback, in the clear, by the password."""
    c = w.client(server)
    c.send(f"LOGIN {nick} {PASSWORD}")
    keys = c.welcome()
    c.expect("OK <nick>")
    if "account" not in keys or "resume" in keys:
        raise Failed(f"logged in: {keys}")
    return c


def one_node(w, kept, *options, **more):
    """A node on this kind of relay, which keeps accounts."""
    if kept == "redis":
        return w.server(*options, redis=w.redis(), **more)
    return w.server("--state", w.path("state"), *options, **more)


def two_nodes(w, kept):
    """Two nodes of a fleet; in memory there is one, twice."""
    if kept == "redis":
        return w.nodes("den", "nook")
    return [one_node(w, kept)] * 2


def on_both(function):
    """The test, over each relay."""
    for kept in ("state", "redis"):
        def over(w, kept=kept):
            function(w, kept)
        over.__name__ = f"{function.__name__}_in_{kept}"
        test(over)
    return function


# --- making one -------------------------------------------------------------

@on_both
def a_key_makes_an_account_and_logs_in_to_it(w, kept):
    s, other = two_nodes(w, kept)
    ann = register(w, s, ANN, "Ann")
    again = log_in(w, other, ANN, "Ann")
    if ann.keys["account"] != again.keys["account"]:
        raise Failed("two accounts of one key")


@on_both
def a_registered_nick_is_nobody_elses_nor_what_looks_like_it(w, kept):
    s, other = two_nodes(w, kept)
    ann = register(w, s, ANN, "ann")
    ann.ask("QUIT", "OK", "BYE quit")
    guest = w.client(other)
    for nick in ("ann", "ANN"):
        guest.ask(f"NICK {nick}", "ERR nick-registered <text>")
    guest.ask("WHOIS ann", "USER ann account=yes since=<ms>", "OK")


@test
def a_server_that_keeps_nothing_says_how_accounts_are_kept(w):
    c = secure(w, w.server())
    c.ask(f"AUTH {c.proof(ANN)}", "OK")
    c.take("ann")
    c.send("REGISTER")
    said = c.expect("ERR not-allowed <text>")
    if "--state" not in said:
        raise Failed(said)


@on_both
def an_account_and_its_password_survive_kill_9(w, kept):
    redis = w.redis("--appendfsync", "always") if kept == "redis" else None
    options = () if redis else ("--state", w.path("state"))
    s = w.server(*options, redis=redis)
    register(w, s, ANN, "ann")
    s.kill()
    if redis:
        redis.kill()
        redis = redis.again()
    s = w.server(*options, redis=redis)
    ann = log_in(w, s, ANN, "ann")
    ann.ask(f"PASSWORD {PASSWORD}", "OK")
    s.kill()
    s = w.server(*options, redis=redis)
    with_password(w, s, "ann")
    log_in(w, s, ANN, "ann")


@on_both
def a_key_has_one_account_and_an_account_one_nick(w, kept):
    s = one_node(w, kept)
    ann = register(w, s, ANN, "ann")
    ann.ask("REGISTER", "ERR not-allowed <text>")
    ann.ask("NICK bob", "ERR not-allowed <text>")
    ann.ask("NICK ann", "OK ann")
    # Somebody who has no key, no nick, or both of another.
    c = secure(w, s)
    c.ask("REGISTER", "ERR no-key <text>")
    c.ask(f"AUTH {c.proof(BOB)}", "OK")
    c.ask("REGISTER", "ERR bad-name <text>")
    c.ask(f"AUTH {c.proof(BOB)[:-4]}AAAA", "ERR <any>")
    c.take("bob")
    c.send("REGISTER")
    c.welcome()
    c.expect("OK bob")
    c.ask(f"AUTH {c.proof(ANN)}", "ERR not-allowed <text>")


@on_both
def two_who_register_one_key_at_once_get_one_account(w, kept):
    den, nook = two_nodes(w, kept)
    rivals = []
    for n, s in enumerate((den, nook)):
        c = secure(w, s)
        c.ask(f"AUTH {c.proof(ANN)}", "OK")
        c.take(f"ann{n}")
        rivals.append(c)
    for c in rivals:
        c.send("REGISTER")
    won = 0
    for c in rivals:
        line = c.line()
        if line.startswith("WELCOME"):
            won += 1
            c.expect(f"OK {c.nick}")
        elif not re.match("ERR (not-allowed|busy) |@retry=[0-9]+ ERR busy",
                          line):
            raise Failed(line)
    if won != 1:
        raise Failed(f"{won} accounts of one key")


# --- where and when ---------------------------------------------------------

@on_both
def a_key_is_not_proven_in_the_clear_nor_to_another_session(w, kept):
    s = one_node(w, kept)
    ann = register(w, s, ANN, "ann")
    w.client(s).ask(f"AUTH {ann.proof(ANN)}", "ERR not-secure <text>")
    eve = secure(w, s)
    eve.ask(f"AUTH {ann.proof(ANN)}", "ERR login-failed <text>")


@test
def who_one_is_is_settled_by_the_first_JOIN_or_SAY(w):
    s = one_node(w, "state")
    register(w, s, ANN, "ann")
    c = secure(w, s)
    c.join("r")
    c.ask(f"AUTH {c.proof(ANN)}", "ERR not-allowed <text>")
    c.ask("LOGIN ann x", "ERR not-allowed <text>")
    c.ask("REGISTER", "ERR not-allowed <text>")


# --- passwords --------------------------------------------------------------

@on_both
def a_password_logs_in_until_it_is_cleared(w, kept):
    s, other = two_nodes(w, kept)
    ann = register(w, s, ANN, "ann")
    ann.ask("PASSWORD short", "ERR bad-args <text>")
    ann.ask("PASSWORD", "ERR bad-args <text>")
    ann.ask(f"PASSWORD {PASSWORD}", "OK")
    again = with_password(w, other, "ANN")
    again.nick = "ann"
    c = w.client(other)
    c.ask("LOGIN ann wrong password", "ERR login-failed <text>")
    c.ask("LOGIN nobody wrong password", "ERR login-failed <text>")
    ann.ask("@clear PASSWORD", "OK")
    c.ask(f"LOGIN ann {PASSWORD}", "ERR login-failed <text>")
    for program in w.programs:
        if PASSWORD in program.log():
            raise Failed("a password in a log")
    for c in w.clients:
        if any(PASSWORD in line for line in c.transcript if " < " in line):
            raise Failed("a password came back")


@test
def passwords_are_looked_at_one_of_a_session_and_so_many_in_all(w):
    s = one_node(w, "state", listen=("127.0.0.1:0", f"unix:{w.path('sock')}"))
    crowd = [w.client(s, address=s.addresses[1]) for _ in range(40)]
    for c in crowd:
        c.send("LOGIN nobody x")
    said = [c.line() for c in crowd]
    busy = sum(bool(re.match(r"@retry=\d+ ERR busy ", x)) for x in said)
    failed = sum(x.startswith("ERR login-failed ") for x in said)
    # Nobody is turned away who would not be the 33rd; none is forgotten.
    if busy + failed != 40 or failed < 32 or busy == 0:
        raise Failed(f"{busy} busy, {failed} failed: {said}")
    crowd[-1].ask("LOGIN nobody x", "ERR login-failed <text>")


@test
def who_goes_while_a_password_is_looked_at_leaves_nothing_behind(w):
    s = one_node(w, "state", listen=("127.0.0.1:0", f"unix:{w.path('sock')}"))
    ann = register(w, s, ANN, "ann")
    for n in range(8):
        c = w.client(s, address=s.addresses[1])
        c.send("LOGIN ann x", "QUIT")
        if n % 2:
            c.reset()
        else:
            c.close()
    ann.send(f"PASSWORD {PASSWORD}")
    ann.reset()
    until(lambda: s.log().count(" closed ") == 9, "all are gone")
    # The queue is empty again, and the address free.
    c = w.client(s)
    def is_looked_at():
        c.send("LOGIN nobody x")
        return c.line().startswith("ERR login-failed ")
    until(is_looked_at, "the queue is empty", 60)


# --- the state file ---------------------------------------------------------

def refused(w, *words):
    """snugd does not start with the state file, and says these words."""
    p = w.program(SNUGD, "--no-config", "--listen", "127.0.0.1:0", "--state",
                  w.path("state"), "--key-file", w.path("server.key"))
    status = p.wait()
    if status != 1 or any(word not in p.log() for word in words):
        raise Failed(f"status {status}: {p.log()}")


@test
def a_state_file_is_its_owners_alone_and_believed_whole_or_not_at_all(w):
    s = one_node(w, "state")
    ann = register(w, s, ANN, "ann")
    path = w.path("state")
    if os.stat(path).st_mode & 0o777 != 0o600:
        raise Failed("others may read it")
    refused(w, "another snugd")
    s.stop()
    os.chmod(path, 0o644)
    refused(w, "state: ", "chmod 600")
    os.chmod(path, 0o600)
    with open(path, "rb") as f:
        good = f.read()
    for bad in (b"put account x nick=bob\n", b"nonsense\n", b"put what x\n",
                f"put account {ann.keys['account']} nick=a%20b since=1\n"
                .encode()):
        with open(path, "wb") as f:
            f.write(good + bad)
        refused(w, "state:", "older copy")
    # What a crash cut off was told to nobody; what is before it stands.
    with open(path, "wb") as f:
        f.write(good + b"put account a00")
    s = one_node(w, "state")
    s.wait_log("was not written to its end")
    log_in(w, s, ANN, "ann")
    s.stop()
    # Another program's file is not written over, however short it is.
    for foreign in (b"hello", b"snug-state 2", b"\n"):
        with open(path, "wb") as f:
            f.write(foreign)
        refused(w, "this is no state file")
        with open(path, "rb") as f:
            if f.read() != foreign:
                raise Failed(f"{foreign} was written over")
    with open(path, "wb") as f:
        f.write(good[:7])
    register(w, one_node(w, "state"), ANN, "ann")


# --- what Redis holds -------------------------------------------------------

def key_text(seed):
    return text_of(ed25519_public(seed))


@test
def what_a_dead_node_left_half_done_is_nobodys(w):
    redis = w.redis()
    s = w.server(redis=redis)
    ghost = "a" + "0" * 32
    key = f"sn1:{{pk:{key_text(ANN)}}}"
    # A key that just begins to be registered is not to be had yet.
    now = int(redis.command("TIME")[0]) * 1000
    redis.command("SET", key, f"{ghost} {now}")
    ann = secure(w, s)
    ann.ask(f"AUTH {ann.proof(ANN)}", "OK")
    ann.take("ann")
    ann.ask("REGISTER", "@retry=<ms> ERR busy <text>")
    # An account that its nick does not know is none, however old its key.
    redis.command("HSET", f"sn1:{{a:{ghost}}}", "nick", "ann", "since", "1",
                  f"k:{key_text(ANN)}", "1")
    redis.command("SET", key, f"{ghost} {now - 20000}")
    ann.send("REGISTER")
    if ann.welcome()["account"] == ghost:
        raise Failed("the ghost walks")
    ann.expect("OK ann")
    log_in(w, s, ANN, "ann")


@test
def what_is_no_account_in_redis_harms_nobody(w):
    redis = w.redis()
    s = w.server(redis=redis)
    ann = register(w, s, ANN, "ann")
    account = f"sn1:{{a:{ann.keys['account']}}}"
    heavy = "$argon2id$v=19$m=4194304,t=9,p=1$c29tZXNhbHRzb21lc2FsdA$" + "A" * 43
    for field, value in (("hash", heavy), ("hash", "x"), ("nick", "a b"),
                         ("nick", "bob"), ("since", "-1"), ("k:x", "1")):
        was = redis.command("HGET", account, field)
        redis.command("HSET", account, field, value)
        c = secure(w, s)
        c.send(f"AUTH {c.proof(ANN)}")
        said = c.line()
        if said != "OK" and not said.startswith("@retry="):
            raise Failed(f"{field}={value}: {said}")
        c.ask("LOGIN ann x", "<any>ERR <text>")
        if was is None:
            redis.command("HDEL", account, field)
        else:
            redis.command("HSET", account, field, was.decode())
    for junk in ("A", "A x 1 ann ann", "A a0 1 ann ann", "A " + "x" * 5000):
        redis.command("SET", "sn1:{k:eve}", junk)
        c = w.client(s)
        c.ask("NICK eve", "ERR nick-registered <text>")
        c.ask("WHOIS eve", "ERR no-such-nick <text>")
    redis.command("SET", f"sn1:{{pk:{key_text(BOB)}}}", "junk")
    register(w, s, BOB, "bob")
    log_in(w, s, ANN, "ann")


# --- keys -------------------------------------------------------------------

@on_both
def keys_are_added_shown_and_deleted_but_the_last_one(w, kept):
    s, other = two_nodes(w, kept)
    ann = register(w, s, ANN, "ann")
    register(w, other, CY, "cy")
    account = ann.keys["account"]

    def proof(seed, name):
        key = ed25519_public(seed)
        signed = b"snug-key-1" + key_of(ann.keys["key"]) + name.encode()
        return f"{text_of(key)} {text_of(ed25519_sign(seed, signed))}"

    first, second = (text_of(ed25519_public(x)) for x in (ANN, BOB))
    ann.ask("KEY list", f"NOTICE key {first}", "OK")
    ann.ask(f"KEY del {first}", "ERR not-allowed <text>")
    ann.ask(f"KEY add {proof(BOB, 'a' * 33)}", "ERR login-failed <text>")
    ann.ask(f"KEY add {proof(CY, account)}", "ERR not-allowed <text>")
    ann.ask(f"KEY del {second}", "ERR no-key <text>")
    ann.ask(f"KEY add {proof(BOB, account)}", "OK")
    ann.ask(f"KEY add {proof(BOB, account)}", "OK")
    log_in(w, other, BOB, "ann")
    ann.ask(f"KEY del {first}", "OK")
    ann.ask("KEY list", f"NOTICE key {second}", "OK")
    c = secure(w, other)
    c.ask(f"AUTH {c.proof(ANN)}", "OK")


# --- several sessions of one ------------------------------------------------

@on_both
def an_account_enters_with_its_first_session_and_leaves_with_its_last(w, kept):
    den, nook = two_nodes(w, kept)
    bob = w.client(den, "bob", ["r"])
    one = register(w, den, ANN, "ann", ["r"])
    bob.expect("JOINED r ann")
    two = log_in(w, nook, ANN, "ann")
    two.send("JOIN r", "NAMES r")
    before, _ = two.skip_to("OK <id>")
    if before != ["JOINED r ann", "NAMES r 2 ann bob"]:
        raise Failed(f"{before}")
    two.expect("NAMES r 2 ann bob", "OK")
    said = bob.say("r", "hello")
    for c in (one, two):
        c.expect(f"MSG r {said} bob hello")
    one.ask("PART r", "PARTED r ann", "OK")
    said = bob.say("r", "still there?")
    two.expect(f"MSG r {said} bob still there?")
    two.ask("QUIT", "OK", "BYE quit")
    bob.expect("PARTED r ann<any>")


@on_both
def what_an_account_says_is_marked_and_known_again_by_its_cid(w, kept):
    den, nook = two_nodes(w, kept)
    bob = w.client(nook, "bob", ["r"])
    one = register(w, den, ANN, "ann", ["r"])
    bob.expect("JOINED r ann")
    two = log_in(w, nook, ANN, "ann", ["r"])
    one.send("@cid=x SAY r hi")
    said, same = one.expect_both("@auth MSG r <id> ann hi", "OK <id>")
    if said != same:
        raise Failed("two ids")
    two.expect(f"@auth MSG r {said} ann hi")
    bob.expect(f"@auth MSG r {said} ann hi")
    two.ask("@cid=x SAY r hi", f"OK {said}")
    bob.ask("HISTORY r", f"@auth @replay MSG r {said} ann hi", "OK end")
    bob.send("@auth SAY r me too")
    bob.expect_both("MSG r <id> bob me too", "OK <id>")


@on_both
def what_is_said_in_private_reaches_every_session(w, kept):
    den, nook = two_nodes(w, kept)
    one = register(w, den, ANN, "ann")
    two = log_in(w, nook, ANN, "ann")
    bob = w.client(nook, "bob")
    said = bob.say("@ann", "psst")
    for c in (one, two):
        c.expect(f"MSG @bob {said} bob psst")
    two.send("SAY @bob what?")
    said, _ = two.expect_both("@auth MSG @bob <id> ann what?", "OK <id>")
    one.expect(f"@auth MSG @bob {said} ann what?")
    bob.expect(f"@auth MSG @ann {said} ann what?")


# --- guests -----------------------------------------------------------------

@test
def guests_may_be_kept_out(w):
    s = one_node(w, "state", "--no-guests")
    c = w.client(s)
    c.ask("JOIN r", "ERR not-allowed <text>")
    c.ask("PING x", "OK x")
    ann = register(w, s, ANN, "ann", ["r"])
    ann.send("SAY r hi")
    ann.expect_both("@auth MSG r <id> ann hi", "OK <id>")


if __name__ == "__main__":
    run()
