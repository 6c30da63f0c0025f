"""Figures of statements from the request to the page: counted, kept, and added up again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple, Protocol

from acra_twisted.telemetry.figures.counted import Counted
from acra_twisted.telemetry.figures.counting import MINUTE, Minute, ShapeCounter
from acra_twisted.telemetry.figures.history import FigureHistory, Sink
from acra_twisted.telemetry.figures.rows import Row, add_encoded
from acra_twisted.telemetry.figures.shapes import Shape


class _Turns(Protocol):
    """Runs a job of steps; see `telemetry.pages.turns`."""

    def add(self, job: Any) -> None:
        """Run a job."""


class Found(NamedTuple):
    """The figures of a shape in the time that was asked for."""

    shape: Shape
    row: Row


class Part(NamedTuple):
    """Figures of ``minutes`` minutes, the first of which is ``number``."""

    number: int
    minutes: int
    row: Row


class StatementFigures:
    """The figures of a daemon.

    Minutes that are over are encoded in ``turns``, between the work of sessions.  ``sink`` may be
    set; it is given each minute's rows as they are encoded.  Without ``turns`` nothing is encoded
    before `finish`.
    """

    def __init__(
        self, now: int, turns: _Turns | None = None, history: FigureHistory | None = None
    ) -> None:
        self.counter = ShapeCounter(now)
        self.history = FigureHistory() if history is None else history
        self.sink: Sink | None = None
        self._turns = turns
        self._over: deque[Minute] = deque()
        self._keeping: Iterator[None] = iter(())
        self._restoring: deque[Iterator[None]] = deque()

    def restore(self, filling: Iterator[None]) -> None:
        """Fill the history in turns, as ``filling`` does it; nothing else is kept meanwhile."""
        self._restoring.append(filling)
        if self._turns is not None:
            self._turns.add(self)

    def tick(self, now: int) -> None:
        """To be called now and then: a minute may be over without a request that says so."""
        self.counter.tick(now)
        self._over.extend(self.counter.take_over())
        if self._over and self._turns is not None:
            self._turns.add(self)

    def step(self) -> bool:
        """See `telemetry.pages.turns.Job`."""
        for _ in self._keeping:
            return True
        if self._restoring:
            self._keeping = self._restoring.popleft()
            return True
        if self._over and not self._over[0].counted:
            self._over.popleft()
        if not self._over:
            return False
        self._keeping = self.history.keep(self._over[0], self.sink)
        return True

    def rest(self) -> None:
        """See `telemetry.pages.turns.Job`."""

    def finish(self) -> None:
        """Keep all that was counted, at once: the daemon ends.  The minute at hand ends with it."""
        self.tick((self.counter.minute.number + 1) * MINUTE)
        while self.step():
            pass

    def counted(self) -> list[tuple[int, list[Counted]]]:
        """Return what is not kept yet, by the numbers of minutes: the minute at hand, and those
        before it that are still encoded."""
        minutes = (*self._over, *self.counter.not_taken(), self.counter.minute)
        return [(minute.number, list(minute.counted)) for minute in minutes]

    def total(self, since: int, until: int) -> Iterator[dict[str, Found]]:
        """Add up the figures of the minutes from ``since`` up to before ``until``, by the ids of
        shapes, in steps.  Each gives the same dict, which has everything after the last one.

        Where only hours are kept, whole hours count.
        """
        counted, slots = self.counted(), self.history.slots(since, until)
        found: dict[str, Found] = {}
        for slot in slots:
            for shape_id, kept in slot.rows.items():
                one = found.get(shape_id)
                if one is None:
                    one = found[shape_id] = Found(kept.shape, Row())
                add_encoded(one.row, kept.encoded)
                yield found
        for number, recent in counted:
            if since <= number < until:
                for one_counted in recent:
                    shape = one_counted.shape
                    found.setdefault(shape.id, Found(shape, Row())).row.add(one_counted.figures())
                    yield found
        yield found

    def series(self, shape_id: str, since: int, until: int) -> Iterator[Part | None]:
        """The figures of one shape in each minute or hour.  None says that one had none."""
        counted, slots = self.counted(), self.history.slots(since, until)
        for slot in slots:
            kept = slot.rows.get(shape_id)
            if kept is None:
                yield None
            else:
                row = Row()
                add_encoded(row, kept.encoded)
                yield Part(slot.number, slot.minutes, row)
        for number, recent in counted:
            row = Row()
            for one in recent:
                if one.shape.id == shape_id:
                    row.add(one.figures())
            if row.calls and since <= number < until:
                yield Part(number, 1, row)

    def reach(self) -> int:
        """Return the first minute of which anything is kept; that at hand if nothing is."""
        return min(self.history.first(), self.counted()[0][0])
