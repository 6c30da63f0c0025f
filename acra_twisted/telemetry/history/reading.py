"""Questions to a history.  Each is bounded: in rows, in bytes, in steps of SQLite, and in time.

A file may have been written by anybody: what does not fit raises Damaged.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

from acra_twisted.telemetry.history import pieces
from acra_twisted.telemetry.history.pieces import (
    Allowance,
    Damaged,
    Exhausted,
    Figure,
    StoredEvent,
)
from acra_twisted.telemetry.history.schema import (
    CONNECTION,
    SHELF_BITS,
    VERSION,
    Foreign,
    has_ours,
    text_of,
    version_of,
)

#: Rows of an answer at most.
ROWS_MAX: Final = 1000
#: Spans of one trace.
SPANS_MAX: Final = 2000
#: Bytes of one value of the file.
_VALUE_MAX: Final = 2 * pieces.UNPACKED_MAX
#: What a row takes beside its texts.
_ROW: Final = 200
FIGURES_MAX: Final = 50_000
_FOR_EVER: Final = pieces.whole(1 << 63)
#: SQLite's instructions between two looks at the limit.
_STEP: Final = 1000


class Limit(NamedTuple):
    """Steps of a thousand of SQLite's instructions, and seconds, for one question."""

    steps: int = 50_000
    seconds: float = 2.0


#: That of a question of which nothing else is said.
LIMIT: Final = Limit()


class Question(NamedTuple):
    """Pieces that are looked for.  Empty texts fit everything; times are nanoseconds.

    ``trace_id`` fits by its beginning, ``statement`` and ``name`` (of the statement) in any place
    and any case, the others as a whole.  ``kind``: None for requests, and whatever failed.
    ``shelf``: None for all.  ``event``: the code of a security event that was caused.
    ``slowest``: those that took longest come first, else those that ended last.
    """

    trace_id: str = ""
    connection: str = ""
    client_id: str = ""
    user: str = ""
    database: str = ""
    shape: int = 0
    statement: str = ""
    name: str = ""
    verdict: str = ""
    shelf: int | None = None
    event: int = 0
    error: str = ""
    minimum: int = 0
    maximum: int = _FOR_EVER
    since: int = 0
    until: int = _FOR_EVER
    kind: int | None = None
    slowest: bool = False
    limit: int = 50
    offset: int = 0


class Row(NamedTuple):
    """A piece without its spans."""

    id: int
    kind: int
    trace_id: str
    connection: str
    start: int
    took: int
    verdict: str
    error: str
    event: int
    client_id: str
    user: str
    database: str
    shape: int
    name: str
    text: str


class Found(NamedTuple):
    """An answer.  ``complete`` is False if the limit, or its size, ended the search: there may be
    more."""

    rows: Sequence[Any]
    complete: bool


class StoredTrace(NamedTuple):
    """The records of a trace, by start.  ``complete`` is False if it has more of them."""

    spans: Sequence[dict[str, Any]]
    complete: bool


def open_for_reading(path: str) -> sqlite3.Connection:
    """Open a history that another process may be writing.  Raises sqlite3.Error, Foreign and
    Damaged."""
    address = f"{Path(path).absolute().as_uri()}?mode=ro"
    connection: sqlite3.Connection = sqlite3.connect(address, uri=True, **CONNECTION)
    try:
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _VALUE_MAX)
        connection.text_factory = text_of
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA trusted_schema = OFF")
        version = version_of(connection)
        if version != VERSION:
            raise Foreign("it is empty, or of an earlier release: start a daemon on it once")
        if not has_ours(connection):
            raise Damaged("other tables")
    except UnicodeDecodeError:
        connection.close()
        raise Damaged("no text") from None
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def _limited(
    connection: sqlite3.Connection, limit: Limit, clock: Callable[[], float]
) -> Iterator[list[bool]]:
    """Interrupt what takes longer; the list that is given says so then."""
    ended: list[bool] = []
    left, until = limit.steps, clock() + limit.seconds

    def look() -> int:
        nonlocal left
        left -= 1
        if left > 0 and clock() < until:
            return 0
        ended.append(True)
        return 1

    connection.set_progress_handler(look, _STEP)
    try:
        yield ended
    except sqlite3.OperationalError:
        if not ended:
            raise
    except UnicodeDecodeError:
        # SQLite says what is wrong in bytes of the file.
        raise Damaged("no text") from None
    finally:
        connection.set_progress_handler(None, 0)


