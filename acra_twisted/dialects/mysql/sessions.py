"""How a session is made once its client's response to the greeting was accepted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from acra_twisted.dialects.mysql import replies
from acra_twisted.dialects.mysql.authentication import LegsPolicy
from acra_twisted.dialects.mysql.contexts import told
from acra_twisted.dialects.mysql.descriptions import Descriptions
from acra_twisted.dialects.mysql.farewells import encode_farewell
from acra_twisted.dialects.mysql.prepared import PreparedStatements
from acra_twisted.dialects.mysql.request import MysqlRequests
from acra_twisted.dialects.mysql.response import MysqlReplies
from acra_twisted.dialects.mysql.state import MysqlState
from acra_twisted.dialects.propagation import NOTHING, Propagation
from acra_twisted.endreason import EndReason
from acra_twisted.exchange import MESSAGES, Exchange
from acra_twisted.outstanding import FORWARD
from acra_twisted.session import Session
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.handshake import Greeting, Response

#: The name of the family, and that of its SQL in `sql.languages`.
NAME: Final = "mysql"
LANGUAGE: Final = "mysql"
#: The name of the systems of one server; MySQL's is that of the family.
MARIADB: Final = "mariadb"


class Sessions:
    """Makes the sessions of one daemon.  Limits are bytes and counts; see the options of the same
    names."""

    def __init__(
        self,
        *,
        message_limit: int = 64 << 20,
        max_prepared: int = 10_000,
        propagation: Propagation = NOTHING,
    ) -> None:
        self._message_limit = message_limit
        self._max_prepared = max_prepared
        self._propagation = propagation
        # Contexts of a connector are its decisions, wherever they stand.
        self._decided = propagation._replace(decided=True)
        # Their definitions of columns are alike, or have one more field.
        self._descriptions = {extended: Descriptions(extended) for extended in (False, True)}

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

    def begin(
        self,
        session: Session,
        greeting: Greeting,
        response: Response,
        *,
        startup_parent: str = "",
        startup_span: str = "",
    ) -> Exchange:
        """Begin a session: its login is the head of its queue of replies.

        Where the application has brought a context, ``startup_parent`` is the id of the span of a
        connector's for the login, and ``startup_span`` that of our own: AcraServer has been told.
        Both are empty without one.
        """
        session.system = MARIADB if greeting.mariadb else NAME
        session.language = LANGUAGE
        session.user = response.user
        session.database = response.database or b""
        context, malformed = told(response.attributes)
        session.context = context
        session.observer.session_opened(session)
        exchange = Exchange(session, "startup", None, session.clock())
        exchange.sent = exchange.opened
        exchange.remote = context
        if context is not None and startup_parent:
            exchange.remote = TraceContext(context.trace_id, startup_parent, context.sampled)
        if context is not None and startup_span:
            exchange.context = TraceContext(context.trace_id, startup_span, False)
        if malformed:
            exchange.add_attribute("acra.traceparent_malformed", True)
        session.outstanding.append((FORWARD, replies.AUTH, exchange, replies.PLAIN))
        session.observer.exchange_opened(exchange)
        return exchange

    def flows(
        self,
        session: Session,
        in_force: InForce,
        status: int,
        collation: int,
        changes: Sequence[tuple[bytes, bytes]],
        pipeline: Any,
        legs: LegsPolicy | None = None,
        follows: bool = False,
    ) -> tuple[MysqlRequests, MysqlReplies]:
        """Make the flows of a session that is ready.

        ``status`` is the one that its database reports, ``collation`` the client's at its login,
        ``changes`` are those of the session that its database tells of.  ``pipeline`` is what
        judges it, see `pipeline.hooks`, or None if it passes.  ``legs`` are those of its login,
        None if its client may not become another user.  ``follows``: a connector of this package
        hands on the contexts of its requests.
        """
        propagation = self._decided if follows else self._propagation
        state = MysqlState(session, mariadb=in_force.mariadb, status=status, collation=collation)
        state.logged_in(changes)
        session.prepared = PreparedStatements(
            self._max_prepared, self._message_limit, in_force.mariadb
        )
        requests = MysqlRequests(
            session,
            state,
            in_force,
            frozenset() if pipeline is None else pipeline.inspects,
            None if pipeline is None else pipeline.judges,
            message_limit=self._message_limit,
            legs=legs,
            propagation=propagation,
        )
        answers = MysqlReplies(
            session,
            state,
            in_force,
            None if pipeline is None else pipeline.results,
            messages=pipeline is not None and MESSAGES in pipeline.inspects,
            message_limit=self._message_limit,
            propagation=propagation,
            descriptions=self._descriptions[in_force.extended_metadata],
        )
        return requests, answers
