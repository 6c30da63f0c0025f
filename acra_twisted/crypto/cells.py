"""Containers in the values of a result, in every form in which a database writes bytes as text.

PostgreSQL sends ``bytea`` as hexadecimal (``\\x2525...``), in its old escape format
(``%%%\\227\\000...``) or, in binary results, as it is.  The same digits stand in JSON, in arrays
and in COPY data, whatever is quoted around them.  So hexadecimal is looked for anywhere, and opened
anywhere in a text.  The other two are looked for anywhere, too, and opened where nothing around
them must change with them: in a value of its own.

What is put in place of a container is written in the form the container had; what counts the
value's bytes is put right.
"""

from __future__ import annotations

import binascii
import re
import struct
from collections.abc import Callable, Sequence
from typing import Final

from acra_twisted.crypto import acrablock, acrastruct, envelopes
from acra_twisted.crypto.envelopes import Envelope
from acra_twisted.crypto.search import contains_any
from acra_twisted.wire.postgres import nested
from acra_twisted.wire.postgres.nested import SYNTAXES, Leaf

RAW: Final = "raw"
HEX: Final = "hex"
ESCAPE: Final = "escape"
#: Where a plaintext has no place: within quotes of quotes, or where a length might count it.
UNUSUAL: Final = "unusual"


def _escape(data: bytes) -> bytes:
    return b"".join(
        b"\\\\" if byte == 92 else bytes((byte,)) if 32 <= byte < 127 else b"\\%03o" % byte
        for byte in data
    )


_QUOTE: Final = 0x22
_STRUCT: Final = envelopes.MARKS[0]
_BLOCK: Final = envelopes.MARKS[1]
_HEX_MARKS: Final = tuple(mark.hex().encode() for mark in envelopes.MARKS)
#: Where values lie in arrays, composites, JSON or COPY data, each level doubles the backslashes of
#: the escape format.  Quotes get one, or are doubled: the tag is not part of what is looked for.
_LEVELS: Final = tuple(
    tuple(
        _escape(mark).replace(b"\\", b"\\" * doubled)
        for mark in (acrastruct.KEY_MARK, acrablock.MARK)
    )
    for doubled in (1, 2, 4, 8, 16)
)
_ALL_ESCAPED_MARKS: Final = tuple(mark for level in _LEVELS for mark in level)
#: Bytes that all of them have, and little else.
_ESCAPED_ZERO: Final = (b"\\000\\",)
_BACKSLASH: Final = (b"\\",)

#: Digits converted at a time: a worker keeps the interpreter for a piece (0.1 ms), not for 20 MB.
_PIECE: Final = 256 * 1024
_HEX_RUN: Final = re.compile(rb"(?:[0-9a-f]{2})*")
_ESCAPES: Final = re.compile(rb"\\(?:\\|([0-7]{3}))")
_COUNT: Final = struct.Struct(">i")
_TWICE: Final = re.compile(rb'\\([\\"])')


def search_text(data: bytes, start: int, end: int) -> bool:
    """False if nothing in a run of rows, all of them text, can be a container: a few searches in C,
    no more."""
    return contains_any(data, _HEX_MARKS, start, end) or has_escaped(data, start, end)


def search_all(data: bytes, start: int, end: int) -> bool:
    """The same, where some column of the rows may be in binary format."""
    return contains_any(data, envelopes.MARKS, start, end) or search_text(data, start, end)


def might_contain(data: bytes, binary: bool, start: int = 0, end: int = -1) -> bool:
    """`search_all` if some column may be in binary format, else `search_text`."""
    if end < 0:
        end = len(data)
    return search_all(data, start, end) if binary else search_text(data, start, end)


def has_escaped(data: bytes, start: int, end: int) -> bool:
    """Return True if a run may have a container in escape format, however often quoted."""
    return (
        contains_any(data, _BACKSLASH, start, end)
        and contains_any(data, _ESCAPED_ZERO, start, end)
        and contains_any(data, _ALL_ESCAPED_MARKS, start, end)
    )


def marks_in(data: bytes, binary: bool, start: int, end: int) -> list[bytes]:
    """The marks in a run of rows, one of which is in each row that can hold a container."""
    marks = [*_HEX_MARKS, *envelopes.MARKS] if binary else [*_HEX_MARKS]
    if has_escaped(data, start, end):
        marks += _ALL_ESCAPED_MARKS
    return [mark for mark in marks if contains_any(data, (mark,), start, end)]


