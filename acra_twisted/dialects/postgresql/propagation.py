"""Parts of a trace that cross PostgreSQL's protocol; `dialects.propagation` has what is common.

* Towards the database: a context in a sqlcommenter comment at the end of a Query or Parse.  Where
  AcraServer is at the other end, a request without text (Bind of a statement prepared earlier,
  Describe, Close) is preceded by a Close of a prepared statement that does not exist, whose name
  is the context.  The protocol answers it with CloseComplete and nothing else;
  AcraServer takes it off and answers by itself.
* From the application: a traceparent in its startup packet, for requests that bring none
  (`contextsettings` has those that come later).
* Towards the application: the trace id in errors, and on demand a NOTICE behind each reply.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from acra_twisted.dialects.postgresql.contextsettings import APPLICATION_NAME, NAMES
from acra_twisted.sql.comments import CONTEXT_KEY
from acra_twisted.sql.tags import context_in_value
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres.frames import StartupPacket

#: By this an AcraServer of this package makes itself known to a connector: a ParameterStatus
#: before the first ReadyForQuery, which the connector takes off.  Nothing else is told to servers
#: that others made.
SERVER_NAME: Final = b"acra_twisted"
SERVER_VALUE: Final = b"1"

_OPTION: Final = re.compile(
    rb"\b(acra\.traceparent|pg_tracing\.trace_context|application_name)=((?:\\.|[^\s\\])*)"
)
_STARTUP_NOTICE: Final = re.compile(rb"\bacra\.trace_notice=(\w+)")
_STARTUP_LEAST: Final = re.compile(rb"\bclient[_-]min[_-]messages=(\w+)", re.I)
_SET_NOTICE: Final = re.compile(
    rb"\s*set\s+(?:session\s+)?acra\.trace_notice\s*(?:=|\bto\b)\s*'?(\w+)'?\s*+(?:;\s*+)?", re.I
)
_ON: Final = frozenset((b"on", b"true", b"yes", b"1"))
#: Values of client_min_messages that leave out notices.
_ABOVE: Final = frozenset((b"warning", b"error", b"fatal", b"panic"))


def startup_contexts(startup: StartupPacket) -> tuple[dict[bytes, TraceContext | None], bool]:
    """The contexts in a startup packet, by the setting, and whether one cannot be used.

    ``acra.traceparent`` or ``pg_tracing.trace_context`` (also in ``options``: a name with a point
    is one that the database accepts as well), or ``application_name``.
    """
    found: dict[bytes, TraceContext | None] = {}
    malformed = False
    for name, value in _values(startup):
        context, is_malformed = _context_in(name, value)
        malformed = malformed or is_malformed
        if context is not None:
            found[name] = context
    return found, malformed and not found


def _values(startup: StartupPacket) -> Iterator[tuple[bytes, bytes]]:
    """Settings that may hold a context, those that hold first before the others, with values."""
    parameters = startup.parameters
    options = {found[1]: found[2] for found in _OPTION.finditer(parameters.get(b"options", b""))}
    for name in NAMES:
        if parameters.get(name):
            yield name, parameters[name]
        elif name in options:
            yield name, options[name]


def _context_in(name: bytes, value: bytes) -> tuple[TraceContext | None, bool]:
    value = value.translate(None, b"\\")
    if name != APPLICATION_NAME and CONTEXT_KEY not in value:
        value = CONTEXT_KEY + b"=" + value
    return context_in_value(value)


def startup_notices(startup: StartupPacket) -> bool:
    """Return True if ``-c acra.trace_notice=on`` is among the options."""
    found = _STARTUP_NOTICE.search(startup.parameters.get(b"options", b""))
    return found is not None and found[1].lower() in _ON


def wants_notices(startup: StartupPacket) -> bool:
    """Return False if the client has set ``client_min_messages`` above notices when it connected,
    by itself or among the options, of which the last holds."""
    parameters = startup.parameters
    least = parameters.get(b"client_min_messages")
    if least is None:
        for found in _STARTUP_LEAST.finditer(parameters.get(b"options", b"")):
            least = found[1]
    return least is None or least.lower() not in _ABOVE


def asks_for_notices(text: bytes) -> bool | None:
    """Return the value of ``SET acra.trace_notice = on``; None for any other statement."""
    if b"acra.trace_notice" not in text:
        return None
    found = _SET_NOTICE.fullmatch(text)
    return None if found is None else found[1].lower() in _ON
