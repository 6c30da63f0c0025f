"""Buckets of durations, each 19 % wider than the one before it.

Four buckets double the duration.  Bucket 24 begins at 50 us; those before it are for stages, which
take less.  Buckets are the same everywhere, so distributions of several minutes, statements and
daemons add up; a percentile read from them is right to 9 %.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from acra_twisted.fast.byteswriter import read_i64_le, zeros

if TYPE_CHECKING:
    from mypy_extensions import i64, u8

#: Buckets in all; the last one has everything that takes 47 minutes or longer.
COUNT: Final = 128
_FIRST: Final = 781.25
#: Nanoseconds at which each bucket begins.  The first one has everything that is shorter, too.
BOUNDS: Final = tuple([round(_FIRST * 2 ** (number / 4)) for number in range(COUNT)])
#: Half of a bucket's width, as a factor.
_HALF: Final = 2**0.125
_LAST: Final = COUNT - 1
_LONGEST: Final = BOUNDS[_LAST]
#: The bounds as numbers of eight bytes.
_BOUNDS: Final = struct.pack(f"<{COUNT}q", *BOUNDS)
#: Buckets in which each microsecond begins, up to 4 ms, and each quarter of a millisecond, up to
#: one second.
_FINE_BITS: Final = 10
_COARSE_BITS: Final = 18
_TABLE: Final = 4096
_FINE_END: Final = _TABLE << _FINE_BITS
_COARSE_END: Final = _TABLE << _COARSE_BITS
_FINE: Final = bytes([max(bisect_right(BOUNDS, n << _FINE_BITS) - 1, 0) for n in range(_TABLE)])
_COARSE: Final = bytes([max(bisect_right(BOUNDS, n << _COARSE_BITS) - 1, 0) for n in range(_TABLE)])
#: Two smaller numbers have a sum of 63 bits.
_LARGE: Final = 1 << 61
#: So many of a bucket are counted in a byte.
_MANY: Final = 256


def bucket(nanoseconds: i64) -> i64:
    """Return the number of the bucket that a duration is in."""
    place: i64 = 0
    if nanoseconds < _FINE_END:
        if nanoseconds < 0:
            return 0
        place = _FINE[nanoseconds >> _FINE_BITS]
    elif nanoseconds < _COARSE_END:
        place = _COARSE[nanoseconds >> _COARSE_BITS]
    elif nanoseconds < _LONGEST:
        place = _COARSE[_TABLE - 1]
    else:
        # A connector may say that it took centuries.
        return _LAST
    while nanoseconds >= read_i64_le(_BOUNDS, 8 * place + 8):
        place += 1
    return place


def middle(number: int) -> float:
    """Return nanoseconds that differ by at most 9 % from any duration of a bucket, but for the
    first and the last."""
    return _FIRST * 2 ** (number / 4) * _HALF


def percentile(counts: Mapping[int, int], share: float) -> float:
    """Return the nanoseconds within which such a share of the durations was; 0 if there is none.

    ``counts`` are numbers of durations by bucket.
    """
    whole = sum(counts.values())
    if not whole:
        return 0.0
    # The place of that duration among all, from 1 on.
    wanted = max(-(-share * whole // 1), 1)
    seen = 0
    for number in sorted(counts):
        seen += counts[number]
        if seen >= wanted:
            return middle(number)
    return middle(max(counts))


class Distribution:
    """Durations counted by bucket, and their sum in nanoseconds, while they happen."""

    __slots__ = ("_sum", "_earlier", "_few", "_many")

    _sum: i64

    def __init__(self) -> None:
        # Where this is compiled, a number that is no object, and what it could not hold.
        self._sum = 0
        self._earlier = 0
        # For each bucket: a count below _MANY, and the number of times that it was reached.
        self._few = zeros(COUNT)
        self._many: dict[int, int] = {}

    def count(self, nanoseconds: i64) -> None:
        """Count one."""
        self.add(bucket(nanoseconds), nanoseconds)

    def add(self, place: i64, nanoseconds: i64) -> None:
        """Count one whose bucket is known."""
        few = self._few
        before: u8 = few[place]
        if before == _MANY - 1:
            few[place] = 0
            self._many[place] = self._many.get(place, 0) + 1
        else:
            few[place] = before + 1
        if nanoseconds >= _LARGE or self._sum >= _LARGE:
            self._earlier = self.total
            self._sum = 0
        self._sum += nanoseconds

    @property
    def total(self) -> int:
        """The sum."""
        recent: int = self._sum
        return self._earlier + recent

    def sparse(self) -> dict[int, int]:
        """Return the counts of the buckets that have any, by their numbers."""
        found: dict[int, int] = {}
        for number in range(COUNT):
            few: int = self._few[number]
            if few:
                found[number] = few
        for number, times in self._many.items():
            found[number] = found.get(number, 0) + times * _MANY
        return found
