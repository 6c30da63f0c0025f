"""Pieces of history, as they are handed to the file and as they come back from it.

The spans of a piece are JSON, compressed.  A file may have been written by anybody: reading one
allocates no more than a piece may have, and all of an answer no more than its `Allowance`.
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

#: Shelves.  Each has a share of the file that no other can take from it, and gives up its oldest
#: first.
SAMPLED: Final = 0
SLOW: Final = 1
ALWAYS: Final = 2
EVENTS: Final = 3
FIGURES: Final = 4
SHELVES: Final = ("sampled", "slow", "always", "events", "figures")
#: Shares of the shelves, in percent.
SHARES: Final = (20, 20, 25, 10, 25)

#: Kinds of pieces of a trace.
REQUEST: Final = 0
CONNECTION: Final = 1
OTHER: Final = 2

ALLOW: Final = "allow"
DENY: Final = "deny"
ERROR: Final = "error"

#: Bytes of a piece, unpacked.
UNPACKED_MAX: Final = 1 << 20
#: Bytes of all that one answer has, roughly.
ANSWER_MAX: Final = 32 << 20
#: What a value takes beside its text, and the signs of which there is one for each.
_VALUE: Final = 32
_SIGNS: Final = (b",", b":", b"[", b"{")
#: A half of a character as JSON may have it.
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
#: Characters of a text that can be searched for, and of a statement.
TEXT_MAX: Final = 256
STATEMENT_MAX: Final = 8192
#: SQLite has integers of 64 bits.
_LARGEST: Final = (1 << 63) - 1
_LEVEL: Final = 3
#: Bits of the window, as many as the data has, within these bounds.
_WINDOW: Final = (9, 14)


class Damaged(ValueError):
    """Raised where a file has what we have not written."""


class Exhausted(Exception):
    """Raised where an answer would become too large."""


class Allowance:
    """Bytes that an answer may still take, roughly, as Python's objects."""

    __slots__ = ("left",)

    def __init__(self, left: int = ANSWER_MAX) -> None:
        self.left = left

    def take(self, size: int) -> None:
        """Raise Exhausted if there is not so much left."""
        self.left -= size
        if self.left < 0:
            raise Exhausted("too large")


class Piece(NamedTuple):
    """A request with its parts, or another span.

    Times are nanoseconds since the epoch, ids hex digits.  ``connection`` is the trace of its
    connection.  ``text`` is the statement without its literals.  ``event`` is the code of the
    security event that it caused, or 0.  ``spans`` are records (`telemetry.tracing.records`), or
    what `pack` has made of them.
    """

    shelf: int
    kind: int
    trace_id: str
    connection: str
    start: int
    end: int
    verdict: str
    error: str
    event: int
    client_id: str
    user: str
    database: str
    name: str
    text: str
    spans: list[dict[str, Any]] | bytes


class StoredEvent(NamedTuple):
    """A security event, or ``times`` alike ones.  ``fields`` are those of the first one's record
    (`telemetry.logs.security`)."""

    first: int
    last: int
    times: int
    code: int
    client_id: str
    trace_id: str
    fields: dict[str, Any]


class Figure(NamedTuple):
    """Counts of one part of the daemon, for ``width`` seconds from ``start`` (seconds since the
    epoch) on.  ``key`` names the part, which alone reads ``data``."""

    width: int
    start: int
    key: str
    data: bytes


def text_of(value: Any) -> str:
    """Return plain values as JSON."""
    return json.dumps(value, separators=(",", ":"))


def pack(value: Any) -> bytes:
    """Return plain values as compressed JSON.  Raises Damaged if they are too large to be read."""
    return pack_text(text_of(value))


def pack_text(text: str) -> bytes:
    """Return JSON compressed.  Raises Damaged if it is too large to be read."""
    data = text.encode()
    if len(data) > UNPACKED_MAX:
        raise Damaged("too large")
    # Room for as much as is needed: that of the default is 268 kB, given back each time.
    least, most = _WINDOW
    bits = min(max(len(data).bit_length(), least), most)
    packing = zlib.compressobj(_LEVEL, zlib.DEFLATED, bits, bits - 7)
    return packing.compress(data) + packing.flush()


def unpack(data: Any, allowance: Allowance | None = None) -> Any:
    """Return what was packed, each half of a character as a question mark, and None for what is
    no finite number.  Raises Damaged, and Exhausted before anything is made of it."""
    if not isinstance(data, bytes):
        raise Damaged("no bytes")
    unpacking = zlib.decompressobj()
    try:
        text = unpacking.decompress(data, UNPACKED_MAX)
        if not unpacking.eof:
            raise Damaged("cut short, or too large")
        if allowance is not None:
            allowance.take(len(text) + _VALUE * (1 + sum(map(text.count, _SIGNS))))
        # As text: json would read other encodings, and halves of characters, in bytes.
        value = json.loads(text.decode(), parse_float=_finite, parse_constant=_none)
        if _SURROGATE.search(text):
            # Half a character can be in no page.
            whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace")
            value = json.loads(whole)
        return value
    except (zlib.error, ValueError, RecursionError) as error:
        raise Damaged(type(error).__name__) from None


def _finite(text: str) -> float | None:
    number = float(text)
    return number if math.isfinite(number) else None


def _none(text: str) -> None:
    """Stand for NaN and Infinity, which are no JSON."""


def unpack_spans(data: Any, allowance: Allowance | None = None) -> list[dict[str, Any]]:
    """Return the records of a piece, with all that a picture of them needs.  Raises Damaged and
    Exhausted."""
    found = unpack(data, allowance)
    if not isinstance(found, list):
        raise Damaged("no list of spans")
    for record in found:
        if not isinstance(record, dict) or not _is_record(record):
            raise Damaged("no span")
    return found


_FIELDS: Final = {
    "service": str,
    "name": str,
    "trace_id": str,
    "span_id": str,
    "parent_id": str,
    "kind": str,
    "start": int,
    "end": int,
    "status": int,
    "message": str,
    "attributes": dict,
    "events": list,
    "links": list,
}
_EVENT: Final = {"time": int, "name": str, "attributes": dict}
_LINK: Final = {"trace_id": str, "span_id": str}


def _has(value: Any, fields: Mapping[str, type]) -> bool:
    if not isinstance(value, dict):
        return False
    return all(isinstance(value.get(name), kind) for name, kind in fields.items())


def _is_record(record: dict[str, Any]) -> bool:
    if not _has(record, _FIELDS):
        return False
    if not 0 <= record["start"] <= record["end"] <= _LARGEST:
        return False
    events, links = record["events"], record["links"]
    return all(_is_event(one) for one in events) and all(_has(one, _LINK) for one in links)


def _is_event(event: Any) -> bool:
    return _has(event, _EVENT) and 0 <= event["time"] <= _LARGEST


def searchable(text: Any, most: int = TEXT_MAX) -> str:
    """Return a text that SQLite can keep, cut."""
    return str(text)[:most].encode("utf-8", "replace").decode()


def whole(number: Any) -> int:
    """Return a number that SQLite can keep."""
    if not isinstance(number, int):
        return 0
    return min(max(int(number), -_LARGEST), _LARGEST)
