"""Pieces of long texts, for searches by words.

A call that goes through bytes lets no other thread go on, and so no other session.  A text of
16 MiB is searched for words in 0.1 to 2 seconds: in pieces others wait for one of them at most.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

#: Bytes of a piece, and those that it has in common with the one before it: what is longer may be
#: in no piece.
SIZE: Final = 64 << 10
COMMON: Final = 1 << 10
#: A piece ends and begins between two words if there is such a place within so many bytes.
_NEAR: Final = 128
_word_before: Final = re.compile(rb"[0-9A-Za-z_$\x80-\xff]{1,%d}\Z" % _NEAR).search
#: The first two bits of a byte of UTF-8 that continues a character.
_TOP, _CONTINUES = 0xC0, 0x80
_LONGEST: Final = 3


def pieces(text: bytes, size: int = SIZE, common: int = COMMON) -> Iterator[bytes]:
    """The pieces of a text, in their order; one that is not longer than a piece as it is.

    All bytes up to ``common`` that stand together in the text do so in some piece.  Words of more
    than 128 bytes may be cut, characters of UTF-8 are not.
    """
    start = 0
    while len(text) - start > size:
        end = _boundary(text, start + size, start + common)
        yield text[start:end]
        start = _boundary(text, end - common, start)
    yield text[start:] if start else text


def _boundary(text: bytes, at: int, least: int) -> int:
    """A place between two words, at or a little before another one; ``least`` is too far."""
    found = _word_before(text, max(at - _NEAR, 0), at)
    if found is None:
        return at
    place = found.start()
    if place > max(at - _NEAR, least):
        return place
    for place in range(at, max(at - _LONGEST, least), -1):
        if text[place] & _TOP != _CONTINUES:
            return place
    return at
