"""An operator's statements in MySQL and MariaDB: placeholders are ``?``, the first for data."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Final

from acra_twisted.errors import ConfigError, LexError
from acra_twisted.sql import lexer, mysqllexer
from acra_twisted.tools.mysqlclient import MysqlClient
from acra_twisted.tools.selection import Row, bare

#: The number of the warning that rows could not be taken back.
_KEPT: Final = b"1196"


class MysqlTexts:
    """See `selection.Texts`."""

    placeholder = "?"

    def has_placeholder(self, statement: str) -> bool:
        """See Texts."""
        return len(_pieces(statement)) > 1

    def filled(self, statement: str, data: bytes, escape: bool) -> str:
        """See Texts."""
        if escape:
            raise ConfigError("--escape: MySQL has hexadecimal digits alone for bytes")
        pieces = _pieces(statement)
        if len(pieces) != 2:
            raise ConfigError("--insert: expected one placeholder, ?, and no other")
        return f"x'{data.hex()}'".join(pieces)


class MysqlStatements:
    """See `selection.Statements`.  ``client`` has the sql_mode of `encryption.mysql.moving`."""

    def __init__(self, client: MysqlClient) -> None:
        self._client = client

    async def begin(self, written_back: bool) -> None:
        """See Statements: a SELECT locks the rows that it reads, so that others wait.  It waits for
        them as long as the server has it."""
        await self._client.ask("SET SESSION max_error_count = 64")
        if written_back:
            await self._client.ask("SET SESSION innodb_lock_wait_timeout = DEFAULT")
            await self._client.ask("SET TRANSACTION ISOLATION LEVEL SERIALIZABLE")
        await self._client.ask("START TRANSACTION")

    async def rows(self, select: str) -> AsyncIterator[Row]:
        """See Statements: all of them together, as many as an answer may have."""
        for cells in await self._client.ask(bare(select)):
            yield Row(cells, lambda data: data)

    async def prepare(self, statement: str) -> MysqlPrepared:
        """See Statements."""
        return MysqlPrepared(self._client, _pieces(bare(statement)))

    async def can_undo(self, write: Callable[[], Awaitable[None]]) -> bool:
        """See Statements: the engine of a table decides."""
        await self._client.ask("SAVEPOINT acra")
        await write()
        return await self._undone("ROLLBACK TO SAVEPOINT acra")

    async def commit(self) -> None:
        """See Statements."""
        await self._client.ask("COMMIT")

    async def undo(self) -> bool:
        """See Statements."""
        return await self._undone("ROLLBACK")

    async def _undone(self, words: str) -> bool:
        await self._client.ask(words)
        warnings = await self._client.ask("SHOW WARNINGS")
        return not any(_KEPT in cells for cells in warnings)


class MysqlPrepared:
    """See `selection.Prepared`."""

    takes_bytes = True

    def __init__(self, client: MysqlClient, pieces: Sequence[str]) -> None:
        self._client, self._pieces = client, pieces
        self.number = len(pieces) - 1

    async def run(self, data: bytes, others: Sequence[bytes | None] = ()) -> int | None:
        """See Prepared."""
        literals = [f"x'{data.hex()}'", *map(_literal, others)]
        text = self._pieces[0]
        for literal, piece in zip(literals, self._pieces[1:], strict=True):
            text += literal + piece
        await self._client.ask(text)
        [[changed]] = await self._client.ask("SELECT ROW_COUNT()")
        return int(changed or b"0")


def _pieces(statement: str) -> Sequence[str]:
    """The text between placeholders.  Raises ConfigError for one that cannot be read."""
    text = statement.encode()
    try:
        tokens = mysqllexer.tokens(text)
    except LexError:
        raise ConfigError("a statement ends inside of a string or a comment") from None
    found, done = [], 0
    for kind, start, end in tokens:
        if kind == lexer.PARAMETER:
            found.append(text[done:start].decode())
            done = end
    return [*found, text[done:].decode()]


def _literal(cell: bytes | None) -> str:
    """A cell of a row as a literal: characters where it has some, for a number is compared with
    them."""
    if cell is None:
        return "NULL"
    try:
        text = cell.decode()
    except UnicodeDecodeError:
        return f"x'{cell.hex()}'"
    if "\0" in text:
        return f"x'{cell.hex()}'"
    quoted = text.replace("\\", "\\\\").replace("'", "''")
    return f"'{quoted}'"
