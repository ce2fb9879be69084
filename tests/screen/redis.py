# SPDX-License-Identifier: ISC
"""The screen on a node of a fleet: what was said while its node was away is
there afterwards, once and in order; and what the screen says of a relay that
is gone."""

from stage import *


class Redis:
    def __init__(self):
        self.folder = Folder()
        self.socket = os.path.join(self.folder.path, "r")
        self.p = subprocess.Popen(
            [os.environ.get("REDIS_SERVER", "redis-server"), "--port", "0",
             "--unixsocket", self.socket, "--dir", self.folder.path,
             "--save", "", "--appendonly", "yes"],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        for line in self.p.stdout:
            if b"ready to accept connections" in line.lower():
                break
        else:
            raise AssertionError("redis-server did not start")
        self.url = "unix://" + self.socket

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.p.send_signal(signal.SIGCONT)
        self.p.kill()
        self.p.wait()
        self.p.stdout.close()
        self.folder.remove()


@test
def two_people_on_two_nodes_talk():
    with Redis() as redis, Snugd("--name=a", "--redis", redis.url) as a, \
            Snugd("--name=b", "--redis", redis.url) as b, \
            Raw(b, "bob", "lobby") as bob, snug(a, "lobby") as ann:
        ann.wait("2 here")
        bob.say("SAY lobby from the other node")
        ann.wait("bob │ from the other node")
        ann.type("and back\r")
        bob.wait("ann and back")


@test
def nothing_is_missed_or_doubled_while_the_node_is_away():
    with Redis() as redis, Snugd("--name=a", "--redis", redis.url) as a, \
            Snugd("--name=b", "--redis", redis.url) as b, \
            Raw(b, "bob", "lobby") as bob, snug(a, "lobby") as ann:
        ann.wait("2 here")
        bob.say("SAY lobby before")
        ann.wait("bob │ before")
        a.kill()
        ann.wait("offline")
        for i in range(5):
            bob.say("SAY lobby meanwhile %d" % i)
        bob.wait("meanwhile 4")
        ann.type("typed while away\r")
        ann.wait("│ typed while away")
        a.start()
        ann.type("\r")
        bob.wait("typed while away")
        ann.until(lambda t: t.cell(row_with(t, "│ typed while"), 79)[0] == " ",
                  "the pending mark to go")
        said = [m[1] for m in (re.search("│ (before|meanwhile .|typed.*away)",
                                         row) for row in ann.screen()) if m]
        equal(said, ["before", *("meanwhile %d" % i for i in range(5)),
                     "typed while away"])


@test
def a_relay_that_is_gone_is_told_and_what_is_written_waits():
    with Redis() as redis, Snugd("--name=a", "--redis", redis.url) as a, \
            snug(a, "lobby") as ann:
        ann.wait("1 here")
        redis.p.send_signal(signal.SIGSTOP)
        ann.wait("relay down", timeout=20)
        ann.type("wait for it\r")
        ann.until(lambda t: t.has("│ wait for it") and t.cell(
            row_with(t, "│ wait for it"), 79)[0] == "o", "the pending mark")
        redis.p.send_signal(signal.SIGCONT)
        ann.wait("the relay is back", timeout=20)
        ann.until(lambda t: t.cell(row_with(t, "│ wait for it"), 79)[0] == " ",
                  "delivery")


run()