class Sighting:
    """A container in a cell: its kind and bytes (the inner one's), and where to put its content.

    ``[start, end)`` are places in the bytes of the cell, ``inner`` is the one where the inner one
    begins; ``lengths`` are those of the lengths that count them.  One in UNUSUAL form is not to be
    replaced, and ``data`` may be no more than its head.
    """

    __slots__ = ("kind", "data", "form", "start", "end", "inner", "lengths")

    def __init__(
        self,
        kind: str,
        data: bytes,
        form: str,
        start: int,
        end: int,
        inner: int,
        lengths: tuple[int, ...] = (),
    ) -> None:
        self.kind = kind
        self.data = data
        self.form = form
        self.start = start
        self.end = end
        self.inner = inner
        self.lengths = lengths

    def within(self, begin: int, lengths: tuple[int, ...]) -> Sighting:
        """The same in a cell that holds this one's from ``begin`` on, with lengths that count
        it."""
        start, end, inner = begin + self.start, begin + self.end, begin + self.inner
        return Sighting(self.kind, self.data, self.form, start, end, inner, lengths)


def find(cell: bytes, binary: bool = True, syntax: bool = False) -> list[Sighting]:
    """Find everything that looks like a container in a cell of one value, in order.

    ``binary``: False if the cell is text for sure.  ``syntax``: it is text with a syntax of its
    own, where nothing but digits can take the place of digits.
    """
    size = len(cell)
    has_digits = contains_any(cell, _HEX_MARKS, 0, size)
    if has_digits and cell[:2] == b"\\x":
        # A bytea, the usual case: it is digits and nothing else.
        try:
            data = _unhex(cell, 2, size)
        except binascii.Error:
            pass
        else:
            return _in_bytea(_in_digits(data, 2), 2, data)
    found = find_raw(cell) if binary else []
    if has_digits:
        found += _find_hex(cell)
    if has_escaped(cell, 0, size):
        found += _find_escaped(cell, syntax)
    if len(found) > 1:
        found.sort(key=lambda sighting: sighting.start)
    return found


def find_raw(cell: bytes) -> list[Sighting]:
    """Find everything that looks like a container as it is, in order."""
    if _STRUCT in cell or _BLOCK in cell:
        return [_sighting(e, cell, RAW, 0, 1) for e in envelopes.find(cell)]
    return []


def _sighting(e: Envelope, data: bytes, form: str, begin: int, width: int) -> Sighting:
    """A container in ``data``, of which each byte takes so many of the cell's from ``begin`` on."""
    return Sighting(
        e.kind,
        e.data(data),
        UNUSUAL if e.deep else form,
        begin + width * e.start,
        begin + width * e.end,
        begin + width * e.inner,
    )


def unusual(sighting: Sighting) -> Sighting:
    """The same, not to be replaced."""
    kind, data, lengths = sighting.kind, sighting.data, sighting.lengths
    return Sighting(kind, data, UNUSUAL, sighting.start, sighting.end, sighting.inner, lengths)


def concerns(cell: bytes, start: int, end: int) -> bool:
    """Return True if a part of a cell must be searched by itself."""
    return end - start >= envelopes.MINIMUM and might_contain(cell, True, start, end)


def place(cell: bytes, found: list[Sighting], leaves: Sequence[Leaf]) -> list[Sighting]:
    """Put each sighting that was ``found`` in a cell into the value that holds it.

    What is in none of them stays where it is.
    """
    placed: list[Sighting] = []
    for leaf in leaves:
        value = cell[leaf.start : leaf.end]
        strange = not 0 < leaf.oid < nested.OWN_TYPES
        for sighting in find(value, syntax=leaf.oid in SYNTAXES):
            if leaf.whole or (strange and sighting.form == ESCAPE):
                if not fills(sighting, value):
                    sighting = unusual(sighting)
            placed.append(sighting.within(leaf.start, leaf.lengths))
    known = {(sighting.kind, sighting.inner) for sighting in placed}
    heads = {_head(sighting) for sighting in placed}
    for one in found:
        # Those without a place are known by what is in them.
        if (_head(one) not in heads) if one.end == 0 else ((one.kind, one.inner) not in known):
            placed.append(unusual(one))
    placed.sort(key=lambda sighting: sighting.start)
    return placed


def _head(sighting: Sighting) -> bytes:
    return sighting.data[: envelopes.HEAD_SIZE]


