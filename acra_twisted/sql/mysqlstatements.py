"""The reach of MariaDB's and MySQL's statements beyond the tables that their text names.

The decisions are data, in mysql_statements.txt beside this module.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

READ: Final = "read"
PLAIN: Final = "plain"
SHOWS: Final = "shows"
ACTS: Final = "acts"
CODE: Final = "code"
_KINDS: Final = (READ, PLAIN, SHOWS, ACTS, CODE)
_ENGINES, _OPTIONS, _SETTINGS = "engines", "options", "settings"
_WORDS: Final = 3
#: Between a verb and what it is about.
_BETWEEN: Final = frozenset(
    ("or", "replace", "temporary", "unique", "fulltext", "spatial", "aggregate", "online")
    + ("offline", "ignore", "full", "extended", "partitions", "local", "no_write_to_binlog")
    + ("if", "not", "exists", "sql")
)
#: As those, with a value behind them.
_VALUED: Final = frozenset(("definer", "algorithm", "security", "format"))
_BRIEF: Final = frozenset(
    ("create", "alter", "drop", "show", "explain", "describe", "desc", "flush")
)
_ENGINE_SETTINGS: Final = frozenset(
    ("storage_engine", "default_storage_engine", "default_tmp_storage_engine")
    + ("enforce_storage_engine",)
)
_ELSEWHERE: Final = "a storage engine that may keep the rows elsewhere"
_IN_CHECKS: Final = frozenset(("(", "and", "or", "not"))
#: Words before the name of a column.
_BEFORE_COLUMNS: Final = frozenset(
    ("column", "add", "change", "modify", "after", "drop", "alter", "set", "rename", "to", "by")
    + ("exists", ".")
)


class Statements:
    """The table."""

    def __init__(self, text: str) -> None:
        self._found: dict[str, set[str]] = {}
        section: set[str] = set()
        for line in text.splitlines():
            if line.startswith("["):
                section = self._found.setdefault(line.strip("[]"), set())
            elif line and line[0] != "#":
                section.add(line)

    def kind(self, words: Sequence[str]) -> str:
        """The decision on a statement that begins with these words; empty if there is none."""
        brief = _briefly(words)
        for count in range(min(_WORDS, len(brief)), 0, -1):
            start = " ".join(brief[:count])
            for kind in _KINDS:
                if start in self._found[kind]:
                    return kind
        return ""

    def storage(self, words: Sequence[str]) -> str:
        """Why CREATE or ALTER TABLE reaches what it does not name; empty if it does not."""
        depth = 0
        for place, word in enumerate(words):
            depth += (word == "(") - (word == ")")
            is_given = words[place + 1 : place + 2] == ["="]
            if word == "engine" and (is_given or not _is_column(words, place, depth > 0)):
                rest = _behind_equals(words, place)
                if rest and rest[0] not in self._found[_ENGINES]:
                    return _ELSEWHERE
            pair = " ".join(words[place : place + 2])
            if pair in self._found[_OPTIONS] or (
                is_given and word in self._found[_OPTIONS] and words[place - 1] not in _IN_CHECKS
            ):
                return "an option that says where the rows are"
        return ""

    def settings(self, words: Sequence[str]) -> str:
        """Why SET reaches what it does not name; empty if it does not."""
        for place, word in enumerate(words):
            name = word.lstrip("@").rpartition(".")[2].strip("`")
            if name in self._found[_SETTINGS]:
                return "a setting that is SQL, or a file for texts of statements"
            rest = _behind_equals(words, place)
            if name in _ENGINE_SETTINGS and rest and rest[0] not in self._found[_ENGINES]:
                return _ELSEWHERE
        return ""


def merged(words: Sequence[str]) -> Iterable[int]:
    """Places of the first name within each UNION = (a, b), which are tables of their own."""
    for place, word in enumerate(words):
        if word == "union" and words[place + 1 : place + 3] == ["=", "("]:
            yield place + 3
        elif word == "union" and words[place + 1 : place + 2] == ["("]:
            yield place + 2


def _briefly(words: Sequence[str]) -> list[str]:
    """The first words that tell what a statement is."""
    if not words or words[0] not in _BRIEF:
        return list(words[:_WORDS])
    found = [words[0]]
    place = 1
    while place < len(words) and len(found) < _WORDS:
        word = words[place]
        place += 1
        if word in _VALUED and len(found) == 1:
            place += words[place : place + 1] == ["="]
            place += 1
            while place < len(words) and words[place][:1] in ("@", "(", ")"):
                place += 1
        elif word not in _BETWEEN or len(found) > 1:
            found.append(word)
    return found


def _is_column(words: Sequence[str], place: int, in_brackets: bool) -> bool:
    """Tell whether a word without an equals sign behind it is a column's name."""
    before = words[place - 1] if place else ""
    if in_brackets and before in ("(", ","):
        return True
    return before in _BEFORE_COLUMNS or words[place - 2 : place - 1] == ["change"]


def _behind_equals(words: Sequence[str], place: int) -> list[str]:
    """The word that is given to the one at a place, if there is one."""
    place += 1
    if words[place : place + 1] in (["="], [":="]):
        place += 1
    return [word.strip("'\"").lower() for word in words[place : place + 1]]


@cache
def statements() -> Statements:
    """The project's table, read once."""
    return Statements((files(__package__ or "") / "mysql_statements.txt").read_text())
