"""PostgreSQL as one IServerDialect: its name, its errors, and its logins."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from acra_twisted.dialectinterfaces import IServerDialect
from acra_twisted.dialects.postgresql.authentication import REFUSALS, offers_binding
from acra_twisted.dialects.postgresql.farewells import read_refusal
from acra_twisted.dialects.postgresql.followedlogin import FollowedLogin
from acra_twisted.dialects.postgresql.servedlogin import ServedLogin, ServePolicy
from acra_twisted.dialects.postgresql.sessions import LANGUAGE, NAME, Sessions
from acra_twisted.dialects.postgresql.startup import ALPN, database_accepts_tls
from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import PASS
from acra_twisted.wire.link import lengthprefix
from acra_twisted.wire.postgres import frames


@implementer(IServerDialect)
class PostgresqlDialect:
    """``options`` are those of Sessions."""

    name = NAME
    language = LANGUAGE
    refusals = REFUSALS
    default_port = 5432
    alpn = ALPN
    protocol = "the PostgreSQL protocol"
    server_speaks_first = False
    handshake_limit = float("inf")
    tls_request = frames.SSL_REQUEST_PACKET
    #: No context, and a packet.
    spans_offer = lengthprefix.encode(b"") + frames.SPANS_OFFERED_PACKET

    accepts_tls = staticmethod(database_accepts_tls)
    offers_binding = staticmethod(offers_binding)
    read_refusal = staticmethod(read_refusal)

    @staticmethod
    def socket_name(port: int) -> str:
        """See IServerDialect."""
        return f".s.PGSQL.{port}"

    @staticmethod
    def visit(tls: str = "off") -> None:
        """See IServerDialect."""

    @staticmethod
    def is_error(answer: bytes) -> bool:
        """See IDatabaseDialect."""
        return answer[:1] == b"E"

    def __init__(self, **options: Any) -> None:
        self._sessions = Sessions(**options)

    def encode_farewell(
        self, reason: EndReason, text: str, trace_id: str = "", number: int = 0
    ) -> bytes:
        """Encode the error that ends a session, with its trace where errors have theirs."""
        return self._sessions.fatal(reason, text, trace_id)

    def serve(self, policy: ServePolicy) -> ServedLogin:
        """Return the login of a client that AcraServer serves, by a policy."""
        return ServedLogin(self._sessions, policy)

    def send_away(self, reason: EndReason, text: str) -> ServedLogin:
        """Return the login of a client that is refused whatever it asks for."""
        login = self.serve(ServePolicy())
        login.refuse(reason, text)
        return login

    def follow(
        self,
        tls: str = PASS,
        *,
        reads: bool = True,
        startup_span: str = "",
        exposed: bool = False,
    ) -> FollowedLogin:
        """Return the login of an application that a connector follows; see FollowedLogin.  An
        ``exposed`` link makes no difference to it."""
        return FollowedLogin(self._sessions, tls, reads, startup_span)