def fills(sighting: Sighting, value: bytes) -> bool:
    """Return True if a value is exactly one container."""
    begin = 2 if sighting.form == HEX and value[:2] == b"\\x" else 0
    return sighting.start == begin and sighting.end == len(value)


def _find_hex(cell: bytes) -> list[Sighting]:
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
        done[pairing] = end = match.end()
        data = _unhex(cell, begin, end)
        sightings = _in_digits(data, begin)
        prefix = cell.rfind(b"\\x", 0, begin) + 2
        if prefix == begin:
            sightings = _in_bytea(sightings, prefix, data)
        elif prefix > 1 and not (begin - prefix) % 2 and not _NO_DIGIT.search(cell, prefix, begin):
            sightings = _in_bytea(sightings, prefix, _unhex(cell, prefix, end))
        found += sightings
    return found


def _in_bytea(found: list[Sighting], begin: int, data: bytes) -> list[Sighting]:
    """Those of them that may be replaced in a bytea whose digits begin at ``begin``: all of them,
    unless it is a value of values, such as ``array_send`` makes, with lengths in digits."""
    if found and found[0].start > begin and nested.is_structure(data):
        return [unusual(one) for one in found]
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
    return [_sighting(e, data, HEX, begin, 2) for e in envelopes.find(data)]


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


def _find_escaped(cell: bytes, syntax: bool) -> list[Sighting]:
    data = _unescape(cell)
    once = envelopes.find(data)
    places = _places(cell, [place for e in once for place in (e.start, e.end, e.inner)])
    found = []
    counted = bool(once) and once[0].start > 0 and nested.is_structure(data)
    for e in once:
        # One quote more in front of it: quotes are doubled here, as in CSV.
        quoted = e.start > 0 and data[e.start - 1] == _QUOTE
        fits = not (e.deep or syntax or counted or quoted)
        form = ESCAPE if fits else UNUSUAL
        at = places[e.start], places[e.end], places[e.inner]
        found.append(Sighting(e.kind, e.data(data), form, *at))
    heads = {_head(sighting) for sighting in found}
    for text in _levels(cell):
        # It may be any text: which places of the cell these are is not told.
        for e in envelopes.find(text):
            head = text[e.inner : min(e.inner + envelopes.HEAD_SIZE, e.end)]
            if head not in heads:
                heads.add(head)
                found.append(Sighting(e.kind, head, UNUSUAL, 0, 0, 0))
    return found


def _levels(cell: bytes) -> list[bytes]:
    """The bytes that a text may stand for, if its backslashes are doubled, and its quotes."""
    texts = []
    text = cell
    for number, marks in enumerate(_LEVELS):
        if number:
            text = _TWICE.sub(rb"\1", text)
        if contains_any(cell, marks, 0, len(cell)):
            quoted = text
            if number:
                texts.append(_unescape(quoted))
            for _ in range(number + 1):
                quoted = quoted.replace(b'""', b'"')
                texts.append(_unescape(quoted))
    return texts


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

    The sightings must be of this cell, in order, and must not overlap.  Raises struct.error rather
    than wrap a length.
    """
    if len(contents) == 1 and not contents[0][0].lengths:
        sighting, content = contents[0]
        written = _WRITE[sighting.form](content)
        return b"".join((cell[: sighting.start], written, cell[sighting.end :]))
    parts = []
    grown: dict[int, int] = {}
    for sighting, content in contents:
        written = _WRITE[sighting.form](content)
        parts.append((sighting.start, sighting.end, written))
        for length in sighting.lengths:
            more = len(written) - (sighting.end - sighting.start)
            grown[length] = grown.get(length, 0) + more
    if grown:
        for length, more in grown.items():
            (before,) = _COUNT.unpack_from(cell, length)
            parts.append((length, length + 4, _COUNT.pack(before + more)))
        parts.sort()
    changed = []
    done = 0
    for start, end, written in parts:
        changed += [cell[done:start], written]
        done = end
    return b"".join((*changed, cell[done:]))


def _digits(data: bytes) -> bytes:
    if len(data) <= _PIECE:
        return binascii.hexlify(data)
    view = memoryview(data)
    return b"".join(binascii.hexlify(view[at : at + _PIECE]) for at in range(0, len(data), _PIECE))


_WRITE: Final[dict[str, Callable[[bytes], bytes]]] = {RAW: bytes, HEX: _digits, ESCAPE: _escape}
