"""Containers in bytes: AcraStructs and AcraBlocks, bare or in Acra's ``%%%`` envelope.

Source: themis-formats reference, section 9.3.

Acra looks for the tags (three per cent signs, quotes) and tries whatever follows.  We look for the
long constants inside, which every container has and nothing else: a cell full of quotes costs one
search in C instead of an attempt per byte.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

from acra_twisted.crypto import acrablock, acrastruct

ACRASTRUCT = "acrastruct"
ACRABLOCK = "acrablock"

_TAG = b"%%%"
HEADER_SIZE = 12
_LENGTH = struct.Struct("<Q")
_IDS = {ACRABLOCK: b"\xf0", ACRASTRUCT: b"\xf1"}
_KINDS = ((ACRASTRUCT, acrastruct), (ACRABLOCK, acrablock))

#: What is in every container of each kind.
MARKS = (acrastruct.MARK, acrablock.MARK)
#: No container is shorter.
MINIMUM = acrablock.OVERHEAD + 1


class Envelope(NamedTuple):
    """A container found: ``[start, end)`` with its ``%%%`` header, the inner one from ``inner``."""

    kind: str
    start: int
    inner: int
    end: int


def wrap(kind: str, inner: bytes) -> bytes:
    """The ``%%%`` envelope around an AcraStruct or AcraBlock."""
    return _TAG + _LENGTH.pack(HEADER_SIZE + len(inner)) + _IDS[kind] + inner


def find(data: bytes) -> list[Envelope]:
    """Whatever looks like a container in ``data``, by where the inner one begins.

    One may lie inside another: the outer one may be a look-alike that wants to hide it.
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
    if len(found) > 1:
        found.sort(key=lambda envelope: envelope.inner)
    return found


def _outer(kind: str, data: bytes, start: int, size: int) -> int:
    """Where the ``%%%`` header of the container at ``start`` begins, or ``start``."""
    begin = start - HEADER_SIZE
    if (
        begin >= 0
        and data[begin : begin + 3] == _TAG
        and data[start - 1 : start] == _IDS[kind]
        and data[begin + 3 : begin + 11] == _LENGTH.pack(HEADER_SIZE + size)
    ):
        return begin
    return start
