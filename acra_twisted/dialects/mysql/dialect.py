"""MySQL and MariaDB as one IDatabaseDialect: their name, their errors, and their logins."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from acra_twisted.dialectinterfaces import IDatabaseDialect
from acra_twisted.dialects.mysql.farewells import read_refusal
from acra_twisted.dialects.mysql.followedlogin import FollowedLogin
from acra_twisted.dialects.mysql.refusals import REFUSALS
from acra_twisted.dialects.mysql.servedlogin import ServedLogin, ServePolicy
from acra_twisted.dialects.mysql.sessions import LANGUAGE, NAME, Sessions
from acra_twisted.dialects.mysql.visit import VISITOR, Visit
from acra_twisted.endreason import EndReason
from acra_twisted.loginactions import PASS
from acra_twisted.wire.link.tracecontext import encode_offer
from acra_twisted.wire.mysql.frames import HEADER_SIZE


@implementer(IDatabaseDialect)
class MysqlDialect:
    """``options`` are those of Sessions."""

    name = NAME
    language = LANGUAGE
    refusals = REFUSALS
    default_port = 3306
    #: Its clients have no name for it: TLS never begins at once.
    alpn = b""
    protocol = "the MySQL protocol"
    server_speaks_first = True
    #: A server waits ten seconds for the response to its greeting (connect_timeout).
    handshake_limit = 9.0
    spans_offer = encode_offer()

    read_refusal = staticmethod(read_refusal)

    @staticmethod
    def socket_name(port: int) -> str:
        """See IServerDialect: as Debian's servers name it, whatever their port."""
        return "mysqld.sock"

    @staticmethod
    def offers_binding(answer: bytes) -> bool:
        """See IDatabaseDialect: nothing binds a login to its TLS."""
        return False

    @staticmethod
    def visit(tls: str = "off") -> Visit:
        """See IServerDialect."""
        return Visit(VISITOR, tls)

    @staticmethod
    def is_error(answer: bytes) -> bool:
        """See IDatabaseDialect."""
        return answer[HEADER_SIZE : HEADER_SIZE + 1] == b"\xff"

    def __init__(self, **options: Any) -> None:
        self._sessions = Sessions(**options)

    def encode_farewell(
        self, reason: EndReason, text: str, trace_id: str = "", number: int = 0
    ) -> bytes:
        """Encode the error that ends a session, with its trace where errors have theirs."""
        return self._sessions.farewell(reason, text, trace_id, number)

    def serve(self, policy: ServePolicy) -> ServedLogin:
        """Return the login of a client that AcraServer serves, by a policy."""
        return ServedLogin(self._sessions, policy)

    def send_away(self, reason: EndReason, text: str) -> ServedLogin:
        """Return the login of a client that is refused whatever it asks for."""
        return ServedLogin(self._sessions, ServePolicy(), (reason, text))

    def follow(
        self,
        tls: str = PASS,
        *,
        reads: bool = True,
        startup_span: str = "",
        exposed: bool = False,
    ) -> FollowedLogin:
        """Return the login of an application that a connector follows; see FollowedLogin."""
        return FollowedLogin(self._sessions, tls, reads, startup_span, exposed)
