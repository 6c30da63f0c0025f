"""Common parts of MySQL's logins: see `servedlogin` and `followedlogin`.

The database greets, and its greeting is shown with the capabilities that may pass; the client
answers it; then they authenticate, until the database decides.  Each leg has TLS or not, and
numbers its packets, on its own.
"""

from __future__ import annotations

from typing import Any, Final

from acra_twisted.dialects.mysql.authentication import LegsPolicy, Plugins
from acra_twisted.dialects.mysql.legs import Leg
from acra_twisted.dialects.mysql.sessions import Sessions
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.exchange import Exchange, take_reply
from acra_twisted.loginactions import CLIENT, DATABASE, Action, Close, Fail, Write
from acra_twisted.lookup import Found
from acra_twisted.session import Session
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.handshake import (
    Greeting,
    Response,
    asks_for_tls,
    decode_greeting,
    decode_response,
)
from acra_twisted.wire.mysql.okpackets import ERR, OK

# How far a login has come: each waits for what its name says.
REACHED: Final = 0
GREETING: Final = 1
RESPONSE: Final = 2
CLIENT_TLS: Final = 3
ADMISSION: Final = 4
DATABASE_TLS: Final = 5
OPENED: Final = 6
DECISION: Final = 7
#: Bytes of an answer whose length is one byte.
_SHORT_MAX: Final = 0xFF
EARLY: Final = "it speaks before it was answered"


