"""Containers in the values of a result, in every form in which a database writes bytes as text.

PostgreSQL sends ``bytea`` as hexadecimal (``\\x2525...``), in its old escape format
(``%%%\\227\\000...``) or, in binary results, as it is.  The same digits stand in JSON, in arrays
and in COPY data.  So hexadecimal is looked for anywhere, the other two in the cell as a whole.

What is put in place of a container is written in the form the container had.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.crypto.search import contains_any

RAW: Final = "raw"
HEX: Final = "hex"
ESCAPE: Final = "escape"
ESCAPE_TWICE: Final = "escape-twice"


def _escape(data: bytes) -> bytes:
    return b"".join(
        b"\\\\" if byte == 92 else bytes((byte,)) if 32 <= byte < 127 else b"\\%03o" % byte
        for byte in data
    )


_STRUCT: Final = envelopes.MARKS[0]
_BLOCK: Final = envelopes.MARKS[1]
_HEX_MARKS: Final = tuple(mark.hex().encode() for mark in envelopes.MARKS)
_ESCAPED_MARKS: Final = tuple(_escape(mark) for mark in envelopes.MARKS)
# In JSON and in COPY data the backslashes of the escape format are doubled, and in JSON quotes have
# one: the tag is not part of what is looked for.
_ESCAPED_MARKS_TWICE: Final = tuple(
    _escape(mark).replace(b"\\", b"\\\\") for mark in (acrastruct.KEY_MARK, acrablock.MARK)
)
_ALL_ESCAPED_MARKS: Final = _ESCAPED_MARKS + _ESCAPED_MARKS_TWICE

#: Digits converted at a time: a worker keeps the interpreter for a piece (0.1 ms), not for 20 MB.
_PIECE: Final = 256 * 1024
_HEX_RUN: Final = re.compile(rb"(?:[0-9a-f]{2})*")
_ESCAPES: Final = re.compile(rb"\\(?:\\|([0-7]{3}))")
_TWICE: Final = re.compile(rb'\\([\\"])')


def might_contain(data: bytes, binary: bool, start: int = 0, end: int = -1) -> bool:
    """False if nothing in a run of rows can be a container: a few searches in C, no more.

    ``binary``: whether some column of the rows is in binary format.
    """
    if end < 0:
        end = len(data)
    return (
        contains_any(data, _HEX_MARKS, start, end)
        or binary
        and contains_any(data, envelopes.MARKS, start, end)
        or data.find(b"\\", start, end) >= 0
        and contains_any(data, _ALL_ESCAPED_MARKS, start, end)
    )


class Sighting(NamedTuple):
    """A container in a cell: its kind and bytes (the inner one's), and where to put its content.

    ``[start, end)`` are places in the bytes of the cell.
    """

    kind: str
    data: bytes
    form: str
    start: int
    end: int


def find(cell: bytes, binary: bool = True) -> list[Sighting]:
    """Whatever looks like a container in a cell, in order.  Not to be replaced: ESCAPE_TWICE.

    ``binary``: False if the cell is text for sure.
    """
    found: list[Sighting] = []
    size = len(cell)
    if binary and (_STRUCT in cell or _BLOCK in cell):
        found += [
            Sighting(e.kind, cell[e.inner : e.end], RAW, e.start, e.end)
            for e in envelopes.find(cell)
        ]
    if contains_any(cell, _HEX_MARKS, 0, size):
        found += _find_hex(cell)
    if b"\\" in cell and contains_any(cell, _ALL_ESCAPED_MARKS, 0, size):
        found += _find_escaped(cell)
    if len(found) > 1:
        found.sort(key=lambda sighting: sighting.start)
    return found


def _find_hex(cell: bytes) -> list[Sighting]:
    if cell[:2] == b"\\x":
        # A bytea, the usual case.
        try:
            return _in_digits(_unhex(cell, 2, len(cell)), 2)
        except binascii.Error:
            pass
    found = []
    # Digits pair up in one of two ways, and a mark tells which: each run is read at most twice.
    done = [0, 0]
    for position in _mark_positions(cell):
        pairing = position % 2
        if position < done[pairing]:
            continue
        begin = _run_start(cell, position)
        match = _HEX_RUN.match(cell, begin)
        assert match is not None  # noqa: S101 - the pattern matches the empty string
        done[pairing] = match.end()
        found += _in_digits(_unhex(cell, begin, match.end()), begin)
    return found


def _unhex(cell: bytes, start: int, end: int) -> bytes:
    """Raises binascii.Error if that is not pairs of digits and nothing else."""
    view = memoryview(cell)
    if end - start <= _PIECE:
        return binascii.unhexlify(view[start:end])
    return b"".join(
        binascii.unhexlify(view[at : min(at + _PIECE, end)]) for at in range(start, end, _PIECE)
    )


def _in_digits(data: bytes, begin: int) -> list[Sighting]:
    """Containers in bytes whose digits begin at ``begin``."""
    return [
        Sighting(e.kind, data[e.inner : e.end], HEX, begin + 2 * e.start, begin + 2 * e.end)
        for e in envelopes.find(data)
    ]


def _mark_positions(cell: bytes) -> list[int]:
    positions = []
    for mark in _HEX_MARKS:
        position = cell.find(mark)
        while position >= 0:
            positions.append(position)
            position = cell.find(mark, position + 1)
    return sorted(positions)


#: How much may stand before a mark and belong to its container: envelope, tag, mark's offset.
_BEFORE: Final = envelopes.HEADER_SIZE + max(acrastruct.MARK_OFFSET, acrablock.MARK_OFFSET)
_NO_DIGIT: Final = re.compile(rb"[^0-9a-f]")


def _run_start(cell: bytes, mark: int) -> int:
    """The place at most 27 bytes' digits before the mark, behind what is no digit."""
    start = max(mark - 2 * _BEFORE, 0)
    last = 0
    for gap in _NO_DIGIT.finditer(cell, start, mark):
        last = gap.end()
    start = max(start, last)
    return start + (mark - start) % 2


def _find_escaped(cell: bytes) -> list[Sighting]:
    data = _unescape(cell)
    once = envelopes.find(data)
    if once:
        places = _places(cell, [place for e in once for place in (e.start, e.end)])
        return [
            Sighting(e.kind, data[e.inner : e.end], ESCAPE, places[e.start], places[e.end])
            for e in once
        ]
    data = _unescape(_TWICE.sub(rb"\1", cell))
    return [
        Sighting(e.kind, data[e.inner : e.end], ESCAPE_TWICE, 0, 0) for e in envelopes.find(data)
    ]


def _unescape(cell: bytes) -> bytes:
    return _ESCAPES.sub(
        lambda match: b"\\" if match[1] is None else bytes((int(match[1], 8) & 255,)), cell
    )


def _places(cell: bytes, wanted: Sequence[int]) -> dict[int, int]:
    """Where places of the unescaped bytes are in the cell: one walk over its escapes for all."""
    places: dict[int, int] = {}
    todo = sorted(set(wanted), reverse=True)
    there = unescaped = 0
    ends = [(match.start(), match.end()) for match in _ESCAPES.finditer(cell)]
    for start, end in (*ends, (len(cell), len(cell))):
        plain = start - there
        while todo and todo[-1] <= unescaped + plain:
            place = todo.pop()
            places[place] = there + place - unescaped
        unescaped += plain + 1
        there = end
    return places


def replace(cell: bytes, contents: Sequence[tuple[Sighting, bytes]]) -> bytes:
    """The cell with plaintexts in place of containers, each in its container's form.

    The sightings must be of this cell, in order, and must not overlap.
    """
    parts = []
    done = 0
    for sighting, content in contents:
        parts += [cell[done : sighting.start], _WRITE[sighting.form](content)]
        done = sighting.end
    return b"".join((*parts, cell[done:]))


def _as_it_is(data: bytes) -> bytes:
    return data


def _digits(data: bytes) -> bytes:
    if len(data) <= _PIECE:
        return binascii.hexlify(data)
    view = memoryview(data)
    return b"".join(binascii.hexlify(view[at : at + _PIECE]) for at in range(0, len(data), _PIECE))


_WRITE: Final = {RAW: _as_it_is, HEX: _digits, ESCAPE: _escape}
