# SPDX-License-Identifier: ISC
"""snug killed in the middle: no line that Enter was pressed on is lost, and
none comes twice."""

import stat

from stage import *


def mark_of(t, text):
    """The last column of the message's row; None where it is not shown."""
    for number, row in enumerate(t.screen()):
        if text in row:
            return t.cell(number, t.cols - 1)[0]
    return None


def home(server):
    return {"XDG_STATE_HOME": os.path.join(server.folder.path, "home")}


def outbox_of(server):
    folder = os.path.join(home(server)["XDG_STATE_HOME"], "snug", "outbox")
    names = [n for n in os.listdir(folder) if not n.endswith(".new")]
    equal(len(names), 1)
    return os.path.join(folder, names[0])


def kept(server):
    with open(outbox_of(server), encoding="utf-8") as f:
        return f.read()


def delivered(server, t, text):
    """Waits until the row has no mark and the file nothing unsettled."""
    def done(t):
        records = kept(server)
        return mark_of(t, "│ " + text) == " " and \
            records.count(" LINE ") == records.count("DONE ")
    t.until(done, "delivery of " + text)


def kill(t):
    t.signal(signal.SIGKILL)
    equal(t.exit(), ("signal", signal.SIGKILL))


def count(bob, text, last):
    """How often bob hears the text, until he has heard the last one."""
    n = 0
    while True:
        line = bob.next()
        n += line.endswith(" " + text)
        if line.endswith(" " + last):
            return n


def begin(server, resume=None, token="one", dedupe=300):
    """WELCOME and NICK, as a server that has resume answers them."""
    server.welcome("dedupe=%d resume=%s" % (dedupe, token))
    tag, attributes, words = server.expect("NICK")
    equal(attributes.get("resume"), resume)
    server.answer(tag, "OK " + words[1])


def answer_older(server):
    """A room that begins at a cursor asks for a page of what was before."""
    tag, attributes, _ = server.expect("HISTORY")
    check("before" in attributes, "history before the cursor")
    server.answer(tag, "OK end")


@test
def a_line_for_a_server_that_is_away_arrives_once_after_a_kill():
    with Snugd() as server:
        server.kill()
        with snug(server, "lobby", env=home(server)) as t:
            t.wait("offline")
            t.type("kept for later\r")
            t.until(lambda t: mark_of(t, "│ kept for later") == "o",
                    "the mark")
            kill(t)
        server.start()
        with Raw(server, "bob", "lobby") as bob, \
                snug(server, env=home(server)) as t:
            delivered(server, t, "kept for later")
            t.type("the end\r")
            equal(count(bob, "kept for later", "the end"), 1)


@test
def a_line_for_a_server_that_hangs_arrives_once_after_a_kill():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob:
        with snug(server, "lobby", env=home(server)) as t:
            t.wait("2 here")
            server.signal(signal.SIGSTOP)
            t.type("are you there?\r")
            t.until(lambda t: mark_of(t, "│ are you there?") == "o",
                    "the mark")
            kill(t)
        check("are you there?" in kept(server), "the line is on the disk")
        with snug(server, "lobby", env=home(server)) as t:
            t.until(lambda t: mark_of(t, "│ are you there?") == "o",
                    "the line is back")
            server.signal(signal.SIGCONT)
            delivered(server, t, "are you there?")
            t.type("the end\r")
            equal(count(bob, "are you there?", "the end"), 1)


@test
def kills_at_any_moment_lose_nothing_and_double_nothing():
    said = []
    with Snugd() as server, Raw(server, "bob", "lobby") as bob:
        for run in range(12):
            with snug(server, "lobby", env=home(server)) as t:
                t.wait("2 here")
                lines = ["line-%d-%d" % (run, n) for n in range(4)]
                t.type("\r".join(lines) + "\r")
                t.wait("│ " + lines[run % 4])
                kill(t)
                said += lines[:run % 4 + 1]
        with snug(server, "lobby", env=home(server)) as t:
            t.wait("2 here")
            t.type("the end\r")
            heard = []
            while not heard or heard[-1] != "the end":
                heard.append(bob.next().split(" ", 4)[-1])
        left = kept(server)
        for text in said:
            check(heard.count(text) <= 1, text + " came twice")
            check(text in heard or "LINE lobby " + text in left,
                  text + " is lost")


