"""PostgreSQL's types, as far as it matters where in a value something may stand.

The text of a type with a syntax, and a binary value that holds others, have to be understood before
anything in them is changed; see `wire.postgres.nested`.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from acra_twisted.crypto import cells
from acra_twisted.crypto.cells import Sighting
from acra_twisted.results import LINES, STREAM, TUPLES, Columns
from acra_twisted.wire.postgres import nested

#: Types whose text is never a container: numbers, dates, booleans, UUIDs.
_PLAIN_TYPES: Final = frozenset(
    (16, 18, 20, 21, 23, 26, 28, 700, 701, 790, 1082, 1083, 1114, 1184, 1186, 1266, 1700, 2950)
)


class PostgresqlValues:
    """The `results.Values` of PostgreSQL's columns."""

    __slots__ = ()

    def can_hold(self, columns: Columns) -> bool:
        """See Values."""
        return any(kind not in _PLAIN_TYPES for kind in columns.types)

    def is_laborious(self, columns: Columns) -> bool:
        """See Values: tuples and binary values are taken apart."""
        if columns.layout:
            return columns.layout == TUPLES
        for kind, form in zip(columns.types, columns.formats, strict=True):
            if form and kind not in nested.TEXTS and kind not in _PLAIN_TYPES:
                return True
        return False

    def find(self, columns: Columns, column: int, value: bytes) -> list[Sighting]:
        """See Values."""
        if columns.layout:
            return _find_copied(columns.layout, value)
        oid = columns.types[column]
        if not columns.formats[column]:
            found = cells.find(value, False, oid in nested.SYNTAXES)
            if 0 < oid < nested.OWN_TYPES:
                return found
            # It may be text with a syntax.
            return [
                one if one.form == cells.HEX or cells.fills(one, value) else cells.unusual(one)
                for one in found
            ]
        found = cells.find(value, True, oid in nested.SYNTAXES)
        if not found or (oid in nested.TEXTS and oid != nested.BYTEA):
            return found
        if oid == nested.BYTEA and not nested.is_structure(value):
            # Nothing in it counts bytes.
            return found
        concerns = partial(cells.concerns, value)
        return cells.place(value, found, nested.leaves(value, 0, len(value), oid, concerns))


def _find_copied(layout: str, value: bytes) -> list[Sighting]:
    found = cells.find(value)
    if layout == LINES:
        # Digits are digits in whatever quotes.
        return [one if one.form == cells.HEX else cells.unusual(one) for one in found]
    if layout == TUPLES and found:
        concerns = partial(cells.concerns, value)
        return cells.place(value, found, nested.inside(value, nested.copied(value), concerns))
    return [cells.unusual(one) for one in found]


VALUES: Final = PostgresqlValues()
#: The column of a message that is no row: its body.
ANYTHING: Final = Columns([b""], [0], [0], [0], STREAM, values=VALUES)
