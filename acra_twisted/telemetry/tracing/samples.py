"""Decide which finished spans are samples for the trace pages: so many of each name and latency.

A bucket takes one span a second.  Nearly all that are asked for are none, so the answer is one
comparison of times with what is known of those before them.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from acra_twisted.telemetry.tracing.latencies import ERRORS, Turns
from acra_twisted.telemetry.tracing.recorded import Recorded
from acra_twisted.telemetry.tracing.spans import Span

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Nanoseconds: no duration is as long.
_EVER: Final = 1 << 62
_PER_BUCKET: Final = 10


class Name:
    """The samples of one name, by bucket, and how many spans were ``seen``."""

    __slots__ = ("buckets", "turns", "seen")

    seen: i64

    def __init__(self) -> None:
        self.buckets: list[deque[Span]] = [deque(maxlen=_PER_BUCKET) for _ in range(ERRORS + 1)]
        self.turns = Turns()
        self.seen = 0


class Named:
    """The names of a shape's spans: of its stages, its own, and the database's if it has one.

    Of a request without stages is known, before ``until``: where it takes at least ``least`` and
    less than ``most``, and the database the same of its own two, none of its spans is a sample.
    """

    __slots__ = ("names", "until", "least", "most", "database_least", "database_most")

    until: i64
    least: i64
    most: i64
    database_least: i64
    database_most: i64

    def __init__(self, names: list[Name]) -> None:
        self.names = names
        self.until = 0
        self.least = 0
        self.most = 0
        self.database_least = -_EVER
        self.database_most = _EVER

    def has_sample(self, recorded: Recorded) -> bool:
        """Return True if one of the spans would be a sample."""
        span = recorded.span
        ended: i64 = span.end
        took: i64 = ended - span.start
        asked: i64 = ended - recorded.sent
        if (
            ended < self.until
            and self.least <= took
            and took < self.most
            and self.database_least <= asked
            and asked < self.database_most
        ):
            return False
        if _is_any_due(recorded, self.names):
            return True
        if not recorded.times:
            self._learn()
        return False

    def _learn(self) -> None:
        """Take over what was told of the last one, that none of its buckets is due."""
        turns = self.names[0].turns
        self.until = turns.until
        self.least = turns.least
        self.most = turns.most
        if len(self.names) > 1:
            turns = self.names[1].turns
            self.database_least = turns.least
            self.database_most = turns.most
            if turns.until < self.until:
                self.until = turns.until


def _is_any_due(recorded: Recorded, names: list[Name]) -> bool:
    """Return True if one of the spans would be a sample."""
    span, times = recorded.span, recorded.times
    stages = len(times) // 2
    for number in range(stages):
        start: i64 = times[2 * number]
        end: i64 = times[2 * number + 1]
        if names[number].turns.due(end - start, end):
            return True
    ended: i64 = span.end
    if names[stages].turns.due(ended - span.start, ended):
        return True
    return len(names) > stages + 1 and names[stages + 1].turns.due(ended - recorded.sent, ended)
