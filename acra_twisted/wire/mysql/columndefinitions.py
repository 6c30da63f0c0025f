"""Definitions of columns, as a result and a prepared statement begin with them."""

from __future__ import annotations

from typing import Final, NamedTuple

from acra_twisted.errors import WireError
from acra_twisted.fast.littleendian import uint16, uint32
from acra_twisted.wire.mysql import lenenc

#: The catalog of every column, as it comes in most character sets.
_CATALOG: Final = b"def"
#: Bytes behind the names: a length, and what it counts.
_FIXED: Final = 0x0C


class ColumnDefinition(NamedTuple):
    """A column.  ``table`` and ``name`` are as the statement calls them, ``original_table`` and
    ``original_name`` as they are stored; both are empty for an expression.  ``kind`` is the type,
    ``character_set`` the number of a collation, ``size`` the bytes that a value takes at most.
    ``extended`` is MariaDB's extended metadata, None where it is not in force.

    The names and ``catalog`` are in the character set that the client has chosen for results."""

    schema: bytes
    table: bytes
    original_table: bytes
    name: bytes
    original_name: bytes
    extended: bytes | None
    character_set: int
    size: int
    kind: int
    flags: int
    decimals: int
    catalog: bytes = _CATALOG


def decode(payload: bytes, extended: bool) -> ColumnDefinition:
    """Read a definition.  ``extended``: MariaDB's extended metadata is in force.  Raises
    WireError."""
    catalog, at = lenenc.read_bytes(payload, 0, "database")
    # In UCS-2, UTF-16 and UTF-32 a letter has zeros beside it.
    if catalog != _CATALOG and catalog.replace(b"\0", b"") != _CATALOG:
        raise WireError("database", "a definition of a column that is none")
    schema, at = lenenc.read_bytes(payload, at, "database")
    table, at = lenenc.read_bytes(payload, at, "database")
    original_table, at = lenenc.read_bytes(payload, at, "database")
    name, at = lenenc.read_bytes(payload, at, "database")
    original_name, at = lenenc.read_bytes(payload, at, "database")
    metadata: bytes | None = None
    if extended:
        metadata, at = lenenc.read_bytes(payload, at, "database")
    # What follows in the list of a table's columns is of no use to anybody.
    if len(payload) < at + 1 + _FIXED or payload[at] != _FIXED:
        raise lenenc.cut_short("database")
    return ColumnDefinition(
        schema,
        table,
        original_table,
        name,
        original_name,
        metadata,
        uint16(payload, at + 1),
        uint32(payload, at + 3),
        payload[at + 7],
        uint16(payload, at + 8),
        payload[at + 10],
        catalog,
    )


def modifier_of(character_set: int, flags: int, decimals: int) -> int:
    """Return what a definition says of a type beside its number and size, in one number."""
    return character_set | flags << 16 | decimals << 32


def retyped(column: ColumnDefinition, kind: int, size: int, modifier: int) -> ColumnDefinition:
    """Return a definition with another type; ``modifier`` is as `modifier_of` makes it."""
    return column._replace(
        extended=None if column.extended is None else b"",
        character_set=modifier & 0xFFFF,
        size=size,
        kind=kind,
        flags=modifier >> 16 & 0xFFFF,
        decimals=modifier >> 32,
    )


def encode(column: ColumnDefinition) -> bytes:
    """The payload of a definition."""
    names = (
        *(column.catalog, column.schema, column.table, column.original_table),
        *(column.name, column.original_name),
        *(() if column.extended is None else (column.extended,)),
    )
    return b"".join(
        (
            *map(lenenc.encode_bytes, names),
            b"\x0c",
            column.character_set.to_bytes(2, "little"),
            column.size.to_bytes(4, "little"),
            bytes((column.kind,)),
            column.flags.to_bytes(2, "little"),
            bytes((column.decimals,)),
            b"\0\0",
        )
    )
