"""An operator's statements in PostgreSQL: rows come by a cursor, and types are the server's."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final

from acra_twisted.encryption.postgresql import bytea, types
from acra_twisted.tools.databaseclient import DatabaseClient
from acra_twisted.tools.databaseerror import DatabaseError
from acra_twisted.tools.selection import Row, bare

#: Rows that are fetched at a time.
_BATCH: Final = 500
_PLACEHOLDER: Final = re.compile(r"\$1(?![0-9])")


class PostgresqlTexts:
    """See `selection.Texts`."""

    placeholder = "$1"

    def has_placeholder(self, statement: str) -> bool:
        """See Texts."""
        return _PLACEHOLDER.search(statement) is not None

    def filled(self, statement: str, data: bytes, escape: bool) -> str:
        """See Texts: the literal is in ASCII."""
        return _literal(data, escape).join(_PLACEHOLDER.split(statement))


class PostgresqlStatements:
    """See `selection.Statements`."""

    def __init__(self, client: DatabaseClient) -> None:
        self._client = client

    async def begin(self, written_back: bool) -> None:
        """See Statements: to write into a row that somebody has changed since it was read is
        refused."""
        await self._client.ask("BEGIN ISOLATION LEVEL REPEATABLE READ" if written_back else "BEGIN")

    async def rows(self, select: str) -> AsyncIterator[Row]:
        """See Statements: a few rows at a time."""
        await self._client.ask(f"DECLARE acra_rows NO SCROLL CURSOR FOR {bare(select)}")
        while True:
            answer = await self._client.ask(f"FETCH {_BATCH} FROM acra_rows")
            decode = bytea.decode if answer.types[-1] == types.BYTEA else digits
            for cells in answer.rows:
                yield Row(cells, decode)
            if len(answer.rows) < _BATCH:
                return

    async def prepare(self, statement: str) -> PostgresqlPrepared:
        """See Statements."""
        text = bare(statement)
        return PostgresqlPrepared(self._client, text, await self._client.parameter_types(text))

    async def can_undo(self, write: Callable[[], Awaitable[None]]) -> bool:
        """See Statements: every table can."""
        return True

    async def commit(self) -> None:
        """See Statements."""
        await self._client.ask("COMMIT")

    async def undo(self) -> bool:
        """See Statements: a connection that is gone has committed nothing."""
        with suppress(DatabaseError):
            await self._client.ask("ROLLBACK")
        return True


class PostgresqlPrepared:
    """See `selection.Prepared`."""

    def __init__(self, client: DatabaseClient, text: str, kinds: Sequence[int]) -> None:
        self._client, self._text, self._kinds = client, text, kinds
        self.number = len(kinds)
        self.takes_bytes = bool(kinds) and kinds[0] == types.BYTEA

    async def run(self, data: bytes, others: Sequence[bytes | None] = ()) -> int | None:
        """See Prepared."""
        formats = (int(self.takes_bytes), *([0] * len(others)))
        answer = await self._client.ask(self._text, (data, *others), self._kinds, formats)
        return answer.changed


def digits(text: bytes) -> bytes:
    """Characters that may be the digits of bytes."""
    return bytea.decode(text) if text[:2] == b"\\x" else text


def _literal(data: bytes, escape: bool) -> str:
    """Return a literal of bytes, in ASCII."""
    if not escape:
        return f"'{bytea.encode(data).decode()}'"
    shown = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\{byte:03o}" for byte in data
    )
    return f"'{shown}'"
