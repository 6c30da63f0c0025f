"""Rows of files of LOAD DATA in the one format in which they leave.

Each row has a byte `TAB` between its values and `NEWLINE` behind them, a backslash before either of
them in a value, and before another one; ``\\N`` is NULL.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

NULL: Final = b"\\N"
TAB: Final = b"\t"
NEWLINE: Final = b"\n"
#: Bytes of a value that are taken at a time: others may go on in between.
_AT_ONCE: Final = 1 << 20
_SWAPPED: Final = bytes.maketrans(b"\t\\", b"\\\t")


def split(row: bytes) -> list[bytes]:
    """The values of a row in our format, as they are written."""
    return row[:-1].split(TAB)


def decode(written: bytes) -> bytes | None:
    """A value in our format, None for NULL."""
    if written == NULL:
        return None
    if written.find(b"\\") < 0:
        return written
    size = len(written)
    parts: list[bytes] = []
    at = 0
    while at < size:
        some = written[at : at + _AT_ONCE]
        # A backslash stays with what it stands before.
        if (len(some) - len(some.rstrip(b"\\"))) % 2:
            some = written[at : at + _AT_ONCE + 1]
        parts.append(_decoded(some))
        at += len(some)
    return b"".join(parts)


def _decoded(written: bytes) -> bytes:
    """A part of a value.  It has no `TAB`, which takes the place of two backslashes meanwhile, nor
    a `NEWLINE`: nothing looks at each sign."""
    made = written.replace(b"\\\\", TAB).replace(b"\\n", NEWLINE)
    return made.replace(b"\\t", b"\\").translate(_SWAPPED)


def encode(value: bytes) -> bytes:
    """A value as our format writes it."""
    return value.replace(b"\\", b"\\\\").replace(TAB, b"\\t").replace(NEWLINE, b"\\n")


def join(values: Sequence[bytes]) -> bytes:
    """The row of values as our format writes them."""
    return TAB.join(values) + NEWLINE
