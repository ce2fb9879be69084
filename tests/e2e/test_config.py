# SPDX-License-Identifier: ISC
"""Options and the configuration file: all or nothing, and errors that say
where."""
import os
import re
import subprocess

from snugtest import SNUGD, SRCDIR, Failed, run, test


def snugd(*options):
    """Runs snugd to its end; gives (status, standard output, error)."""
    p = subprocess.run([SNUGD, *options], capture_output=True, timeout=20,
                       text=True, check=False)
    return p.returncode, p.stdout, p.stderr


def write(w, text, name="snugd.conf"):
    path = w.path(name)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


def refused(w, text, *words):
    """The file is refused with these words, by a check and by a start."""
    path = write(w, text)
    for options in (["--check-config"], ["--listen", "127.0.0.1:0"]):
        status, _, said = snugd("--config", path, *options)
        if status != 2:
            raise Failed(f"status {status}: {said}")
        for word in (path, *words):
            if word not in said:
                raise Failed(f"{said!r} does not say {word!r}")


@test
def a_good_file_is_good(w):
    path = write(w, "[server]\nname = den\nlisten = 127.0.0.1:0\n\n"
                    "# a comment\n; another\n[rooms]\nhistory = 50\n"
                    "[limits]\nflood = off\nsend-buffer = 1M\nping = 2m\n")
    status, _, said = snugd("--check-config", "--config", path)
    if status:
        raise Failed(said)


@test
def the_file_is_used_and_the_command_line_wins(w):
    path = write(w, "[server]\nname = filed\nlisten = 127.0.0.1:0\n"
                    "[limits]\nmax-text = 100\nmax-line = 2000\n")
    for options, name in ((["--no-color"][:0], "filed"),
                          (["--name", "typed"], "typed")):
        p = w.program(SNUGD, "--config", path, "--secure=off", *options)
        address = p.wait_log(r"^ready (.*)$")[1]
        c = w.visitor(p, address=address)
        keys = c.welcome()
        if (keys["server"], keys["max-text"]) != (name, "100"):
            raise Failed(f"WELCOME says {keys}")


@test
def an_unknown_key_is_refused_with_its_line(w):
    refused(w, "[server]\nname = den\ncolour = red\n", ":3", "colour")


@test
def an_unknown_section_is_refused_with_its_line(w):
    refused(w, "[server]\nname = den\n[colours]\nred = 1\n", "colours")


@test
def a_key_in_the_wrong_section_is_refused(w):
    refused(w, "[rooms]\nname = den\n", ":2", "name")


@test
def values_that_do_not_fit_are_refused(w):
    for line in ("ping = soon", "ping = -1", "ping = 1y", "max-line = 12",
                 "max-line = 1e3", "conn-per-addr = many", "conn-per-addr =",
                 "flood = 1", "flood = 0/0", "conn-per-addr = 0",
                 "max-line = 99999999999999999999"):
        refused(w, f"[limits]\n{line}\n", ":2", line.split(" ", maxsplit=1)[0])


@test
def malformed_lines_are_refused(w):
    for text in ("[server\nname = den\n", "[server]\nname\n", "name = den\n",
                 "[server]\nname = den\n  indented = x\n",
                 "[server]\nmotd = " + "x" * 5000 + "\n"):
        refused(w, text)


@test
def a_file_that_was_asked_for_must_be_there(w):
    path = w.path("nowhere.conf")
    status, _, said = snugd("--check-config", "--config", path)
    if status != 2 or path not in said:
        raise Failed(f"status {status}: {said}")


@test
def bad_options_are_refused_and_named(w):
    for options, word in ((["--nosuch"], "nosuch"), (["--name"], "name"),
                          (["--ping", "soon"], "ping"), (["stray"], "stray"),
                          (["--plaintext", "maybe"], "plaintext"),
                          (["--listen", "nowhere:99999"], "99999"),
                          (["--name", "two words"], "two words"),
                          (["--max-text", "16384"], "max-text"),
                          (["--heartbeat", "9s"], "heartbeat")):
        status, _, said = snugd("--no-config", *options)
        if status != 2 or word not in said:
            raise Failed(f"{options}: status {status}: {said}")


@test
def a_redis_url_that_is_none_is_refused(_w):
    for url in ("http://localhost", "redis://", "unix://", "localhost:6379",
                "redis://h:99999", "redis://h/x"):
        status, _, said = snugd("--no-config", "--secure=off", "--listen",
                                "127.0.0.1:0", "--redis", url)
        if status not in (1, 2) or "redis" not in said:
            raise Failed(f"{url}: status {status}: {said}")


@test
def the_example_is_good_where_its_greeting_is_there(w):
    with open(os.path.join(SRCDIR, "contrib", "snugd.conf"),
              encoding="utf-8") as f:
        text = f.read()
    motd = write(w, "Be kind.\n", "motd")
    path = write(w, text.replace("/etc/snug/motd", motd))
    status, _, said = snugd("--check-config", "--config", path)
    if status:
        raise Failed(said)


@test
def help_and_version_are_printed(_w):
    status, out, _ = snugd("--help")
    if status or "--listen" not in out or "--redis" not in out:
        raise Failed(f"--help: {status} {out}")
    status, out, _ = snugd("--version")
    if status or "snugd" not in out:
        raise Failed(f"--version: {status} {out}")


@test
def the_sample_file_is_good_and_changes_nothing(w):
    status, sample, said = snugd("--print-config")
    if status or "[limits]" not in sample:
        raise Failed(f"--print-config: {status} {said}")
    path = write(w, sample)
    status, _, said = snugd("--check-config", "--config", path)
    if status:
        raise Failed(f"the sample is refused: {said}")
    # All keys with a default, their comment signs taken away.
    lines = []
    for line in sample.splitlines():
        bare = line.lstrip("#;")
        is_key = re.fullmatch(r"\s*[a-z-]+ = \S.*", bare)
        lines.append(bare.strip() if is_key else line)
    path = write(w, "\n".join(lines) + "\n")
    status, _, said = snugd("--check-config", "--config", path)
    if status:
        raise Failed(f"the sample, taken at its word, is refused: {said}")


run()
