"""Counts of durations by bucket, to which a run of durations is added by one call.

Where the runs of some time go to the same counts they can be gathered: one bucket is looked for in
place of one for each kind of counts, and nothing else is touched until they are settled.

Compiled it is a module in C; interpreted its twin.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from struct import Struct
from typing import TYPE_CHECKING, Final

from acra_twisted.fast.compiled import COMPILED

_BUCKETS_MAX: Final = 1024

#: Counts in which a duration is counted: so many behind the first of a part, by the buckets of a
#: table, whose number comes last.
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

    def add_all(self, other: CountsByPython) -> None:
        """Add what others of the same size have counted."""
        for place, count in other.sparse().items():
            self._counted[place] = self._counted.get(place, 0) + count
        self.total += other.total


class AddingByPython:
    """Adds records to counts.  A record is a duration for each of ``rules``, which tell in which
    counts it is counted; there are at most 16.  ``tables`` are at most four kinds of buckets: where
    each begins; the first one has everything that is shorter, too."""

    __slots__ = ("_tables", "_rules", "_record")

    def __init__(
        self, tables: tuple[tuple[int, ...], ...], rules: tuple[tuple[Rule, ...], ...]
    ) -> None:
        self._tables = tables
        self._rules = rules
        self._record = Struct(f"<{len(rules)}q")

    def add(self, numbers: bytes, parts: Sequence[list[CountsByPython] | None]) -> None:
        """Count the durations of records, each of which is eight bytes, the lowest first, in the
        counts of ``parts``, a list.  A negative duration is none, and None has no counts.

        Raises ValueError for a record that is cut off, and IndexError for counts that ``parts`` has
        not; then nothing is counted.
        """
        if len(numbers) % self._record.size:
            raise ValueError("a record is cut off")
        found = [
            [(part[behind], self._tables[table]) for part, behind, table in self._of(parts, rules)]
            for rules in self._rules
        ]
        for record in self._record.iter_unpack(numbers):
            for duration, places in zip(record, found, strict=True):
                if duration >= 0:
                    for counts, bounds in places:
                        counts.add(max(bisect_right(bounds, duration) - 1, 0), duration)

    def pending(self) -> PendingByPython:
        """Return what gathers such records."""
        return PendingByPython(self._tables, self._rules)

    @staticmethod
    def _of(
        parts: Sequence[list[CountsByPython] | None], rules: tuple[Rule, ...]
    ) -> Iterator[tuple[list[CountsByPython], int, int]]:
        for part, behind, table in rules:
            counts = parts[part]
            if counts is not None:
                yield counts, behind, table


class PendingByPython:
    """Records that an `Adding` with these rules has gathered, and that are counted nowhere yet."""

    __slots__ = ("_tables", "_rules", "_own", "_counted")

    def __init__(
        self, tables: tuple[tuple[int, ...], ...], rules: tuple[tuple[Rule, ...], ...]
    ) -> None:
        self._tables = tables
        self._rules = rules
        # A part for a duration, in which it is counted once for each table.
        own = tuple(
            tuple((number, table, table) for table in sorted({rule[2] for rule in each}))
            for number, each in enumerate(rules)
        )
        self._own = AddingByPython(tables, own)
        self._counted = self._none()

    def _none(self) -> list[list[CountsByPython] | None]:
        return [[CountsByPython(len(bounds)) for bounds in self._tables] for _ in self._rules]

    def gather(self, numbers: bytes) -> None:
        """Take the durations of records.  Raises ValueError for a record that is cut off; then
        none is taken."""
        self._own.add(numbers, self._counted)

    def settle(self, parts: Sequence[list[CountsByPython] | None]) -> None:
        """Count what was gathered in the counts of ``parts``, as `Adding.add` does, and begin anew.

        Raises IndexError for counts that ``parts`` has not; then all is as it was.
        """
        found = [
            (part[behind], counted[table])
            for rules, counted in zip(self._rules, self._counted, strict=True)
            for place, behind, table in rules
            if (part := parts[place]) is not None and counted is not None
        ]
        for counts, own in found:
            counts.add_all(own)
        self._counted = self._none()


if TYPE_CHECKING or not COMPILED:
    Counts = CountsByPython
    Adding = AddingByPython
    Pending = PendingByPython
else:
    from acra_twisted.fast._counts import Adding, Counts, Pending

__all__ = ("Adding", "AddingByPython", "Counts", "CountsByPython", "Pending", "Rule")
