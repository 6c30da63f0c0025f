"""Remember who was given stored bytes in place of plaintext, and by which statements."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from acra_twisted.encryption.fates import FAILED
from acra_twisted.exchange import Exchange
from acra_twisted.pipeline.baseobserver import BaseObserver
from acra_twisted.sql.redact import of_statement
from acra_twisted.telemetry.figures.shapes import shape_of

#: As many pairs of client and statement are kept: those that were seen last.
UNOPENED_MAX: Final = 200


class Unopened(BaseObserver):
    """Observes containers and values of protected columns that were left as stored, because they
    could not be opened; ``clock`` gives nanoseconds since the epoch."""

    refusals_only = True
    failures_only = True

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        # First and last time, values, and the statement's summary.
        self._seen: OrderedDict[tuple[str, str], list[Any]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._seen)

    def containers_read(self, exchange: Exchange, kind: str, opened: int, failed: int) -> None:
        """Take note of those that have failed."""
        if failed:
            self._note(exchange, failed)

    def column_values(self, exchange: Exchange, counts: Mapping[tuple[Any, str], int]) -> None:
        """Take note of those that have failed."""
        failed = sum(number for (_, fate), number in counts.items() if fate == FAILED)
        if failed:
            self._note(exchange, failed)

    def _note(self, exchange: Exchange, failed: int) -> None:
        session, now, shown = exchange.session, self._clock(), None
        if exchange.statement is not None:
            shown = of_statement(exchange.statement, session.language)
        database = session.database.decode("utf-8", "replace")
        shape = shape_of(session.system, database, exchange.kind, shown)
        key = (session.identity.client_id, shape.id)
        seen = self._seen.get(key)
        if seen is None:
            if len(self._seen) >= UNOPENED_MAX:
                self._seen.popitem(last=False)
            seen = self._seen[key] = [now, now, 0, shape.summary]
        seen[1] = now
        seen[2] += failed
        self._seen.move_to_end(key)

    def shown(self) -> list[dict[str, Any]]:
        """Return them as plain values, those that were seen last first."""
        return [
            {
                "client_id": client,
                "shape": shape,
                "summary": summary,
                "first": first,
                "last": last,
                "values": number,
            }
            for (client, shape), (first, last, number, summary) in reversed(self._seen.items())
        ]
