"""Histories in files, and pieces for them."""

import json
import sqlite3
from contextlib import closing

from acra_twisted.telemetry.history import pieces, reading, schema
from acra_twisted.telemetry.history.pieces import Piece, StoredEvent
from acra_twisted.telemetry.history.room import Bounds
from acra_twisted.telemetry.history.writing import write

#: A moment, nanoseconds.
NOW = 1_790_000_000 * 10**9
WIDE = Bounds(64 << 20, 10**18)


def connect(path, prepare=schema.prepare):
    connection = sqlite3.connect(path, **schema.CONNECTION)
    prepare(connection)
    return connection


def record(number, trace_id, start=NOW, end=0, **attributes):
    return {
        "service": "acra-server",
        "name": "SELECT t",
        "trace_id": trace_id,
        "span_id": f"{number:016x}",
        "parent_id": "",
        "kind": "server",
        "start": start,
        "end": max(end, start),
        "sampled": True,
        "status": 0,
        "message": "",
        "attributes": attributes,
        "events": [],
        "links": [],
    }


def piece(number, *, took=1000, start=NOW, spans=None, **changes):
    trace_id = changes.setdefault("trace_id", f"{number:032x}")
    known = {
        "shelf": pieces.SAMPLED,
        "kind": pieces.REQUEST,
        "connection": "c" * 32,
        "start": start,
        "end": start + took,
        "verdict": pieces.ALLOW,
        "error": "",
        "event": 0,
        "client_id": "a client",
        "user": "u",
        "database": "d",
        "name": "SELECT t",
        "text": "SELECT * FROM t WHERE id = ?",
        "spans": [record(number, trace_id, start, start + took)] if spans is None else spans,
    }
    return Piece(**{**known, **changes})


def event(number, **changes):
    known = {
        "first": NOW + number,
        "last": NOW + number,
        "times": 1,
        "code": 560,
        "client_id": "a client",
        "trace_id": f"{number:032x}",
        "fields": {"message": "blocked", "number": number},
    }
    return StoredEvent(**{**known, **changes})


def put(connection, *batch, bounds=WIDE, now=NOW, run=1):
    return write(connection, list(batch), bounds, now - bounds.age, run)


def shelves(connection):
    """Return the pieces and bytes that are noted of each shelf."""
    rows = connection.execute("SELECT number, pieces, bytes FROM shelf ORDER BY number")
    return {number: tuple(rest) for number, *rest in rows}


def counted(connection):
    """Return the pieces and bytes that each shelf has."""
    found = {}
    for shelf in range(3):
        low = shelf << schema.SHELF_BITS
        found[shelf] = connection.execute(
            "SELECT count(*), coalesce(sum(size), 0) FROM piece WHERE id BETWEEN ? AND ?",
            (low, low + (1 << schema.SHELF_BITS) - 1),
        ).fetchone()
    for shelf, text in (
        (pieces.EVENTS, "SELECT count(*), coalesce(sum(size), 0) FROM event"),
        (pieces.FIGURES, "SELECT count(*), coalesce(sum(length(data) + 250), 0) FROM figure"),
    ):
        found[shelf] = connection.execute(text).fetchone()
    return found


def unpacked(path):
    """Return all that a history says, as one text: its spans and events are compressed."""
    with closing(reading.open_for_reading(str(path))) as connection:
        rows = connection.execute(
            "SELECT spans FROM piece UNION ALL SELECT data FROM event"
        ).fetchall()
        figures = connection.execute("SELECT key, data FROM figure").fetchall()
        texts = connection.execute("SELECT name, text FROM shape").fetchall()
    packed = "\n".join(json.dumps(pieces.unpack(data), ensure_ascii=False) for (data,) in rows)
    return "\n".join([packed, repr(figures), repr(texts)])


def records_of(piece):
    """Return the records of a piece, packed or not."""
    return pieces.unpack_spans(piece.spans) if isinstance(piece.spans, bytes) else piece.spans
