"""Gives figures of statements back what earlier processes have counted, from their history.

Minutes of the last hours come first, then hours, the newest before the older ones, a quarter of a
day at a time.  The hour of the start is not given to the hours before it is over, so that what is
written of it is this process's own part.  The minute of the start is left out, for its rows may be
ours.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, Iterator, Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred

from acra_twisted.telemetry.figures.history import HOURS, MINUTES, Ring
from acra_twisted.telemetry.figures.rows import Row, add_encoded
from acra_twisted.telemetry.figures.shapes import OTHERS, Shape
from acra_twisted.telemetry.figures.statements import StatementFigures
from acra_twisted.telemetry.history import reading
from acra_twisted.telemetry.history.pieces import STATEMENT_MAX, Damaged, Figure
from acra_twisted.telemetry.history.reading import Found
from acra_twisted.telemetry.history.statements import DAY, HOUR, MINUTE, SHAPE, STATEMENT

#: Hours that are asked for at once, and characters of a name.
_HOURS: Final = 6
_NAME_MAX: Final = 1024
_NANOSECONDS: Final = 10**9
_TEXTS: Final = ("system", "database", "kind", "summary", "text")


class Restoring:
    """Fills ``figures`` by ``ask`` (`HistoryService.ask`); ``now`` is nanoseconds since the epoch,
    when the process began to count."""

    def __init__(
        self,
        figures: StatementFigures,
        ask: Callable[..., Coroutine[Any, Any, Any]],
        now: int,
    ) -> None:
        self._figures = figures
        self._ask = ask
        self._minute = now // _NANOSECONDS // MINUTE
        self._hour = self._minute * MINUTE // HOUR
        #: Rows of the hour of the start.
        self._held: list[tuple[int, Shape, bytes]] = []
        self._shapes: dict[str, Shape] = {}
        self._day = -1

    async def run(self) -> None:
        """Fill them.  Raises HistoryAway; what was read by then is there."""
        history = self._figures.history
        first = self._minute - MINUTES + 1
        await self._restore(history.minutes, MINUTE, first, self._minute - 1, self._hold)
        oldest = self._hour - HOURS + 1
        last = self._hour - 1
        while last >= oldest:
            begin = max(last - _HOURS + 1, oldest)
            await self._restore(history.hours, HOUR, begin, last)
            last = begin - 1

    async def _restore(
        self,
        ring: Ring,
        width: int,
        first: int,
        last: int,
        also: Callable[[int, Shape, bytes], None] | None = None,
    ) -> None:
        """Give a ring its slots from ``first`` to ``last``, by their numbers."""
        await self._learn(first * width // DAY, last * width // DAY)
        found = await self._rows(width, first * width, last * width, STATEMENT)
        done: Deferred[None] = Deferred()
        self._figures.restore(self._fill(ring, found, also, done))
        await done

    async def _rows(self, width: int, since: int, until: int, key: str) -> Sequence[Figure]:
        try:
            found: Found = await self._ask(reading.figures, width, since, until, key)
        except Damaged:
            return ()
        return found.rows

    async def _learn(self, first: int, last: int) -> None:
        """Read the texts of the shapes of some days."""
        if (first, last) == (self._day, self._day):
            return
        self._day = first
        self._shapes = {OTHERS.id: OTHERS}
        found = await self._rows(DAY, first * DAY, last * DAY, SHAPE)
        done: Deferred[None] = Deferred()
        self._figures.restore(self._read(found, done))
        await done

    def _read(self, figures: Sequence[Figure], done: Deferred[None]) -> Iterator[None]:
        for figure in figures:
            shape = _shape(figure)
            if shape is not None:
                self._shapes[shape.id] = shape
            yield None
        done.callback(None)

    def _fill(
        self,
        ring: Ring,
        rows: Sequence[Figure],
        also: Callable[[int, Shape, bytes], None] | None,
        done: Deferred[None],
    ) -> Iterator[None]:
        for figure in rows:
            shape = self._shapes.get(figure.key.removeprefix(STATEMENT))
            if shape is not None and _is_row(figure.data):
                minute = figure.start // MINUTE
                yield from ring.add(minute, shape, figure.data)
                if also is not None:
                    also(minute, shape, figure.data)
            yield None
        yield from ring.trim(self._minute)
        done.callback(None)

    def _hold(self, minute: int, shape: Shape, encoded: bytes) -> None:
        if minute * MINUTE // HOUR == self._hour:
            self._held.append((minute, shape, encoded))

    def hour_is_over(self) -> None:
        """Give the hours what was held back: this process's part has been written."""
        held, self._held = self._held, []
        if held:
            self._figures.restore(self._give(held))

    def _give(self, held: Sequence[tuple[int, Shape, bytes]]) -> Iterator[None]:
        for minute, shape, encoded in held:
            yield from self._figures.history.hours.add(minute, shape, encoded)
            yield None


def _shape(figure: Figure) -> Shape | None:
    """Return a shape whose id is that of its text; None for others: a file may be anybody's."""
    try:
        told = json.loads(figure.data)
        texts = [told[name] for name in _TEXTS]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    if not all(isinstance(text, str) and _is_whole(text) for text in texts):
        return None
    *names, text = texts
    if len(text) > STATEMENT_MAX or any(len(name) > _NAME_MAX for name in names):
        return None
    shape = Shape(*texts)
    return shape if figure.key == SHAPE + shape.id else None


def _is_whole(text: str) -> bool:
    """Return False for a text with half a character, which no page can have."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_row(data: bytes) -> bool:
    try:
        add_encoded(Row(), data)
    except ValueError:
        return False
    return True