def _answer(
    connection: sqlite3.Connection,
    text: str,
    given: Sequence[Any],
    limit: Limit,
    clock: Callable[[], float],
    make: Callable[[tuple[Any, ...], Allowance], Any],
) -> Found:
    rows: list[Any] = []
    allowance = Allowance()
    with _limited(connection, limit, clock) as ended:
        known = [pieces.whole(value) if isinstance(value, int) else value for value in given]
        try:
            for row in connection.execute(text, known):
                allowance.take(_ROW + sum([len(v) for v in row if isinstance(v, str | bytes)]))
                rows.append(make(row, allowance))
        except Exhausted:
            return Found(rows, False)
    return Found(rows, not ended)


def _cut(columns: str, most: int) -> str:
    return ", ".join(f"substr({column}, 1, {most})" for column in columns.split())


# Rows may share a large text, and are sorted with all that they have.
_SEARCH: Final = (
    f"SELECT piece.id, kind, {_cut('trace connection', 16)}, start, took, "  # noqa: S608
    f"{_cut('verdict error', pieces.TEXT_MAX)}, event, "
    f"{_cut('client user database', pieces.TEXT_MAX)}, shape, {_cut('name', pieces.TEXT_MAX)}, "
    f"{_cut('text', pieces.STATEMENT_MAX)} FROM piece JOIN shape ON shape.id = piece.shape"
)


