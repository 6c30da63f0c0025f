"""Count the requests that take one way from a client to a database, while they happen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from acra_twisted.pipeline.baseobserver import BaseObserver
from acra_twisted.session import Session
from acra_twisted.telemetry.figures.buckets import Distribution
from acra_twisted.telemetry.figures.rows import WHOLE, Layer, Row

if TYPE_CHECKING:
    from mypy_extensions import i64

#: The layer that has the time from the request's way to the database to the end of its reply.
DATABASE = "database"


class Tally:
    """Figures of one way to the database ``name``.

    Requests are counted here as they are counted by statement (`alike`).  ``is_used``: one has come
    since the last `take`, counted or not yet.  ``is_over``: nothing is counted here any longer, and
    another one takes its place.  ``counts`` are those of both times.
    """

    __slots__ = (
        "name",
        "calls",
        "errors",
        "denied",
        "whole",
        "database",
        "counts",
        "is_used",
        "is_over",
    )

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
        self.counts = [self.whole.counts, self.database.counts]
        self.is_used = False
        self.is_over = False

    def fail(self, outcome: str | None) -> None:
        """Count what has not gone well: ``outcome`` is its exchange's."""
        if outcome == "denied":
            self.denied += 1
        elif outcome == "error" or outcome == "lost":
            self.errors += 1

    def take(self) -> Tally | None:
        """Return what was counted, None if that is nothing, and begin anew.  Nothing is held
        elsewhere that is to be counted here (`alike`)."""
        self.is_used = False
        if not self.calls:
            return None
        taken = Tally()
        taken.calls, self.calls = self.calls, 0
        taken.errors, self.errors = self.errors, 0
        taken.denied, self.denied = self.denied, 0
        taken.whole, self.whole = self.whole, taken.whole
        taken.database, self.database = self.database, taken.database
        taken.counts, self.counts = self.counts, taken.counts
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


class Ways(BaseObserver):
    """The ways to one server.  ``give`` returns the tally of a session's way."""

    def __init__(self, give: Callable[[Session], Tally]) -> None:
        self._give = give

    def session_opened(self, session: Session) -> None:
        """Have its statements counted by their way."""
        session.ways = self

    def tally(self, session: Session) -> Tally:
        """Return what counts the statements of a session now."""
        found: Tally | None = session.way
        if found is None or found.is_over or found.name != session.database:
            found = session.way = self._give(session)
        else:
            # Who asks next compares the object alone.
            found.name = session.database
        return found
