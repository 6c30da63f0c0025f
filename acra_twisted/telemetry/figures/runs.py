"""A run of requests: their times are gathered, and counted by one call for all that are alike.

Whoever counts times that go to the same distributions is a `Gathered`.  See `fast.counts` for the
records, each of which has a number for every time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from twisted.logger import Logger

from acra_twisted.exchange import Exchange
from acra_twisted.fast.byteswriter import BytesWriter, write_i64_le
from acra_twisted.fast.counts import Adding, Counts
from acra_twisted.pipeline.observers import RunObserver
from acra_twisted.telemetry.figures.buckets import (
    BOUNDS,
    PROCESSING_BUCKETS,
    TIME_BUCKETS,
    beginnings,
)

if TYPE_CHECKING:
    from mypy_extensions import i64

_log: Final = Logger()

#: Stands for no time in a record.
NONE: Final = -1
#: Kinds of buckets: those of figures, and of two kinds of histograms for Prometheus.
TABLES: Final = (BOUNDS, beginnings(TIME_BUCKETS), beginnings(PROCESSING_BUCKETS))
OURS: Final = 0
TIME: Final = 1
PROCESSING: Final = 2
#: The times of a request that is counted in the histograms of a listener alone.
_SERVED: Final = Adding(
    TABLES, (((0, 0, TIME),), ((0, 1, TIME),), ((0, 2, PROCESSING),), ((0, 3, PROCESSING),))
)
#: The time of a run of a stage, in its histogram.
_RUN_OF_STAGE: Final = Adding(TABLES, (((0, 0, PROCESSING),),))
#: Stands for the records of a run where none goes on.
_NOWHERE: Final = BytesWriter()


class Gathered:
    """Times that are counted together: ``times`` has their records while a run goes on, the one
    with the number ``run``.  All of its runs are of one `Run`."""

    __slots__ = ("run", "times")

    run: i64

    def __init__(self) -> None:
        self.run = -1
        self.times = _NOWHERE

    def count(self, records: bytes) -> None:
        """Count what was gathered in a run, or hold it until all that is held is settled."""
        raise NotImplementedError  # pragma: no cover - abstract


class Series(Gathered):
    """Histograms for Prometheus to which a listener adds its requests: ``counts`` are those of the
    whole time, of that to the first byte, of that of the database, and of that until a request was
    sent to it."""

    __slots__ = ("counts",)

    def __init__(self, counts: list[Counts]) -> None:
        super().__init__()
        self.counts = counts

    def serve(self, exchange: Exchange, run: Run) -> None:
        """Add the times of a request that the database has seen."""
        if self.run != run.number:
            run.admit(self)
        opened: i64 = exchange.opened
        sent: i64 = exchange.sent
        first: i64 = exchange.first_byte
        closed: i64 = exchange.closed
        first_byte: i64 = NONE
        if first >= sent:
            first_byte = first - sent
        times = self.times
        write_i64_le(times, closed - opened)
        write_i64_le(times, first_byte)
        write_i64_le(times, closed - sent)
        write_i64_le(times, sent - opened)

    def count(self, records: bytes) -> None:
        """See `Gathered`."""
        _SERVED.add(records, [self.counts])


class StageSeries(Gathered):
    """The histogram of a stage for Prometheus, to which a listener adds."""

    __slots__ = ("counts",)

    def __init__(self, counts: list[Counts]) -> None:
        super().__init__()
        self.counts = counts

    def add(self, took: i64, run: Run) -> None:
        """Add the time of one run of the stage."""
        if self.run != run.number:
            run.admit(self)
        write_i64_le(self.times, took)

    def count(self, records: bytes) -> None:
        """See `Gathered`."""
        _RUN_OF_STAGE.add(records, [self.counts])


class Run:
    """The run ``number``: what is gathered in it waits until `count`, which begins the next one."""

    __slots__ = ("number", "_gathered", "_writers")

    number: i64

    def __init__(self) -> None:
        self.number = 0
        self._gathered: list[Gathered] = []
        # The same in each run, so that they are in the processor's caches.
        self._writers: list[BytesWriter] = []

    def admit(self, one: Gathered) -> None:
        """Have one that is not in this run gather its times."""
        place = len(self._gathered)
        if place == len(self._writers):
            self._writers.append(BytesWriter())
        one.times = self._writers[place]
        one.run = self.number
        self._gathered.append(one)

    def count(self) -> None:
        """Count what was gathered."""
        gathered = self._gathered
        if not gathered:
            return
        # Should one of them fail, nobody writes behind what the others have left.
        writers, self._writers = self._writers, []
        self._gathered = []
        self.number += 1
        for one in gathered:
            times = one.times
            one.times = _NOWHERE
            one.count(times.getvalue())
            times.truncate(0)
        self._writers = writers


class RunCounter(RunObserver):
    """An observer whose `take` has a request counted with ``run``, which is counted behind it, or
    behind the last one of several that are told of together."""

    def __init__(self) -> None:
        #: Nothing is in it but while requests are taken.
        self.run = Run()

    def take(self, exchange: Exchange) -> None:
        """Take an exchange that has closed."""
        raise NotImplementedError  # pragma: no cover - abstract

    def exchange_closed(self, exchange: Exchange) -> None:
        """Count it."""
        self.take(exchange)
        self.run.count()
        self.settle()

    def exchanges_closed(self, exchanges: list[Exchange]) -> None:
        """See `RunObserver`."""
        for exchange in exchanges:
            try:
                self.take(exchange)
            except Exception:
                _log.failure("observer failed")
        try:
            self.run.count()
        except Exception:
            _log.failure("observer failed")
