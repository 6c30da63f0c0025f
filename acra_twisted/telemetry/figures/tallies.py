"""Count the requests that take one way from a client to a database, while they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acra_twisted.exchange import Exchange
from acra_twisted.telemetry.figures.buckets import Distribution
from acra_twisted.telemetry.figures.rows import WHOLE, Layer, Row

if TYPE_CHECKING:
    from mypy_extensions import i64

#: The layer that has the time from the request's way to the database to the end of its reply.
DATABASE = "database"


class Tally:
    """Figures of one way to the database ``name``.  ``is_over``: it is counted no longer, and
    another one takes its place."""

    __slots__ = ("name", "calls", "errors", "denied", "whole", "database", "is_over")

    calls: i64
    errors: i64
    denied: i64

    def __init__(self, name: bytes = b"") -> None:
        self.name = name
        self.calls = 0
        self.errors = 0
        self.denied = 0
        self.whole = Distribution()
        self.database = Distribution()
        self.is_over = False

    def count(self, exchange: Exchange) -> None:
        """Count a request that has ended."""
        self.calls += 1
        outcome = exchange.outcome
        if outcome != "ok":
            if outcome == "denied":
                self.denied += 1
            elif outcome == "error" or outcome == "lost":
                self.errors += 1
            else:
                return
        sent: i64 = exchange.sent
        closed: i64 = exchange.closed
        self.whole.count(closed - exchange.opened)
        if sent:
            self.database.count(closed - sent)

    def take(self) -> Tally | None:
        """Return what was counted, None if that is nothing, and begin anew."""
        if not self.calls:
            return None
        taken = Tally()
        taken.calls, self.calls = self.calls, 0
        taken.errors, self.errors = self.errors, 0
        taken.denied, self.denied = self.denied, 0
        taken.whole, self.whole = self.whole, taken.whole
        taken.database, self.database = self.database, taken.database
        return taken

    def row(self) -> Row:
        """Return what is counted, as a row with the layers WHOLE and DATABASE."""
        row = Row()
        row.calls, row.errors, row.denied = self.calls, self.errors, self.denied
        for name, counted in ((WHOLE, self.whole), (DATABASE, self.database)):
            buckets = counted.sparse()
            if buckets:
                row.layer(name).add(Layer(counted.total, buckets))
        return row
