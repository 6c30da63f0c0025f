"""Figures of one shape of statements in one minute, while they are counted.

What is counted of a request is counted of its kind and of its stages as well (`calls`), and of its
way (`tallies`): durations are taken apart once, and counted once for a run of requests (`runs`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acra_twisted import events
from acra_twisted.exchange import ROWS as ROWS_WORK
from acra_twisted.exchange import Exchange
from acra_twisted.fast.byteswriter import write_i64_le
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.figures.buckets import Distribution
from acra_twisted.telemetry.figures.calls import Calls, Method, Totals
from acra_twisted.telemetry.figures.rows import (
    FIRST_BYTE,
    LINK,
    PROXY,
    ROWS,
    STAGE,
    WHOLE,
    Layer,
    Row,
)
from acra_twisted.telemetry.figures.runs import NONE, Placed, Run, Series
from acra_twisted.telemetry.figures.shapes import Shape
from acra_twisted.telemetry.figures.tallies import Tally
from acra_twisted.verdicts import Deny, Hangup

if TYPE_CHECKING:
    from mypy_extensions import i64

#: Attribute of an exchange whose rows held poison records.
_POISONED: Final = "acra.poison_records"
_STOPPED: Final = "poisoned"
_CLASS_SIZE: Final = 2
_UNKNOWN_CLASS: Final = "??"


class _Stage(Placed):
    """A stage's time: that for this shape, and that for ``all`` requests."""

    __slots__ = ("name", "times", "all", "gathered")

    gathered: i64

    def __init__(self, name: str, all_requests: Totals) -> None:
        super().__init__()
        self.name = name
        self.times = Distribution()
        self.all = all_requests
        self.counts = [self.times.counts, all_requests.durations.counts]
        #: Time for the request at hand that is not counted yet; negative if there is none.
        self.gathered = NONE


