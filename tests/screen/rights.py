# SPDX-License-Identifier: ISC
"""Who may do what: rooms and servers have people in charge, the screen says
who they are, and what they do is told in words."""

from stage import *


class Lobby:
    """ann owns the lobby, bob is a guest in it."""

    def __init__(self, *options):
        self.people = []
        self.folder = Folder()
        self.server = Snugd(
            "--state", os.path.join(self.folder.path, "state"), *options)

    def __enter__(self):
        try:
            self.meet()
        except BaseException:
            self.__exit__()
            raise
        return self

    def meet(self):
        self.ann = self.come("--secure", "--accept-new", "hall", nick="ann")
        self.ann.wait("1 here")
        self.ann.type("/register\r")
        self.ann.wait("ann registered  secure ok")
        self.ann.type("/join lobby\r")
        self.ann.wait("#lobby>")
        self.ann.wait("*ann")
        self.bob = self.come("--guest", "lobby", nick="bob")
        self.bob.wait("2 here")
        self.ann.wait("2 here")

    def come(self, *argv, nick):
        t = snug(self.server, argv[-1], nick=nick, cols=160,
                 options=argv[:-1])
        self.people.append(t)
        return t

    def __exit__(self, *exc):
        for t in self.people:
            t.close()
        self.server.__exit__()
        self.folder.remove()


@test
def who_owns_the_room_and_who_is_a_guest_is_seen():
    with Lobby() as r:
        r.ann.type("mine\r")
        r.bob.wait("*ann │ mine")

        def style(text):
            row = row_with(r.bob, text)
            return r.bob.cell(row, r.bob.screen()[row].index("ann"))[2]
        check("b" in style("*ann │ mine"), "who registered is bold")

        r.bob.type("thine\r")
        r.ann.wait(" bob │ thine")
        equal(sum("*bob" in row or "+bob" in row for row in r.ann.screen()),
              0)


@test
def what_one_may_not_do_is_said_with_the_reason():
    with Lobby() as r:
        r.ann.type("/op bob\r")
        r.ann.wait("only who has registered can have a say in lobby")
        r.bob.type("/op bob\r")
        r.bob.wait("that takes a say which you do not have in lobby")


@test
def who_is_muted_is_told_and_talks_again():
    with Lobby() as r:
        r.ann.type("/mute bob -10m too loud\r")
        r.ann.wait("ann muted bob")
        r.bob.wait("ann muted you")
        r.bob.type("hear me\r")
        r.bob.wait("not sent: you are muted in lobby")
        r.ann.type("/unmute bob\r")
        r.bob.wait("ann lets you talk again")
        r.bob.type("/resend\r")
        r.ann.wait(" bob │ hear me")


@test
def who_is_removed_is_told_by_whom_and_may_come_back():
    with Lobby() as r:
        r.ann.type("/kick bob go out and play\r")
        r.bob.wait("ann removed you from the room: go out and play")
        r.bob.wait("/join lobby tries to come back")
        r.ann.wait("ann removed bob: go out and play")
        r.ann.wait("1 here")
        r.bob.type("/join lobby\r")
        r.ann.wait("2 here")


@test
def who_is_banned_stays_out_until_that_is_taken_back():
    with Lobby() as r:
        r.ann.type("/ban bob -2h\r")
        r.bob.wait("ann removed you from the room: no reason given")
        r.ann.wait("bob is banned from here: /unban takes it back")
        r.bob.type("/join lobby\r")
        r.bob.wait("you are banned")
        r.ann.type("/unban bob\r")
        r.ann.wait("ann lets bob come in again")
        r.bob.type("/join lobby\r")
        r.ann.wait("2 here")


@test
def what_a_room_is_like_is_shown_and_set():
    with Lobby() as r:
        r.ann.type("/room\r")
        r.ann.wait("#lobby; public; no key; everybody talks")
        r.ann.wait("history of")
        r.ann.type("/room moderated=yes slow=5\r")
        r.bob.wait("ann changed the room; moderated: only its operators "
                   "talk; one message each in 5 s")
        r.ann.type("/room -clear slow\r")
        r.bob.wait("ann changed the room; slow as in a new room")
        r.ann.type("/room key=s3cret\r")
        r.bob.wait("ann changed the room; a new key")
        r.ann.type("/room colour=red\r")
        r.ann.wait("a room has the settings private")
        r.bob.type("/room private=yes\r")
        r.bob.wait("that takes a say which you do not have")


