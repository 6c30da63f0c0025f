"""Looks at some stored values of a protected column."""

from __future__ import annotations

import binascii
from collections.abc import Sequence
from typing import Final

from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import bytea, types
from acra_twisted.encryption.postgresql.belt import quoted
from acra_twisted.encryption.postgresql.moving import name_of
from acra_twisted.encryption.postgresql.schema import Attribute, Relation
from acra_twisted.errors import ConfigError

#: Pages of which values are taken at least: neighbours were often written alike.
_PAGES: Final = 200


def question(
    root: Relation, holders: Sequence[Relation], attribute: Attribute, most: int, longest: int
) -> str:
    """The question for at most so many values of a column, which are neither NULL nor empty.

    They are taken at random from some pages of the tables that hold the rows of ``root``, or from
    all pages if these are few.  Each is in hexadecimal; the text is empty for a value of more than
    ``longest`` bytes.
    """
    column = f"t.{quoted(attribute.name)}"
    oids = ", ".join(str(holder.oid) for holder in holders)
    value = "q.c::bytea"
    if attribute.base != types.BYTEA:
        value = "pg_catalog.convert_to(q.c::text, 'UTF8')"
    pages = max(most, _PAGES)
    # Names are in quotes, and everything else is a number.
    pieces = (
        f"SELECT CASE WHEN octet_length(q.c) <= {longest} THEN encode({value}, 'hex') ELSE '' END",
        f"FROM (SELECT {column} FROM {name_of(root)} t",  # noqa: S608
        f"TABLESAMPLE SYSTEM ((SELECT 100.0 * {pages} / greatest({pages},",
        "sum(pg_relation_size(h.oid) / current_setting('block_size')::bigint))",
        f"FROM unnest(ARRAY[{oids}]::oid[]) h (oid)))",
        f"WHERE octet_length({column}) > 0 ORDER BY random() LIMIT {most}) q (c)",
    )
    return " ".join(pieces)


def stored(attribute: Attribute, cell: bytes) -> bytes:
    """A value of an answer to `question`.  Raises ConfigError for another answer."""
    try:
        value = binascii.unhexlify(cell)
    except ValueError:
        raise ConfigError("the database's answer is not understood") from None
    if attribute.base == types.BYTEA or value[:2] != b"\\x":
        return value
    try:
        return bytea.decode(value)
    except ValueRefusedError:
        # A text in clear may look like that.
        return value
