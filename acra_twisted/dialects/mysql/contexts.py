"""Trace contexts of MySQL's requests, where the protocol has places for them.

A login has one in its attributes.  A query attribute is one, where both sides have them; it comes
before a comment of the text.  A
request without text, on its way from a connector to AcraServer, follows a command that closes a
statement which nobody has, with the context behind it: it draws no reply.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from acra_twisted.dialects.propagation import CARRIER, carried
from acra_twisted.sql.tags import CONTEXT_KEY, STATE_KEY, context_from
from acra_twisted.wire.link.tracecontext import PLAIN, TraceContext, parse_traceparent
from acra_twisted.wire.mysql import commands, types
from acra_twisted.wire.mysql.commands import encode_close
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import Attribute as Said
from acra_twisted.wire.mysql.parameters import Attribute

_OURS: Final = frozenset((CONTEXT_KEY, STATE_KEY))
#: The packet that carries a context, without it: all are as long.
_CARRYING: Final = packets(encode_close(commands.NOBODYS, CARRIER + bytes(PLAIN)), 0)[:-PLAIN]


def take_attributes(
    attributes: Sequence[Attribute], decided: bool = False
) -> tuple[Sequence[Attribute], TraceContext | None, bool]:
    """The attributes without a context's, the context, and whether one was there that cannot be
    used: that one stays.  ``decided``: a context that is not sampled is a decision."""
    values = {one.name: one.value for one in attributes if one.name in _OURS}
    value = values.get(CONTEXT_KEY)
    if value is None:
        return attributes, None, False
    context = context_from(value, values.get(STATE_KEY) or b"")
    if context is None:
        return attributes, None, True
    if not (context.sampled or decided):
        # Connector/Python says so of every trace, recorded or not.
        context = TraceContext(context.trace_id, context.span_id, False, context.state, False)
    return [one for one in attributes if one.name not in _OURS], context, False


def told(attributes: Sequence[Said]) -> tuple[TraceContext | None, bool]:
    """Return the context among a login's attributes, and whether one was there that cannot be
    used."""
    for name, value in attributes:
        if name == CONTEXT_KEY:
            context = parse_traceparent(value.decode("latin-1"))
            return context, context is None
    return None, False


def with_context(
    attributes: Sequence[Attribute], context: TraceContext, state: str
) -> list[Attribute]:
    """The attributes with those of a context behind them."""
    ours = [(CONTEXT_KEY, context.traceparent().encode("ascii"))]
    if state:
        ours.append((STATE_KEY, state.encode("ascii")))
    added = [Attribute(types.STRING, name, value) for name, value in ours]
    return [*[one for one in attributes if one.name not in _OURS], *added]


def announced(payload: bytes) -> TraceContext | None:
    """The context that a CLOSE of a checked size carries; None if it is one like any other."""
    if commands.statement_number(payload) != commands.NOBODYS:
        return None
    return carried(payload[5:])


def carrier(context: TraceContext) -> bytes:
    """The packet that carries a context."""
    return _CARRYING + context.traceparent().encode("ascii")
