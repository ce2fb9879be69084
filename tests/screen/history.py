# SPDX-License-Identifier: ISC
"""Scrolling, and the history that the server keeps."""

from stage import *


def fill(server, n):
    with Raw(server, "bob", "lobby") as bob:
        for i in range(1, n + 1):
            bob.say("SAY lobby line %d." % i)
        bob.wait("line %d." % n)


@test
def pages_scroll_and_the_end_comes_back():
    with Snugd() as server:
        fill(server, 60)
        with snug(server, "lobby") as t:
            t.wait("line 60.")
            t.press("pgup")
            t.wait("more below")
            t.gone("line 60.")
            t.press("pgdn")
            t.wait("line 60.")
            t.gone("more below")
            t.press("alt-home")
            t.wait("line 1.")
            t.press("alt-end")
            t.wait("line 60.")


@test
def older_messages_are_fetched_at_the_top():
    with Snugd() as server:
        fill(server, 300)
        with snug(server, "lobby", options=["--last", "50"]) as t:
            t.wait("line 300.")
            while not t.has("line 1."):
                before = t.screen()[1]
                t.press("pgup")
                # The page before may have come just now.
                t.until(lambda t: t.screen()[1] != before or t.has("line 1."),
                        "older lines")
            t.press("pgup")
            t.wait("where the server's history begins")
            numbers = [int(m) for row in t.screen()
                       for m in re.findall(r"line (\d+)\.", row)]
            equal(numbers, list(range(1, len(numbers) + 1)))


@test
def what_is_read_stays_in_place_when_more_comes():
    with Snugd() as server:
        fill(server, 60)
        with Raw(server, "carol", "lobby") as carol, \
                snug(server, "lobby") as t:
            t.wait("line 60.")
            t.press("pgup")
            t.gone("line 60.")
            t.wait("18 more below")
            before = [r for r in t.screen() if "line " in r]
            carol.say("SAY lobby news")
            t.wait("19 more below")
            equal([r for r in t.screen() if "line " in r], before)


@test
def what_is_read_stays_in_sight_when_the_size_changes():
    with Snugd() as server:
        fill(server, 60)
        with snug(server, "lobby") as t:
            t.wait("line 60.")
            t.press("pgup", "pgup")
            t.wait("line 20.")
            t.resize(24, 40)
            t.wait("line 20.")
            t.resize(40, 160)
            t.wait("line 20.")


run()
