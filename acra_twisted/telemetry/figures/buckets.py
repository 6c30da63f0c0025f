"""Buckets of durations, each 19 % wider than the one before it.

Four buckets double the duration.  Bucket 24 begins at 50 us; those before it are for stages, which
take less.  Buckets are the same everywhere, so distributions of several minutes, statements and
daemons add up; a percentile read from them is right to 9 %.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Buckets in all; the last one has everything that takes 46 minutes or longer.
COUNT: Final = 88
_FIRST: Final = 781.25
#: Nanoseconds at which each bucket begins.  The first one has everything that is shorter, too.
BOUNDS: Final = tuple([round(_FIRST * 2 ** (number / 4)) for number in range(COUNT)])
#: Half of a bucket's width, as a factor.
_HALF: Final = 2**0.125
#: Nanoseconds: no duration is as long.
_EVER: Final = 1 << 61
_LAST: Final = COUNT - 1
#: Buckets in which each microsecond begins, up to 4 ms, and each quarter of a millisecond, up to
#: one second.
_FINE_BITS: Final = 10
_COARSE_BITS: Final = 18
_TABLE: Final = 4096
_FINE_END: Final = _TABLE << _FINE_BITS
_COARSE_END: Final = _TABLE << _COARSE_BITS
_FINE: Final = bytes([max(bisect_right(BOUNDS, n << _FINE_BITS) - 1, 0) for n in range(_TABLE)])
_COARSE: Final = bytes([max(bisect_right(BOUNDS, n << _COARSE_BITS) - 1, 0) for n in range(_TABLE)])
#: So many of a bucket are counted apart: Python has no need to make an object of smaller numbers.
_MANY: Final = 256


def bucket(nanoseconds: int) -> int:
    """Return the number of the bucket that a duration is in."""
    return max(bisect_right(BOUNDS, nanoseconds) - 1, 0)


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

    __slots__ = ("total", "gathered", "_few", "_many", "_place", "_from", "_to")

    total: i64
    gathered: i64
    _place: i64
    _from: i64
    _to: i64

    def __init__(self) -> None:
        self.total = 0
        #: Time of the request at hand that is not counted yet; negative if there is none.
        self.gathered = -1
        # For each bucket: a count below _MANY, and the number of times that it was reached.
        self._few: list[int] = [0] * COUNT
        self._many: list[int] = [0] * COUNT
        # The bucket of the last one.
        self._place = 0
        self._from = -_EVER
        self._to = BOUNDS[1]

    def count(self, nanoseconds: i64) -> None:
        """Count one.  Most last about as long as the one before."""
        if nanoseconds < self._from or nanoseconds >= self._to:
            self._look_for(nanoseconds)
        few, place = self._few, self._place
        more = few[place] + 1
        if more == _MANY:
            more = 0
            many = self._many
            many[place] = many[place] + 1
        few[place] = more
        self.total += nanoseconds

    def gather(self, nanoseconds: i64) -> None:
        """Add to the time of the request at hand."""
        if self.gathered < 0:
            self.gathered = nanoseconds
        else:
            self.gathered += nanoseconds

    def settle(self) -> None:
        """Count the time of the request at hand, if there is any."""
        if self.gathered >= 0:
            self.count(self.gathered)
            self.gathered = -1

    def _look_for(self, nanoseconds: i64) -> None:
        """Go to the bucket of a duration: by tables to the one of a little less, then on."""
        place: i64 = 0
        if nanoseconds > 0:
            if nanoseconds < _FINE_END:
                place = _FINE[nanoseconds >> _FINE_BITS]
            elif nanoseconds < _COARSE_END:
                place = _COARSE[nanoseconds >> _COARSE_BITS]
            else:
                place = _COARSE[_TABLE - 1]
        upper: i64 = BOUNDS[place + 1] if place < _LAST else _EVER
        while nanoseconds >= upper:
            place += 1
            upper = BOUNDS[place + 1] if place < _LAST else _EVER
        self._place = place
        self._from = BOUNDS[place] if place else -_EVER
        self._to = upper

    def sparse(self) -> dict[int, int]:
        """Return the counts of the buckets that have any, by their numbers."""
        found: dict[int, int] = {}
        for number in range(COUNT):
            count = self._many[number] * _MANY + self._few[number]
            if count:
                found[number] = count
        return found
