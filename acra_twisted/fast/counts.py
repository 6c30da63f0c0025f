"""Counts of durations by bucket, to which a run of durations is added by one call.

Compiled it is a module in C; interpreted its twin.
"""

from __future__ import annotations

from bisect import bisect_right
from struct import Struct
from typing import TYPE_CHECKING, Final

from acra_twisted.fast.compiled import COMPILED

_BUCKETS_MAX: Final = 1024

#: Counts in which a duration is counted: so many behind a place, the number of which in a record
#: comes first, by the buckets of a table, whose number comes last.
Rule = tuple[int, int, int]


class CountsByPython:
    """Counts of durations in ``size`` buckets, and ``total``, their sum."""

    __slots__ = ("size", "total", "_counted")

    def __init__(self, size: int) -> None:
        if not 1 <= size <= _BUCKETS_MAX:
            raise ValueError("there are 1 to 1024 buckets")
        self.size = size
        self.total = 0
        self._counted: dict[int, int] = {}

    def add(self, place: int, duration: int) -> None:
        """Count one whose bucket is known.  Raises IndexError where there is no such bucket, and
        ValueError for a negative duration."""
        if not 0 <= place < self.size:
            raise IndexError("there is no such bucket")
        if duration < 0:
            raise ValueError("no duration is negative")
        self._counted[place] = self._counted.get(place, 0) + 1
        self.total += duration

    def sparse(self) -> dict[int, int]:
        """Return the counts of the buckets that have any, by their numbers."""
        return dict(sorted(self._counted.items()))


class AddingByPython:
    """Adds records to counts.  A record is so many ``places`` and a duration for each of ``rules``,
    which tell in which counts it is counted.  ``tables`` are at most four kinds of buckets: where
    each begins; the first one has everything that is shorter, too."""

    __slots__ = ("_tables", "_places", "_rules", "_record")

    def __init__(
        self,
        tables: tuple[tuple[int, ...], ...],
        places: int,
        rules: tuple[tuple[Rule, ...], ...],
    ) -> None:
        self._tables = tables
        self._places = places
        self._rules = rules
        self._record = Struct(f"<{places + len(rules)}q")

    def add(self, numbers: bytes, counts: list[CountsByPython]) -> None:
        """Count the durations of records, each number of which is eight bytes, the lowest first.

        A negative duration is none, and a negative place is nowhere.  Raises ValueError for a
        record that is cut off, before anything is counted, and IndexError for a place that
        ``counts`` has not, in C also if no duration is to be counted there; the records before it,
        and perhaps a part of it, are counted then.
        """
        if len(numbers) % self._record.size:
            raise ValueError("a record is cut off")
        tables, places = self._tables, self._places
        for record in self._record.iter_unpack(numbers):
            for duration, rules in zip(record[places:], self._rules, strict=True):
                if duration >= 0:
                    for place, behind, table in rules:
                        if record[place] >= 0:
                            bucket = max(bisect_right(tables[table], duration) - 1, 0)
                            counts[record[place] + behind].add(bucket, duration)


if TYPE_CHECKING or not COMPILED:
    Counts = CountsByPython
    Adding = AddingByPython
else:
    from acra_twisted.fast._counts import Adding, Counts

__all__ = ("Adding", "AddingByPython", "Counts", "CountsByPython", "Rule")
