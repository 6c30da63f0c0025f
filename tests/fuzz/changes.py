"""Changes to bytes of any kind, for fuzzers; each follows from a `random.Random` alone, on every
machine and for every Python."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Protocol

#: Changes bytes in no particular way: takes them and how many they may become at most.
Plain = Callable[[bytes, int], bytes]
#: What lengths and counts are where things go wrong.
_NUMBERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
_MOST_OFF = 4


class Mutator(Protocol):
    """Changes inputs by what they mean."""

    def changed(self, data: bytes, longest: int, chance: random.Random, plain: Plain) -> bytes:
        """One input made of another, at most ``longest`` bytes; ``plain`` where it likes."""


class Bytes:
    """Changes inputs by their bytes; parts of ``inputs`` and ``words`` come into them."""

    def __init__(self, inputs: Sequence[bytes], words: Sequence[bytes] = ()) -> None:
        self._inputs = [one for one in inputs if one] or [b"\0"]
        self._words = list(words) or [b"\0"]

    def changed(self, data: bytes, longest: int, chance: random.Random) -> bytes:
        """One change."""
        at = chance.randrange(len(data) + 1)
        size = chance.choice((1, 1, 1, 2, 3, 4, 8, 16, 64))
        part = data[at : at + size]
        kind = chance.randrange(8)
        if kind == 0:
            new = bytes(byte ^ 1 << chance.randrange(8) for byte in part[:1])
            size = 1
        elif kind == 1:
            new = b""
        elif kind == 2:
            new = bytes(chance.randrange(256) for _ in range(size))
            size = chance.choice((0, size))
        elif kind == 3:
            new = part * chance.choice((2, 2, 3, 10))
        elif kind == 4:
            new, size = self._number(part, chance)
        elif kind == 5:
            new, size = chance.choice(self._words), chance.choice((0, size))
        else:
            # A part of this input, or of another, in the place of as much or of nothing.
            other = data if kind == 6 and data else chance.choice(self._inputs)
            start = chance.randrange(len(other))
            new = other[start : start + chance.choice((size, 16, 200))]
            size = chance.choice((0, len(new)))
        return (data[:at] + new + data[at + size :])[:longest]

    @staticmethod
    def _number(part: bytes, chance: random.Random) -> tuple[bytes, int]:
        """A number of some bytes in the place of one, and how many these are."""
        size, order = chance.choice((1, 2, 3, 4)), chance.choice(("big", "little"))
        number = int.from_bytes(part[:size], order)
        if chance.randrange(2):
            number = chance.choice(_NUMBERS)
        number += chance.randint(-_MOST_OFF, _MOST_OFF)
        return (number % (1 << 8 * size)).to_bytes(size, order), size
