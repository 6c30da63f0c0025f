"""The login of a client that AcraServer serves: the database greets, the client answers.

The database is reached as soon as the client is there, for the client's answer depends on its
greeting, and its greeting is shown with the capabilities that may pass.  Nothing is sent to it
before the client's leg is as it must be and its response is accepted.  Each leg has TLS or not,
and numbers its packets, on its own.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from zope.interface import classImplements

from acra_twisted.dialectinterfaces import ILogin
from acra_twisted.dialects.mysql.authentication import LegsPolicy, Plugins
from acra_twisted.dialects.mysql.farewells import read_refusal
from acra_twisted.dialects.mysql.legs import Leg
from acra_twisted.dialects.mysql.refusals import tell_refusal
from acra_twisted.dialects.mysql.sessions import Sessions
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.exchange import Exchange, take_reply
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    GREETING,
    SESSION,
    Action,
    Admitted,
    Close,
    Connect,
    Fail,
    Open,
    Proven,
    Ready,
    StartTLS,
    Write,
)
from acra_twisted.lookup import Found
from acra_twisted.session import Session
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import (
    Greeting,
    Response,
    asks_for_tls,
    decode_greeting,
    decode_response,
)
from acra_twisted.wire.mysql.okpackets import ERR, OK, decode_ok, tracked, untracked

# How far a login has come: each waits for what its name says.
_REACHED: Final = 0
_GREETING: Final = 1
_RESPONSE: Final = 2
_CLIENT_TLS: Final = 3
_ADMISSION: Final = 4
_DATABASE_TLS: Final = 5
_OPENED: Final = 6
_DECISION: Final = 7
_EARLY: Final = "it speaks before it was answered"


class ServePolicy(NamedTuple):
    """How AcraServer serves one client.

    ``tls``: "disable", "allow" or "require", for the client.  ``database_tls``: "off", "if offered"
    or "on".  ``local_files``: the database may ask the client for files.
    ``changes_user``: a session may become another user's.  ``announces`` and
    ``startup_parent`` are as in PostgreSQL's.  For the rest see `authentication.LegsPolicy`.
    """

    tls: str = "disable"
    database_tls: str = "off"
    pipeline: Any = None
    password_without_tls: bool = True
    local_files: bool = False
    exposed: bool = False
    changes_user: bool = True
    announces: bool = False
    startup_parent: str = ""


class ServedLogin:
    """A client of AcraServer; ``sends_away``: it gets this error in place of the greeting."""

    #: See ILogin: nobody is told that there is no TLS who could go on without.
    declined = False
    #: See ILogin.
    terminated = False

    def __init__(
        self,
        sessions: Sessions,
        policy: ServePolicy,
        sends_away: tuple[EndReason, str] | None = None,
    ) -> None:
        self._sessions = sessions
        self._sends_away = sends_away
        self._policy = policy
        self._client = Leg(CLIENT)
        self._database = Leg(DATABASE)
        self._stage = _REACHED
        self._is_over = False
        self._greeting: Greeting | None = None
        self._response: Response | None = None
        self._in_force: InForce | None = None
        self._plugins: Plugins | None = None
        self._legs: LegsPolicy | None = None
        self._session: Session | None = None
        self._exchange: Exchange | None = None
        # The database's own error, which the client gets in place of ours.
        self._refusal = b""
        self._database_tls = False
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
        return self._client.due

    def begin(self) -> list[Action]:
        """See ILogin: the database speaks first."""
        if self._sends_away is not None:
            return self.refuse(*self._sends_away)
        return [] if self._is_over else [Connect(GREETING, None, b"")]

    def connected(
        self, encrypted: bool, sent: bool = False, end_point: bytes | None = None
    ) -> list[Action]:
        """See ILogin."""
        if self._is_over:
            return []
        if self._stage == _REACHED:
            self._stage = _GREETING
            return []
        response = self._response
        assert response is not None  # noqa: S101 - the client is admitted for it
        if not self._database_tls:
            return self._open()
        self._stage = _DATABASE_TLS
        return [self._database.write(response.head()), StartTLS(DATABASE)]

    def tls_started(
        self, leg: str, protocol: bytes | None, end_point: bytes | None = None
    ) -> list[Action]:
        """See ILogin."""
        if self._is_over:
            return []
        if (self._database if leg == DATABASE else self._client).waiting:
            return self._fail(WireError(leg, _EARLY))
        if leg == DATABASE:
            return self._open()
        self.encrypted = True
        self._stage = _RESPONSE
        return []

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

    # -- the greeting and its response ------------------------------------------------------------

    def _read_database(self) -> list[Action]:
        if self._stage == _DECISION:
            return self._decide()
        if self._stage != _GREETING:
            raise WireError(DATABASE, _EARLY)
        payload = self._database.take()
        if payload is None:
            return []
        if self._database.waiting:
            # Behind TLS, or the client's response, it would be taken for an answer to that.
            raise WireError(DATABASE, _EARLY)
        if payload[:1] == bytes((ERR,)):
            return self._refused_by_database(payload)
        greeting = self._greeting = decode_greeting(payload)
        if greeting.capabilities & bits.REQUIRED != bits.REQUIRED:
            raise WireError("database", "it is too old: it lacks a capability that is needed here")
        self._database_tls = self._agree_on_tls(greeting)
        self._stage = _RESPONSE
        shown = greeting.showing(*self._shown(greeting))
        return [self._client.write(shown), *self._read_client()]

    def _refused_by_database(self, payload: bytes) -> list[Action]:
        """The database takes no connection: the client is told at once, in its words if they can
        be trusted; where TLS is required, anyone may have written them."""
        trusted = self._policy.database_tls != "on"
        if trusted:
            self._refusal = payload
        shown = read_refusal(packets(payload, 0), trusted)
        raise WireError("database", f"it takes no connection: {shown}", EndReason.DATABASE)

    def _agree_on_tls(self, greeting: Greeting) -> bool:
        """Return True if the database's leg gets TLS.  Raises WireError if it must, and cannot."""
        wanted = self._policy.database_tls
        offered = bool(greeting.capabilities & bits.SSL)
        if wanted == "on" and not offered:
            text = "it does not offer TLS, and db_tls requires it"
            raise WireError("database", text, EndReason.DATABASE)
        return offered and wanted != "off"

    def _shown(self, greeting: Greeting) -> tuple[int, int]:
        """The capabilities, and MariaDB's, that the client is shown."""
        policy = self._policy
        hidden = bits.REFUSED | bits.SSL | (0 if policy.local_files else bits.LOCAL_FILES)
        shown = greeting.capabilities & ~hidden
        if policy.tls != "disable":
            shown |= bits.SSL
        return shown, greeting.extended & bits.PASSING_EXTENDED

    def _read_client(self) -> list[Action]:
        if self._stage == _DECISION:
            plugins = self._plugins
            assert plugins is not None  # noqa: S101 - they are there from the response on
            if not plugins.client_due:
                return []
            payload = self._client.take()
            if payload is None:
                return []
            plugins.from_client(payload)
            return [self._counted(self._database.write(payload))]
        if self._stage != _RESPONSE:
            return []
        payload = self._client.take()
        if payload is None:
            return []
        policy = self._policy
        if not self.encrypted and asks_for_tls(payload) and policy.tls != "disable":
            self._stage = _CLIENT_TLS
            return [StartTLS(CLIENT, self._client.drain())]
        return self._accept(decode_response(payload))

    def _accept(self, response: Response) -> list[Action]:
        """Take the client's response, or refuse it.  Raises WireError."""
        greeting, policy = self._greeting, self._policy
        assert greeting is not None  # noqa: S101 - it was shown
        if policy.tls == "require" and not self.encrypted:
            text = "this server requires TLS"
            raise WireError("client", text, EndReason.TLS_REQUIRED)
        shown, extended = self._shown(greeting)
        agreed, extended = response.capabilities & shown, response.extended & extended
        # How texts are read depends on changes of the session that nothing else tells of.
        tracks = shown & ~agreed & bits.SESSION_TRACK
        self._in_force = InForce(agreed & ~bits.SSL, extended, greeting.mariadb, bool(tracks))
        towards = agreed & ~bits.SSL | tracks | (bits.SSL if self._database_tls else 0)
        self._response = response._replace(capabilities=towards, extended=extended)
        self._legs = LegsPolicy(
            self.encrypted, self._database_tls, policy.password_without_tls, policy.exposed
        )
        self._plugins = plugins = Plugins(self._legs)
        plugins.begin(response.plugin or b"", response.answer)
        self._stage = _ADMISSION
        return [Connect(SESSION, response, b"")]

    def _open(self) -> list[Action]:
        self._stage = _OPENED
        return [Open()]

    # -- the session ------------------------------------------------------------------------------

    def opened(self, session: Session) -> list[Action]:
        """See ILogin."""
        greeting, response = self._greeting, self._response
        assert greeting is not None and response is not None  # noqa: S101 - it was accepted
        self._session = session
        self._exchange = self._sessions.begin(session, greeting, response)
        self._stage = _DECISION
        return [self._counted(self._database.write(response.encode()))]

    def _decide(self) -> list[Action]:
        """Read what the database says of the client's answers."""
        plugins, session, exchange = self._plugins, self._session, self._exchange
        assert plugins is not None and session is not None  # noqa: S101 - it has begun
        assert exchange is not None  # noqa: S101 - it has begun
        actions: list[Action] = []
        while not self._is_over:
            payload = self._database.take()
            if payload is None:
                return actions
            exchange.first_byte = exchange.first_byte or session.clock()
            plugins.from_database(payload)
            if payload[0] == ERR:
                actions += self._denied(payload)
            elif payload[0] == OK:
                actions += self._ready(payload)
            else:
                actions.append(self._counted(self._client.write(payload)))
                if plugins.client_due:
                    actions += self._read_client()
        return actions

    def _denied(self, payload: bytes) -> list[Action]:
        session, exchange = self._session, self._exchange
        assert session is not None and exchange is not None  # noqa: S101 - it has begun
        self._is_over = True
        tell_refusal(session, exchange, payload)
        take_reply(session)
        return [self._counted(self._client.write(payload)), Close(CLIENT)]

    def _ready(self, payload: bytes) -> list[Action]:
        session, response = self._session, self._response
        plugins, in_force = self._plugins, self._in_force
        assert session is not None and response is not None  # noqa: S101 - it has begun
        assert plugins is not None and in_force is not None  # noqa: S101 - it was accepted
        self._is_over = True
        ok = decode_ok(payload)
        changes = tracked(payload, ok) if in_force.tracks else ()
        shown = untracked(payload, ok) if in_force.tracked_for_us else payload
        user, database = session.user, session.database
        proven: Action = (
            Proven(user, "database", False, database) if plugins.proof else Admitted(database)
        )
        session.ready = True
        take_reply(session)
        told = self._counted(self._client.write(shown))
        policy = self._policy
        flows = self._sessions.flows(
            session,
            in_force,
            ok.status,
            response.collation,
            changes,
            policy.pipeline,
            self._legs if policy.changes_user else None,
        )
        # None of it is of any use for the session, which may last.
        self._response = self._plugins = None
        return [proven, told, Ready(flows, self._client.drain(), self._database.drain())]

    def _counted(self, write: Write) -> Write:
        session = self._session
        assert session is not None  # noqa: S101 - nothing is counted before
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

    def refuse(self, reason: EndReason, text: str, trace_id: str = "") -> list[Action]:
        """See ILogin: in place of the greeting, or as the answer to what the client has sent."""
        self._is_over = True
        leg, refusal = self._client, self._refusal
        if not refusal:
            greeted = leg.due > 0
            told = self._sessions.farewell(reason, text, trace_id, leg.due, greeted)
            return [Write(CLIENT, told), Close(CLIENT)]
        return [leg.write(refusal), Close(CLIENT)]


# Not as a decorator: compiled classes have none.
classImplements(ServedLogin, ILogin)