@test
def what_was_settled_does_not_come_back():
    with Snugd() as server:
        with snug(server, "lobby", env=home(server)) as t:
            t.wait("1 here")
            t.type("one\rtwo\r")
            delivered(server, t, "two")
            kill(t)
        with snug(server, "lobby", env=home(server)) as t:
            t.wait("│ two")
            equal(len([r for r in t.screen() if "│ two" in r]), 1)
            t.type("/quit\r")
            equal(t.exit(), ("exit", 0))
        check(" LINE " not in kept(server), "nothing is left in the file")


@test
def the_first_byte_is_written_after_the_line_is_kept():
    with FakeServer() as server, \
            snug(server, "lobby", env=home(server)) as t:
        server.begin()
        t.wait("2 here")
        t.type("hello\r")
        tag, attributes, _ = server.expect("SAY")
        text = kept(server)
        check("LINE lobby hello" in text, "the line")
        check("TRY " + attributes["cid"] in text, "its try")
        mode = os.stat(outbox_of(server)).st_mode
        equal(stat.S_IMODE(mode), 0o600)
        server.answer(tag, "OK 1800000000000-0")
        delivered(server, t, "hello")
        check("DONE " + attributes["cid"] in kept(server), "its end")


@test
def a_kill_before_the_answer_is_settled_by_the_replay():
    with FakeServer() as server:
        with snug(server, "lobby", env=home(server)) as t:
            begin(server)
            server.join()
            first = server.msg("before")
            t.wait("│ before")
            t.type("hello\r")
            _, attributes, _ = server.expect("SAY")
            kill(t)
        with snug(server, "lobby", env=home(server)) as t:
            begin(server, resume="one", token="two")
            tag, join, _ = server.expect("JOIN")
            equal(join.get("since"), first)
            server.send(tag + " NAMES lobby 2 ann bob")
            last = server.msg("hello", nick="ann", attributes=tag
                              + " @replay @cid=" + attributes["cid"] + " ")
            server.answer(tag, "OK " + last)
            delivered(server, t, "hello")
            t.type("next\r")
            answer_older(server)
            equal(server.expect("SAY")[2][2], "next")
            equal(len([r for r in t.screen() if "│ hello" in r]), 1)


@test
def a_kill_before_it_arrived_is_mended_under_the_same_cid():
    with FakeServer() as server:
        with snug(server, "lobby", env=home(server)) as t:
            begin(server)
            server.join()
            t.wait("2 here")
            t.type("hello\rworld\r")
            _, attributes, _ = server.expect("SAY")
            kill(t)
        with snug(server, env=home(server)) as t:
            begin(server, resume="one", token="two")
            server.join()
            tag, again, words = server.expect("SAY")
            equal((words[2], again["cid"]), ("hello", attributes["cid"]))
            server.answer(tag, "OK 1800000000000-0")
            tag, _, words = server.expect("SAY")
            equal(words[2], "world")
            server.answer(tag, "OK 1800000000001-0")
            delivered(server, t, "world")
        check("token=two" in kept(server), "who we are now")


@test
def a_line_of_another_sender_is_asked_about():
    with FakeServer() as server:
        with snug(server, "lobby", env=home(server)) as t:
            server.begin()
            t.wait("2 here")
            t.type("hello\rworld\r")
            server.expect("SAY")
            kill(t)
        with snug(server, "lobby", env=home(server)) as t:
            server.begin()
            # the one that was never written is said
            tag, _, words = server.expect("SAY")
            equal(words[2], "world")
            server.answer(tag, "OK 1800000000000-0")
            t.until(lambda t: mark_of(t, "│ hello") == "?", "the mark")
            t.until(lambda t: mark_of(t, "│ world") == " ", "delivery")
            t.until(lambda t: "DONE " in kept(server), "its end")
            kill(t)
        with snug(server, "lobby", env=home(server)) as t:
            server.begin()
            t.until(lambda t: mark_of(t, "│ hello") == "?", "it is kept")
            t.type("/discard\r")
            t.gone("│ hello")
        with snug(server, "lobby", env=home(server)) as t:
            server.begin()
            t.wait("2 here")
            check(not t.has("│ hello"), "it is gone for good")


