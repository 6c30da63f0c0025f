"""Asks AcraServer's database for cells that may be longer than an answer of its connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from acra_twisted.errors import ConfigError
from acra_twisted.queryactions import Rows

#: Gives the answer to a statement, with a number of rows at most; PostgreSQL's has two columns.
Ask = Callable[[str, int], Awaitable[Rows]]

#: Characters of a piece: a row of it is shorter than what a connection of the service takes.
_PIECE: Final = 8_000
#: Each cell of the answer in pieces, in order, with the cell's number before it.
_IN_PIECES: Final = """\
SELECT s.n::text, substr(s.v, g.i * {size} + 1, {size})
FROM (SELECT row_number() OVER (), q.v FROM ({question}) q (v)) s (n, v),
    generate_series(0, (length(s.v) - 1) / {size}) g (i)
WHERE $1 IS NOT NULL ORDER BY s.n, g.i"""


async def read_cells(ask: Ask, question: str, cells: int, size: int) -> list[bytes]:
    """Return the answer to a question of one column of text, without NULL, that has at most so many
    cells, of ``size`` characters together.  Raises ConfigError, and the errors of ``ask``."""
    found: dict[bytes, list[bytes]] = {}
    most = cells + size // _PIECE
    for number, piece in await ask(_IN_PIECES.format(size=_PIECE, question=question), most):
        if number is None or piece is None:
            raise ConfigError("the database's answer is not understood")
        found.setdefault(number, []).append(piece)
    return [b"".join(pieces) for pieces in found.values()]
