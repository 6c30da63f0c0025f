"""Looks at some stored values of a protected column of MySQL or MariaDB."""

from __future__ import annotations

import binascii
from typing import Final

from acra_twisted.encryption.mysql.belt import quoted
from acra_twisted.encryption.mysql.schema import Column, Table
from acra_twisted.errors import ConfigError

#: Rows that are drawn for each that is wanted: their number is an estimate.
_SPARE: Final = 4


def question(table: Table, column: Column, most: int, longest: int) -> str:
    """The question for at most so many values of a column, which are neither NULL nor empty.

    They are drawn at random from the whole table, which is read once.  Each is in hexadecimal; the
    text is empty for a value of more than ``longest`` bytes.
    """
    name = quoted(column.name)
    place = " AND ".join(
        f"{key} = _utf8 x'{value.encode().hex()}'"
        for key, value in (("TABLE_SCHEMA", table.database), ("TABLE_NAME", table.name))
    )
    # Names are in quotes or in hexadecimal, and everything else is a number.
    return (
        f"SELECT IF(LENGTH({name}) <= {longest}, HEX({name}), '') "  # noqa: S608 - quoted, or hex
        f"FROM {quoted(table.database, table.name)} WHERE LENGTH({name}) > 0 AND RAND() * "
        f"(SELECT GREATEST(COALESCE(SUM(TABLE_ROWS), 0), 1) FROM information_schema.TABLES "
        f"WHERE {place}) < {_SPARE * most} ORDER BY RAND() LIMIT {most}"
    )


def stored(cell: bytes | None) -> bytes:
    """A value of an answer to `question`.  Raises ConfigError for another answer."""
    try:
        return binascii.unhexlify(cell or b"")
    except ValueError:
        raise ConfigError("the database's answer is not understood") from None
