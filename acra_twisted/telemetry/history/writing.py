"""Writing pieces into a history."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Sequence
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
    make_room,
    pages_at_most,
    size_of,
    transaction,
)
from acra_twisted.telemetry.history.schema import SHELF_BITS

#: Pieces of one transaction, and their bytes.
_TOGETHER: Final = 64
_TOGETHER_BYTES: Final = 1 << 19
#: Parts of a batch.
Item = Piece | StoredEvent | Figure


class Written(NamedTuple):
    """Numbers of rows by what became of them; ``size`` is that of all files, in bytes."""

    stored: int
    unfit: int
    given_up: int
    size: int


def write(
    connection: sqlite3.Connection, batch: list[Item], bounds: Bounds, now: int, run: int
) -> Written:
    """Write a batch, in transactions of some pieces each, and make room before each of them.  Each
    takes out of the batch what it has written.

    ``now`` is nanoseconds since the epoch; ``run`` parts the figures of this process from those of
    another in the same minute.  Raises sqlite3.Error and Crowded.
    """
    connection.execute(f"PRAGMA max_page_count = {pages_at_most(bounds)}")
    empty_log(connection, bounds)
    given_up = give_up_older(connection, now - bounds.age)
    stored = unfit = 0
    most = min(bytes_together(bounds), _TOGETHER_BYTES)
    while batch:
        given_up += make_room(connection, bounds)
        empty_log(connection, bounds)
        at, some, wrong = _next(batch, most)
        _insert(connection, some, run)
        del batch[:at]
        stored += len(some)
        unfit += wrong
    return Written(stored, unfit, given_up, size_of(connection))


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
        return pieces.pack(item.spans)
    return pieces.pack(item.fields) if isinstance(item, StoredEvent) else item.data


def _insert(connection: sqlite3.Connection, some: Iterable[_Packed], run: int) -> None:
    with transaction(connection):
        for one in some:
            if isinstance(one.item, Piece):
                _add_piece(connection, one.item, one)
            elif isinstance(one.item, StoredEvent):
                _add_event(connection, one.item, one)
            else:
                _add_figure(connection, one.item, one, run)


def _next_number(connection: sqlite3.Connection, shelf: int) -> int:
    [number] = connection.execute("SELECT next FROM shelf WHERE number = ?", (shelf,)).fetchone()
    connection.execute("UPDATE shelf SET next = next + 1 WHERE number = ?", (shelf,))
    return (shelf << SHELF_BITS) + int(number)


def _add_piece(connection: sqlite3.Connection, piece: Piece, packed: _Packed) -> None:
    number = _next_number(connection, piece.shelf)
    start, end = pieces.whole(piece.start), pieces.whole(piece.end)
    connection.execute(
        "INSERT INTO piece VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
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
            _shape(connection, piece),
            packed.size,
            packed.data,
        ),
    )
    count(connection, piece.shelf, 1, packed.size)


def _id(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""


def shape_digest(name: str, text: str) -> bytes:
    """Return the key of a statement's shape: its name, and its text without literals."""
    return hashlib.sha256(f"{name}\0{text}".encode("utf-8", "replace")).digest()[:16]


def _shape(connection: sqlite3.Connection, piece: Piece) -> int:
    name = pieces.searchable(piece.name)
    text = pieces.searchable(piece.text, pieces.STATEMENT_MAX)
    digest = shape_digest(name, text)
    changed = connection.execute("UPDATE shape SET uses = uses + 1 WHERE digest = ?", (digest,))
    if not changed.rowcount:
        connection.execute(
            "INSERT INTO shape (digest, uses, name, text) VALUES (?, 1, ?, ?)",
            (digest, name, text),
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
