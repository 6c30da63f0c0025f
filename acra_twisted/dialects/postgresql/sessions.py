"""How a session is made once its client's startup packet was accepted."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from acra_twisted.dialects.postgresql import replies
from acra_twisted.dialects.postgresql.authentication import Mediator
from acra_twisted.dialects.postgresql.contextsettings import ContextSettings
from acra_twisted.dialects.postgresql.descriptions import Descriptions
from acra_twisted.dialects.postgresql.farewells import encode_farewell
from acra_twisted.dialects.postgresql.prepared import Prepared
from acra_twisted.dialects.postgresql.propagation import (
    startup_contexts,
    startup_notices,
    wants_notices,
)
from acra_twisted.dialects.postgresql.request import RequestFlow
from acra_twisted.dialects.postgresql.response import ResponseFlow
from acra_twisted.dialects.postgresql.startup import settle_version
from acra_twisted.dialects.postgresql.startupsettings import setting_names
from acra_twisted.dialects.postgresql.untilready import UntilReady
from acra_twisted.dialects.propagation import NOTHING, Propagation
from acra_twisted.endreason import EndReason
from acra_twisted.exchange import MESSAGES, Exchange
from acra_twisted.outstanding import FORWARD
from acra_twisted.session import Session
from acra_twisted.wire.link.tracecontext import TraceContext
from acra_twisted.wire.postgres.frames import StartupPacket

#: Its name, and that of its SQL in `sql.languages`.
NAME: Final = "postgresql"
LANGUAGE: Final = "postgresql"


class Sessions:
    """Makes the sessions of one daemon.  Limits are bytes and counts; see the options of the same
    names."""

    def __init__(
        self,
        *,
        message_limit: int = 64 << 20,
        hold_limit: int = 1 << 20,
        max_prepared: int = 10_000,
        function_call: bool = False,
        propagation: Propagation = NOTHING,
    ) -> None:
        self._propagation = propagation
        self._descriptions = Descriptions()
        self._message_limit = message_limit
        self._hold_limit = hold_limit
        self._max_prepared = max_prepared
        self._function_call = function_call

    def fatal(self, reason: EndReason, text: str, trace_id: str = "") -> bytes:
        """Encode the error that ends a session, with its trace where errors have theirs."""
        hint = f"trace_id {trace_id}" if trace_id and self._propagation.errors else ""
        return encode_farewell(reason, text, hint)

    def serve(
        self,
        session: Session,
        startup: StartupPacket,
        pipeline: Any,
        mediator: Mediator,
        *,
        negotiated: bool = False,
        announces: bool = False,
        startup_parent: str = "",
    ) -> UntilReady:
        """Begin a session whose requests ``pipeline`` judges: see `pipeline.hooks`.

        ``negotiated``: the client has been told what is not spoken here.
        ``announces``: the client is a connector that wants to know whom it talks to.
        ``startup_parent``: the id of its span for the startup, which is a context of its own where
        the application has brought one.
        """
        exchange = self._begin(session, startup)
        context = exchange.remote
        if context is not None and startup_parent:
            exchange.remote = TraceContext(context.trace_id, startup_parent, context.sampled)
        session.observer.exchange_opened(exchange)
        session.asked = frozenset(setting_names(startup))
        return UntilReady(
            session,
            partial(self._flows, session, pipeline),
            mediator=mediator,
            judges=MESSAGES in pipeline.inspects,
            unknown=settle_version(startup)[1],
            minor=startup.minor,
            negotiated=negotiated,
            announces=announces,
            propagation=self._propagation,
        )

    def follow(
        self, session: Session, startup: StartupPacket, startup_span: str = ""
    ) -> UntilReady:
        """Begin a session of which everything is passed on as it comes: a connector's.

        ``startup_span`` is the id of the span of the startup, if the application has brought a
        context for it: AcraServer has been told, for the packet stays as it is.
        """
        exchange = self._begin(session, startup)
        if exchange.remote is not None and startup_span:
            exchange.context = TraceContext(exchange.remote.trace_id, startup_span, False)
        session.observer.exchange_opened(exchange)
        return UntilReady(
            session,
            partial(self._flows, session, None),
            must_announce=self._propagation.to_acra,
            propagation=self._propagation,
        )

    def _begin(self, session: Session, startup: StartupPacket) -> Exchange:
        session.system, session.language = NAME, LANGUAGE
        session.prepared = Prepared(self._max_prepared)
        session.user = startup.parameters[b"user"]
        session.database = startup.parameters.get(b"database") or session.user
        contexts, malformed = startup_contexts(startup)
        if contexts:
            session.settings = ContextSettings(session, contexts)
        session.notices = self._propagation.notices and startup_notices(startup)
        session.told = set() if wants_notices(startup) else None
        session.observer.session_opened(session)
        exchange = Exchange(session, "startup", None, session.clock())
        exchange.sent = exchange.opened
        exchange.remote = session.context
        if malformed:
            exchange.add_attribute("acra.traceparent_malformed", True)
        session.outstanding.append((FORWARD, replies.STARTUP, exchange, None))
        return exchange

    def _flows(self, session: Session, pipeline: Any) -> tuple[Any, Any]:
        """Make the flows of a session that is ready: by what judges it, or None if it passes."""
        request = RequestFlow(
            session,
            frozenset() if pipeline is None else pipeline.inspects,
            None if pipeline is None else pipeline.loads,
            None if pipeline is None else pipeline.looks_at,
            None if pipeline is None else pipeline.judges,
            message_limit=self._message_limit,
            hold_limit=0 if pipeline is None else self._hold_limit,
            function_call=pipeline is None or self._function_call,
            propagation=self._propagation,
        )
        response = ResponseFlow(
            session,
            None if pipeline is None else pipeline.results,
            messages=pipeline is not None and MESSAGES in pipeline.inspects,
            message_limit=self._message_limit,
            propagation=self._propagation,
            descriptions=self._descriptions,
        )
        return request, response