@test
def a_time_that_makes_no_sense_is_refused_before_it_is_sent():
    with Snugd() as server, snug(server, "lobby") as t:
        t.wait("1 here")
        t.type("/mute bob -10x\r")
        t.wait("for how long? such as -90s, -10m, -2h or -7d")
        t.wait("#lobby> /mute bob -10x")


@test
def a_room_behind_a_key_is_entered_with_it_and_entered_again():
    with FakeServer() as server, snug(server, "lobby", cols=160) as t:
        server.welcome()
        tag, _, words = server.expect("NICK")
        server.answer(tag, "OK " + words[1])
        tag, attributes, _ = server.expect("JOIN")
        check("key" not in attributes, "none was given")
        server.answer(tag, "ERR bad-key lobby has a key")
        t.wait("lobby has a key")
        t.wait("who knows the room's key gets in with /join lobby KEY")
        t.type("/join lobby s3cret\r")
        equal(server.join()["key"], "s3cret")
        t.wait("2 here")
        check(not t.has("s3cret"), "it is on no screen")
        server.drop()
        equal(server.begin()["key"], "s3cret")


@test
def an_operator_has_a_mark_as_soon_as_they_are_one():
    with FakeServer() as server, snug(server, "lobby", cols=160) as t:
        server.begin(members="*ann bob carol")
        t.wait("3 here")
        server.send("NOTICE rights lobby op ann bob")
        t.wait("ann made bob an operator")
        t.wait("+bob")
        server.send("NOTICE rights lobby deop carol bob")
        t.wait("carol took an operator's rights from bob")
        t.gone("+bob")
        server.send("NOTICE rights lobby op bob ann")
        t.wait("bob made you an operator")
        t.wait("*ann")
        server.send("NOTICE rights lobby set ann owner=bob")
        tag, _, _ = server.expect("NAMES")
        server.send(tag + " NAMES lobby 3 ann *bob carol")
        server.answer(tag, "OK")
        t.wait("*bob")


@test
def who_is_too_fast_for_a_slow_room_is_told_when_it_goes_out():
    with FakeServer() as server, snug(server, "lobby", cols=160) as t:
        server.begin()
        t.wait("2 here")
        t.type("again\r")
        tag, _, _ = server.expect("SAY")
        server.send("%s @retry=5000 ERR slow-down lobby is slow: one message "
                    "in 10 s" % tag)
        t.wait("what you wrote goes out in 5 s: lobby is slow")


@test
def who_is_invited_is_told_where_to_and_gets_in():
    with Lobby() as r:
        r.ann.type("/room private=yes key=s3cret\r")
        r.ann.wait("a new key")
        cat = r.come("--guest", "hall", nick="cat")
        cat.wait("2 here")
        r.ann.type("/invite cat bring cake\r")
        cat.wait("ann invites you to #lobby: bring cake; "
                 "/join lobby takes you there")
        cat.type("/join lobby\r")
        r.ann.wait("3 here")


@test
def nonsense_about_rights_is_survived():
    with FakeServer() as server, snug(server, "lobby", cols=160) as t:
        server.begin()
        for text in ("", " lobby", " lobby op", " lobby op ann",
                     " lobby op ann \033[31m", " elsewhere op ann bob",
                     " lobby set", " lobby set ann =", " lobby set ann =default",
                     " lobby melt ann bob"):
            server.send("NOTICE rights" + text)
            server.send("NOTICE invited" + text)
        server.send("NOTICE invited - ann \033[31m")
        t.type("/room\r")
        tag = None
        while not tag or words[0] != "ROOM":
            if tag:
                server.answer(tag, "OK")
            tag, _, words = server.next()
        server.send(tag + " ROOM lobby private=yes odd =x slow= key=%s" % (
            "y" * 30))
        server.answer(tag, "OK")
        t.wait("private: only members know of it; odd; =x")


@test
def who_runs_the_server_announces_counts_and_shuts_out():
    with Lobby("--operators", "ann") as r:
        r.bob.type("/announce free cake\r")
        r.bob.wait("ANNOUNCE is for this server's operators")
        r.ann.type("/announce back in five minutes\r")
        r.bob.wait("the server announces: back in five minutes")
        r.ann.type("/stats\r")
        r.ann.wait("sessions ")
        r.ann.type("/deny 192.0.2.0/24 -1h noise\r")
        r.ann.wait("192.0.2.0/24 is shut out: /allow takes it back")
        r.ann.type("/allow 192.0.2.0/24\r")
        r.ann.wait("192.0.2.0/24 may connect again")
        r.ann.type("/kill bob enough\r")
        r.ann.wait("bob is gone from this server")
        r.bob.wait("enough")


run()
