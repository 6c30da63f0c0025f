"""Acra's own framing on its links: a 4-byte little-endian length, then the body.

Source: acra-wire reference, section 1.  Every caller passes a limit, checked before anything is
waited for.
"""

from __future__ import annotations

import struct
from typing import Final

from acra_twisted.errors import FrameTooLarge

_LENGTH: Final = struct.Struct("<I")
HEADER_SIZE: Final = 4


def encode(body: bytes) -> bytes:
    """One block."""
    return _LENGTH.pack(len(body)) + body


def decode(data: bytes, limit: int) -> tuple[bytes, int] | None:
    """The first block of ``data`` and how many bytes it took, or None if more must arrive.

    Raises FrameTooLarge if the announced length is above ``limit``.
    """
    return decode_at(data, 0, limit)


def wanted(data: bytes, position: int) -> int:
    """Return the number of bytes that the block at ``position`` needs, as far as that is known."""
    if len(data) - position < HEADER_SIZE:
        return HEADER_SIZE
    return HEADER_SIZE + int(_LENGTH.unpack_from(data, position)[0])


def decode_at(data: bytes, position: int, limit: int) -> tuple[bytes, int] | None:
    """The block that begins at ``position`` and where it ends, or None if more must arrive.

    Raises FrameTooLarge if the announced length is above ``limit``.
    """
    start = position + HEADER_SIZE
    if len(data) < start:
        return None
    (length,) = _LENGTH.unpack_from(data, position)
    if length > limit:
        raise FrameTooLarge("link", f"block of {length} bytes announced, the limit is {limit}")
    end = start + length
    if len(data) < end:
        return None
    return data[start:end], end
