"""Calls in a statement of MariaDB or MySQL, and catalogs: what they reach.

A call is a name before a bracket, whatever the parser takes it for; a sequence is also asked by
``seq.nextval``.  The decisions are data, in mysql_functions.txt and mysql_relations.txt.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Final

from acra_twisted.sql import lexer, mysqltokens, pgtable
from acra_twisted.sql.lexer import Token
from acra_twisted.sql.pgtable import Decisions
from acra_twisted.sql.tree import Parsed, Table

_ADMITTED: Final = (pgtable.HARMLESS, pgtable.TELLS)
#: Schemas of the server.
_OWN: Final = frozenset(("mysql", "information_schema", "performance_schema", "sys"))
#: Without their schema these are as likely an application's own tables.
_COMMON: Final = frozenset(("threads", "session"))
_NAMES: Final = (lexer.WORD, lexer.QUOTED)
#: Statements in which a call may be one of a function that somebody has written.
_CALLING: Final = frozenset(
    ("select", "insert", "replace", "update", "delete", "with", "do", "set", "values", "explain")
    + ("describe", "desc", "analyze", "(", "call", "show", "kill", "handler")
)
#: Words before a sequence's name that act as nextval(name) and lastval(name).
VALUES_OF_SEQUENCES: Final = (["next", "value", "for"], ["previous", "value", "for"])


@cache
def decisions() -> Decisions:
    """The project's table, read once."""
    folder = files(__package__ or "")
    return pgtable.read(
        (folder / "mysql_functions.txt").read_text(), (folder / "mysql_relations.txt").read_text()
    )


def note(parsed: Parsed, text: bytes, part: list[Token], relations: Iterable[str]) -> None:
    """Give a statement what its calls reach.  ``relations``: names that are not functions there."""
    words = [mysqltokens.word(text, token) for token in part]
    table, known = decisions(), frozenset(relations)
    tables, unknown = set(parsed.tables), set()
    calling = words[0] in _CALLING or "select" in words
    for place, (kind, _, _) in enumerate(part):
        behind = words[place + 1 : place + 2]
        if kind not in _NAMES:
            continue
        if words[place] in ("nextval", "currval") and words[place - 1 : place] == ["."]:
            tables |= _sequence_before(words, part, place - 1)
        if words[place : place + 3] in VALUES_OF_SEQUENCES:
            found = _relation(words, part, place + 3)
            tables |= {found} if found else set()
        if behind != ["("]:
            continue
        name = words[place]
        decision = table.worst(name)
        if decision is None:
            if calling and name not in known and name not in table.types:
                unknown.add(f"function {name}")
        elif decision.kind == pgtable.NAMES:
            found = _relation(words, part, place + 2)
            if found is None:
                parsed.opaque = f"function {name} {pgtable.REASONS[decision.kind]}"
            else:
                tables.add(found)
        elif decision.kind == pgtable.ACTS:
            parsed.apart = f"function {name} acts beyond tables"
        elif decision.kind not in _ADMITTED:
            parsed.opaque = f"function {name} {pgtable.REASONS[decision.kind]}"
    parsed.tables, parsed.unknown = frozenset(tables), frozenset(unknown)


def note_relations(parsed: Parsed) -> None:
    """Catalogs that show what tables hold, and those that are not known."""
    table = decisions()
    for schema, name in parsed.tables:
        if schema in _OWN:
            if name in table.statistics or not table.knows_relation(name):
                parsed.values = f"{schema}.{name} may show values of tables"
        elif not schema and name in table.statistics and name not in _COMMON:
            parsed.values = f"{name} may show values of tables"


def may_hide(name: str) -> bool:
    """Tell whether a word may be a function, or a catalog, that shows what the text does not
    name."""
    table = decisions()
    found = table.worst(name)
    return found is not None and found.kind not in _ADMITTED or name in table.statistics


def is_opaque(name: str) -> bool:
    """Tell whether a placeholder of a permission must not admit a call of this function."""
    found = decisions().worst(name)
    return found is not None and found.kind not in _ADMITTED


def _relation(words: Sequence[str], part: list[Token], place: int) -> Table | None:
    """The table that is named from a place on."""
    if place >= len(part) or part[place][0] not in _NAMES:
        return None
    if words[place + 1 : place + 2] == ["."] and part[place + 2 : place + 3]:
        return Table(words[place], words[place + 2])
    return Table("", words[place])


def _sequence_before(words: Sequence[str], part: list[Token], dot: int) -> set[Table]:
    """The name before a dot, with its schema."""
    if dot < 1 or part[dot - 1][0] not in _NAMES:
        return set()
    schema = words[dot - 3] if dot >= 3 and words[dot - 2] == "." else ""
    return {Table(schema, words[dot - 1])}
