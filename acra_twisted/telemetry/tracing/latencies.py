"""Latencies of spans in buckets, and when each bucket takes its next sample."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Lower bounds of the latency buckets, nanoseconds.  Where its length is known, compiled code makes
#: the tuple of its numbers each time that it looks one up.
BOUNDS: Final[tuple[int, ...]] = (0, 10_000, 100_000, 10**6, 10**7, 10**8, 10**9, 10**10, 10**11)
LABELS: Final = (">0s", ">10us", ">100us", ">1ms", ">10ms", ">100ms", ">1s", ">10s", ">100s")
ERRORS: Final = len(BOUNDS)
#: Where each of them ends.
_ENDS: Final[tuple[int, ...]] = (*BOUNDS[1:], 1 << 62)
_SECOND: Final = 1_000_000_000


class Turns:
    """When each bucket takes its next sample: one second behind its last one.

    Nearly all that are asked for take about as long as those before, whose buckets are not due:
    those from ``least`` up to before ``most``, a bucket or several side by side, are not before
    ``until``.
    """

    __slots__ = ("_next", "least", "most", "until")

    least: i64
    most: i64
    until: i64

    def __init__(self) -> None:
        self._next = [0] * (ERRORS + 1)
        self.least = 0
        self.most = 0
        self.until = 0

    def due(self, latency: i64, now: i64) -> bool:
        """Return True if the bucket of what went well and took so long takes a sample ``now``."""
        known = now < self.until
        if known and self.least <= latency and latency < self.most:
            return False
        bucket = bucket_of(latency)
        due: i64 = self._next[bucket]
        if now >= due:
            return True
        least: i64 = BOUNDS[bucket]
        most: i64 = _ENDS[bucket]
        if known and least == self.most:
            self.most = most
        elif known and most == self.least:
            self.least = least
        else:
            self.least = least
            self.most = most
            self.until = due
        if due < self.until:
            self.until = due
        return False

    def take(self, bucket: i64, now: i64) -> bool:
        """Return True if a bucket takes a sample ``now``, as it does then."""
        if now < self._next[bucket]:
            return False
        self._next[bucket] = now + _SECOND
        return True


def bucket_of(took: i64) -> i64:
    """Return the place in BOUNDS of what took so many nanoseconds."""
    # For most spans comparisons with constants suffice.
    if took < 1_000_000:
        return 0 if took < 10_000 else 1 if took < 100_000 else 2
    if took < 10_000_000:
        return 3
    above: i64 = bisect_right(BOUNDS, took)
    return above - 1
