"""Commands in a shell's text, and what our programs can be called with."""

from __future__ import annotations

import configparser
import contextlib
import functools
import importlib
import io
import re
import shlex
from pathlib import Path

from acra_twisted.connector.tap import Options as ConnectorOptions
from acra_twisted.errors import KeyStoreError
from acra_twisted.server.tap import Options as ServerOptions

TOP = Path(__file__).parents[2]
DAEMONS = {"acra-server": ServerOptions, "acra-connector": ConnectorOptions}
#: What may stand before a command's name.
_BEFORE = {"$", "if", "then", "do", "else", "while", "until", "!", "sudo", "exec", "nice", "time"}
#: What runs nothing by itself.
_CONTROL = {"for", "case", "done", "fi", "esac"}
_ASSIGNED = re.compile(r"^\w+=")
_FLAG = re.compile(r"(?<![\w-])--?([A-Za-z][\w-]*)")


@functools.cache
def scripts() -> dict[str, str]:
    """Our console scripts, each with its module and function."""
    parser = configparser.ConfigParser()
    parser.read(TOP / "setup.cfg")
    lines = parser["options.entry_points"]["console_scripts"].strip().splitlines()
    pairs = (line.partition("=") for line in lines)
    return {name.strip(): place.strip() for name, _, place in pairs}


@functools.cache
def help_of(*words: str) -> str:
    """Return the ``--help`` of a program or of one of its commands; empty for a command that is
    refused by its name.  Raises ConfigError for an unknown one."""
    name, *rest = words
    output = io.StringIO()
    with contextlib.redirect_stdout(output), contextlib.suppress(SystemExit, KeyStoreError):
        if name in DAEMONS:
            options = DAEMONS[name]()
            options.output = output
            options.parseOptions(["--help"])
        else:
            module = importlib.import_module(scripts()[name].partition(":")[0])
            module.main([*rest, "--help"], {}, output)
    return output.getvalue()


def flags_of(*words: str) -> set[str]:
    """The flags in that text, and those that every program has."""
    return set(_FLAG.findall(help_of(*words))) | {"help", "version"}


def commands(text: str) -> list[list[str]]:
    """The simple commands of a text, each a list of words.  Here-documents are left out."""
    text = re.sub(r"<<-?\s*'?(\w+)'?(.*)\n(?:.*\n)*?\s*\1\n", r"\2\n", text)
    text = re.sub(r"\\\n", " ", text)
    found = []
    for line in text.split("\n"):
        line = line.strip()
        if line and not line.startswith("#"):
            found += _of_line(line)
    return found


def _of_line(line: str) -> list[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars=";|&()<>")
    lexer.whitespace_split = True
    lexer.commenters = "#"
    words = list(lexer)
    found: list[list[str]] = [[]]
    for word in words:
        if word and set(word) <= set(";|&()"):
            found.append([])
            continue
        # A command within a word: $(name ...), also in quotes.
        for inner in re.findall(r"\$\(([^()]*)\)", word):
            found[:0] = _of_line(inner)
        if not found[-1] and (word in _BEFORE or _ASSIGNED.match(word) or word.endswith("$")):
            continue
        found[-1].append(word)
    return [command for command in found if command and command[0] not in _CONTROL]
