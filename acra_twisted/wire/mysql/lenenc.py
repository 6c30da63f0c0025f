"""Length-encoded numbers and strings, and fields of fixed width, with bounds.

A first byte up to ``fa`` is the number itself; ``fc``, ``fd`` and ``fe`` announce two, three and
eight bytes.  ``fb`` stands for NULL where a row allows it, and ``ff`` for nothing.  A number may be
encoded longer than it need be; what is encoded here never is.

Readers take the bytes, the place to read at, and the side that has sent them: ``"client"`` or
``"database"``.  They return the value and the place behind it, and raise WireError where it does
not lie within the bytes whole.
"""

from __future__ import annotations

from typing import Final

from acra_twisted.errors import WireError
from acra_twisted.fast.littleendian import uint16, uint24, uint32, uint64

#: The first byte of a cell of a text row that is NULL.
NULL: Final = 0xFB
#: A number below it is one byte.
SHORT: Final = 0xFB
_TWO: Final = 0xFC
_THREE: Final = 0xFD
_EIGHT: Final = 0xFE


def read_int(data: bytes, at: int, side: str) -> tuple[int, int]:
    """A length-encoded number, up to 64 bits wide."""
    try:
        first = data[at]
        if first < SHORT:
            return first, at + 1
        if first == _TWO:
            return uint16(data, at + 1), at + 3
        if first == _THREE:
            return uint24(data, at + 1), at + 4
        if first == _EIGHT:
            return uint64(data, at + 1), at + 9
    except IndexError:
        raise cut_short(side) from None
    raise WireError(side, "malformed packet: a length begins with a byte that begins none")


def skip(data: bytes, at: int, side: str) -> int:
    """Return the place behind a length-encoded string."""
    size, start = read_int(data, at, side)
    if size > len(data) - start:
        raise cut_short(side)
    return start + size


def read_bytes(data: bytes, at: int, side: str) -> tuple[bytes, int]:
    """A length-encoded string."""
    size, start = read_int(data, at, side)
    if size > len(data) - start:
        raise cut_short(side)
    return data[start : start + size], start + size


def read_fixed(data: bytes, at: int, size: int, side: str) -> tuple[bytes, int]:
    """``size`` bytes."""
    if size > len(data) - at:
        raise cut_short(side)
    return data[at : at + size], at + size


def read_string(data: bytes, at: int, side: str) -> tuple[bytes, int]:
    """A string that a NUL ends."""
    end = data.find(b"\0", at)
    if end < 0:
        raise cut_short(side)
    return data[at:end], end + 1


def read_uint8(data: bytes, at: int, side: str) -> tuple[int, int]:
    """A number of one byte."""
    if at >= len(data):
        raise cut_short(side)
    return data[at], at + 1


def read_uint16(data: bytes, at: int, side: str) -> tuple[int, int]:
    """A number of two bytes."""
    if at + 2 > len(data):
        raise cut_short(side)
    return uint16(data, at), at + 2


def read_uint32(data: bytes, at: int, side: str) -> tuple[int, int]:
    """A number of four bytes."""
    if at + 4 > len(data):
        raise cut_short(side)
    return uint32(data, at), at + 4


def encode_int(number: int) -> bytes:
    """The shortest form of a number.  Raises OverflowError for one that needs more than 64 bits."""
    if number < SHORT:
        return number.to_bytes(1, "little")
    if number <= 0xFFFF:
        return b"\xfc" + number.to_bytes(2, "little")
    if number <= 0xFFFFFF:
        return b"\xfd" + number.to_bytes(3, "little")
    return b"\xfe" + number.to_bytes(8, "little")


def encode_bytes(text: bytes) -> bytes:
    """A string behind its length."""
    return encode_int(len(text)) + text


def cut_short(side: str) -> WireError:
    """The error of a field that is not there whole."""
    return WireError(side, "malformed packet: a field reaches past its end")
