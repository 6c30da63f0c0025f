"""The login of a client that AcraServer serves."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from zope.interface import classImplements

from acra_twisted.dialectinterfaces import IServedLogin
from acra_twisted.dialects.postgresql import certificatelogin
from acra_twisted.dialects.postgresql.authentication import (
    AuthenticationPolicy,
    Mediator,
    PassThrough,
)
from acra_twisted.dialects.postgresql.challenge import Challenge, ChallengePolicy, Proof
from acra_twisted.dialects.postgresql.hashchallenge import (
    HashChallenge,
    HashLogin,
    HashProof,
    is_hash,
)
from acra_twisted.dialects.postgresql.keylogin import KeyLogin
from acra_twisted.dialects.postgresql.login import ANYTHING, Login
from acra_twisted.dialects.postgresql.passwordchallenge import PasswordChallenge
from acra_twisted.dialects.postgresql.passwordmessages import Unconvinced
from acra_twisted.dialects.postgresql.sessions import Sessions
from acra_twisted.dialects.postgresql.startup import (
    ClientStartup,
    SpansOffered,
    StartupPolicy,
    settle_version,
)
from acra_twisted.dialects.postgresql.startup import StartTLS as BeginTLS
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.loginactions import (
    CLIENT,
    DATABASE,
    ERRAND,
    SESSION,
    Action,
    Connect,
    Derive,
    LookUp,
    Open,
    Proven,
    Serve,
    Unproven,
    Write,
)
from acra_twisted.lookup import Found
from acra_twisted.session import Session
from acra_twisted.wire.postgres.backend import encode_error
from acra_twisted.wire.postgres.frames import (
    PROTOCOL_MINOR,
    CancelRequest,
    StartupPacket,
    encode_negotiation,
)

_CERTIFICATE: Final = "this server requires TLS and a client certificate"
_BINDING: Final = "this server requires TLS and channel binding (channel_binding=require)"
#: More than this behind a startup packet, before the database has been reached, is no startup.
_EARLY_LIMIT: Final = 16 * 1024


class ServePolicy(NamedTuple):
    """How AcraServer serves one client.

    ``startup`` says what may be asked for; ``challenge`` how the client proves who it is, None: the
    database asks it.  ``exposed``: others may read the link to the client.  For the rest see
    AuthenticationPolicy and Sessions.serve.
    """

    startup: StartupPolicy = StartupPolicy()
    pipeline: Any = None
    password_without_tls: bool = True
    challenge: ChallengePolicy | None = None
    exposed: bool = False


class ServedLogin(Login):
    """A client of AcraServer.

    The database is reached once a whole, acceptable startup packet is there, and not before; where
    clients are asked here who they are, once they have proven it.
    """

    def __init__(self, sessions: Sessions, policy: ServePolicy) -> None:
        super().__init__(sessions)
        self._policy = policy
        self._startup = ClientStartup(policy.startup)
        # What the client wants of the database, and what it has said since.
        self._wanted: StartupPacket | CancelRequest | None = None
        self._early = b""
        self._first = b""
        # Options of the protocol that the client must be told about.
        self._unknown: list[bytes] = []
        self._database_tls = False
        self._end_points: dict[str, bytes | None] = {CLIENT: None, DATABASE: None}
        # The client is asked who it is; and its answer.
        self._challenge: Challenge | HashChallenge | PasswordChallenge | None = None
        self._is_asked = False
        self._proof: Proof | HashProof | None = None
        # A certificate has proven it.
        self._is_certified = False
        self._negotiated = False
        self._announces = False
        self._startup_parent = ""

    def follows(self, startup_parent: str = "") -> None:
        """See IServedLogin."""
        self._announces, self._startup_parent = True, startup_parent

    @property
    def encrypted(self) -> bool:
        """See ILogin."""
        return self._startup.encrypted

    @property
    def declined(self) -> bool:
        """See ILogin."""
        return self._startup.declined

    def feed(self, leg: str, data: bytes) -> list[Action]:
        """See ILogin."""
        if self._is_over:
            return []
        if self._until is not None:
            return self._until.feed(leg, data)
        if leg == DATABASE:
            # What a database says to a cancel request.
            return []
        if self._given_up is not None:
            return self._tell(data)
        if self._is_asked:
            return self._asking(data)
        if self._wanted is not None:
            return self._wait(data)
        return self._begin_with(data)

    def _begin_with(self, data: bytes) -> list[Action]:
        startup = self._startup
        try:
            found = startup.feed(data)
        except WireError as error:
            return self._fail(error)
        actions: list[Action] = [Write(CLIENT, startup.reply)] if startup.reply else []
        if isinstance(found, BeginTLS):
            actions.append(self._begin_tls(found.direct))
        elif isinstance(found, SpansOffered):
            self._is_over = True
            actions.append(Serve(found))
        elif isinstance(found, CancelRequest):
            self._wanted = found
            actions.append(Connect(ERRAND, found, found.encode()))
        elif found is not None:
            self._wanted = found
            refused = self._wait(startup.rest)
            settled, self._unknown = settle_version(found)
            self._first = settled.encode()
            actions += refused or self._go_on(found)
        return actions

    def _go_on(self, startup: StartupPacket) -> list[Action]:
        """Ask the client who it is, or have the database ask it."""
        policy, end_point = self._policy.challenge, self._end_points[CLIENT]
        if policy is None:
            return [Connect(SESSION, startup, self._first)]
        if policy.by_certificate and not self.encrypted:
            return self._fail(WireError("client", _CERTIFICATE, EndReason.LOGIN))
        if policy.requires_binding and end_point is None and not policy.by_certificate:
            return self._fail(WireError("client", _BINDING, EndReason.LOGIN))
        user = startup.parameters[b"user"]
        return [LookUp(user, startup.parameters.get(b"database") or user)]

    def looked_up(self, found: Found) -> list[Action]:
        """See ILogin."""
        policy, startup = self._policy.challenge, self._wanted
        if self._is_over or policy is None or not isinstance(startup, StartupPacket):
            return []
        if policy.by_certificate:
            return self._certified(startup, found)
        if _passes(policy, found):
            return [Connect(SESSION, startup, self._first)]
        challenge = self._challenge = self._choose(policy, startup.parameters[b"user"], found)
        self._is_asked = self._negotiated = True
        said = challenge.begin(found)
        if self._unknown or startup.minor > PROTOCOL_MINOR:
            said = encode_negotiation(PROTOCOL_MINOR, self._unknown) + said
        early, self._early = self._early, b""
        return [Write(CLIENT, said), *(self._asking(early) if early else ())]

    def _choose(
        self, policy: ChallengePolicy, user: bytes, found: Found
    ) -> Challenge | HashChallenge | PasswordChallenge:
        """Choose the question that the client gets: SCRAM alone can be bound."""
        if policy.requires_binding:
            return Challenge(policy, user, self._end_points[CLIENT])
        if policy.with_hashes and is_hash(found.secret):
            return HashChallenge(user, policy.salt())
        if user in policy.in_clear and (self.encrypted or not policy.exposed):
            return PasswordChallenge(policy, user)
        return Challenge(policy, user, self._end_points[CLIENT])

    def _certified(self, startup: StartupPacket, found: Found) -> list[Action]:
        """Let a client in whose certificate proves its user."""
        user = startup.parameters[b"user"]
        if found.secret is None:
            self._is_over = True
            return [certificatelogin.unproven(user)]
        self._is_certified = True
        self._proof = certificatelogin.proof_of(user, found.secret) if found.secret else None
        proven = Proven(user, certificatelogin.METHOD, True)
        return [proven, Connect(SESSION, startup, self._first)]

    def _asking(self, data: bytes) -> list[Action]:
        """Read a client's proof."""
        challenge = self._challenge
        assert challenge is not None  # noqa: S101 - it makes it ask
        try:
            said, found = challenge.feed(data)
        except Unconvinced as error:
            return self._unconvinced(error)
        actions: list[Action] = [Write(CLIENT, said)] if said else []
        if isinstance(found, Derive):
            self._is_asked = False
            actions += [*self._wait(challenge.rest()), found]
        elif found is not None:
            self._is_asked = False
            actions += self._wait(challenge.rest()) or self._proven(found)
        return actions

    def derived(self, salted: bytes) -> list[Action]:
        """See ILogin."""
        challenge = self._challenge
        if self._is_over or not isinstance(challenge, PasswordChallenge):
            return []
        try:
            return self._proven(challenge.derived(salted))
        except Unconvinced as error:
            return self._unconvinced(error)

    def _proven(self, proof: Proof | HashProof) -> list[Action]:
        challenge, startup = self._challenge, self._wanted
        assert challenge is not None and startup is not None  # noqa: S101 - they make it ask
        self._proof = proof
        proven = Proven(proof.user, challenge.method, challenge.bound)
        return [proven, Connect(SESSION, startup, self._first)]

    def _unconvinced(self, error: Unconvinced) -> list[Action]:
        challenge = self._challenge
        assert challenge is not None  # noqa: S101 - it was not convinced
        self._is_over = True
        told = encode_error(b"FATAL", error.sqlstate, str(error))
        return [Unproven(error.result, told, challenge.method, challenge.bound)]

    def _wait(self, data: bytes) -> list[Action]:
        """Keep what a client says that talks on before it was answered."""
        if isinstance(self._wanted, CancelRequest):
            return []
        self._early += data
        if len(self._early) > _EARLY_LIMIT:
            error = WireError("client", "Too much data before authentication", None)
            return self._fail(error, at_once=True)
        return []

    def _tls_started(self, end_point: bytes | None) -> None:
        self._startup.tls_started()
        self._end_points[CLIENT] = end_point

    def connected(
        self, encrypted: bool, sent: bool = False, end_point: bytes | None = None
    ) -> list[Action]:
        """See ILogin."""
        if self._is_over:
            return []
        if isinstance(self._wanted, CancelRequest):
            return [Write(DATABASE, self._wanted.encode())]
        self._database_tls = encrypted
        self._end_points[DATABASE] = end_point
        if sent:
            self._first = b""
        return [Open()]

    def opened(self, session: Session) -> list[Action]:
        """See ILogin."""
        startup, policy = self._wanted, self._policy
        assert isinstance(startup, StartupPacket)  # noqa: S101 - no other request opens a session
        session.proven = self._is_certified or self._proof is not None
        # What is encrypted within the link the connector cannot read.
        follows = self._announces and not self.encrypted
        until = self._until = self._sessions.serve(
            session,
            startup,
            policy.pipeline,
            self._mediator(session),
            negotiated=self._negotiated,
            announces=follows,
            startup_parent=self._startup_parent if follows else "",
        )
        early, self._early = self._early, b""
        actions: list[Action] = [Write(DATABASE, self._first)] if self._first else []
        return actions + (until.feed(CLIENT, early) if early else [])

    def _mediator(self, session: Session) -> Mediator:
        policy, challenge, proof = self._policy, self._challenge, self._proof
        # Neither is of any use for the session, which may last.
        self._proof = self._challenge = None
        if isinstance(proof, HashProof):
            return HashLogin(session, proof, self._database_tls or policy.password_without_tls)
        if policy.challenge is not None and proof is not None:
            return KeyLogin(
                session,
                policy.challenge,
                proof,
                challenge.bound if challenge is not None else True,
                self._database_tls,
                self._end_points[DATABASE],
                challenge.method if challenge is not None else certificatelogin.METHOD,
            )
        if policy.challenge is not None and self._is_certified:
            return certificatelogin.CertificateLogin(policy.challenge.database_binding)
        return PassThrough(
            AuthenticationPolicy(
                client_tls=self.encrypted,
                database_tls=self._database_tls,
                password_without_tls=policy.password_without_tls,
                exposed=policy.exposed and not self.encrypted,
            )
        )

    def refuse(self, reason: EndReason, text: str, trace_id: str = "") -> list[Action]:
        """See ILogin."""
        error = self._sessions.fatal(reason, text, trace_id)
        if self._wanted is None and not self._is_over:
            policy = StartupPolicy("disable", ANYTHING, replication=True)
            return self._give_up(error, ClientStartup(policy, self.encrypted), b"")
        return self._end_with(error)


# Not as a decorator: compiled classes have none.
classImplements(ServedLogin, IServedLogin)


def _passes(policy: ChallengePolicy, found: Found) -> bool:
    """Return True if the database is to ask a user: here there is no secret, which is no outage.
    A proof for the database is bound to nothing here."""
    passes = policy.passes_unknown and not policy.requires_binding
    return passes and found.secret is None and not (found.away or found.barred)
