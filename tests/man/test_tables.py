# SPDX-License-Identifier: ISC
"""The tables that snugd works by, beside the pages of the manual: each command,
attribute, option and code has its place in the right page, with what the table
says of it, and the pages list nothing that the tables lack."""
import os
import re
import subprocess
import sys

SRCDIR = os.environ.get("SNUG_SRCDIR") or os.path.abspath(
    os.path.join(os.path.dirname(__file__), "..", ".."))
BUILDDIR = os.environ.get("SNUG_BUILDDIR") or os.path.join(SRCDIR, "build")
SNUGD = os.path.join(BUILDDIR, "snugd")

# Said in the protocol and in the code, for what later servers will do: the
# page names them as reserved and no more.
RESERVED = ("are reserved for what later servers",)


def table(which):
    """Rows of columns."""
    out = subprocess.run([SNUGD, "--print-tables", which], check=True,
                         capture_output=True, text=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def page(name):
    with open(os.path.join(SRCDIR, "man", name), encoding="utf-8") as f:
        return f.read()


def section(text, title):
    """What stands under .Sh or .Ss title, up to the next one of its kind or
    above."""
    start = re.search(rf"^\.S([hs]) {re.escape(title)}$", text, re.MULTILINE)
    if not start:
        return ""
    stop = r"^\.Sh " if start[1] == "h" else r"^\.S[hs] "
    rest = text[start.end():]
    end = re.search(stop, rest, re.MULTILINE)
    return rest[:end.start()] if end else rest


def items(text, macro):
    """{word: what is said of it} of the list items that begin with a macro."""
    out = {}
    parts = re.split(r"^(\.It .*)$", text, flags=re.MULTILINE)
    for head, body in zip(parts[1::2], parts[2::2]):
        found = re.match(rf"\.It {macro} (\S+)", head)
        if found:
            out[found[1]] = head + body
    return out


def same(listed, known, where):
    """Complaints about the difference of two sets."""
    listed, known = set(listed), set(known)
    return [f"{x} is not in {where}" for x in sorted(known - listed)] + [
        f"{where} has {x}, which is not in the table"
        for x in sorted(listed - known)]


def commands():
    listed = items(section(page("snug.7"), "COMMANDS"), "Ic")
    return same(listed, [row[0] for row in table("commands")],
                "snug(7), COMMANDS")


def attributes():
    said = items(section(page("snug.7"), "ATTRIBUTES"), "Va")
    listed = {x[1:] for x in said}
    # The server's own: not in the table of what commands take.
    sent = {"auth", "replay", "retry"}
    for name in sent:
        if f"@{name}" not in said:
            return [f"@{name} is not in snug(7), ATTRIBUTES"]
    return same(listed - sent, [row[0] for row in table("attributes")],
                "snug(7), ATTRIBUTES")


def attributes_with_their_commands():
    text = section(page("snug.7"), "COMMANDS")
    out = []
    for row in table("commands"):
        said = items(text, "Ic").get(row[0], "")
        for name in re.findall(r"@([a-z-]+)", row[2]):
            if f"@{name}" not in said:
                out.append(f"snug(7) does not name @{name} with {row[0]}")
    return out


def costs():
    text = section(page("snugd.8"), "Flood control")
    listed = dict(re.findall(r"^\.It ([A-Z]+) Ta (\d+)$", text, re.MULTILINE))
    known = {row[0]: row[1] for row in table("commands")}
    return same(listed, known, "snugd(8), Flood control") + [
        f"{x} costs {known[x]}, snugd(8) says {listed[x]}"
        for x in sorted(set(known) & set(listed)) if known[x] != listed[x]]


def penalties():
    text = section(page("snugd.8"), "Penalties")
    listed = set(re.findall(r"^\.It (\w+ Ta \d+ s Ta .*)$", text,
                            re.MULTILINE))
    return same(listed, [" Ta ".join(row) for row in table("penalties")],
                "snugd(8), Penalties")


def codes(which, title):
    text = section(page("snug.7"), title)
    listed = set(items(text, "Sy"))
    for words in RESERVED:
        if words in text:
            listed |= set(re.findall(r"[a-z]+(?:-[a-z]+)+|[a-z]+",
                                     reserved(text, words)))
    return same(listed, [row[0] for row in table(which)], f"snug(7), {title}")


def reserved(text, words):
    """The codes named by the lines of .Sy behind the sentence."""
    rest = text[text.index(words):]
    return "\n".join(re.findall(r"^\.Sy (.*)$", rest, re.MULTILINE))


def errors():
    return codes("errors", "ERROR CODES")


def byes():
    return codes("byes", "ENDINGS")


def notices():
    return codes("notices", "NOTICES")


def reserved_nicks():
    """The list behind "These nicks" in People."""
    text = section(page("snug.7"), "People").split("refused to everybody:")[-1]
    listed = re.findall(r"^\.Sy (\S+)", text, re.MULTILINE)
    return same(listed, [row[0] for row in table("reserved")],
                "snug(7), People")


def options():
    """(name, section, type, default, help), what only the command line has
    apart from what a file may say."""
    rows = table("options")
    blank = ("", "-")
    return ([r for r in rows if r[1] in blank],
            [r for r in rows if r[1] not in blank])


def command_line_options():
    text = page("snugd.8")
    listed = set(re.findall(r"^\.It Fl (?:\w , )?-([a-z-]+)", text,
                            re.MULTILINE))
    alone, filed = options()
    keys = {row[0] for row in filed}
    return same(listed - keys, [row[0] for row in alone], "snugd(8)")


def letters():
    """Options with a letter are shown with it."""
    said = subprocess.run([SNUGD, "--help"], check=True, capture_output=True,
                          text=True).stdout
    text = page("snugd.8")
    pairs = set(re.findall(r"^ +-(\w), --([a-z-]+)", said, re.MULTILINE))
    shown = set(re.findall(r"^\.It Fl (\w) , -([a-z-]+)", text, re.MULTILINE))
    return same({f"-{a} --{b}" for a, b in shown},
                {f"-{a} --{b}" for a, b in pairs}, "snugd(8)")


def keys_of_the_file():
    text = page("snugd.conf.5")
    out = []
    _, filed = options()
    for name in sorted({row[1] for row in filed}):
        listed = items(section(text, f"[{name}]"), "Ic")
        out += same(listed, [r[0] for r in filed if r[1] == name],
                    f"snugd.conf(5), [{name}]")
    return out


def defaults():
    text = page("snugd.conf.5")
    out = []
    _, filed = options()
    for name, where, _, default, *_ in filed:
        said = items(section(text, f"[{where}]"), "Ic").get(name, "")
        found = re.search(r"^Default:\n\.Ql (.*?) ?\.?$", said, re.MULTILINE)
        none = "\nDefault: none" in said
        if default in ("", "-"):
            if not none:
                out.append(f"{name} has no default, snugd.conf(5) gives one")
        elif not found or found[1] != default:
            out.append(f"{name}: the default is {default}, snugd.conf(5) says "
                       f"{found[1] if found else 'nothing'}")
    return out


def reloads():
    """Each key says whether a reload changes it."""
    text = page("snugd.conf.5")
    _, filed = options()
    out = []
    for name, where, *_, when in filed:
        said = items(section(text, f"[{where}]"), "Ic").get(name, "")
        head = said.split("\n")[0]
        if not head.endswith(f" Pq {when}"):
            out.append(f"{name} is {when}, snugd.conf(5) says: {head}")
    return out


def proofs():
    """The tests that snugd(8) names are there."""
    text = section(page("snugd.8"), "GUARANTEES")
    named = re.findall(r"^\.Pa (tests/\S+)", text, re.MULTILINE)
    out = [f"snugd(8) names {x}, which is not there" for x in named
           if not os.path.exists(os.path.join(SRCDIR, x))]
    return out if named else ["snugd(8) names no tests"]


TESTS = [
    ("snug(7) lists the commands", commands),
    ("snug(7) lists the attributes", attributes),
    ("snug(7) names attributes with their commands",
     attributes_with_their_commands),
    ("snug(7) lists the error codes", errors),
    ("snug(7) lists the codes of BYE", byes),
    ("snug(7) lists the codes of NOTICE", notices),
    ("snug(7) lists the nicks that are reserved", reserved_nicks),
    ("snugd(8) says what commands cost", costs),
    ("snugd(8) says what failures cost", penalties),
    ("snugd(8) lists the options of the command line", command_line_options),
    ("snugd(8) shows the letters of options", letters),
    ("snugd(8) names tests that are there", proofs),
    ("snugd.conf(5) lists the keys of each section", keys_of_the_file),
    ("snugd.conf(5) gives the defaults", defaults),
    ("snugd.conf(5) says what a reload changes", reloads),
]


def main():
    print(f"1..{len(TESTS)}")
    failed = 0
    for n, (title, function) in enumerate(TESTS, 1):
        complaints = function()
        failed += bool(complaints)
        print(f"{'not ok' if complaints else 'ok'} {n} - {title}")
        for line in complaints:
            print(f"# {line}")
    sys.exit(1 if failed else 0)


main()
