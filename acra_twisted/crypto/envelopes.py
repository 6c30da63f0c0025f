"""Containers in bytes: AcraStructs and AcraBlocks, bare or in Acra's ``%%%`` envelope.

Source: themis-formats reference, section 9.3.

Acra looks for the tags (three per cent signs, quotes) and tries whatever follows.  We look for the
long constants inside, which every container has and nothing else: a cell full of quotes costs one
search in C instead of an attempt per byte.
"""

from __future__ import annotations

import struct
from typing import Final

from acra_twisted.crypto import acrablock, acrastruct
from acra_twisted.fast import finding
from acra_twisted.fast.byteswriter import BytesWriter, write_i64_le

ACRASTRUCT: Final = "acrastruct"
ACRABLOCK: Final = "acrablock"

_TAG: Final = b"%%%"
HEADER_SIZE: Final = 12
_LENGTH: Final = struct.Struct("<Q")
_IDS: Final = {ACRABLOCK: b"\xf0", ACRASTRUCT: b"\xf1"}
_KINDS: Final = ((ACRASTRUCT, acrastruct), (ACRABLOCK, acrablock))

#: Bytes in every container of each kind.
MARKS: Final = (acrastruct.MARK, acrablock.MARK)
#: How many containers may lie one in another and be opened.  A cell of look-alikes that each claim
#: all the rest would else be work and memory by the square of its size.
MAX_DEPTH: Final = 4
#: Bytes of a container that determine its data key: the head of the longer kind.
HEAD_SIZE: Final[int] = max(acrastruct.HEAD_SIZE, acrablock.HEAD_SIZE)
#: No container is shorter.
MINIMUM: Final = acrablock.OVERHEAD + 1


class Envelope:
    """A container found: ``[start, end)`` with its ``%%%`` header, the inner one from ``inner``.

    ``deep``: it lies in more than MAX_DEPTH others.  Its data key tells whose it is; its content is
    not to be read.
    """

    __slots__ = ("kind", "start", "inner", "end", "deep")

    def __init__(self, kind: str, start: int, inner: int, end: int, deep: bool = False) -> None:
        self.kind = kind
        self.start = start
        self.inner = inner
        self.end = end
        self.deep = deep

    def data(self, source: bytes) -> bytes:
        """The inner one's bytes; of one that lies too deep only the head."""
        return source[self.inner : min(self.end, self.inner + HEAD_SIZE) if self.deep else self.end]


def wrap(kind: str, inner: bytes) -> bytes:
    """The ``%%%`` envelope around an AcraStruct or AcraBlock."""
    made = BytesWriter()
    made.write(_TAG)
    write_i64_le(made, HEADER_SIZE + len(inner))
    made.write(_IDS[kind])
    made.write(inner)
    return made.getvalue()


def find(data: bytes) -> list[Envelope]:
    """Find what looks like a container in ``data``, in the order of inner containers.

    One may lie inside another: the outer one may be a look-alike that wants to hide it.  Those that
    are not ``deep`` are together no more than MAX_DEPTH times the data.
    """
    found: list[Envelope] = []
    for kind, form in _KINDS:
        position = data.find(form.MARK)
        while position >= 0:
            start = position - form.MARK_OFFSET
            size = form.size_at(data, start, len(data)) if start >= 0 else 0
            if size:
                found.append(Envelope(kind, _outer(kind, data, start, size), start, start + size))
            position = data.find(form.MARK, position + 1)
    return _by_place(found) if len(found) > 1 else found


def outermost(data: bytes) -> list[Envelope]:
    """Find the containers that lie in no other, in their order."""
    outer: list[Envelope] = []
    done = 0
    for envelope in find(data):
        if envelope.start >= done and not envelope.deep:
            outer.append(envelope)
            done = envelope.end
    return outer


def is_damaged(data: bytes) -> bool:
    """Return True if bytes in which nothing is found were a container once: they begin with an
    envelope's header, or have the long constants of a kind."""
    if data[:3] == _TAG and data[HEADER_SIZE - 1 : HEADER_SIZE] in _IDS.values():
        return True
    return any(finding.find(data, mark) >= 0 for mark in MARKS)


def has_broken_header(data: bytes, envelope: Envelope) -> bool:
    """Return True if a container found without a header had one, of which a part is left."""
    begin = envelope.inner - HEADER_SIZE
    if envelope.start != envelope.inner or begin < 0:
        return False
    size = _LENGTH.pack(HEADER_SIZE + envelope.end - envelope.inner)
    return data[begin : begin + 3] == _TAG or data[begin + 3 : begin + 11] == size


def _by_place(found: list[Envelope]) -> list[Envelope]:
    """Sort the containers found, and mark those that lie too deep in others."""
    told = sorted(found, key=lambda envelope: envelope.inner)
    around: list[int] = []
    for envelope in told:
        around = [end for end in around if end > envelope.inner]
        if len(around) < MAX_DEPTH:
            around.append(envelope.end)
        else:
            envelope.deep = True
    return told


def _outer(kind: str, data: bytes, start: int, size: int) -> int:
    """Return where the ``%%%`` header of the container at ``start`` begins, or ``start`` without
    one."""
    begin = start - HEADER_SIZE
    if (
        begin >= 0
        and data[begin : begin + 3] == _TAG
        and data[start - 1 : start] == _IDS[kind]
        and data[begin + 3 : begin + 11] == _LENGTH.pack(HEADER_SIZE + size)
    ):
        return begin
    return start
