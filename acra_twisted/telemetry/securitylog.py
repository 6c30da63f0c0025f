"""Security events as a stream of their own: every record has the same keys, in the same order.

Keys come from here and from nowhere else, and values are escaped by JSON or CEF: whatever a peer
sends, it can add neither a field nor a line.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.logger import LogEvent, LogLevel, formatEvent

from acra_twisted import __version__, events
from acra_twisted.telemetry.logsinks import timestamp
from acra_twisted.wire import cef

#: The keys of a record.  Those that an event does not have are empty.
SCHEMA = (
    "time",
    "product",
    "version",
    "code",
    "event",
    "severity",
    "message",
    "client_id",
    "session_id",
    "peer",
    "server_address",
    "user",
    "database",
    "trace_id",
    "span_id",
    "stage",
    "rule",
    "query",
    "error",
)
_VALUE_MAX = 4096
_SEVERITIES = {LogLevel.warn: 3, LogLevel.error: 6, LogLevel.critical: 8}


def is_security_event(event: LogEvent) -> bool:
    """Whether an event belongs on the stream."""
    return event.get("code") in events.SECURITY


def record(product: str, event: LogEvent) -> dict[str, Any]:
    """An event as a record."""
    found: dict[str, Any] = {name: _shown(event.get(name, "")) for name in SCHEMA}
    found.update(
        time=timestamp(event),
        product=product,
        version=__version__,
        code=event["code"],
        event=events.MEANINGS[event["code"]],
        severity=_SEVERITIES.get(event.get("log_level", LogLevel.info), 1),
        message=formatEvent(event)[:_VALUE_MAX],
    )
    return found


def _shown(value: Any) -> Any:
    return value if isinstance(value, int) else str(value)[:_VALUE_MAX]


class SecurityLog:
    """Writes security events to a sink.  ``style`` is ``json`` or ``cef``."""

    def __init__(self, product: str, style: str, sink: Any) -> None:
        self._product = product
        self._style = style
        self.sink = sink

    def __call__(self, event: LogEvent) -> None:
        """Write an event, if it is one of those."""
        if not is_security_event(event):
            return
        found = record(self._product, event)
        if self._style == "json":
            line = json.dumps(found)
        else:
            line = cef.encode_dictionary(
                self._product,
                __version__,
                found["code"],
                found["message"],
                found["severity"],
                cef.to_dictionary(event.get("log_time", 0.0), found),
            )
        self.sink.send(line, event)