def kill_while_flying(server):
    """A line is written, after a message, and snug killed; gives its cid."""
    with snug(server, "lobby", env=home(server)) as t:
        begin(server)
        server.join()
        server.msg("before")
        t.wait("│ before")
        t.type("hello\r")
        _, attributes, _ = server.expect("SAY")
        kill(t)
    return attributes["cid"]


@test
def after_the_dedupe_time_a_replay_without_a_gap_is_proof():
    with FakeServer() as server:
        cid = kill_while_flying(server)
        with snug(server, "lobby", env=home(server)) as t:
            begin(server, resume="one", token="two", dedupe=0)
            check("since" in server.join(), "from the cursor")
            tag, again, words = server.expect("SAY")
            equal((words[2], again["cid"]), ("hello", cid))
            server.answer(tag, "OK 1800000000000-0")
            delivered(server, t, "hello")


@test
def after_the_dedupe_time_a_gap_is_asked_about():
    with FakeServer() as server:
        kill_while_flying(server)
        with snug(server, "lobby", env=home(server)) as t:
            begin(server, resume="one", token="two", dedupe=0)
            tag, _, _ = server.expect("JOIN")
            server.send(tag + " NOTICE gap lobby")
            after = server.msg("after", attributes=tag + " @replay ")
            server.drop()  # and what came does not close the gap
            t.wait("│ after")
            t.wait("offline")
            t.type("\r")
            begin(server, resume="two", token="three", dedupe=0)
            equal(server.join().get("since"), after)
            t.until(lambda t: mark_of(t, "│ hello") == "?", "the mark")


@test
def a_failed_resume_is_not_taken_for_the_same_sender():
    with FakeServer() as server:
        with snug(server, "lobby", env=home(server)) as t:
            begin(server)
            server.join()
            t.wait("2 here")
            t.type("hello\r")
            server.expect("SAY")
            kill(t)
        with snug(server, "lobby", env=home(server)) as t:
            server.welcome("dedupe=300 resume=two")
            tag, attributes, _ = server.expect("NICK")
            equal(attributes.get("resume"), "one")
            server.answer(tag, "ERR nick-in-use no such session")
            tag, attributes, _ = server.expect("NICK")
            equal(attributes, {})
            server.answer(tag, "OK ann")
            server.join()
            t.until(lambda t: mark_of(t, "│ hello") == "?", "the mark")


def refuse_resume(server, code, token):
    """NICK with a token is refused for now; nothing else is said meanwhile,
    or the session could not be taken over any more."""
    tag, attributes, words = server.expect("NICK")
    equal((attributes.get("resume"), words[1]), (token, "ann"))
    server.send(tag + " @retry=100 ERR " + code + " try again")


def a_resume_is_tried_again(code):
    with FakeServer() as server, \
            snug(server, "lobby", env=home(server)) as t:
        begin(server)
        server.join()
        t.wait("2 here")
        t.type("hello\r")
        _, attributes, _ = server.expect("SAY")
        server.drop()
        t.wait("offline")
        t.type("\r")
        server.welcome("dedupe=300 resume=two")
        refuse_resume(server, code, "one")
        refuse_resume(server, code, "one")
        t.until(lambda t: mark_of(t, "│ hello") == "o", "it waits")
        tag, again, _ = server.expect("NICK")
        equal(again.get("resume"), "one")
        server.answer(tag, "OK ann")
        server.join()
        tag, again, words = server.expect("SAY")
        equal((words[2], again["cid"]), ("hello", attributes["cid"]))
        server.answer(tag, "OK 1800000000000-0")
        delivered(server, t, "hello")
        t.until(lambda t: "token=two" in kept(server), "who we are now")


@test
def a_resume_while_the_relay_is_away_is_tried_again():
    a_resume_is_tried_again("relay-down")


@test
def a_resume_with_an_unknown_outcome_is_tried_again():
    a_resume_is_tried_again("outcome-unknown")


@test
def a_resume_at_a_busy_server_is_tried_again():
    a_resume_is_tried_again("busy")


