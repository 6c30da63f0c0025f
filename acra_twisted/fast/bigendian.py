"""Numbers in network byte order, read from bytes without an object between.

Compiled, a tenth of what ``struct`` takes; interpreted a little more.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_extensions import i64


def uint32(data: bytes, at: i64) -> i64:
    """The four bytes from ``at`` on.  Raises IndexError if they are not there."""
    first: i64 = data[at]
    second: i64 = data[at + 1]
    third: i64 = data[at + 2]
    return first << 24 | second << 16 | third << 8 | data[at + 3]


def uint16(data: bytes, at: i64) -> i64:
    """The two bytes from ``at`` on.  Raises IndexError if they are not there."""
    first: i64 = data[at]
    return first << 8 | data[at + 1]
