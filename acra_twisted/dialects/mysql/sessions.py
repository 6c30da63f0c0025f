"""How a session is made once its client's response to the greeting was accepted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.farewells import encode_farewell
from acra_twisted.dialects.propagation import NOTHING, Propagation
from acra_twisted.endreason import EndReason
from acra_twisted.exchange import Exchange
from acra_twisted.outstanding import FORWARD
from acra_twisted.session import Session
from acra_twisted.wire.link.tracecontext import TraceContext, parse_traceparent
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.handshake import Greeting, Response

#: The name of the family, and that of its SQL in `sql.languages`.
NAME: Final = "mysql"
LANGUAGE: Final = "mysql"
#: The name of the systems of one server; MySQL's is that of the family.
MARIADB: Final = "mariadb"
#: The client's attribute that holds a trace context.
_TRACEPARENT: Final = b"traceparent"
#: A session's agreement, as its flows are made of it: session, capabilities, the status that its
#: database reports, the client's collation, and what judges it.
Flows = Callable[[Session, InForce, int, int, Any], tuple[Any, Any]]


class Sessions:
    """Makes the sessions of one daemon.  ``flows`` makes those of one that is ready."""

    def __init__(self, flows: Flows, propagation: Propagation = NOTHING) -> None:
        self.flows = flows
        self._propagation = propagation

    def farewell(
        self,
        reason: EndReason,
        text: str,
        trace_id: str = "",
        number: int = 0,
        greeted: bool = True,
    ) -> bytes:
        """Encode the error that ends a session, with its trace where errors have theirs."""
        shown = trace_id if self._propagation.errors else ""
        return encode_farewell(reason, text, shown, number, greeted)

    def begin(self, session: Session, greeting: Greeting, response: Response) -> Exchange:
        """Begin a session: its login is the head of its queue of replies."""
        session.system = MARIADB if greeting.mariadb else NAME
        session.language = LANGUAGE
        session.user = response.user
        session.database = response.database or b""
        context, malformed = _context(response)
        session.context = context
        session.observer.session_opened(session)
        exchange = Exchange(session, "startup", None, session.clock())
        exchange.sent = exchange.opened
        exchange.remote = context
        if malformed:
            exchange.add_attribute("acra.traceparent_malformed", True)
        session.outstanding.append((FORWARD, replies.AUTH, exchange, replies.PLAIN))
        session.observer.exchange_opened(exchange)
        return exchange


def _context(response: Response) -> tuple[TraceContext | None, bool]:
    """The trace context among the client's attributes, and whether one cannot be used."""
    for name, value in response.attributes:
        if name == _TRACEPARENT:
            context = parse_traceparent(value.decode("latin-1"))
            return context, context is None
    return None, False