@test
def a_resume_that_was_cut_is_tried_with_both_tokens():
    """What it took over goes by the token of the session that did it."""
    with FakeServer() as server, \
            snug(server, "lobby", env=home(server)) as t:
        begin(server)
        server.join()
        t.wait("2 here")
        t.type("hello\r")
        _, attributes, _ = server.expect("SAY")
        for token in ("two", "three"):
            server.drop()
            t.wait("offline")
            t.type("\r")
            server.welcome("dedupe=300 resume=" + token)
            equal(server.expect("NICK")[1].get("resume"), "one")
        server.drop()
        t.wait("offline")
        t.type("\r")
        server.welcome("dedupe=300 resume=four")
        for token in ("one", "two"):
            tag, again, _ = server.expect("NICK")
            equal(again.get("resume"), token)
            server.answer(tag, "ERR no-such-nick that token is not good")
        tag, again, _ = server.expect("NICK")
        equal(again.get("resume"), "three")
        server.answer(tag, "OK ann")
        server.join()
        tag, again, words = server.expect("SAY")
        equal((words[2], again["cid"]), ("hello", attributes["cid"]))
        server.answer(tag, "OK 1800000000000-0")
        delivered(server, t, "hello")


@test
def a_room_joined_during_a_resume_waits_for_it():
    with FakeServer() as server, \
            snug(server, "lobby", env=home(server)) as t:
        begin(server)
        server.join()
        t.wait("2 here")
        server.drop()
        t.wait("offline")
        t.type("\r")
        server.welcome("dedupe=300 resume=two")
        refuse_resume(server, "relay-down", "one")
        t.type("/join dev\r")
        t.wait("[2 #dev]")
        tag, _, _ = server.expect("NICK")
        server.answer(tag, "OK ann")
        server.join()
        server.join("dev")


@test
def a_refused_line_stays_refused():
    with FakeServer() as server:
        with snug(server, "lobby", env=home(server)) as t:
            server.begin()
            t.wait("2 here")
            t.type("hello\r")
            tag, _, _ = server.expect("SAY")
            server.answer(tag, "ERR muted you are muted")
            t.until(lambda t: mark_of(t, "│ hello") == "x", "the mark")
            kill(t)
        with snug(server, "lobby", env=home(server)) as t:
            server.begin()
            t.wait("2 here")
            t.until(lambda t: mark_of(t, "│ hello") == "x", "the mark")
            t.type("/resend\r")
            equal(server.expect("SAY")[2][2], "hello")


@test
def a_line_to_a_person_is_kept():
    with FakeServer() as server:
        with snug(server, env=home(server)) as t:
            server.accept()
            t.wait("Welcome to snug")
            t.type("/msg @bob psst\r")
            t.until(lambda t: "@bob psst" in kept(server), "it is kept")
            kill(t)
        with snug(server, env=home(server)) as t:
            server.welcome()
            tag, _, words = server.expect("NICK")
            server.answer(tag, "OK " + words[1])
            tag, _, words = server.expect("HISTORY")
            equal(words[1], "@bob")
            server.answer(tag, "OK end")
            equal(server.expect("SAY")[2], ["SAY", "@bob", "psst"])


@test
def a_second_snug_says_that_it_has_no_outbox():
    with Snugd() as server, snug(server, "lobby", env=home(server)) as ann:
        ann.wait("1 here")
        with snug(server, "lobby", nick="bob", cols=160,
                  env=home(server)) as bob:
            bob.wait("another snug uses it")
            bob.type("hello\r")
            ann.wait("bob │ hello")


@test
def a_folder_others_may_enter_is_not_used():
    with Snugd() as server:
        folder = os.path.join(home(server)["XDG_STATE_HOME"], "snug", "outbox")
        os.makedirs(folder)
        os.chmod(folder, 0o755)
        with snug(server, "lobby", env=home(server), cols=160) as t:
            t.wait("chmod 700 it")
            t.type("hello\r")
            t.until(lambda t: mark_of(t, "│ hello") == " ", "delivery")
        equal(os.listdir(folder), [])


@test
def a_damaged_outbox_is_told_and_kept():
    with Snugd() as server:
        with snug(server, "lobby", env=home(server)) as t:
            t.wait("1 here")
        with open(outbox_of(server), "ab") as f:
            f.write(b"what is this\n")
        with snug(server, "lobby", env=home(server), cols=160) as t:
            t.wait("part of the outbox could not be read")
            t.wait("1 here")


run()
