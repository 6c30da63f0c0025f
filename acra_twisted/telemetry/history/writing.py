"""Writing pieces into a history."""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain
from itertools import count as numbers_from
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.history import pieces
from acra_twisted.telemetry.history.pieces import Damaged, Figure, Piece, StoredEvent
from acra_twisted.telemetry.history.room import (
    ROW,
    Bounds,
    bytes_together,
    count,
    empty_log,
    give_up_figures,
    give_up_older,
    log_of,
    make_room,
    pages_at_most,
    size_of,
    transaction,
)
from acra_twisted.telemetry.history.schema import SHELF_BITS

#: Pieces of one transaction, and their bytes.
_TOGETHER: Final = 64
_TOGETHER_BYTES: Final = 1 << 19
#: Pieces of one statement, and the marks of each.
_ROWS_TOGETHER: Final = (48, 16, 4, 1)
_MARKS: Final = f"({', '.join('?' * 16)})"
#: Parts of a batch.
Item = Piece | StoredEvent | Figure


class Written(NamedTuple):
    """Numbers of rows by what became of them; ``size`` is that of all files, in bytes."""

    stored: int
    unfit: int
    given_up: int
    size: int


def write(
    connection: sqlite3.Connection, batch: list[Item], bounds: Bounds, before: int | None, run: int
) -> Written:
    """Write a batch, in transactions of some pieces each, and make room before each of them.  Each
    takes out of the batch what it has written.

    What had ended ``before`` a time (nanoseconds since the epoch) is given up, if there is one;
    ``run`` parts the figures of this process from those of another in the same minute.  Raises
    sqlite3.Error and Crowded.
    """
    connection.execute(f"PRAGMA max_page_count = {pages_at_most(bounds)}")
    log = log_of(connection)
    empty_log(connection, bounds, log)
    given_up = 0 if before is None else give_up_older(connection, before)
    stored = unfit = 0
    most = min(bytes_together(bounds), _TOGETHER_BYTES)
    while batch:
        given_up += make_room(connection, bounds, log)
        empty_log(connection, bounds, log)
        at, some, wrong = _next(batch, most)
        _insert(connection, some, run)
        del batch[:at]
        stored += len(some)
        unfit += wrong
    return Written(stored, unfit, given_up, size_of(connection, log))


class _Packed(NamedTuple):
    item: Any
    data: bytes
    size: int


def _next(batch: Sequence[Item], most: int) -> tuple[int, list[_Packed], int]:
    """Pack those that go into one transaction: where it ends, what it has, and how many pieces up
    to there cannot be kept."""
    found: list[_Packed] = []
    at = size = wrong = 0
    while at < len(batch) and len(found) < _TOGETHER and size < most:
        item = batch[at]
        at += 1
        try:
            data = _data(item)
        except (Damaged, ValueError, TypeError, RecursionError):
            wrong += 1
            continue
        more = ROW + len(data)
        if isinstance(item, Piece):
            more += len(item.text)
        if more > most:
            wrong += 1
            continue
        size += more
        found.append(_Packed(item, data, more))
    return at, found, wrong


def _data(item: Item) -> bytes:
    if isinstance(item, Piece):
        return item.spans if isinstance(item.spans, bytes) else pieces.pack(item.spans)
    return pieces.pack(item.fields) if isinstance(item, StoredEvent) else item.data


def _insert(connection: sqlite3.Connection, some: Sequence[_Packed], run: int) -> None:
    with transaction(connection):
        _add_pieces(connection, [one for one in some if isinstance(one.item, Piece)])
        for one in some:
            if isinstance(one.item, StoredEvent):
                _add_event(connection, one.item, one)
            elif isinstance(one.item, Figure):
                _add_figure(connection, one.item, one, run)


