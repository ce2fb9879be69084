# SPDX-License-Identifier: ISC
"""The screen at every size: nothing leaves its columns, nothing crashes."""

from stage import *


def columns_of(t, char):
    """Where the character stands, by row."""
    return [{i for i, c in enumerate(cells(t, r)) if c == char}
            for r in range(t.rows)]


def cells(t, row):
    """A row's cells, one entry a column; a wide one's right half is ''."""
    return [t.cell(row, c)[0] for c in range(t.cols)]


def fill(server, raw, n=40):
    for i in range(n):
        raw.say("SAY lobby message number %d, long enough to be wrapped on "
                "a narrow screen, 日本語 too" % i)
    raw.wait("number %d," % (n - 1))


@test
def every_size_from_1x1_shows_a_screen():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby") as t:
        t.wait("2 here")
        fill(server, bob)
        t.wait("number 39")
        for rows, cols in [(1, 1), (1, 2), (2, 1), (2, 2), (3, 5), (5, 10),
                           (8, 20), (11, 39), (12, 40), (24, 59), (24, 60),
                           (24, 80), (30, 99), (30, 100), (40, 139),
                           (40, 140), (50, 160), (60, 200), (1, 200),
                           (60, 1), (24, 80)]:
            t.resize(rows, cols)
            bob.say("SAY lobby still here at %d" % (rows * 1000 + cols))
            bob.wait("still here at %d" % (rows * 1000 + cols))
        t.wait("still here at 24080")
        t.wait("#lobby>")


@test
def a_screen_may_begin_as_small_as_can_be():
    with Snugd() as server, snug(server, "lobby", rows=1, cols=1) as t:
        t.resize(24, 80)
        t.wait("1 here")


@test
def a_wide_screen_has_lists_and_straight_rules():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby", "dev", rows=30, cols=160) as t:
        t.wait("2 here")
        fill(server, bob)
        t.wait("number 39")
        t.wait("2 #dev")
        t.wait("│ bob")
        for row in range(1, 27):
            line = cells(t, row)
            equal((line[18], line[143]), ("│", "│"))


@test
def a_medium_screen_has_a_nick_column():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby", cols=80) as t:
        t.wait("2 here")
        fill(server, bob)
        t.wait("number 39")
        rules = [c for row, c in enumerate(columns_of(t, "│"))
                 if 2 <= row <= 20 and c]
        check(len(rules) > 10, "rules are drawn")
        check(all(c == rules[0] for c in rules), "in one column: %r" % rules)


@test
def a_narrow_screen_has_time_and_nick_in_line():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby", rows=20, cols=40) as t:
        t.wait("2 here")
        bob.say("SAY lobby the quick brown fox jumps over the lazy dog")
        t.wait("  over the lazy dog")
        row = row_with(t, "bob: the quick")
        check(re.match(r"  \w", t.screen()[row + 1]), "hanging indent")


@test
def rules_are_drawn_as_one_likes():
    for how, rule in (("ascii", "|"), ("none", " ")):
        with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
                snug(server, "lobby", options=["--borders", how]) as t:
            t.wait("2 here")
            bob.say("SAY lobby hello")
            t.wait("bob %s hello" % rule)
            check(not any("│" in row for row in t.screen()), how)


@test
def a_low_screen_keeps_messages_and_input():
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby", rows=4, cols=80) as t:
        t.wait("#lobby>")
        t.type("ready\r")
        bob.wait("ann ready")
        bob.say("SAY lobby hello low screen")
        t.wait("hello low screen")


@test
def lists_lie_over_the_messages_where_there_is_no_room():
    with Snugd() as server, Raw(server, "bob", "lobby"), \
            snug(server, "lobby", "dev") as t:
        t.wait("2 here")
        t.press("f7")
        t.wait("│> 1 #lobby")
        t.press("esc")
        t.gone("│> 1 #lobby")
        t.press("f8")
        t.wait("│ ann")
        t.wait("│ bob")
        t.press("f8")
        t.gone("│ bob")


@test
def wide_characters_and_emoji_stay_in_their_columns():
    texts = ["日本語のテキスト", "한국어", "e\u0301a\u0300 combining",
             "👩‍👩‍👧‍👦 family", "👍🏽 thumb", "🇩🇪 flag", "❤️ heart",
             "العربية", "עברית", "नमस्ते", "1️⃣ keycap", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢"]
    with Snugd() as server, Raw(server, "bob", "lobby") as bob, \
            snug(server, "lobby", rows=30, cols=160) as t:
        t.wait("2 here")
        for i, text in enumerate(texts):
            bob.say("SAY lobby %s %s end%d" % (text, text, i))
        t.wait("end%d" % (len(texts) - 1))
        for row in range(1, 27):
            line = cells(t, row)
            equal((line[18], line[143]), ("│", "│"))


@test
def the_input_grows_and_keeps_its_cursor():
    with Snugd() as server, snug(server, "lobby") as t:
        t.wait("1 here")
        t.type("日本")
        t.wait("> 日本")
        equal(t.cursor()[:2], (23, 8 + 4))
        t.press("left")
        t.until(lambda t: t.cursor()[:2] == (23, 8 + 2), "the cursor to move")
        t.press("end")
        t.type("x" * 100)
        t.until(lambda t: t.screen()[22].startswith("#lobby> "),
                "a second row of input")
        t.press("ctrl-u")
        t.until(lambda t: t.screen()[23] == "#lobby>", "one row again")


run()
