"""How trace contexts cross a database's protocol, whatever that is.

`Propagation` says what a session's flows take in and hand on.  Where AcraServer is at the other
end, a request without text follows a message that carries its context (`CARRIER`); each dialect has
one to which the protocol gives no meaning.

What comes in a statement's comments is not judged: `bring` takes it, `sent_form` gives it back.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from acra_twisted.exchange import Brought, Exchange, Statement
from acra_twisted.sql.comments import Found
from acra_twisted.wire.link.tracecontext import PLAIN, TraceContext, parse_traceparent, plain_at

#: How a context begins in the message that carries it.
CARRIER: Final = b"traceparent="

_NS_PER_MS: Final = 1e6


class Propagation(NamedTuple):
    """``context`` gives the context of an exchange, ``onward`` that which is handed on towards
    the database with it (None: nothing of this one).  ``to_acra``: AcraServer may be there, and
    executions carry theirs as well.  ``errors``: trace ids in errors.  ``notices``: sessions may
    ask for a NOTICE behind each reply.  ``decided``: a context in a query attribute that is not
    sampled is a decision.
    """

    context: Callable[[Exchange], TraceContext] | None = None
    onward: Callable[[Exchange], TraceContext | None] | None = None
    to_acra: bool = False
    errors: bool = False
    notices: bool = False
    decided: bool = False

    def hint(self, exchange: Exchange | None) -> str:
        """Return the hint of an error about its trace; empty if there is none."""
        if not self.errors or self.context is None or exchange is None:
            return ""
        return f"trace_id {self.context(exchange).trace_id}"

    def notice(self, exchange: Exchange | None) -> str:
        """Return the notice after a reply for a session that asked for it; empty if there is
        none."""
        if not self.notices or self.context is None or exchange is None:
            return ""
        if not exchange.session.notices:
            return ""
        now = exchange.closed or exchange.session.clock()
        return describe(exchange, self.context(exchange).trace_id, now)


NOTHING: Final = Propagation()


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


def carried(content: bytes) -> TraceContext | None:
    """The context that a message carries; None if it is one like any other."""
    if content[: len(CARRIER)] != CARRIER:
        return None
    start = len(CARRIER)
    plain = plain_at(content, start) if len(content) == start + PLAIN else None
    return plain or parse_traceparent(content[start:].decode("latin-1"))


def bring(exchange: Exchange, statement: Statement, found: Found) -> bool:
    """Take what was found in the comments of an exchange's statement: the context goes, its tags
    stay for the database.  Return False if there is no context."""
    if found.malformed:
        exchange.add_attribute("acra.traceparent_malformed", True)
    if found.context is None:
        return False
    statement.rewrite(found.text)
    exchange.remote = found.context
    if exchange.kind == "prepare":
        statement.origin = found.context
    if found.kept is not None or found.tags is not None:
        brought = statement.brought = Brought(found.kept, found.tags)
        show_tags(exchange, brought)
    return True


def show_tags(exchange: Exchange, brought: Brought) -> None:
    """Put the tags that came with a statement on the span of an exchange."""
    if brought.tags is not None:
        for key, value in brought.tags.items():
            exchange.add_attribute(f"acra.tag.{key}", value)


def sent_form(statement: Statement) -> bytes:
    """A statement as the database gets it, with what stages do not see."""
    brought = statement.brought
    if brought is not None and brought.kept is not None:
        text: bytes = brought.kept.text
        return text
    return statement.text