class Login:
    """Shows the greeting, and takes the answer to it and the database's decision about that."""

    #: See ILogin: nobody is told that there is no TLS who could go on without.
    declined = False
    #: See ILogin.
    terminated = False

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions
        self._client = Leg(CLIENT)
        self._database = Leg(DATABASE)
        self._stage = REACHED
        self._is_over = False
        self._greeting: Greeting | None = None
        self._response: Response | None = None
        self._in_force: InForce | None = None
        self._plugins: Plugins | None = None
        self._session: Session | None = None
        self._exchange: Exchange | None = None
        # The database's last packet, while it has no answer.
        self._asked: bytes | None = None
        self.encrypted = False

    # -- facts ------------------------------------------------------------------------------------

    @property
    def unanswered(self) -> bool:
        """See ILogin."""
        exchange = self._exchange
        return not self._is_over and exchange is not None and exchange.outcome is None

    @property
    def holding(self) -> bool:
        """See ILogin: the client speaks before its turn."""
        plugins = self._plugins
        return plugins is not None and not plugins.client_due and self._client.waiting

    @property
    def due(self) -> int:
        """See ILogin."""
        return self._client.heard

    def feed(self, leg: str, data: bytes) -> list[Action]:
        """See ILogin."""
        if self._is_over:
            return []
        try:
            if leg == DATABASE:
                self._database.feed(data)
                return self._read_database()
            self._client.feed(data)
            return self._read_client()
        except WireError as error:
            return self._fail(error)

    def looked_up(self, found: Found) -> list[Action]:
        """See ILogin: a login that does not ask is told nothing."""
        return []

    def derived(self, salted: bytes) -> list[Action]:
        """See ILogin: a login that does not ask is told nothing."""
        return []

    def answered(self, answer: Any) -> list[Action]:
        """See ILogin: a login that does not ask is told nothing."""
        return []

    def tls_started(
        self, leg: str, protocol: bytes | None, end_point: bytes | None = None
    ) -> list[Action]:
        """See ILogin."""
        if self._is_over:
            return []
        if (self._database if leg == DATABASE else self._client).waiting:
            return self._fail(WireError(leg, EARLY))
        if leg == DATABASE:
            return self._database_tls_started()
        self.encrypted = self._client.speaks = True
        self._stage = RESPONSE
        return []

    # -- for those who inherit --------------------------------------------------------------------

    def _refused_by_database(self, payload: bytes) -> list[Action]:
        """The database greets with an error."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _shown(self, greeting: Greeting) -> tuple[int, int]:
        """The capabilities, and MariaDB's, that the client is shown."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _begin_tls(self, payload: bytes) -> list[Action]:
        """The client asks for TLS, which it was offered."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _accept(self, response: Response) -> list[Action]:
        """Take the client's response, or refuse it.  Raises WireError."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _database_tls_started(self) -> list[Action]:
        """TLS with the database is complete."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _denied(self, payload: bytes) -> list[Action]:
        """The database lets the client not in."""
        raise NotImplementedError  # pragma: no cover - abstract

    def _ready(self, payload: bytes) -> list[Action]:
        """The database lets the client in."""
        raise NotImplementedError  # pragma: no cover - abstract

    # -- the greeting and its response ------------------------------------------------------------

    def _read_database(self) -> list[Action]:
        if self._stage == DECISION:
            return self._decide()
        if self._stage != GREETING:
            raise WireError(DATABASE, EARLY)
        payload = self._database.take()
        if payload is None:
            return []
        if self._database.waiting:
            # Behind TLS, or the client's response, it would be taken for an answer to that.
            raise WireError(DATABASE, EARLY)
        if payload[:1] == bytes((ERR,)):
            return self._refused_by_database(payload)
        greeting = self._greeting = decode_greeting(payload)
        if greeting.capabilities & bits.REQUIRED != bits.REQUIRED:
            raise WireError("database", "it is too old: it lacks a capability that is needed here")
        shown = self._client.write(greeting.showing(*self._shown(greeting)))
        self._client.speaks = True
        self._stage = RESPONSE
        return [shown, *self._read_client()]

    def _read_client(self) -> list[Action]:
        if self._stage == DECISION:
            return self._pass_answer()
        if self._stage != RESPONSE:
            return []
        payload = self._client.take()
        if payload is None:
            return []
        greeting = self._greeting
        assert greeting is not None  # noqa: S101 - it was shown
        offered = self._shown(greeting)[0] & bits.SSL
        if offered and not self.encrypted and asks_for_tls(payload):
            return self._begin_tls(payload)
        return self._accept(decode_response(payload))

    # -- the session ------------------------------------------------------------------------------

    def _authenticate(self, response: Response, legs: LegsPolicy) -> None:
        """Take the client's first answer.  Raises WireError, also for one that the database cannot
        be sent: without a capability of its own an answer's length is one byte."""
        towards = self._response
        assert towards is not None  # noqa: S101 - it was accepted
        if len(towards.answer) > _SHORT_MAX and not towards.capabilities & bits.PLUGIN_AUTH_LENENC:
            text = "its answer to the greeting is longer than the database can take"
            raise WireError(CLIENT, text, EndReason.HANDSHAKE)
        plugins = self._plugins = Plugins(legs)
        plugins.begin(response.plugin or b"", response.answer)

    def _begin_session(self, session: Session, **startup: str) -> list[Action]:
        """The session's record is there: answer the greeting."""
        greeting, response = self._greeting, self._response
        assert greeting is not None and response is not None  # noqa: S101 - it was accepted
        self._session = session
        self._exchange = self._sessions.begin(session, greeting, response, **startup)
        self._stage = DECISION
        return [self._counted(self._database.write(response.encode()))]

    def _pass_answer(self) -> list[Action]:
        plugins = self._plugins
        assert plugins is not None  # noqa: S101 - they are there from the response on
        if not plugins.client_due:
            return []
        payload = self._client.take()
        if payload is None:
            return []
        plugins.from_client(payload)
        self._asked = None
        return [self._counted(self._database.write(payload))]

    def _decide(self) -> list[Action]:
        """Read what the database says of the client's answers."""
        plugins, session, exchange = self._plugins, self._session, self._exchange
        assert plugins is not None  # noqa: S101 - they are there from the response on
        actions: list[Action] = []
        while not self._is_over:
            payload = self._database.take()
            if payload is None:
                return actions
            if exchange is not None and session is not None:
                exchange.first_byte = exchange.first_byte or session.clock()
            self._asked = payload
            plugins.from_database(payload)
            if payload[0] == ERR:
                actions += self._denied(payload)
            elif payload[0] == OK:
                actions += self._ready(payload)
            else:
                actions.append(self._counted(self._client.write(payload)))
                self._client.speaks = plugins.client_due
                if plugins.client_due:
                    actions += self._read_client()
                if plugins.client_due:
                    # Behind a question to the client comes what is no answer, if anything does.
                    return actions + self._read_database()
        return actions

    def _begun(self) -> Session:
        """The session is ready: its startup has its reply."""
        session = self._session
        assert session is not None  # noqa: S101 - it has begun
        self._is_over = True
        session.ready = True
        take_reply(session)
        # None of it is of any use for the session, which may last.
        self._plugins = None
        return session

    def _counted(self, write: Write) -> Write:
        """Count the bytes of a session."""
        session = self._session
        if session is None:
            return write
        if write.leg == CLIENT:
            session.traffic.to_client += len(write.data)
            session.traffic.from_database += len(write.data)
        else:
            session.traffic.to_database += len(write.data)
            session.traffic.from_client += len(write.data)
        return write

    # -- the end ----------------------------------------------------------------------------------

    def _fail(self, error: WireError) -> list[Action]:
        self._is_over = True
        return [Fail(error)]

    def leave(self) -> list[Action]:
        """See ILogin."""
        self._is_over = True
        return [Close(DATABASE)]

    def refuse(self, reason: EndReason, text: str, trace_id: str = "") -> list[Action]:
        """See ILogin: in place of the greeting, or as the answer to what the client has sent."""
        self._is_over = True
        greeted = self._client.due > 0
        told = self._sessions.farewell(reason, text, trace_id, self._client.heard, greeted)
        return [Write(CLIENT, told), Close(CLIENT)]
