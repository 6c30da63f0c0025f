"""The last security events in memory, alike ones of a minute as one."""

from __future__ import annotations

import socket
from collections import OrderedDict
from threading import Lock
from typing import Any, Final, NamedTuple

from twisted.logger import ILogObserver, LogEvent
from zope.interface import implementer

from acra_twisted.telemetry.logs.security import (
    SecurityRecord,
    is_security_event,
    likeness,
    moment,
    record,
)

#: As many are kept, the oldest go first.
RECENT_MAX: Final = 1000
#: Nanoseconds after the first one in which alike events are one.
ALIKE: Final = 60 * 10**9


class RecentEvent(NamedTuple):
    """``times`` alike events of ``requests`` requests from ``first`` to ``last``, nanoseconds since
    the epoch.

    ``number`` is their own as long as the daemon runs; ``record`` is the first one's.
    """

    number: int
    first: int
    last: int
    times: int
    record: SecurityRecord
    requests: int = 1


class _Entry:
    __slots__ = ("number", "first", "last", "times", "record", "requests", "request")

    def __init__(self, number: int, when: int, found: SecurityRecord) -> None:
        self.number = number
        self.first = self.last = when
        self.times = self.requests = 0
        self.record = found
        #: The last request, which may have caused several.
        self.request = ""


@implementer(ILogObserver)
class RecentEvents:
    """Observes the log, in any thread.  ``product`` is the daemon's name, and ``since`` when it
    began to (nanoseconds)."""

    def __init__(self, product: str, since: int = 0) -> None:
        self.since = since
        self._product = product
        self._host = socket.gethostname()
        self._lock = Lock()
        self._entries: OrderedDict[int, _Entry] = OrderedDict()
        self._alike: dict[tuple[Any, ...], _Entry] = {}
        self._next = 1
        #: The end of the time of which something was dropped; 0 if nothing was.
        self.dropped = 0

    def __len__(self) -> int:
        """Return how many are kept."""
        return len(self._entries)

    def __call__(self, event: LogEvent) -> None:
        """Take note of an event, if it is one of those."""
        if not is_security_event(event):
            return
        found = record(self._product, self._host, event)
        when, key = moment(event), likeness(found)
        with self._lock:
            entry = self._alike.get(key)
            if entry is None or when - entry.first >= ALIKE:
                entry = self._alike[key] = _Entry(self._next, when, found)
                self._entries[self._next] = entry
                self._next += 1
                if len(self._entries) > RECENT_MAX:
                    self._drop()
            entry.times += 1
            if not found.span_id or found.span_id != entry.request:
                entry.requests += 1
                entry.request = found.span_id
            entry.last = max(entry.last, when)

    def _drop(self) -> None:
        _, oldest = self._entries.popitem(last=False)
        self.dropped = max(self.dropped, oldest.last)
        key = likeness(oldest.record)
        if self._alike.get(key) is oldest:
            del self._alike[key]

    def kept(self, since: int, until: int) -> list[RecentEvent]:
        """Return those of a time, the newest first."""
        with self._lock:
            return [
                RecentEvent(one.number, one.first, one.last, one.times, one.record, one.requests)
                for one in reversed(self._entries.values())
                if one.last >= since and one.first < until
            ]