class Counted(Placed):
    """Figures of one shape in one minute; ``calls`` has those of all requests."""

    __slots__ = (
        "shape",
        "row",
        "calls",
        "row_count",
        "received",
        "sent",
        "prepared",
        "in_transaction",
        "whole",
        "proxy",
        "first_byte",
        "rows",
        "link",
        "stages",
        "_all",
        "_before",
        "_behind",
    )

    calls: i64
    row_count: i64
    received: i64
    sent: i64
    prepared: i64
    in_transaction: i64
    _before: i64
    _behind: i64

    def __init__(self, shape: Shape, calls: Calls) -> None:
        super().__init__()
        self.shape = shape
        self._all = calls
        #: Counters of what is rare, and what was taken over from others.
        self.row = Row()
        self.calls = 0
        self.row_count = 0
        self.received = 0
        self.sent = 0
        self.prepared = 0
        self.in_transaction = 0
        self.whole = Distribution()
        self.proxy = Distribution()
        self.first_byte = Distribution()
        self.rows = Distribution()
        parts = (self.whole, self.proxy, self.first_byte, self.rows)
        self.counts = [one.counts for one in parts]
        self.link: Distribution | None = None
        self.stages: list[_Stage] = []
        # Time of stages for the request at hand: before it was sent, and behind its first byte.
        self._before = 0
        self._behind = 0

    def count(
        self, exchange: Exchange, method: Method, way: Tally | None, series: Series | None, run: Run
    ) -> None:
        """Count a request that has ended, one of ``method``, and of its ``way`` and in the
        histograms of ``series`` if it has them.

        Its times are counted when ``run`` is.
        """
        self.calls += 1
        if method.is_prepared:
            self.prepared += 1
        if exchange.in_transaction:
            self.in_transaction += 1
        rows: i64 = exchange.rows
        if rows > 0:
            self.row_count += rows
        outcome = exchange.outcome
        if exchange.attributes is not None and _POISONED in exchange.attributes:
            self.row.poisoned += 1
            if outcome != "ok":
                # It is told of as poisoned, and not as denied or failed.
                outcome = _STOPPED
        received, asked, traffic = method.received, method.sent, exchange.traffic
        opened: i64 = exchange.opened
        sent: i64 = exchange.sent
        closed: i64 = exchange.closed
        if traffic is not None:
            size: i64 = traffic.from_client
            self.received += size
            received.input += size
            size = traffic.to_client
            self.sent += size
            received.output += size
        number = run.number
        if self.run != number:
            run.admit(self)
        if method.run != number:
            run.admit(method)
        statement = self.place
        way_place: i64 = NONE
        if way is not None:
            way.calls += 1
            if way.run != number:
                run.admit(way)
            way_place = way.place
        whole = closed - opened
        proxy: i64 = NONE
        first_byte: i64 = NONE
        last_rows: i64 = NONE
        database: i64 = NONE
        until_sent: i64 = NONE
        series_place: i64 = NONE
        counts = True
        if outcome != "ok":
            received.errors += 1
            if way is not None:
                way.fail(outcome)
            counts = self._ended_otherwise(exchange, outcome)
            if sent and counts:
                asked.errors += 1
        if not counts:
            # Its time says nothing of its statement.
            statement = NONE
            way_place = NONE
        else:
            before: i64 = 0
            behind: i64 = 0
            if exchange.stage_runs is not None:
                self._count_stages(exchange.stage_runs, exchange, run)
                before = self._before
                behind = self._behind
            if sent:
                if traffic is not None:
                    asked.input += traffic.from_database
                    asked.output += traffic.to_database
                first: i64 = exchange.first_byte
                until_sent = sent - opened
                if series is not None:
                    if first >= sent:
                        if series.run != number:
                            run.admit(series)
                        series_place = series.place
                    else:
                        # It has no time to a first byte there.
                        run.serve(series, exchange)
                if first < sent:
                    first = closed
                proxy = until_sent - before
                first_byte = first - sent
                last_rows = closed - first - behind
                database = closed - sent
                if last_rows < 0:
                    last_rows = 0
            else:
                proxy = whole - before - behind
            if proxy < 0:
                proxy = 0
        numbers = run.requests
        write_i64_le(numbers, statement)
        write_i64_le(numbers, method.place)
        write_i64_le(numbers, way_place)
        write_i64_le(numbers, series_place)
        write_i64_le(numbers, whole)
        write_i64_le(numbers, proxy)
        write_i64_le(numbers, first_byte)
        write_i64_le(numbers, last_rows)
        write_i64_le(numbers, database)
        write_i64_le(numbers, until_sent)

    def _count_stages(self, runs: list[StageRun], exchange: Exchange, run: Run) -> None:
        """Count what stages did; once for each, whatever it did how often."""
        self._before = 0
        self._behind = 0
        many = len(runs) > 1
        for one in runs:
            took: i64 = one.ended - one.started
            if one.kind == ROWS_WORK:
                self._behind += took
            else:
                self._before += took
            stage = self._stage(one.stage, exchange)
            if not many:
                run.stage(stage, took)
            elif stage.gathered < 0:
                stage.gathered = took
            else:
                stage.gathered += took
            # One that failed is counted when it does.
            if exchange.denied_by and _refuses(one):
                stage.all.errors += 1
        if many:
            for stage in self.stages:
                if stage.gathered >= 0:
                    run.stage(stage, stage.gathered)
                    stage.gathered = NONE

    def _stage(self, name: str, exchange: Exchange) -> _Stage:
        # There are few: comparing is cheaper than hashing.
        for stage in self.stages:
            if stage.name is name or stage.name == name:
                return stage
        found = _Stage(name, self._all.stage(name, exchange.closed))
        self.stages.append(found)
        return found

    def _ended_otherwise(self, exchange: Exchange, outcome: str | None) -> bool:
        """Count a request that did not go well; False if its time says nothing."""
        row = self.row
        if outcome == "error":
            row.errors += 1
            name = exchange.status_code[:_CLASS_SIZE]
            fits = len(name) == _CLASS_SIZE and name.isascii() and name.isalnum()
            row.add_class(name if fits else _UNKNOWN_CLASS, 1)
        elif outcome == "denied":
            row.denied += 1
        elif outcome == "lost":
            row.lost += 1
        elif outcome != _STOPPED:
            row.aborted += 1
        return outcome != "aborted"

    def count_link(self, nanoseconds: int) -> None:
        """Count the time by which a connector's request took longer."""
        if self.link is None:
            self.link = Distribution()
        self.link.count(nanoseconds)

    def figures(self) -> Row:
        """Return what was counted, as a row that nothing else holds."""
        row = Row()
        row.calls, row.rows = self.calls, self.row_count
        row.received, row.sent = self.received, self.sent
        row.prepared, row.in_transaction = self.prepared, self.in_transaction
        _put(row, WHOLE, self.whole)
        _put(row, PROXY, self.proxy)
        _put(row, FIRST_BYTE, self.first_byte)
        _put(row, ROWS, self.rows)
        if self.link is not None:
            _put(row, LINK, self.link)
        for stage in self.stages:
            _put(row, STAGE + stage.name, stage.times)
        row.add(self.row)
        return row


def _refuses(run: StageRun) -> bool:
    verdict = run.verdict
    if type(verdict) is Deny:
        return bool(verdict.code != events.STAGE_FAILED)
    return type(verdict) is Hangup


def _put(row: Row, name: str, counted: Distribution) -> None:
    buckets = counted.sparse()
    if buckets:
        row.layer(name).add(Layer(counted.total, buckets))
