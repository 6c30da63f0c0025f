"""Figures of statements on their way into a history.

Each minute's are written when it is over, and each hour's: hours are kept longer.  The texts of
shapes are beside them, once a day.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from acra_twisted.telemetry.figures.rows import Row, add_encoded
from acra_twisted.telemetry.figures.shapes import Shape
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.history.pieces import Figure

#: The beginning of the keys of figures, and of the texts of shapes; the shape's id is behind it.
STATEMENT: Final = "statement:"
SHAPE: Final = "shape:"
MINUTE: Final = 60
HOUR: Final = 3600
DAY: Final = 86_400
#: Shapes whose texts have been written today.
_TOLD_MAX: Final = 10_000


#: Minutes after which an hour that is not over is written.
_WRITTEN: Final = 15


def _nothing() -> None:
    """Nobody waits for the end of the hour."""


class StatementSink:
    """Gives ``figures`` to ``put``.  It is the sink of the figures from here on."""

    def __init__(self, figures: StatementFigures, put: Callable[[Figure], None]) -> None:
        self._figures = figures
        self._put = put
        self._minute = -1
        self._rows: dict[str, bytes] = {}
        self._day = -1
        self._told: set[str] = set()
        #: Called when the first hour is over, and was written.
        self.hour_is_over: Callable[[], None] = _nothing
        figures.sink = self

    def __call__(self, minute: int, shape: Shape, encoded: bytes) -> None:
        """Take the figures of a shape in a minute, numbered since the epoch."""
        if minute != self._minute:
            if self._minute >= 0:
                self._minute_is_over(minute)
            self._minute = minute
            self._rows = {}
        before = self._rows.get(shape.id)
        if before is not None:
            row = Row()
            add_encoded(row, before)
            add_encoded(row, encoded)
            encoded = row.encode()
        self._rows[shape.id] = encoded
        self._put(Figure(MINUTE, minute * MINUTE, STATEMENT + shape.id, encoded))
        self._tell(shape, minute * MINUTE // DAY)

    def _minute_is_over(self, minute: int) -> None:
        """Write the hour now and then, for the process may be killed, and when it is over."""
        if minute * MINUTE // HOUR != self._minute * MINUTE // HOUR:
            self._put_hour()
            self.hour_is_over()
            self.hour_is_over = _nothing
        elif minute // _WRITTEN != self._minute // _WRITTEN:
            self._put_hour()

    def _put_hour(self) -> None:
        """Write the hour that the last minute is in."""
        first = self._minute * MINUTE // HOUR * (HOUR // MINUTE)
        for slot in self._figures.history.hours.slots(first, first + HOUR // MINUTE):
            for shape_id, kept in slot.rows.items():
                key = STATEMENT + shape_id
                self._put(Figure(HOUR, slot.number * MINUTE, key, kept.encoded))

    def _tell(self, shape: Shape, day: int) -> None:
        if day != self._day or len(self._told) >= _TOLD_MAX:
            self._day = day
            self._told.clear()
        if shape.id in self._told:
            return
        self._told.add(shape.id)
        known = {
            name: getattr(shape, name) for name in ("system", "database", "kind", "summary", "text")
        }
        self._put(Figure(DAY, day * DAY, SHAPE + shape.id, json.dumps(known).encode()))

    def finish(self) -> None:
        """Take the minute at hand, and write the hour that it is in: the daemon ends."""
        self._figures.finish()
        if self._minute >= 0:
            self._put_hour()
