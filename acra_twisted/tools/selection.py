"""The statements of an operator: rows of a SELECT, the containers in them, and a statement that is
run for each row."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Protocol

from acra_twisted.crypto import envelopes
from acra_twisted.crypto.openers import Closed, Opener
from acra_twisted.encryption import searching
from acra_twisted.encryption.errors import ValueRefusedError
from acra_twisted.errors import AcraError
from acra_twisted.tools.databaseerror import DatabaseError


class Row:
    """A row: ``cells`` are texts, None for NULL; ``decode`` gives the value of the last one, and
    raises ValueRefusedError."""

    def __init__(self, cells: Sequence[bytes | None], decode: Callable[[bytes], bytes]) -> None:
        self.cells = cells
        self._decode = decode

    @property
    def data(self) -> bytes:
        """Return the bytes of the last cell, empty for NULL.  Raises ValueRefusedError."""
        return self._decode(self.cells[-1] or b"")


class Prepared(Protocol):
    """A statement with ``number`` placeholders, the first for data.  ``takes_bytes``: these are any
    bytes; else they are characters."""

    number: int
    takes_bytes: bool

    async def run(self, data: bytes, others: Sequence[bytes | None] = ()) -> int | None:
        """Run it, with texts for the other placeholders, and return the number of rows that it has
        changed, None if it is not one that changes rows.  Raises DatabaseError."""


class Statements(Protocol):
    """A connection that runs statements in one transaction.  Methods raise DatabaseError."""

    async def begin(self, written_back: bool) -> None:
        """Begin the transaction.  ``written_back``: rows that are read are written anew.  Nothing
        is lost that somebody else writes into one meanwhile: they wait, or a statement is
        refused."""

    def rows(self, select: str) -> AsyncIterator[Row]:
        """Give the rows of a statement."""

    async def prepare(self, statement: str) -> Prepared:
        """Find the placeholders of a statement."""

    async def can_undo(self, write: Callable[[], Awaitable[None]]) -> bool:
        """Tell whether what ``write`` writes can be taken back.  It is run where only that tells;
        if it can, it has then written nothing."""

    async def commit(self) -> None:
        """End the transaction."""

    async def undo(self) -> bool:
        """End the transaction, and take back what was written in it.  False: some of it stays, for
        a table has no transactions."""


class Texts(Protocol):
    """The texts of statements of one database.  ``placeholder`` is the first one."""

    @property
    def placeholder(self) -> str:
        """Return the placeholder for data."""

    def has_placeholder(self, statement: str) -> bool:
        """Tell whether a statement has it."""

    def filled(self, statement: str, data: bytes, escape: bool) -> str:
        """Return a statement with a literal of data in its place.  ``escape``: not in hexadecimal
        digits.  Raises ConfigError where there is no other form."""


async def ended(statements: Statements, error: AcraError, number: int) -> str:
    """End the transaction behind an error, and return what has become of a number of rows that were
    written, in words."""
    try:
        undone = await statements.undo()
    except DatabaseError:
        undone = not number
    told = "no row was written"
    if not undone:
        kept = max(number, 1)
        told = f"rows that were written, and stay if their table has no transactions: {kept}"
    return f"{error}; {told}"


async def commit(statements: Statements, number: int) -> None:
    """Commit a number of rows that were written.  Raises DatabaseError, whose text says what has
    become of them."""
    try:
        await statements.commit()
    except DatabaseError as error:
        told = "no row was written"
        if error.is_gone:
            told = f"nobody knows if the rows were written, {number} of them: look at them"
        raise DatabaseError(f"{error}; {told}") from None


def bare(statement: str) -> str:
    """Return a statement without blanks around it, and without a semicolon behind it."""
    return statement.strip().rstrip("; ")


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
