"""PostgreSQL as one IDatabaseDialect: its name, its errors, and what makes its flows."""

from __future__ import annotations

from functools import partial
from typing import Any

from zope.interface import implementer

from acra_twisted.dialects.postgresql import authentication, replies
from acra_twisted.dialects.postgresql.authentication import AuthenticationPolicy
from acra_twisted.dialects.postgresql.contextsettings import ContextSettings
from acra_twisted.dialects.postgresql.descriptions import Descriptions
from acra_twisted.dialects.postgresql.disclosure import (
    NOTHING,
    Disclosure,
    hand_on_startup,
    startup_contexts,
    startup_notices,
)
from acra_twisted.dialects.postgresql.prepared import Prepared
from acra_twisted.dialects.postgresql.startup import settle_version
from acra_twisted.dialects.postgresql.startupsettings import setting_names
from acra_twisted.dialects.postgresql.wholereplies import WholeReplies
from acra_twisted.dialects.postgresql.wholerequests import WholeRequests
from acra_twisted.interfaces import IDatabaseDialect
from acra_twisted.model import MESSAGES, ROWS, Exchange, Session
from acra_twisted.wire.postgres import backend
from acra_twisted.wire.postgres.frames import StartupPacket


@implementer(IDatabaseDialect)
class PostgresqlDialect:
    """Limits are bytes and counts; see the options of the same names."""

    name = "postgresql"
    default_port = 5432

    def __init__(
        self,
        *,
        message_limit: int = 64 << 20,
        hold_limit: int = 1 << 20,
        max_prepared: int = 10_000,
        function_call: bool = False,
        disclosure: Disclosure = NOTHING,
    ) -> None:
        self._disclosure = disclosure
        self._descriptions = Descriptions()
        self._message_limit = message_limit
        self._hold_limit = hold_limit
        self._max_prepared = max_prepared
        self._function_call = function_call

    def encode_fatal(self, sqlstate: bytes, text: str) -> bytes:
        """The ErrorResponse that ends a session."""
        return backend.encode_error(b"FATAL", sqlstate, text)

    def open_session(
        self,
        session: Session,
        startup: StartupPacket,
        inspects: frozenset[str],
        policy: AuthenticationPolicy,
        on_key: Any,
    ) -> tuple[WholeRequests, WholeReplies, bytes]:
        """Flows for a client whose startup packet was accepted, and the database's first bytes."""
        packet, unknown = settle_version(startup)
        self._begin(session, startup)
        session.asked = frozenset(setting_names(startup))
        mediator = authentication.PassThrough(policy)
        request = WholeRequests(
            session,
            inspects,
            message_limit=self._message_limit,
            hold_limit=self._hold_limit,
            function_call=self._function_call,
            check_authentication=mediator.from_client,
            disclosure=self._disclosure,
        )
        response = WholeReplies(
            session,
            ROWS in inspects,
            messages=MESSAGES in inspects,
            message_limit=self._message_limit,
            on_key=on_key,
            check_authentication=mediator.from_database,
            refused_login=partial(authentication.tell_refusal, session),
            unknown_options=unknown,
            asked_minor=startup.minor,
            disclosure=self._disclosure,
            descriptions=self._descriptions,
        )
        return request, response, packet.encode()

    def follow_session(
        self, session: Session, startup: StartupPacket
    ) -> tuple[WholeRequests, WholeReplies]:
        """Flows for who passes everything on as it comes, the startup packet too: a connector."""
        self._begin(session, startup)
        request = WholeRequests(
            session,
            message_limit=self._message_limit,
            hold_limit=0,
            function_call=True,
            disclosure=self._disclosure,
        )
        response = WholeReplies(
            session,
            message_limit=self._message_limit,
            disclosure=self._disclosure,
            descriptions=self._descriptions,
        )
        return request, response

    def hand_on_startup(self, session: Session, startup: StartupPacket, packet: bytes) -> bytes:
        """For a connector: the startup packet as it goes to the server, with the context of the
        session's first exchange where the application gave one of its own."""
        onward = self._disclosure.onward
        _, exchange, _ = session.outstanding[0]
        if onward is None or exchange is None or exchange.remote is None:
            return packet
        context = onward(exchange)
        return packet if context is None else hand_on_startup(startup, context) or packet

    def _begin(self, session: Session, startup: StartupPacket) -> None:
        session.prepared = Prepared(self._max_prepared)
        session.user = startup.parameters[b"user"]
        session.database = startup.parameters.get(b"database") or session.user
        contexts, malformed = startup_contexts(startup)
        if contexts:
            session.settings = ContextSettings(session, contexts)
        session.notices = self._disclosure.notices and startup_notices(startup)
        session.observer.session_opened(session)
        exchange = Exchange(session, "startup", None, session.clock())
        exchange.sent = exchange.opened
        exchange.remote = session.context
        if malformed:
            exchange.add_attribute("acra.traceparent_malformed", True)
        session.observer.exchange_opened(exchange)
        session.outstanding.append((replies.STARTUP, exchange, None))
