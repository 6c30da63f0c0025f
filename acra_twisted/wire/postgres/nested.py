"""Values inside values, in PostgreSQL's binary form: where each begins, ends and is counted.

Arrays, composites, ranges, multiranges, hstore and the tuples of a binary COPY write a length in
front of each value that they hold.  Whoever changes a value has to change the lengths of all that
is around it; so a value is only looked for where the structure is understood to the last byte.

The type of a column says what its structure is.  Where the type is not known (composites, enums,
domains and hstore have numbers of their own in each database) the structure must be recognised, and
nothing else must fit as well.

Sources: PostgreSQL's array_send, record_send, range_send, multirange_send, hstore_send, copyto.c.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, NamedTuple

from acra_twisted.fast.bigendian import uint16, uint32

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Types whose binary form is bytes or text without any length in it: bytea, "char", name, text,
#: json, xml, pg_node_tree, unknown, bpchar, varchar, refcursor, cstring, jsonb, jsonpath.
TEXTS: Final = frozenset((17, 18, 19, 25, 114, 142, 194, 705, 1042, 1043, 1790, 2275, 3802, 4072))
#: Text with a syntax of its own: JSON and XML.
SYNTAXES: Final = frozenset((114, 142, 3802, 4072))
BYTEA: Final = 17
_TEXT: Final = 25
_RECORD: Final = 2249
_RANGE: Final = -1
#: Numbers below are those of PostgreSQL's own types; the first of them is 16.
OWN_TYPES: Final = 16384
_FIRST: Final = 16
_MAX_FIELDS: Final = 1664
_MAX_DIMENSIONS: Final = 6
#: How many values may lie one in another.
MAX_DEPTH: Final = 8
_NULL: Final = 0xFFFFFFFF
_NEGATIVE: Final = 0x80000000
#: A length below this has a zero byte.
_ZERO_BYTE: Final = 1 << 24

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0"
_TRAILER: Final = 0xFFFF


class Leaf(NamedTuple):
    """A value that holds no others: ``data[start:end]`` of its cell.

    ``lengths``: the places of the lengths that count it.  ``whole``: what it holds is not known, so
    that nothing but all of it can be taken for a value.
    """

    start: int
    end: int
    oid: int
    lengths: tuple[int, ...]
    whole: bool


class Held(NamedTuple):
    """A value that another one holds: where its length stands, where it ends, and its type."""

    length: int
    end: int
    oid: int


def leaves(
    data: bytes,
    start: int,
    end: int,
    oid: int,
    concerns: Callable[[int, int], bool],
    lengths: tuple[int, ...] = (),
) -> list[Leaf]:
    """Find the leaves of the value ``data[start:end]`` that ``concerns`` says are of interest.

    ``oid`` is 0 if the type is not known.
    """
    if oid in TEXTS and (oid != BYTEA or not is_structure(data, start, end)):
        return [Leaf(start, end, oid, lengths, False)]
    held = _held(data, start, end, oid) if len(lengths) < MAX_DEPTH else None
    if held is None:
        # Without a zero byte it has no length in it: it is text.
        whole = end - start >= _ZERO_BYTE or data.find(b"\0", start, end) >= 0
        return [Leaf(start, end, oid, lengths, whole)]
    return inside(data, held, concerns, lengths)


def inside(
    data: bytes,
    held: list[Held],
    concerns: Callable[[int, int], bool],
    lengths: tuple[int, ...] = (),
) -> list[Leaf]:
    """Find the leaves of each of some values."""
    found: list[Leaf] = []
    for place, end, oid in held:
        if concerns(place + 4, end):
            found += leaves(data, place + 4, end, oid, concerns, (*lengths, place))
    return found


def _held(data: bytes, start: int, end: int, oid: int) -> list[Held] | None:
    """The values in a value; None if its structure is not known for sure."""
    if oid == _RANGE:
        return _range(data, start, end)
    if oid == _RECORD:
        return _record(data, start, end)
    if 0 < oid < OWN_TYPES and oid != BYTEA:
        return _array(data, start, end)
    fitting = _fitting(data, start, end)
    return fitting[0] if len(fitting) == 1 else None


def is_structure(data: bytes, start: int = 0, end: int = -1) -> bool:
    """Tell whether bytes read like a value that holds others: as ``array_send`` makes them, say."""
    return bool(_fitting(data, start, end if end >= 0 else len(data)))


def _fitting(data: bytes, start: int, end: int) -> list[list[Held]]:
    return [
        held
        for held in (
            _array(data, start, end),
            _record(data, start, end),
            _range(data, start, end),
            _multirange(data, start, end),
            _hstore(data, start, end),
        )
        if held is not None
    ]


def _value_end(data: bytes, at: i64, end: i64) -> i64:
    """Return the end of the value whose length stands at ``at``: ``at + 4`` for NULL, -1 if
    invalid."""
    if at + 4 > end:
        return -1
    size: i64 = uint32(data, at)
    if size == _NULL:
        return at + 4
    if size >= _NEGATIVE or at + 4 + size > end:
        return -1
    return at + 4 + size


def _array(data: bytes, start: int, end: int) -> list[Held] | None:
    if end - start < 20:
        return None
    dimensions = uint32(data, start)
    nulls = uint32(data, start + 4)
    oid = uint32(data, start + 8)
    at: i64 = start + 12
    if not 1 <= dimensions <= _MAX_DIMENSIONS or nulls > 1 or oid < _FIRST:
        return None
    if at + 8 * dimensions > end:
        return None
    expected = 1
    for _ in range(dimensions):
        expected *= uint32(data, at)
        if not 0 < expected <= (end - start) // 4:
            return None
        at += 8
    held: list[Held] = []
    for _ in range(expected):
        behind: i64 = _value_end(data, at, end)
        if behind < 0 or (not nulls and data[at] == 0xFF):
            return None
        held.append(Held(at, behind, oid))
        at = behind
    return held if at == end else None


def _record(data: bytes, start: int, end: int) -> list[Held] | None:
    if end - start < 4 or not 1 <= uint32(data, start) <= _MAX_FIELDS:
        return None
    held: list[Held] = []
    at: i64 = start + 4
    for _ in range(uint32(data, start)):
        if at + 8 > end:
            return None
        oid = uint32(data, at)
        behind: i64 = _value_end(data, at + 4, end)
        if behind < 0 or oid < _FIRST:
            return None
        held.append(Held(at + 4, behind, oid))
        at = behind
    return held if at == end else None


#: Flags of a range: empty, no lower bound, no upper bound; and those that are never sent.
_EMPTY: Final = 0x01
_NO_LOWER: Final = 0x08
_NO_UPPER: Final = 0x10
_NEVER_SENT: Final = 0xE0


def _range(data: bytes, start: int, end: int) -> list[Held] | None:
    if start == end or data[start] & (_NEVER_SENT | _EMPTY):
        return None
    held: list[Held] = []
    at: i64 = start + 1
    for missing in (_NO_LOWER, _NO_UPPER):
        if data[start] & missing:
            continue
        behind: i64 = _value_end(data, at, end)
        if behind < 0 or data[at] == 0xFF:
            return None
        held.append(Held(at, behind, 0))
        at = behind
    return held if at == end else None


def _multirange(data: bytes, start: int, end: int) -> list[Held] | None:
    if end - start < 4:
        return None
    count = uint32(data, start)
    if not 1 <= count <= (end - start) // 4:
        return None
    held: list[Held] = []
    at: i64 = start + 4
    for _ in range(count):
        behind: i64 = _value_end(data, at, end)
        if behind < 0 or _range(data, at + 4, behind) is None:
            return None
        held.append(Held(at, behind, _RANGE))
        at = behind
    return held if at == end else None


def _hstore(data: bytes, start: int, end: int) -> list[Held] | None:
    if end - start < 4:
        return None
    count = uint32(data, start)
    if not 1 <= count <= (end - start) // 8:
        return None
    held: list[Held] = []
    at: i64 = start + 4
    for _ in range(count):
        key: i64 = _value_end(data, at, end)
        if key < 0 or data[at] == 0xFF:
            return None
        value: i64 = _value_end(data, key, end)
        if value < 0:
            return None
        held.append(Held(at, key, _TEXT))
        held.append(Held(key, value, _TEXT))
        at = value
    return held if at == end else None


class CopiedTuples:
    """Follows a binary COPY from message to message, for messages that hold whole tuples.

    PostgreSQL sends each tuple in a message of its own.  Where a message ends inside a tuple, what
    is in the next ones could be anything: nothing in them is told apart any more.
    """

    __slots__ = ("_columns", "_begun", "_ended")

    def __init__(self, columns: int) -> None:
        self._columns = columns
        self._begun = False
        self._ended = False

    def whole(self, data: bytes, start: int, end: int) -> bool:
        """Tell whether the next message is whole tuples, perhaps with what begins and ends a
        COPY."""
        at: i64 = start
        limit: i64 = end
        if not self._begun:
            at = _behind_header(data, start, end)
            if at == start:
                return False
            self._begun = True
        columns: i64 = self._columns
        while at < limit:
            if self._ended or at + 2 > limit:
                return False
            count: i64 = uint16(data, at)
            at += 2
            if count == _TRAILER:
                self._ended = True
                continue
            if count != columns:
                return False
            for _ in range(count):
                at = _value_end(data, at, limit)
                if at < 0:
                    return False
        return True


def copied(data: bytes) -> list[Held]:
    """The fields in a message of whole tuples; none if it is not.  Their types are not known."""
    held: list[Held] = []
    end: i64 = len(data)
    at: i64 = _behind_header(data, 0, end)
    while at < end:
        count: i64 = uint16(data, at) if at + 2 <= end else 0
        if not count:
            return []
        at += 2
        if count == _TRAILER:
            break
        for _ in range(count):
            behind: i64 = _value_end(data, at, end)
            if behind < 0:
                return []
            held.append(Held(at, behind, 0))
            at = behind
    return held


def _behind_header(data: bytes, start: i64, end: i64) -> i64:
    """Return the end of a binary COPY's header that begins at ``start``; ``start`` without one.

    Tuples with OIDs, as servers before version 12 had them, are not known.
    """
    fixed: i64 = len(SIGNATURE) + 8
    if start + fixed > end or data[start : start + len(SIGNATURE)] != SIGNATURE:
        return start
    if uint32(data, start + len(SIGNATURE)):
        return start
    extension: i64 = uint32(data, start + len(SIGNATURE) + 4)
    if start + fixed + extension > end:
        return start
    return start + fixed + extension
