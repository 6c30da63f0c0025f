"""The login of an application that a connector follows to AcraServer, which greets it.

A session is carried unread if nobody wants to read it, if TLS of the application goes through the
link, and if the server does not make itself known at the end of the login.  Where the connector
ends that TLS, or declines it, the two legs of the login have other numbers: so that it is followed
to its end, whoever reads the session.
"""

from __future__ import annotations

from typing import Final

from zope.interface import classImplements

from acra_twisted.dialectinterfaces import IFollowedLogin
from acra_twisted.dialects.mysql.announcing import unannounced
from acra_twisted.dialects.mysql.authentication import LegsPolicy
from acra_twisted.dialects.mysql.login import (
    CLIENT_TLS,
    DECISION,
    EARLY,
    GREETING,
    OPENED,
    RESPONSE,
    Login,
)
from acra_twisted.dialects.mysql.refusals import note_error
from acra_twisted.dialects.mysql.sessions import Sessions
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.exchange import take_reply
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    ENCRYPTED,
    OFFER,
    PASS,
    REQUIRE,
    UNKNOWN_SERVER,
    Action,
    Carry,
    Close,
    Copy,
    Open,
    Ready,
    StartTLS,
    Write,
)
from acra_twisted.session import Session
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.handshake import Greeting, Response
from acra_twisted.wire.mysql.okpackets import ERR, decode_ok, tracked

_REQUIRED: Final = "this connector requires TLS; its setting is application_tls"
#: AcraServer decides what may pass; but it never hears of TLS that ends before an open link.
_ANY_LEGS: Final = LegsPolicy(exposed=False, decides=False)
_OPEN_LINK: Final = LegsPolicy(exposed=True, decides=False)


class FollowedLogin(Login):
    """An application of a connector.  AcraServer has been reached already.

    ``tls`` says who answers a request for TLS; ``reads``: sessions are followed; without it, and
    with PASS, everything is carried unread.  ``startup_span`` is the id of the span of the startup,
    if the application has brought a context for it: AcraServer has been told.  ``exposed``: others
    may read what goes over the link.
    """

    def __init__(
        self,
        sessions: Sessions,
        tls: str = PASS,
        reads: bool = True,
        startup_span: str = "",
        exposed: bool = False,
    ) -> None:
        super().__init__(sessions)
        self._exposed = exposed
        self._legs = _ANY_LEGS
        self._tls = tls
        self.reads = reads
        self._startup_span = startup_span
        # All of it is carried unread.
        self._is_unread = False
        #: What the client has said before the greeting, which is nothing; None behind that.
        self.said: bytes | None = b""

    def begin(self) -> list[Action]:
        """See ILogin."""
        self._stage = GREETING
        if self.reads or self._tls != PASS:
            return []
        self._is_unread = True
        return [Carry("")]

    @property
    def unanswered(self) -> bool:
        """See ILogin: it waits for the greeting, or for what comes of it."""
        return not self._is_over and (self._session is None or super().unanswered)

    def connected(
        self, encrypted: bool, sent: bool = False, end_point: bytes | None = None
    ) -> list[Action]:
        """See ILogin: AcraServer had been reached before the login began."""
        return []

    def feed(self, leg: str, data: bytes) -> list[Action]:
        """See ILogin."""
        if leg == DATABASE:
            self.said = None
        if not self._is_unread or self._is_over:
            return super().feed(leg, data)
        if leg == CLIENT:
            return [Write(DATABASE, data)]
        # It is the server that has been reached: nobody need look any more.
        self._is_over = True
        return [Write(CLIENT, data), Copy()]

    # -- the greeting and its response ------------------------------------------------------------

    def _read_database(self) -> list[Action]:
        plugins = self._plugins
        client_due = self._stage == DECISION and plugins is not None and plugins.client_due
        if not client_due and self._stage not in (RESPONSE, CLIENT_TLS):
            return super()._read_database()
        # AcraServer gives up who does not answer, or stops; nothing else is said now.
        payload = self._database.take_unasked()
        if payload is None:
            return []
        if payload[:1] != bytes((ERR,)):
            raise WireError(DATABASE, EARLY)
        self._note_error(payload)
        return [self._counted(self._client.tell(payload)), Close(CLIENT)]

    def _note_error(self, payload: bytes) -> None:
        """The login is over, with an error of the server's."""
        self._is_over = True
        if self._session is not None and self._exchange is not None:
            note_error(self._exchange, payload)
            take_reply(self._session)

    def _refused_by_database(self, payload: bytes) -> list[Action]:
        self._is_over = True
        return [self._client.write(payload), Close(CLIENT)]

    def _shown(self, greeting: Greeting) -> tuple[int, int]:
        shown = greeting.capabilities & ~bits.REFUSED
        if self._tls in (OFFER, REQUIRE):
            shown |= bits.SSL
        elif self._tls != PASS:
            shown &= ~bits.SSL
        return shown, greeting.extended & bits.PASSING_EXTENDED

    def _begin_tls(self, payload: bytes) -> list[Action]:
        if self._tls != PASS:
            self._stage = CLIENT_TLS
            self._client.speaks = True
            return [StartTLS(CLIENT, self._client.drain())]
        self._is_over = True
        asked = self._database.write(payload)
        return [Carry(ENCRYPTED), asked, Copy(self._client.drain(), self._database.drain())]

    def _accept(self, response: Response) -> list[Action]:
        greeting = self._greeting
        assert greeting is not None  # noqa: S101 - it was shown
        if self._tls == REQUIRE and not self.encrypted:
            raise WireError("client", _REQUIRED, EndReason.TLS_REQUIRED)
        shown, extended = self._shown(greeting)
        # The link has its own protection, and no TLS in it.
        agreed, extended = response.capabilities & shown & ~bits.SSL, response.extended & extended
        self._in_force = InForce(agreed, extended, greeting.mariadb)
        response = self._response = response._replace(capabilities=agreed, extended=extended)
        if self._exposed and self.encrypted:
            self._legs = _OPEN_LINK
        self._authenticate(response, self._legs)
        if self.reads:
            self._stage = OPENED
            return [Open()]
        self._stage = DECISION
        return [Carry(""), self._database.write(response.encode())]

    # -- the session ------------------------------------------------------------------------------

    def opened(self, session: Session) -> list[Action]:
        """See ILogin."""
        return self._begin_session(session, startup_span=self._startup_span)

    def _denied(self, payload: bytes) -> list[Action]:
        self._note_error(payload)
        return [self._counted(self._client.write(payload)), Close(CLIENT)]

    def _ready(self, payload: bytes) -> list[Action]:
        response, in_force = self._response, self._in_force
        assert response is not None and in_force is not None  # noqa: S101 - it was accepted
        if self._session is None:
            self._is_over = True
            told = self._client.write(payload)
            # Commands are numbered anew.
            return [told, Copy(self._client.drain(), self._database.drain())]
        shown, is_known = unannounced(payload)
        ok = decode_ok(shown)
        changes = tracked(shown, ok) if in_force.tracks else ()
        session = self._begun()
        self._response = None
        told = self._counted(self._client.write(shown))
        rest = self._client.drain(), self._database.drain()
        if not is_known:
            return [told, Carry(UNKNOWN_SERVER), Copy(*rest)]
        flows = self._sessions.flows(
            session, in_force, ok.status, response.collation, changes, None, self._legs
        )
        return [told, Ready(flows, *rest)]


# Not as a decorator: compiled classes have none.
classImplements(FollowedLogin, IFollowedLogin)
