"""Reads the schema of AcraServer's database by a connection of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from acra_twisted.encryption.postgresql import catalog
from acra_twisted.encryption.postgresql.question import schema_question
from acra_twisted.encryption.postgresql.schema import Schema
from acra_twisted.encryption.settings import EncryptionSettings
from acra_twisted.errors import ConfigError
from acra_twisted.queryactions import Rows

#: Gives the answer to a statement of two columns, with a number of rows at most.
Ask = Callable[[str, int], Awaitable[Rows]]

#: Characters of a piece: a row of it is shorter than what a connection of the service takes.
_PIECE: Final = 8_000
_ROWS_MAX: Final = catalog.MAX_ROWS + catalog.MAX_BYTES // _PIECE
#: Each cell of the answer in pieces, in order, with the cell's number before it.
_IN_PIECES: Final = """\
SELECT s.n::text, substr(s.v, g.i * {size} + 1, {size})
FROM (SELECT row_number() OVER (), q.v FROM ({question}) q (v)) s (n, v),
    generate_series(0, (length(s.v) - 1) / {size}) g (i)
WHERE $1 IS NOT NULL ORDER BY s.n, g.i"""


async def read_schema(ask: Ask, protected: EncryptionSettings) -> Schema:
    """Return the schema of a database as far as it concerns protected columns.  Raises
    ConfigError, SchemaError, and the errors of ``ask``."""
    question = schema_question(table.name for table in protected.tables).decode("ascii")
    cells: dict[bytes, list[bytes]] = {}
    for number, piece in await ask(_IN_PIECES.format(size=_PIECE, question=question), _ROWS_MAX):
        if number is None or piece is None:
            raise ConfigError("the database's answer about its schema is not understood")
        cells.setdefault(number, []).append(piece)
    return catalog.read([b"".join(pieces) for pieces in cells.values()], 1)
