"""Figures of all statements together, by minute; minutes that are over are added up once."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from acra_twisted.telemetry.console.ranges import Range
from acra_twisted.telemetry.figures.history import HOURS, MINUTES, Slot
from acra_twisted.telemetry.figures.rows import Row, add_encoded
from acra_twisted.telemetry.figures.statements import StatementFigures

#: Sums that are kept: as many as there are minutes and hours.
_KEPT: Final = MINUTES + HOURS


class Sums:
    """Adds up the figures of a daemon."""

    def __init__(self, figures: StatementFigures) -> None:
        self._figures = figures
        # By minute, length, and how many rows there were: rows are added while a slot is made.
        self._sums: dict[tuple[int, int, int], bytes] = {}

    def by_column(self, span: Range) -> Generator[str, None, list[Row]]:
        """Return the figures of all requests in each column of a range's charts, in steps."""
        columns = [Row() for _ in range(span.columns)]
        counted = self._figures.counted()
        for slot in self._figures.history.slots(span.since, span.until):
            encoded = yield from self._sum(slot)
            add_encoded(columns[span.column(slot.number)], encoded)
            yield ""
        for number, recent in counted:
            if span.since <= number < span.until:
                for one in recent:
                    columns[span.column(number)].add(one.figures())
                    yield ""
        return columns

    def _sum(self, slot: Slot) -> Generator[str, None, bytes]:
        key = (slot.number, slot.minutes, sum(len(kept.encoded) for kept in slot.rows.values()))
        found = self._sums.get(key)
        if found is None:
            row = Row()
            for kept in slot.rows.values():
                add_encoded(row, kept.encoded)
                yield ""
            found = self._sums[key] = row.encode()
            while len(self._sums) > _KEPT:
                del self._sums[next(iter(self._sums))]
        return found
