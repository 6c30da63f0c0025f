"""Figures of one shape of statements in one minute, while they are counted.

What is counted of a request is counted of its kind and of its stages as well (`calls`), and of its
way (`tallies`): durations are taken apart once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acra_twisted import events
from acra_twisted.exchange import ROWS as ROWS_WORK
from acra_twisted.exchange import Exchange
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.figures.buckets import Distribution, bucket
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


class _Stage:
    """A stage's time: that for this shape, and that for ``all`` requests."""

    __slots__ = ("name", "times", "all", "gathered")

    gathered: i64

    def __init__(self, name: str, all_requests: Totals) -> None:
        self.name = name
        self.times = Distribution()
        self.all = all_requests
        #: Time for the request at hand that is not counted yet; negative if there is none.
        self.gathered = -1

    def count(self, nanoseconds: i64) -> None:
        """Count its time for a request."""
        place = bucket(nanoseconds)
        self.times.add(place, nanoseconds)
        self.all.durations.add(place, nanoseconds)


class Counted:
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
        self.link: Distribution | None = None
        self.stages: list[_Stage] = []
        # Time of stages for the request at hand: before it was sent, and behind its first byte.
        self._before = 0
        self._behind = 0

    def count(self, exchange: Exchange, method: Method, way: Tally | None) -> None:
        """Count a request that has ended, one of ``method``, and of its ``way`` if it has one."""
        self.calls += 1
        received, good = method.received, exchange.outcome == "ok"
        if exchange.kind == "execute":
            self.prepared += 1
        if exchange.in_transaction:
            self.in_transaction += 1
        if exchange.rows > 0:
            self.row_count += exchange.rows
        traffic = exchange.traffic
        if traffic is not None:
            self.received += traffic.from_client
            self.sent += traffic.to_client
            received.input += traffic.from_client
            received.output += traffic.to_client
        outcome = exchange.outcome
        if exchange.attributes is not None and _POISONED in exchange.attributes:
            self.row.poisoned += 1
            if not good:
                # It is told of as poisoned, and not as denied or failed.
                outcome = _STOPPED
        opened: i64 = exchange.opened
        sent: i64 = exchange.sent
        closed: i64 = exchange.closed
        whole = closed - opened
        place = bucket(whole)
        received.durations.add(place, whole)
        if way is not None:
            way.calls += 1
        if not good:
            received.errors += 1
            if way is not None:
                way.fail(outcome)
            if not self._ended_otherwise(exchange, outcome):
                return
        self._before = 0
        self._behind = 0
        if exchange.stage_runs is not None:
            self._count_stages(exchange.stage_runs, exchange)
        self.whole.add(place, whole)
        if way is not None:
            way.whole.add(place, whole)
        if not sent:
            self.proxy.count(_positive(whole - self._before - self._behind))
            return
        self.proxy.count(_positive(sent - opened - self._before))
        first: i64 = exchange.first_byte
        if first < sent:
            first = closed
        self.first_byte.count(first - sent)
        self.rows.count(_positive(closed - first - self._behind))
        asked = method.sent
        place = bucket(closed - sent)
        asked.durations.add(place, closed - sent)
        if way is not None:
            way.database.add(place, closed - sent)
        if traffic is not None:
            asked.input += traffic.from_database
            asked.output += traffic.to_database
        if not good:
            asked.errors += 1

    def _count_stages(self, runs: list[StageRun], exchange: Exchange) -> None:
        """Count what stages did; once for each, whatever it did how often."""
        many = len(runs) > 1
        for run in runs:
            took: i64 = run.ended - run.started
            if run.kind == ROWS_WORK:
                self._behind += took
            else:
                self._before += took
            stage = self._stage(run.stage, exchange)
            if not many:
                stage.count(took)
            elif stage.gathered < 0:
                stage.gathered = took
            else:
                stage.gathered += took
            # One that failed is counted when it does.
            if exchange.denied_by and _refuses(run):
                stage.all.errors += 1
        if many:
            for stage in self.stages:
                if stage.gathered >= 0:
                    stage.count(stage.gathered)
                    stage.gathered = -1

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


def _positive(nanoseconds: i64) -> i64:
    # One expression of both would make an object of the number.
    if nanoseconds < 0:
        return 0
    return nanoseconds


def _refuses(run: StageRun) -> bool:
    verdict = run.verdict
    if type(verdict) is Deny:
        return bool(verdict.code != events.STAGE_FAILED)
    return type(verdict) is Hangup


def _put(row: Row, name: str, counted: Distribution) -> None:
    buckets = counted.sparse()
    if buckets:
        row.layer(name).add(Layer(counted.total, buckets))
