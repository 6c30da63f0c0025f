"""Rows of a SELECT that the operator has written, and the containers in them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Final

from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.encryption import searching
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.encryption.postgresql import bytea, types
from acra_twisted.tools.databaseclient import DatabaseClient

#: Rows that are fetched at a time.
_BATCH: Final = 500


class Row:
    """A row: ``cells`` are texts, None for NULL.  ``data`` is the value of the last one."""

    def __init__(self, cells: Sequence[bytes | None], kind: int) -> None:
        self.cells = cells
        self._kind = kind

    @property
    def data(self) -> bytes:
        """Return the bytes of the last cell, empty for NULL.  Raises ValueRefusedError."""
        last = self.cells[-1] or b""
        if self._kind == types.BYTEA or last[:2] == b"\\x":
            return bytea.decode(last)
        return last


async def each_row(client: DatabaseClient, select: str) -> AsyncIterator[Row]:
    """Give the rows of a statement, a few at a time, inside the transaction that has begun.  Raises
    DatabaseError."""
    text = select.strip().rstrip("; ")
    await client.ask(f"DECLARE acra_rows NO SCROLL CURSOR FOR {text}")
    while True:
        answer = await client.ask(f"FETCH {_BATCH} FROM acra_rows")
        for cells in answer.rows:
            yield Row(cells, answer.types[-1])
        if len(answer.rows) < _BATCH:
            return


def opened(value: bytes, opener: Opener) -> bytes:
    """A value with the contents of its containers in their places, without a search prefix.  Raises
    Closed, also where there is no container."""
    found = envelopes.outermost(value)
    if not found:
        raise Closed("it is not encrypted")
    parts = []
    done = 0
    if found[0].start == searching.SIZE and searching.is_prefixed(value):
        done = searching.SIZE
    for one in found:
        parts += [value[done : one.start], opener.open(one.kind, one.data(value), {})]
        done = one.end
    return b"".join((*parts, value[done:]))


def data_of(row: Row, opener: Opener) -> bytes:
    """The plaintext of a row's last cell.  Raises Closed."""
    try:
        return opened(row.data, opener)
    except ValueRefusedError:
        raise Closed("it is not encrypted") from None