def search(
    connection: sqlite3.Connection,
    question: Question,
    limit: Limit = LIMIT,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Return the `Row` of each piece that fits.  Raises sqlite3.Error and Damaged."""
    wanted, given = _conditions(question)
    order = "took DESC, ended DESC" if question.slowest else "ended DESC, piece.id DESC"
    text = f"{_SEARCH} WHERE {' AND '.join(wanted)} ORDER BY {order} LIMIT ? OFFSET ?"
    given += [min(max(question.limit, 0), ROWS_MAX), max(question.offset, 0)]
    return _answer(connection, text, given, limit, clock, _row)


def _conditions(question: Question) -> tuple[list[str], list[Any]]:
    wanted = ["ended >= ?", "start <= ?"]
    given: list[Any] = [question.since, question.until]
    for column, value in (
        ("client", question.client_id),
        ("user", question.user),
        ("database", question.database),
        ("verdict", question.verdict),
        ("error", question.error),
        ("shape", question.shape),
        ("event", question.event),
    ):
        if value:
            wanted.append(f"{column} = ?")
            given.append(value)
    if question.connection:
        wanted.append("connection = ?")
        given.append(_bytes_of(question.connection))
    if question.trace_id:
        wanted.append("trace BETWEEN ? AND ?")
        given += [_bytes_of(question.trace_id.ljust(32, digit)) for digit in "0f"]
    if question.shelf is not None:
        wanted.append("piece.id >> ? = ?")
        given += [SHELF_BITS, question.shelf]
    if question.minimum > 0:
        wanted.append("took >= ?")
        given.append(question.minimum)
    if question.maximum < _FOR_EVER:
        wanted.append("took <= ?")
        given.append(question.maximum)
    if question.statement:
        wanted.append("instr(lower(name || char(10) || text), ?) > 0")
        given.append(question.statement.lower())
    if question.name:
        wanted.append("instr(lower(name), ?) > 0")
        given.append(question.name.lower())
    if question.kind is None:
        wanted.append("(kind = 0 OR verdict = 'error')")
    else:
        wanted.append("kind = ?")
        given.append(question.kind)
    return wanted, given


def _bytes_of(digits: str) -> bytes:
    try:
        return bytes.fromhex(digits)
    except ValueError:
        return b""


_KINDS: Final = (int, int, bytes, bytes, int, int, str, str, int, str, str, str, int, str, str)


def _row(row: tuple[Any, ...], allowance: Allowance) -> Row:
    if tuple(map(type, row)) != _KINDS:
        raise Damaged("a piece has fields of other kinds")
    number, kind, trace, connection, *others = row
    return Row(number, kind, trace.hex(), connection.hex(), *others)


def read_trace(
    connection: sqlite3.Connection,
    trace_id: str,
    limit: Limit = LIMIT,
    clock: Callable[[], float] = time.monotonic,
) -> StoredTrace:
    """Return all that is kept of a trace.  Raises sqlite3.Error and Damaged."""
    # What is sorted is small.
    text = (
        "SELECT whole.spans FROM (SELECT id FROM piece WHERE trace = ? ORDER BY ended LIMIT ?) "
        "AS one CROSS JOIN piece AS whole ON whole.id = one.id"
    )
    given = (_bytes_of(trace_id), SPANS_MAX + 1)
    found = _answer(connection, text, given, limit, clock, _spans)
    records: dict[str, dict[str, Any]] = {}
    for some in found.rows:
        for record in some:
            records.setdefault(record["span_id"], record)
    spans = sorted(records.values(), key=lambda record: record["start"])
    return StoredTrace(spans[:SPANS_MAX], found.complete and len(spans) <= SPANS_MAX)


def read_pieces(
    connection: sqlite3.Connection,
    numbers: Sequence[int],
    limit: Limit = LIMIT,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Return a piece's number and records, for each.  Raises sqlite3.Error and Damaged."""
    marks = ", ".join("?" * len(numbers))
    text = f"SELECT id, spans FROM piece WHERE id IN ({marks})"  # noqa: S608 - no text of others
    return _answer(connection, text, numbers, limit, clock, _numbered)


def _numbered(row: tuple[Any, ...], allowance: Allowance) -> tuple[Any, list[dict[str, Any]]]:
    return row[0], pieces.unpack_spans(row[1], allowance)


def _spans(row: tuple[Any, ...], allowance: Allowance) -> list[dict[str, Any]]:
    return pieces.unpack_spans(row[0], allowance)


class EventQuestion(NamedTuple):
    """Events that are looked for, the newest first."""

    since: int = 0
    until: int = _FOR_EVER
    code: int = 0
    client_id: str = ""
    trace_id: str = ""
    limit: int = 50
    offset: int = 0


def events(
    connection: sqlite3.Connection,
    question: EventQuestion,
    limit: Limit = LIMIT,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Return each `StoredEvent` that fits.  Raises sqlite3.Error and Damaged."""
    wanted = ["last >= ?", "first <= ?"]
    given: list[Any] = [question.since, question.until]
    for column, value in (("code", question.code), ("client", question.client_id)):
        if value:
            wanted.append(f"{column} = ?")
            given.append(value)
    if question.trace_id:
        wanted.append("trace = ?")
        given.append(_bytes_of(question.trace_id))
    text = (
        "SELECT first, last, count, code, client, trace, data FROM event "  # noqa: S608
        f"WHERE {' AND '.join(wanted)} ORDER BY last DESC, id DESC LIMIT ? OFFSET ?"
    )
    given += [min(max(question.limit, 0), ROWS_MAX), max(question.offset, 0)]
    return _answer(connection, text, given, limit, clock, _event)


def _event(row: tuple[Any, ...], allowance: Allowance) -> StoredEvent:
    first, last, count, code, client, trace, data = row
    fields = pieces.unpack(data, allowance)
    numbers = all(isinstance(number, int) for number in (first, last, count, code))
    if not numbers or not isinstance(client, str) or not isinstance(trace, bytes):
        raise Damaged("an event has fields of other kinds")
    if not isinstance(fields, dict):
        raise Damaged("an event without fields")
    return StoredEvent(first, last, count, code, client, trace.hex(), fields)


def figures(
    connection: sqlite3.Connection,
    width: int,
    since: int,
    until: int,
    key: str = "",
    limit: Limit = LIMIT,
    clock: Callable[[], float] = time.monotonic,
) -> Found:
    """Return each `Figure` of a width whose start (seconds) is from ``since`` to ``until``, by
    start; with ``key`` those alone whose key begins so.  A key may come several times, for each
    process has its own.  Raises sqlite3.Error and Damaged."""
    text = (
        "SELECT width, start, key, data FROM figure WHERE width = ? AND start >= ? AND start <= ? "
        "AND substr(key, 1, ?) = ? ORDER BY start, key, run LIMIT ?"
    )
    given = (width, since, until, len(key), key, FIGURES_MAX)
    return _answer(connection, text, given, limit, clock, _figure)


def _figure(row: tuple[Any, ...], allowance: Allowance) -> Figure:
    kinds = (int, int, str, bytes)
    if not all(isinstance(value, kind) for value, kind in zip(row, kinds, strict=True)):
        raise Damaged("a figure has fields of other kinds")
    return Figure(*row)
