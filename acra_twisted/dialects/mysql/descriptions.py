"""Columns made of definitions, kept by their bytes, because the same ones recur.

All sessions of a daemon share one bounded cache.  A hit is one dict lookup instead of reading each
column, and none if the last definitions were the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acra_twisted.cache import GenerationCache
from acra_twisted.dialects.mysql.values import VALUES
from acra_twisted.fast.littleendian import uint24
from acra_twisted.results import Columns
from acra_twisted.wire.mysql import columndefinitions
from acra_twisted.wire.mysql.frames import HEADER_SIZE, packets

if TYPE_CHECKING:
    from mypy_extensions import i64

_ENTRIES: Final = 1024
_BYTES: Final = 1 << 20


class Descriptions:
    """One of each daemon's for each form of definitions: with MariaDB's extended metadata and
    without."""

    __slots__ = ("_extended", "_columns", "_last_definitions", "_last_columns")

    def __init__(self, extended: bool) -> None:
        self._extended = extended
        self._columns: GenerationCache[bytes, Columns] = GenerationCache(_ENTRIES, _BYTES)
        # Comparing is cheaper than hashing.
        self._last_definitions = b""
        self._last_columns = _read(b"", extended)

    def columns(self, definitions: bytes) -> Columns:
        """The columns of definitions, which are whole packets of one part each.  Raises
        WireError."""
        if definitions == self._last_definitions:
            return self._last_columns
        found = self._columns.get(definitions)
        if found is None:
            found = _read(definitions, self._extended)
            self._columns.put(definitions, found)
        self._last_definitions, self._last_columns = definitions, found
        return found

    def redescribed(self, definitions: bytes, shown: Columns) -> bytes:
        """See the function."""
        return redescribed(definitions, shown, self._extended)


def redescribed(definitions: bytes, shown: Columns, extended: bool) -> bytes:
    """Return definitions with the types of the columns that a client is shown.  Raises
    WireError."""
    parts: list[bytes] = []
    position, size, at = 0, len(definitions), 0
    while position < size:
        end = position + HEADER_SIZE + uint24(definitions, position)
        column = columndefinitions.decode(definitions[position + HEADER_SIZE : end], extended)
        told = columndefinitions.retyped(
            column, shown.types[at], shown.sizes[at], shown.modifiers[at]
        )
        if told._replace(extended=column.extended) == column:
            parts.append(definitions[position:end])
        else:
            parts.append(packets(columndefinitions.encode(told), definitions[position + 3]))
        position = end
        at += 1
    return b"".join(parts)


def _read(definitions: bytes, extended: bool) -> Columns:
    """Make columns of definitions.

    A table is known by its schema and its name, a column by its name.  The format says nothing of
    text or binary form: a cell has the bytes that were stored in either.
    """
    found: list[columndefinitions.ColumnDefinition] = []
    position: i64 = 0
    size: i64 = len(definitions)
    while position < size:
        end: i64 = position + HEADER_SIZE + uint24(definitions, position)
        found.append(columndefinitions.decode(definitions[position + HEADER_SIZE : end], extended))
        position = end
    return Columns(
        [one.name for one in found],
        [(one.schema, one.original_table) if one.original_table else 0 for one in found],
        [one.kind for one in found],
        [1] * len(found),
        attributes=[one.original_name or 0 for one in found],
        sizes=[one.size for one in found],
        modifiers=[
            columndefinitions.modifier_of(one.character_set, one.flags, one.decimals)
            for one in found
        ],
        values=VALUES,
    )
