"""Writes the lists of columns that a statement leaves out into the text that is sent.

A table may have been made anew past AcraServer with its columns in another order: by position its
values would go to other columns than the planner takes them for, and by name they cannot.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption import refusals
from acra_twisted.encryption.postgresql.analysis import Analysis
from acra_twisted.encryption.postgresql.ranges import relation_of
from acra_twisted.encryption.postgresql.scopes import Scope
from acra_twisted.encryption.postgresql.syntax import Fields, Text, node, strings
from acra_twisted.encryption.refusals import refused

#: The words behind the table of an INSERT or COPY without a list.
_BEHIND: Final = (b"values", b"select", b"table", b"with", b"(", b"overriding", b"from", b"to")

#: Clauses of queries by which a table may be another, or ``*`` may be written anew.
_APART: Final = frozenset(("withClause", "distinctClause", "groupClause"))


def behind_table(analysis: Analysis, table: Fields, names: Sequence[str]) -> None:
    """Write the columns behind the RangeVar of an INSERT or COPY.  Raises StatementRefusedError if
    the end of its name cannot be told."""
    text = analysis.text
    place = text.place(table.get("location", 0))
    while text.shown(place + 1) == b".":
        place += 2
    if "alias" in table:
        place += 2
    if place < 0 or text.shown(place + 1) not in _BEHIND:
        raise _unknown()
    _write(analysis, place, names)


def in_merge(
    analysis: Analysis, table: Fields, inserts: Sequence[tuple[bool, Sequence[str]]]
) -> None:
    """Write the columns of each INSERT of a MERGE into ``table``, in their order: whether it lacks
    a list, and the columns of its values.  Raises StatementRefusedError if they cannot be told from
    other words."""
    if not any(lacks and names for lacks, names in inserts):
        return
    places = _merged(analysis.text, analysis.text.place(table.get("location", 0)))
    if len(places) != len(inserts):
        raise _unknown()
    for place, (lacks, names) in zip(places, inserts, strict=True):
        if lacks and names:
            _write(analysis, place, names)


def in_place_of_star(analysis: Analysis, query: Fields, scope: Scope) -> None:
    """Write the columns of a table in the place of ``*`` in a query of that table alone, whose
    columns are told by their order."""
    tables, targets = query.get("fromClause", ()), query.get("targetList", ())
    if len(tables) != 1 or len(targets) != 1 or not query.keys().isdisjoint(_APART):
        return
    kind, table = node(tables[0])
    _, column = node(node(targets[0])[1].get("val"))
    is_named = "schemaname" in table or table.get("relname") not in scope.tables
    place = analysis.text.place(column.get("location", -1))
    if kind != "RangeVar" or not is_named or "colnames" in table.get("alias", {}):
        return
    relation = relation_of(analysis, table)
    if relation is None or strings(column.get("fields")) != ["*"] or place < 0:
        return
    _, start, end = analysis.text.tokens[place]
    if analysis.text.shown(place) == b"*" and relation.attributes:
        names = b", ".join(quoted(one.name) for one in relation.attributes)
        analysis.edit(start, end, names)


def quoted(name: str) -> bytes:
    """A name as SQL has it, whatever the encoding of the session is."""
    if name.isascii():
        return b'"' + name.replace('"', '""').encode() + b'"'
    marks = "".join(one if one.isascii() else f"\\+{ord(one):06x}" for one in _doubled(name))
    return b'U&"' + marks.encode() + b'"'


def _doubled(name: str) -> str:
    return name.replace("\\", "\\\\").replace('"', '""')


def _write(analysis: Analysis, place: int, names: Sequence[str]) -> None:
    end = analysis.text.tokens[place][2]
    analysis.edit(end, end, b" (" + b", ".join(map(quoted, names)) + b")")


def _merged(text: Text, place: int) -> list[int]:
    """The numbers of the words INSERT behind THEN, outside of brackets."""
    found: list[int] = []
    depth = 0
    while 0 <= place < len(text.tokens) and depth >= 0:
        shown = text.shown(place)
        depth += (shown in (b"(", b"[")) - (shown in (b")", b"]"))
        if shown == b";":
            break
        if not depth and shown == b"insert" and text.shown(place - 1) == b"then":
            found.append(place)
        place += 1
    return found


def _unknown() -> refusals.StatementRefusedError:
    return refused(
        refusals.UNPARSABLE,
        None,
        "is written by the order of its table's columns, in a form that is not known",
        "name the columns",
    )
