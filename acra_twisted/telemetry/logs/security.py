"""Security events as a stream of their own: every record has the same keys, in the same order.

Keys come from here and from nowhere else, and values are escaped by JSON or CEF: whatever a peer
sends, it can add neither a field nor a line.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from typing import Any, NamedTuple, get_type_hints

from twisted.logger import LogEvent, formatEvent

from acra_twisted import __version__
from acra_twisted.eventtable import SECURITY, TABLE
from acra_twisted.telemetry.logs.sinks import timestamp
from acra_twisted.wire.formats import cef

_VALUE_MAX = 4096
#: Attributes of the origin of an event (``log_origin``).
INSTANCE, ZONE = "service.instance.id", "cloud.availability_zone"
#: Fields in which alike events may differ.
_OWN = frozenset(
    ("time", "peer_port", "session_id", "trace_id", "span_id", "attempts", "records", "row")
)


class SecurityRecord(NamedTuple):
    """One security event.  A text that an event does not have is empty, a number is 0.

    ``action``: what became of what a peer did; ``outcome``: success or failure, for the peer.
    ``claimed_client_id`` was not proven.  ``peer`` is who connected to this daemon, on ``host``;
    ``server_address`` is the database.
    ``attempts``: failures of this peer that followed each other; ``records``: poison records, the
    first of which is in ``row`` of its result, counted from 1, and in ``column``.  ``place`` is the
    file and line of the rule.  ``instance`` and ``zone`` are those of the daemon, as its spans have
    them; a stream that is of one daemon alone has none.
    """

    time: str
    product: str
    version: str
    host: str
    code: int
    event: str
    severity: int
    message: str
    action: str
    outcome: str
    client_id: str = ""
    claimed_client_id: str = ""
    certificate: str = ""
    session_id: int = 0
    peer: str = ""
    peer_port: int = 0
    server_address: str = ""
    server_port: int = 0
    user: str = ""
    database: str = ""
    trace_id: str = ""
    span_id: str = ""
    stage: str = ""
    rule: str = ""
    query: str = ""
    error: str = ""
    attempts: int = 0
    records: int = 0
    row: int = 0
    column: str = ""
    place: str = ""
    instance: str = ""
    zone: str = ""


#: The keys of a record, in order.
SCHEMA = SecurityRecord._fields
_NUMBERS = frozenset(name for name, kind in get_type_hints(SecurityRecord).items() if kind is int)
#: Fields that an event may set; the others are made here.
_TAKEN = SCHEMA[SCHEMA.index("client_id") : SCHEMA.index("instance")]


def is_security_event(event: LogEvent) -> bool:
    """Return True if an event belongs on the stream."""
    return event.get("code") in SECURITY


def record(product: str, host: str, event: LogEvent) -> SecurityRecord:
    """An event as a record."""
    code = event["code"]
    row = TABLE[code]
    origin = event.get("log_origin", {})
    return SecurityRecord(
        time=timestamp(event),
        product=product,
        version=__version__,
        host=host,
        code=code,
        event=row.meaning,
        severity=row.severity,
        message=formatEvent(event)[:_VALUE_MAX],
        action=str(event.get("action", row.action)),
        outcome=str(event.get("outcome", row.outcome)),
        instance=str(origin.get(INSTANCE, ""))[:_VALUE_MAX],
        zone=str(origin.get(ZONE, ""))[:_VALUE_MAX],
        **{name: _shown(name, event[name]) for name in _TAKEN if event.get(name) is not None},
    )


def read_record(fields: Mapping[str, Any]) -> SecurityRecord | None:
    """Return the record of fields that were kept; None if they are none.  A file may have been
    written by anybody: what it has beyond a record is passed over."""
    known: dict[str, Any] = {}
    for name in SCHEMA:
        value = fields.get(name)
        if value is None:
            continue
        if name in _NUMBERS and type(value) is int:
            known[name] = value
        elif name not in _NUMBERS and type(value) is str:
            known[name] = value[:_VALUE_MAX]
        else:
            return None
    for name in SCHEMA[: SCHEMA.index("client_id")]:
        known.setdefault(name, 0 if name in _NUMBERS else "")
    return SecurityRecord(**known)


def moment(event: LogEvent) -> int:
    """Return when an event was, in nanoseconds since the epoch, right to a microsecond."""
    return int(event.get("log_time", 0.0) * 1e6) * 1000


def likeness(found: SecurityRecord) -> tuple[Any, ...]:
    """Return the fields that are the same of alike events."""
    return tuple(
        value for name, value in zip(found._fields, found, strict=True) if name not in _OWN
    )


def as_cef(found: SecurityRecord, seconds: float, **more: object) -> str:
    """Return a record as a line of CEF; ``seconds`` since the epoch are when it was, and ``more``
    are further fields."""
    known = {name: value for name, value in found._asdict().items() if value}
    fields = cef.to_dictionary(seconds, {**known, **more})
    return cef.encode_dictionary(
        found.product, found.version, found.code, found.message, found.severity, fields
    )


def _shown(name: str, value: Any) -> Any:
    if name in _NUMBERS:
        return value if isinstance(value, int) else 0
    return str(value)[:_VALUE_MAX]


class SecurityLog:
    """Writes security events to a sink.  ``style`` is ``json`` or ``cef``."""

    def __init__(self, product: str, style: str, sink: Any) -> None:
        self._product = product
        self._style = style
        self._host = socket.gethostname()
        self.sink = sink

    def __call__(self, event: LogEvent) -> bool | None:
        """Write an event, if it is one of those; False if it is lost, None if it is none."""
        if not is_security_event(event):
            return None
        found = record(self._product, self._host, event)
        if self._style == "json":
            line = json.dumps(found._asdict())
        else:
            line = as_cef(found, event.get("log_time", 0.0))
        return bool(self.sink.send(line, event))
