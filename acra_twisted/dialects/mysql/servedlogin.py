"""The login of a client that AcraServer serves: the database greets, the client answers.

The database is reached as soon as the client is there, for the client's answer depends on its
greeting, and its greeting is shown with the capabilities that may pass.  Nothing is sent to it
before the client's leg is as it must be and its response is accepted.  Each leg has TLS or not,
and numbers its packets, on its own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from zope.interface import classImplements

from acra_twisted.dialectinterfaces import IServedLogin
from acra_twisted.dialects.mysql.announcing import announced
from acra_twisted.dialects.mysql.authentication import LegsPolicy
from acra_twisted.dialects.mysql.farewells import read_refusal
from acra_twisted.dialects.mysql.login import (
    ADMISSION,
    CLIENT_TLS,
    DATABASE_TLS,
    DECISION,
    GREETING,
    OPENED,
    REACHED,
    Login,
)
from acra_twisted.dialects.mysql.refusals import tell_refusal
from acra_twisted.dialects.mysql.rest import Rest
from acra_twisted.dialects.mysql.sessions import Sessions
from acra_twisted.dialects.mysql.visit import VISITOR
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.exchange import take_reply
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    SESSION,
    Action,
    Admitted,
    Close,
    Connect,
    Leave,
    Open,
    Proven,
    Ready,
    StartTLS,
)
from acra_twisted.loginactions import GREETING as ITS_GREETING
from acra_twisted.session import Session
from acra_twisted.wire.mysql import capabilities as bits
from acra_twisted.wire.mysql.capabilities import InForce
from acra_twisted.wire.mysql.frames import packets
from acra_twisted.wire.mysql.handshake import Greeting, Response
from acra_twisted.wire.mysql.okpackets import decode_ok, tracked, untracked


class ServePolicy(NamedTuple):
    """How AcraServer serves one client.

    ``tls``: "disable", "allow" or "require", for the client.  ``database_tls``: "off", "if offered"
    or "on".  ``local_files``: the database may ask the client for files.
    ``changes_user``: a session may become another user's.  ``multi_statements``: a text may hold
    several statements.  For the rest see `authentication.LegsPolicy`.
    """

    tls: str = "disable"
    database_tls: str = "off"
    pipeline: Any = None
    password_without_tls: bool = True
    local_files: bool = False
    exposed: bool = False
    changes_user: bool = True
    multi_statements: bool = True


class ServedLogin(Login):
    """A client of AcraServer; ``sends_away``: it gets this error in place of the greeting."""

    def __init__(
        self,
        sessions: Sessions,
        policy: ServePolicy,
        sends_away: tuple[EndReason, str] | None = None,
    ) -> None:
        super().__init__(sessions)
        self._sends_away = sends_away
        self._policy = policy
        self._legs: LegsPolicy | None = None
        # The database's own error, which the client gets in place of ours.
        self._refusal = b""
        self._database_tls = False
        self._announces = False
        self._startup_parent = ""

    def follows(self, startup_parent: str = "") -> None:
        """See IServedLogin."""
        self._announces, self._startup_parent = True, startup_parent

    def begin(self) -> list[Action]:
        """See ILogin: the database speaks first."""
        if self._sends_away is not None:
            return self.refuse(*self._sends_away)
        return [] if self._is_over else [Connect(ITS_GREETING, None, b"")]

    def connected(
        self, encrypted: bool, sent: bool = False, end_point: bytes | None = None
    ) -> list[Action]:
        """See ILogin."""
        if self._is_over:
            return []
        if self._stage == REACHED:
            self._stage = GREETING
            return []
        response = self._response
        assert response is not None  # noqa: S101 - the client is admitted for it
        if not self._database_tls:
            return self._open()
        self._stage = DATABASE_TLS
        return [self._database.write(response.head()), StartTLS(DATABASE)]

    # -- the greeting and its response ------------------------------------------------------------

    def _refused_by_database(self, payload: bytes) -> list[Action]:
        """The database takes no connection: the client is told at once, in its words if they can
        be trusted; where TLS is required, anyone may have written them."""
        trusted = self._policy.database_tls != "on"
        if trusted:
            self._refusal = payload
        shown = read_refusal(packets(payload, 0), trusted)
        raise WireError("database", f"it takes no connection: {shown}", EndReason.DATABASE)

    def _shown(self, greeting: Greeting) -> tuple[int, int]:
        """See Login.  Raises WireError if the database must have TLS, and does not offer it."""
        policy = self._policy
        if policy.database_tls == "on" and not greeting.capabilities & bits.SSL:
            text = "it does not offer TLS, and db_tls requires it"
            raise WireError("database", text, EndReason.DATABASE)
        hidden = bits.REFUSED | bits.SSL | (0 if policy.local_files else bits.LOCAL_FILES)
        hidden |= 0 if policy.multi_statements else bits.MULTI_STATEMENTS
        shown = greeting.capabilities & ~hidden
        if policy.tls != "disable":
            shown |= bits.SSL
        return shown, greeting.extended & bits.PASSING_EXTENDED

    def _begin_tls(self, payload: bytes) -> list[Action]:
        self._stage = CLIENT_TLS
        return [StartTLS(CLIENT, self._client.drain())]

    def _accept(self, response: Response) -> list[Action]:
        greeting, policy = self._greeting, self._policy
        assert greeting is not None  # noqa: S101 - it was shown
        if policy.tls == "require" and not self.encrypted:
            text = "this server requires TLS"
            raise WireError("client", text, EndReason.TLS_REQUIRED)
        offered = greeting.capabilities & bits.SSL
        database_tls = self._database_tls = bool(offered) and policy.database_tls != "off"
        shown, extended = self._shown(greeting)
        agreed, extended = response.capabilities & shown, response.extended & extended
        # How texts are read depends on changes of the session that nothing else tells of.
        tracks = shown & ~agreed & bits.SESSION_TRACK
        self._in_force = InForce(
            agreed & ~bits.SSL, extended, greeting.mariadb, bool(tracks), policy.multi_statements
        )
        towards = agreed & ~bits.SSL | tracks | (bits.SSL if database_tls else 0)
        self._response = response._replace(capabilities=towards, extended=extended)
        self._legs = LegsPolicy(
            self.encrypted, database_tls, policy.password_without_tls, policy.exposed
        )
        self._authenticate(response, self._legs)
        self._stage = ADMISSION
        return [Connect(SESSION, response, b"")]

    def _database_tls_started(self) -> list[Action]:
        return self._open()

    def _open(self) -> list[Action]:
        self._stage = OPENED
        return [Open()]

    # -- the session ------------------------------------------------------------------------------

    def opened(self, session: Session) -> list[Action]:
        """See ILogin."""
        # What is encrypted within the link the connector cannot read.
        self._announces = self._announces and not self.encrypted
        parent = self._startup_parent if self._announces else ""
        return self._begin_session(session, startup_parent=parent)

    def _denied(self, payload: bytes) -> list[Action]:
        session, exchange = self._session, self._exchange
        assert session is not None and exchange is not None  # noqa: S101 - it has begun
        self._is_over = True
        tell_refusal(session, exchange, payload)
        take_reply(session)
        return [self._counted(self._client.write(payload)), Close(CLIENT)]

    def _ready(self, payload: bytes) -> list[Action]:
        response, plugins, in_force = self._response, self._plugins, self._in_force
        assert response is not None and plugins is not None  # noqa: S101 - it has begun
        assert in_force is not None  # noqa: S101 - it was accepted
        ok = decode_ok(payload)
        changes = tracked(payload, ok) if in_force.tracks else ()
        shown = untracked(payload, ok) if in_force.tracked_for_us else payload
        session = self._begun()
        user, database = session.user, session.database
        proven: Action = (
            Proven(user, "database", False, database) if plugins.proof else Admitted(database)
        )
        told = self._counted(self._client.write(announced(shown) if self._announces else shown))
        policy = self._policy
        flows = self._sessions.flows(
            session,
            in_force,
            ok.status,
            response.collation,
            changes,
            policy.pipeline,
            self._legs if policy.changes_user else None,
            self._announces,
        )
        self._response = None
        return [proven, told, Ready(flows, self._client.drain(), self._database.drain())]

    # -- the end ----------------------------------------------------------------------------------

    def leave(self) -> list[Action]:
        """See ILogin: a server counts who leaves it before it has decided."""
        self._is_over = True
        response, plugins = self._response, self._plugins
        is_sent = self._stage in (DATABASE_TLS, DECISION)
        if not is_sent or response is None or plugins is None or plugins.over:
            return [Close(DATABASE)]
        if self._stage == DATABASE_TLS:
            # It is about to be sent, and nobody is there who could go on with it.
            nobody = response._replace(user=VISITOR, answer=b"")
            return [Leave(Rest(self._database, plugins.plugin, nobody))]
        return [Leave(Rest(self._database, plugins.plugin, asked=self._asked))]

    def refuse(self, reason: EndReason, text: str, trace_id: str = "") -> list[Action]:
        """See ILogin; if the database has said why, in its words."""
        if not self._refusal:
            return super().refuse(reason, text, trace_id)
        self._is_over = True
        return [self._client.write(self._refusal), Close(CLIENT)]


# Not as a decorator: compiled classes have none.
classImplements(ServedLogin, IServedLogin)
