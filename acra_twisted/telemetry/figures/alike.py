"""Requests that are alike: of one statement and kind, by one way, of one listener.

What is counted of a request is counted in the figures of its statement (`counted`), its kind
(`calls`) and its way (`tallies`), and in its listener's histograms.  So those that are alike are
gathered, and then counted together: few of them at the end of their run (`runs`), many of them
when somebody reads, or a second is over (`Held`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acra_twisted.exchange import Exchange
from acra_twisted.fast.byteswriter import write_i64_le
from acra_twisted.fast.counts import Adding, Counts, Pending
from acra_twisted.telemetry.figures.calls import Method
from acra_twisted.telemetry.figures.counted import STOPPED, Counted
from acra_twisted.telemetry.figures.runs import (
    NONE,
    OURS,
    PROCESSING,
    TABLES,
    TIME,
    Gathered,
    Run,
    Series,
)
from acra_twisted.telemetry.figures.tallies import Tally

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Attribute of an exchange whose rows held poison records.
_POISONED: Final = "acra.poison_records"
_OK: Final = "ok"
#: The parts of a request's counts are its statement's (`Counted`), its kind's (`Method`), its way's
#: (`Tally`) and its listener's (`Series`).  Its times are the whole, that in the proxy, that to the
#: first byte, that of the rows, that of the database, and that until it was sent.
_REQUEST: Final = Adding(
    TABLES,
    (
        ((0, 0, OURS), (1, 0, OURS), (2, 0, OURS), (3, 0, TIME)),
        ((0, 1, OURS),),
        ((0, 2, OURS), (3, 1, TIME)),
        ((0, 3, OURS),),
        ((1, 1, OURS), (2, 1, OURS), (3, 2, PROCESSING)),
        ((3, 3, PROCESSING),),
    ),
)
#: Bytes of its record, and of the records that are not held: to hold them costs more.
_RECORD: Final = 48
_FEW: Final = 4 * _RECORD
#: Kinds of requests that are held at once, 6 kB each.
_HELD_MAX: Final = 64


class Held:
    """Has those `Alike` that hold requests beyond their run.  Until `settle` nothing that can be
    read knows of these requests."""

    def __init__(self) -> None:
        self._alike: list[Alike] = []
        # The same again and again, so that they are in the processor's caches.
        self._free: list[Pending] = []

    def admit(self, one: Alike) -> Pending:
        """Return what takes the records of one that holds requests from now on."""
        if len(self._alike) >= _HELD_MAX:
            self.settle()
        self._alike.append(one)
        return self._free.pop() if self._free else _REQUEST.pending()

    def settle(self) -> None:
        """Count what is held."""
        while self._alike:
            self._free.append(self._alike.pop().settle())


class Alike(Gathered):
    """Counts requests of one ``method``, and of their ``way`` and in the histograms of ``series``
    if they have them.  ``counted`` are the figures of their statement in the minute of the run.
    They are changed when ``held`` has been settled.

    ``shown``, ``kind`` and ``database`` are those of the last one that was looked for here.
    """

    __slots__ = (
        "counted",
        "method",
        "way",
        "series",
        "shown",
        "kind",
        "database",
        "_held",
        "_pending",
        "_calls",
        "_in_transaction",
        "_rows",
        "_from_client",
        "_to_client",
        "_to_database",
        "_from_database",
    )

    _calls: i64
    _in_transaction: i64
    _rows: i64
    _from_client: i64
    _to_client: i64
    _to_database: i64
    _from_database: i64

    def __init__(
        self,
        counted: Counted,
        method: Method,
        way: Tally | None,
        series: Series | None,
        held: Held,
    ) -> None:
        super().__init__()
        self._held = held
        self._pending: Pending | None = None
        self.counted = counted
        self.method = method
        self.way = way
        self.series = series
        self.shown: object = None
        self.kind = ""
        self.database = b""
        self._clear()

    def _clear(self) -> None:
        self._calls = 0
        self._in_transaction = 0
        self._rows = 0
        self._from_client = 0
        self._to_client = 0
        self._to_database = 0
        self._from_database = 0

    def add(self, exchange: Exchange, run: Run) -> None:
        """Take a request that has ended, in a run that this is part of."""
        sent: i64 = exchange.sent
        first: i64 = exchange.first_byte
        outcome = exchange.outcome
        if (
            not 0 < sent <= first
            or (outcome is not _OK and outcome != _OK)
            or (exchange.attributes is not None and _POISONED in exchange.attributes)
        ):
            self._add_unusual(exchange, run)
            return
        self._calls += 1
        if exchange.in_transaction:
            self._in_transaction += 1
        rows: i64 = exchange.rows
        if rows > 0:
            self._rows += rows
        traffic = exchange.traffic
        if traffic is not None:
            self._from_client += traffic.from_client
            self._to_client += traffic.to_client
            self._to_database += traffic.to_database
            self._from_database += traffic.from_database
        opened: i64 = exchange.opened
        closed: i64 = exchange.closed
        until_sent = sent - opened
        proxy = until_sent
        last_rows = closed - first
        if exchange.stage_runs is not None:
            self.counted.count_stages(exchange.stage_runs, exchange, run)
            proxy -= self.counted.before
            if proxy < 0:
                proxy = 0
            last_rows -= self.counted.behind
        if last_rows < 0:
            last_rows = 0
        times = self.times
        write_i64_le(times, closed - opened)
        write_i64_le(times, proxy)
        write_i64_le(times, first - sent)
        write_i64_le(times, last_rows)
        write_i64_le(times, closed - sent)
        write_i64_le(times, until_sent)

    def _add_unusual(self, exchange: Exchange, run: Run) -> None:
        """Count one by itself that did not go well, that was not sent to the database, or that has
        no first byte."""
        counted, method, way, traffic = self.counted, self.method, self.way, exchange.traffic
        counted.calls += 1
        counted.prepared += method.is_prepared
        counted.in_transaction += exchange.in_transaction
        counted.row_count += max(exchange.rows, 0)
        if traffic is not None:
            counted.received += traffic.from_client
            counted.sent += traffic.to_client
            method.received.input += traffic.from_client
            method.received.output += traffic.to_client
        if way is not None:
            way.calls += 1
        outcome = exchange.outcome
        if exchange.attributes is not None and _POISONED in exchange.attributes:
            counted.row.poisoned += 1
            if outcome != _OK:
                # It is told of as poisoned, and not as denied or failed.
                outcome = STOPPED
        opened, sent, closed = exchange.opened, exchange.sent, exchange.closed
        whole = closed - opened
        times = [whole, NONE, NONE, NONE, NONE, NONE]
        parts: list[list[Counts] | None] = [None, method.counts, None, None]
        if outcome != _OK:
            method.received.errors += 1
            if way is not None:
                way.fail(outcome)
        # Of one that was given up its time says nothing of its statement.
        if outcome == _OK or counted.ended_otherwise(exchange, outcome):
            parts[0] = counted.counts
            if way is not None:
                parts[2] = way.counts
            before = behind = 0
            if exchange.stage_runs is not None:
                counted.count_stages(exchange.stage_runs, exchange, run)
                before, behind = int(counted.before), int(counted.behind)
            if sent:
                if traffic is not None:
                    method.sent.input += traffic.from_database
                    method.sent.output += traffic.to_database
                if outcome != _OK:
                    method.sent.errors += 1
                first = exchange.first_byte if exchange.first_byte >= sent else closed
                rows = max(closed - first - behind, 0)
                times = [whole, sent - opened - before, first - sent, rows, closed - sent, NONE]
                if self.series is not None:
                    # Its time to a first byte may be none there.
                    self.series.serve(exchange, run)
            else:
                times[1] = whole - before - behind
            times[1] = max(times[1], 0)
        _REQUEST.add(b"".join([time.to_bytes(8, "little", signed=True) for time in times]), parts)

    def count(self, records: bytes) -> None:
        """See `Gathered`."""
        if self._pending is None:
            if len(records) < _FEW:
                parts = self._count_all()
                if records:
                    _REQUEST.add(records, parts)
                return
            self._pending = self._held.admit(self)
        self._pending.gather(records)

    def settle(self) -> Pending:
        """Count what is held, and return what held it."""
        pending = self._pending
        assert pending is not None  # noqa: S101 - Held has those that hold something
        self._pending = None
        pending.settle(self._count_all())
        return pending

    def _count_all(self) -> list[list[Counts] | None]:
        """Count everything but the times, and return where these are counted."""
        counted, method, way, series = self.counted, self.method, self.way, self.series
        counted.calls += self._calls
        if method.is_prepared:
            counted.prepared += self._calls
        counted.in_transaction += self._in_transaction
        counted.row_count += self._rows
        counted.received += self._from_client
        counted.sent += self._to_client
        received, sent = method.received, method.sent
        received.input += self._from_client
        received.output += self._to_client
        sent.input += self._from_database
        sent.output += self._to_database
        parts: list[list[Counts] | None] = [counted.counts, method.counts, None, None]
        if way is not None:
            way.calls += self._calls
            parts[2] = way.counts
        if series is not None:
            parts[3] = series.counts
        self._clear()
        return parts
