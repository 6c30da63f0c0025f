"""What of a trace crosses the database protocol.

* Towards the database: a context in a sqlcommenter comment at the end of a Query or Parse.  Where
  AcraServer is at the other end, a request without text (Bind of a statement prepared earlier,
  Describe, Close) is preceded by a Close of a prepared statement that does not exist, whose name
  is the context: `CARRIER`.  The protocol answers it with CloseComplete and nothing else, so that
  any server may be there; AcraServer takes it off and answers by itself.
* From the application: a traceparent in its startup packet, for requests that bring none.
* Towards the application: the trace id in errors, and on demand a NOTICE behind each reply.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, NamedTuple

from acra_twisted.model import Exchange
from acra_twisted.wire.postgres.frames import StartupPacket
from acra_twisted.wire.tracecontext import TraceContext, parse_plain, parse_traceparent

#: How the name of a prepared statement that nobody has begins where it is a context.
CARRIER: Final = b"traceparent="

_STARTUP_CONTEXT: Final = re.compile(rb"\btraceparent='?([0-9a-zA-Z-]+)")
_STARTUP_PLACES: Final = (
    (b"acra.traceparent", re.compile(rb"\A'?([0-9a-zA-Z-]+)")),
    (b"options", _STARTUP_CONTEXT),
    (b"application_name", _STARTUP_CONTEXT),
)
_STARTUP_NOTICE: Final = re.compile(rb"\bacra\.trace_notice=(\w+)")
_SET_NOTICE: Final = re.compile(
    rb"\s*set\s+(?:session\s+)?acra\.trace_notice\s*(?:=|\bto\b)\s*'?(\w+)'?\s*;?\s*", re.I
)
_ON: Final = frozenset((b"on", b"true", b"yes", b"1"))
_NS_PER_MS: Final = 1e6


class Disclosure(NamedTuple):
    """``context`` gives the context of an exchange, ``onward`` that which is handed on towards
    the database with it (None: nothing of this one).  ``to_acra``: AcraServer may be there, and
    executions carry theirs as well.  ``errors``: trace ids in errors.  ``notices``: sessions may
    ask for a NOTICE behind each reply.
    """

    context: Callable[[Exchange], TraceContext] | None = None
    onward: Callable[[Exchange], TraceContext | None] | None = None
    to_acra: bool = False
    errors: bool = False
    notices: bool = False

    def hint(self, exchange: Exchange | None) -> str:
        """What an error says about its trace; empty if it says nothing."""
        if not self.errors or self.context is None or exchange is None:
            return ""
        return f"trace_id {self.context(exchange).trace_id}"

    def notice(self, exchange: Exchange | None) -> str:
        """What a session that asked for it is told behind a reply; empty if nothing."""
        if not self.notices or self.context is None or exchange is None:
            return ""
        if not exchange.session.notices:
            return ""
        return describe(exchange, self.context(exchange).trace_id, exchange.session.clock())


NOTHING: Final = Disclosure()


def describe(exchange: Exchange, trace_id: str, now: int) -> str:
    """Where the time of an exchange went, up to now."""
    parts = [f"trace_id {trace_id}", f"total {_shown(now - exchange.opened)}"]
    if exchange.sent:
        parts.append(f"proxy before the database {_shown(exchange.sent - exchange.opened)}")
        if exchange.first_byte >= exchange.sent:
            parts.append(f"database to first byte {_shown(exchange.first_byte - exchange.sent)}")
        parts.append(f"database and rows {_shown(now - exchange.sent)}")
    return "acra: " + ", ".join(parts)


def _shown(nanoseconds: int) -> str:
    return f"{nanoseconds / _NS_PER_MS:.3f} ms"


def carried(name: bytes) -> TraceContext | None:
    """The context in the name that a Close has; None if it is a name like any other."""
    if name[: len(CARRIER)] != CARRIER:
        return None
    value = name[len(CARRIER) :]
    return parse_plain(value) or parse_traceparent(value.decode("latin-1"))


def startup_context(startup: StartupPacket) -> tuple[TraceContext | None, bool]:
    """The context in a startup packet, and whether one was there that cannot be used.

    ``traceparent=...`` in ``application_name``, or ``-c acra.traceparent=...`` in ``options``: a
    name with a point is one that the database accepts as well.
    """
    found = _startup_value(startup)
    if found is None:
        return None, False
    parameter, start, end = found
    value = startup.parameters[parameter][start:end]
    context = parse_traceparent(value.decode("ascii"))
    return context, context is None


def hand_on_startup(startup: StartupPacket, context: TraceContext) -> bytes | None:
    """The packet with ``context`` in place of the application's, so that what follows is below who
    hands it on; None if it has none, for then nothing may be added that a server might refuse."""
    found = _startup_value(startup)
    if found is None:
        return None
    parameter, start, end = found
    value = startup.parameters[parameter]
    value = value[:start] + context.traceparent().encode() + value[end:]
    return StartupPacket(startup.minor, {**startup.parameters, parameter: value}).encode()


def _startup_value(startup: StartupPacket) -> tuple[bytes, int, int] | None:
    """The parameter that has the context, and where in its value it begins and ends."""
    for parameter, pattern in _STARTUP_PLACES:
        found = pattern.search(startup.parameters.get(parameter, b""))
        if found is not None:
            return parameter, found.start(1), found.end(1)
    return None


def startup_notices(startup: StartupPacket) -> bool:
    """Whether ``-c acra.trace_notice=on`` is among the options."""
    found = _STARTUP_NOTICE.search(startup.parameters.get(b"options", b""))
    return found is not None and found[1].lower() in _ON


def asks_for_notices(text: bytes) -> bool | None:
    """What ``SET acra.trace_notice = on`` says; None for any other statement."""
    if b"acra.trace_notice" not in text:
        return None
    found = _SET_NOTICE.fullmatch(text)
    return None if found is None else found[1].lower() in _ON