def _add_pieces(connection: sqlite3.Connection, some: Sequence[_Packed]) -> None:
    """Add pieces with few statements: the thread waits for the interpreter behind each, and the
    reactor for the thread."""
    shelves = Counter(one.item.shelf for one in some)
    next_ones = {shelf: _next_numbers(connection, shelf) for shelf in shelves}
    shapes = _shapes(connection, [one.item for one in some])
    rows = [
        _row(next(next_ones[one.item.shelf]), shape, one)
        for one, shape in zip(some, shapes, strict=True)
    ]
    at = 0
    while at < len(rows):
        # Few forms of the statement, and few variables: SQLite may allow no more than 999.
        together = next(many for many in _ROWS_TOGETHER if many <= len(rows) - at)
        connection.execute(
            f"INSERT INTO piece VALUES {', '.join([_MARKS] * together)}",  # noqa: S608 - marks
            list(chain.from_iterable(rows[at : at + together])),
        )
        at += together
    for shelf, many in shelves.items():
        size = sum(one.size for one in some if one.item.shelf == shelf)
        connection.execute(
            "UPDATE shelf SET next = next + ?, pieces = pieces + ?, bytes = bytes + ? "
            "WHERE number = ?",
            (many, many, size, shelf),
        )


def _next_numbers(connection: sqlite3.Connection, shelf: int) -> Iterator[int]:
    """Return numbers of new pieces on a shelf, one after the other."""
    [number] = connection.execute("SELECT next FROM shelf WHERE number = ?", (shelf,)).fetchone()
    return numbers_from((shelf << SHELF_BITS) + int(number))


def _row(number: int, shape: int, packed: _Packed) -> tuple[Any, ...]:
    piece: Piece = packed.item
    start, end = pieces.whole(piece.start), pieces.whole(piece.end)
    return (
        number,
        piece.kind,
        _id(piece.trace_id),
        _id(piece.connection),
        start,
        end,
        pieces.whole(end - start),
        *(pieces.searchable(text) for text in (piece.verdict, piece.error)),
        pieces.whole(piece.event),
        *(pieces.searchable(text) for text in (piece.client_id, piece.user, piece.database)),
        shape,
        packed.size,
        packed.data,
    )


def _id(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""


def shape_digest(name: str, text: str) -> bytes:
    """Return the key of a statement's shape: its name, and its text without literals."""
    return hashlib.sha256(f"{name}\0{text}".encode("utf-8", "replace")).digest()[:16]


def _shapes(connection: sqlite3.Connection, some: Sequence[Piece]) -> list[int]:
    """Return the number of the shape of each, and add those that are new."""
    keys = [
        (pieces.searchable(piece.name), pieces.searchable(piece.text, pieces.STATEMENT_MAX))
        for piece in some
    ]
    numbers = {key: _shape(connection, *key, uses) for key, uses in Counter(keys).items()}
    return [numbers[key] for key in keys]


def _shape(connection: sqlite3.Connection, name: str, text: str, uses: int) -> int:
    digest = shape_digest(name, text)
    changed = connection.execute(
        "UPDATE shape SET uses = uses + ? WHERE digest = ?", (uses, digest)
    )
    if not changed.rowcount:
        connection.execute(
            "INSERT INTO shape (digest, uses, name, text) VALUES (?, ?, ?, ?)",
            (digest, uses, name, text),
        )
    [found] = connection.execute("SELECT id FROM shape WHERE digest = ?", (digest,)).fetchone()
    return int(found)


def _add_event(connection: sqlite3.Connection, event: StoredEvent, packed: _Packed) -> None:
    connection.execute(
        "INSERT INTO event (first, last, count, code, client, trace, size, data) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            pieces.whole(event.first),
            pieces.whole(event.last),
            pieces.whole(event.times),
            pieces.whole(event.code),
            pieces.searchable(event.client_id),
            _id(event.trace_id),
            packed.size,
            packed.data,
        ),
    )
    count(connection, pieces.EVENTS, 1, packed.size)


def _add_figure(connection: sqlite3.Connection, figure: Figure, packed: _Packed, run: int) -> None:
    """The same figure of the same process takes the place of what it was."""
    key = (figure.width, figure.start, pieces.searchable(figure.key), run)
    give_up_figures(connection, [key])
    connection.execute("INSERT INTO figure VALUES (?, ?, ?, ?, ?)", (*key, packed.data))
    count(connection, pieces.FIGURES, 1, packed.size)
