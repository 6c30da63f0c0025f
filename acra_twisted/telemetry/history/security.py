"""Security events on their way into a history: alike ones of one second are one row."""

from __future__ import annotations

import socket
from threading import Lock
from typing import Any, Final

from twisted.logger import ILogObserver, LogEvent
from zope.interface import implementer

from acra_twisted.telemetry.history.pieces import StoredEvent
from acra_twisted.telemetry.logs.security import (
    SecurityRecord,
    is_security_event,
    likeness,
    moment,
    record,
)

#: Rows that wait.
_ROWS_MAX: Final = 1024


class _Row:
    __slots__ = ("record", "first", "last", "times")

    def __init__(self, found: SecurityRecord, when: int) -> None:
        self.record = found
        self.first = self.last = when
        self.times = 0


@implementer(ILogObserver)
class SecurityEvents:
    """Observes the log, in any thread.  ``product`` is the daemon's name."""

    def __init__(self, product: str) -> None:
        self._product = product
        self._host = socket.gethostname()
        self._lock = Lock()
        self._rows: dict[tuple[Any, ...], _Row] = {}
        #: Events that found no room.
        self.lost = 0

    def __call__(self, event: LogEvent) -> None:
        """Take note of an event, if it is one of those."""
        if not is_security_event(event):
            return
        found = record(self._product, self._host, event)
        when, key = moment(event), likeness(found)
        with self._lock:
            row = self._rows.get(key)
            if row is None:
                if len(self._rows) >= _ROWS_MAX:
                    self.lost += 1
                    return
                row = self._rows[key] = _Row(found, when)
            row.times += 1
            row.last = max(row.last, when)

    def take(self) -> list[StoredEvent]:
        """Return what has come since the last time."""
        with self._lock:
            rows, self._rows = self._rows, {}
        return [
            StoredEvent(
                row.first,
                row.last,
                row.times,
                row.record.code,
                row.record.client_id,
                row.record.trace_id,
                {name: value for name, value in row.record._asdict().items() if value},
            )
            for row in rows.values()
        ]
