"""Figures of one shape of statements in one minute, while they are counted.

Requests come to it in runs (`alike`).  What stages did is counted here, of all requests as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from acra_twisted import events
from acra_twisted.exchange import ROWS as ROWS_WORK
from acra_twisted.exchange import Exchange
from acra_twisted.fast.byteswriter import write_i64_le
from acra_twisted.fast.counts import Adding
from acra_twisted.stagerun import StageRun
from acra_twisted.telemetry.figures.buckets import Distribution
from acra_twisted.telemetry.figures.calls import Calls, Totals
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
from acra_twisted.telemetry.figures.runs import NONE, OURS, TABLES, Gathered, Run
from acra_twisted.telemetry.figures.shapes import Shape
from acra_twisted.verdicts import Deny, Hangup

if TYPE_CHECKING:
    from mypy_extensions import i64

#: The outcome, in place of its own, of a request that poison records have stopped.
STOPPED: Final = "poisoned"
#: The time of a stage for a request is counted for its shape and for all requests.
_STAGE: Final = Adding(TABLES, (((0, 0, OURS), (1, 0, OURS)),))
_CLASS_SIZE: Final = 2
_UNKNOWN_CLASS: Final = "??"


class _Stage(Gathered):
    """A stage's time: that for this shape, ``here``, and that for ``all`` requests."""

    __slots__ = ("name", "here", "all", "gathered")

    gathered: i64

    def __init__(self, name: str, all_requests: Totals) -> None:
        super().__init__()
        self.name = name
        self.here = Distribution()
        self.all = all_requests
        #: Time for the request at hand that is not counted yet; negative if there is none.
        self.gathered = NONE

    def add(self, took: i64, run: Run) -> None:
        """Add the time that it took for a request."""
        if self.run != run.number:
            run.admit(self)
        write_i64_le(self.times, took)

    def count(self, records: bytes) -> None:
        """See `Gathered`."""
        _STAGE.add(records, [[self.here.counts], [self.all.durations.counts]])


class Counted:
    """Figures of one shape in one minute; ``calls`` has those of all requests.

    ``counts`` are those of the times: the whole, that in the proxy, that to the first byte, and
    that of the rows.
    """

    __slots__ = (
        "counts",
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
        "before",
        "behind",
        "_all",
    )

    calls: i64
    row_count: i64
    received: i64
    sent: i64
    prepared: i64
    in_transaction: i64
    before: i64
    behind: i64

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
        parts = (self.whole, self.proxy, self.first_byte, self.rows)
        self.counts = [one.counts for one in parts]
        self.link: Distribution | None = None
        self.stages: list[_Stage] = []
        #: Time of stages for the last request that had any: before it was sent, and behind its
        #: first byte.
        self.before = 0
        self.behind = 0

    def count_stages(self, runs: list[StageRun], exchange: Exchange, run: Run) -> None:
        """Count what stages did; once for each, whatever it did how often.  ``before`` and
        ``behind`` say how long they took."""
        self.before = 0
        self.behind = 0
        many = len(runs) > 1
        for one in runs:
            took: i64 = one.ended - one.started
            if one.kind == ROWS_WORK:
                self.behind += took
            else:
                self.before += took
            stage = self._stage(one.stage, exchange)
            if not many:
                stage.add(took, run)
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
                    stage.add(stage.gathered, run)
                    stage.gathered = NONE

    def _stage(self, name: str, exchange: Exchange) -> _Stage:
        # There are few: comparing is cheaper than hashing.
        for stage in self.stages:
            if stage.name is name or stage.name == name:
                return stage
        found = _Stage(name, self._all.stage(name, exchange.closed))
        self.stages.append(found)
        return found

    def ended_otherwise(self, exchange: Exchange, outcome: str | None) -> bool:
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
        elif outcome != STOPPED:
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
            _put(row, STAGE + stage.name, stage.here)
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
