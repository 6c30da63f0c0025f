"""A run of requests: the durations that it has to count, gathered and then counted by one call.

Whoever counts durations has a place in a run, once it is there: the number of its first
distribution among those of the run.  See `fast.counts` for the records.
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

#: Stands for no time, and for nobody, in a record.
NONE: Final = -1
#: Kinds of buckets: those of figures, and of two kinds of histograms for Prometheus.
_TABLES: Final = (BOUNDS, beginnings(TIME_BUCKETS), beginnings(PROCESSING_BUCKETS))
_OURS: Final = 0
_TIME: Final = 1
_PROCESSING: Final = 2
#: A request has the places of its statement (`Counted`), its kind (`Method`), its way (`Tally`) and
#: its listener's histograms (`Series`).  Its times are the whole, that in the proxy, that to the
#: first byte, that of the rows, that of the database, and that until it was sent.  Each is counted
#: in these distributions of theirs.
_REQUEST: Final = (
    ((0, 0, _OURS), (1, 0, _OURS), (2, 0, _OURS), (3, 0, _TIME)),
    ((0, 1, _OURS),),
    ((0, 2, _OURS), (3, 1, _TIME)),
    ((0, 3, _OURS),),
    ((1, 1, _OURS), (2, 1, _OURS), (3, 2, _PROCESSING)),
    ((3, 3, _PROCESSING),),
)
#: One that is counted in those histograms alone has their place and four of these times.
_SERVED: Final = (
    ((0, 0, _TIME),),
    ((0, 1, _TIME),),
    ((0, 2, _PROCESSING),),
    ((0, 3, _PROCESSING),),
)
#: A stage has its place, where its time is counted in two distributions, or that of its histogram.
_STAGE: Final = (((0, 0, _OURS), (0, 1, _OURS), (1, 0, _PROCESSING)),)
_ADDING: Final = Adding(_TABLES, 4, _REQUEST)
_ADDING_SERVED: Final = Adding(_TABLES, 1, _SERVED)
_ADDING_STAGES: Final = Adding(_TABLES, 2, _STAGE)


class Placed:
    """Has distributions, whose ``counts`` it sets.  It is at ``place`` in the run ``run``: of one
    Run alone, others have their own for the same counts."""

    __slots__ = ("counts", "place", "run")

    place: i64
    run: i64

    def __init__(self) -> None:
        self.counts: list[Counts] = []
        self.place = 0
        self.run = -1


class Series(Placed):
    """Histograms for Prometheus to which a listener adds: of its requests, those of the whole time,
    that to the first byte, that of the database, and that until a request was sent to it; or that
    of a stage."""

    __slots__ = ()

    def __init__(self, *parts: Placed) -> None:
        super().__init__()
        for part in parts:
            self.counts += part.counts


class Run:
    """Holds what is to be counted of the run ``number``, which goes on until `count`.

    Whoever adds a request writes its record to ``requests``: four places, and six times.
    """

    __slots__ = ("number", "requests", "_served", "_stages", "_counts")

    number: i64

    def __init__(self) -> None:
        self.number = 0
        self.requests = BytesWriter()
        self._served = BytesWriter()
        self._stages = BytesWriter()
        self._counts: list[Counts] = []

    def admit(self, one: Placed) -> None:
        """Give a place to one that has none in this run."""
        one.place = len(self._counts)
        one.run = self.number
        self._counts += one.counts

    def serve(self, series: Series, exchange: Exchange) -> None:
        """Add the times of a request that the database has seen to a listener's histograms."""
        if series.run != self.number:
            self.admit(series)
        opened: i64 = exchange.opened
        sent: i64 = exchange.sent
        first: i64 = exchange.first_byte
        closed: i64 = exchange.closed
        first_byte: i64 = NONE
        if first >= sent:
            first_byte = first - sent
        numbers = self._served
        write_i64_le(numbers, series.place)
        write_i64_le(numbers, closed - opened)
        write_i64_le(numbers, first_byte)
        write_i64_le(numbers, closed - sent)
        write_i64_le(numbers, sent - opened)

    def stage(self, one: Placed, took: i64) -> None:
        """Add the time that a stage took for a request."""
        if one.run != self.number:
            self.admit(one)
        numbers = self._stages
        write_i64_le(numbers, one.place)
        write_i64_le(numbers, NONE)
        write_i64_le(numbers, took)

    def stage_run(self, one: Placed, took: i64) -> None:
        """Add the time of one run of a stage to its histogram."""
        if one.run != self.number:
            self.admit(one)
        numbers = self._stages
        write_i64_le(numbers, NONE)
        write_i64_le(numbers, one.place)
        write_i64_le(numbers, took)

    def count(self) -> None:
        """Count what was added, and begin the next run."""
        counts = self._counts
        if not counts:
            return
        requests, served = self.requests.getvalue(), self._served.getvalue()
        stages = self._stages.getvalue()
        self.number += 1
        self._counts = []
        self.requests.truncate(0)
        self._served.truncate(0)
        self._stages.truncate(0)
        if requests:
            _ADDING.add(requests, counts)
        if served:
            _ADDING_SERVED.add(served, counts)
        if stages:
            _ADDING_STAGES.add(stages, counts)


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
