"""Buckets of durations, each 19 % wider than the one before it.

Four buckets double the duration.  Bucket 24 begins at 50 us; those before it are for stages, which
take less.  Buckets are the same everywhere, so distributions of several minutes, statements and
daemons add up; a percentile read from them is right to 9 %.

The histograms that Prometheus reads have buckets of their own, whose bounds are here as well: both
are counted together.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from acra_twisted.fast.counts import Counts

#: Buckets in all; the last one has everything that takes 47 minutes or longer.
COUNT: Final = 128
_FIRST: Final = 781.25
#: Nanoseconds at which each bucket begins.  The first one has everything that is shorter, too.
BOUNDS: Final = tuple([round(_FIRST * 2 ** (number / 4)) for number in range(COUNT)])
#: Seconds at which buckets of Prometheus' histograms end: Acra's, and for what takes longer; the
#: second from 50 us to 10 s, three to a decade.
PROCESSING_BUCKETS: Final = (
    *(n / 1e6 for n in (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100, 500)),
    *(1e-3, 5e-3, 1e-2, 1, 3, 5, 10),
)
TIME_BUCKETS: Final = (
    *(n * ten / 1e6 for ten in (10, 100, 1000, 10**4, 10**5) for n in (5, 10, 25)),
    10.0,
)
_SECOND: Final = 1_000_000_000
#: Half of a bucket's width, as a factor.
_HALF: Final = 2**0.125


def bucket(nanoseconds: int) -> int:
    """Return the number of the bucket that a duration is in."""
    return max(bisect_right(BOUNDS, nanoseconds) - 1, 0)


def beginnings(ends: Sequence[float]) -> tuple[int, ...]:
    """Return the nanoseconds at which buckets begin that end with so many seconds: what takes as
    long is still in them.  One more has what takes longer."""
    return (0, *[round(end * _SECOND) + 1 for end in ends])


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
    """Durations counted by bucket, and their sum in nanoseconds, while they happen.

    ``counts`` are to be added to where a run of durations is counted at once (`runs`).
    """

    __slots__ = ("counts",)

    def __init__(self) -> None:
        self.counts = Counts(COUNT)

    def count(self, nanoseconds: int) -> None:
        """Count one."""
        self.counts.add(bucket(nanoseconds), nanoseconds)

    @property
    def total(self) -> int:
        """The sum."""
        return self.counts.total

    def sparse(self) -> dict[int, int]:
        """Return the counts of the buckets that have any, by their numbers."""
        return self.counts.sparse()
