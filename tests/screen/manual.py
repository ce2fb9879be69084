# SPDX-License-Identifier: ISC
"""snug's tables beside its manual: commands, keys and options are each in the
page, as the table has them, and the page has no others."""

from stage import *

SOURCE = os.environ.get("SNUG_SRCDIR") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")


def table(which):
    out = subprocess.run([program("snug"), "--print-tables", which],
                         check=True, capture_output=True, text=True).stdout
    return [line.split("\t") for line in out.splitlines()]


def part(page, title):
    """What stands under a section or subsection."""
    with open(os.path.join(SOURCE, "man", page), encoding="utf-8") as f:
        text = f.read()
    start = re.search(r"^\.S[hs] %s$" % re.escape(title), text, re.M)
    check(start, "%s has no %s" % (page, title))
    rest = text[start.end():]
    end = re.search(r"^\.S[hs] ", rest, re.M)
    return rest[:end.start()] if end else rest


def items(text):
    """(head, body) of each list item."""
    parts = re.split(r"^\.It (.*)$", text, flags=re.M)
    return list(zip(parts[1::2], parts[2::2]))


@test
def every_command_and_alias_is_in_the_manual():
    listed = {head.split()[1][1:]: body
              for head, body in items(part("snug.1", "Commands"))}
    known = {row[0]: row[1].split() for row in table("commands")}
    equal(set(listed), set(known))
    for name, aliases in known.items():
        said = re.findall(r"^\.Ic /(\S+)", listed[name].replace("\\&", ""),
                          re.M)
        said = [word for word in said if word not in known]
        equal(said, aliases)


@test
def every_key_is_in_the_manual():
    listed = []
    for head, _ in items(part("snug.1", "Keys")):
        listed += head.replace("Sy ", "", 1).replace("\\(ga", "`").split(", ")
    equal(listed, [row[0] for row in table("keys")])


@test
def every_option_is_in_the_manual():
    page = part("snug.1", "Options")
    heads = " ".join(head for head, _ in items(page))
    for section, name, default, _ in table("options"):
        if section:
            check(re.search(r"^\.Fl .*-%s\b" % name, page, re.M),
                  name + " is not named in snug(1)")
        else:
            check("Fl -%s" % name in heads, name + " is not in snug(1)")
            check(default in page, name + " has another default")


@test
def every_key_of_the_file_is_in_its_page():
    sections = {row[0] for row in table("options") if row[0]}
    for section in sections:
        listed = {head.split()[1]: body for head, body in
                  items(part("snug.conf.5", "[%s]" % section))}
        known = {row[1]: row[2] for row in table("options")
                 if row[0] == section}
        equal(set(listed), set(known))
        for name, default in known.items():
            check(default in listed[name], name + " has another default")


@test
def the_sample_file_is_a_good_one():
    folder = Folder()
    path = os.path.join(folder.path, "snug.conf")
    sample = subprocess.run([program("snug"), "--print-config"], check=True,
                            capture_output=True, text=True).stdout
    for text in (sample, "[start]\nserver = h:1\nnick = ann\nrooms = a b\n"
                 "[look]\nborders = ascii\n"):
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        p = subprocess.run([program("snug"), "--config", path, "--version"],
                           capture_output=True, text=True)
        equal((p.returncode, p.stderr), (0, ""))
    with open(path, "w", encoding="utf-8") as f:
        f.write("[look]\nborders = round\n")
    p = subprocess.run([program("snug"), "--config", path, "--version"],
                       capture_output=True, text=True)
    equal(p.returncode, 2)
    check("snug.conf:2" in p.stderr or "line 2" in p.stderr, p.stderr)
    folder.remove()


run()
