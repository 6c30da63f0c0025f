"""Passwords, MD5 and SCRAM pass through; what cannot pass is detected and explained.

SCRAM with channel binding ties the login to the TLS connection that the client sees.  A proxy
that ends TLS on both legs shows the client another certificate than the database has, so the
login must fail, at the database, with a text that helps no one.  Which legs have TLS decides:

====== ======== =================================================================================
client database what happens
====== ======== =================================================================================
plain  plain    passes
TLS    plain    passes (the database offers no binding, and accepts a client that could have)
plain  TLS      ``SCRAM-SHA-256-PLUS`` is taken off the offer: over a plain connection libpq
                takes it for an attack; the database accepts a client that cannot bind.  A
                client that could has TLS that something before us ends (AcraConnector): it is
                told as below
TLS    TLS      passes for a client that does not ask for binding (``channel_binding=disable``);
                any other is told so
====== ======== =================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple, Protocol

from acra_twisted.dialects.loginrefusals import note_refusal
from acra_twisted.endreason import EndReason
from acra_twisted.errors import WireError
from acra_twisted.exchange import Exchange
from acra_twisted.fast.record import Record
from acra_twisted.loginactions import Action, Admitted, Proven
from acra_twisted.session import Session
from acra_twisted.wire.postgres import backend, frames

EXPLANATION = (
    "SCRAM channel binding cannot pass through AcraConnector and AcraServer, which end TLS on "
    "both sides; have AcraServer check users itself (auth_file or auth_query_user), or connect "
    "with channel_binding=disable"
)

#: The questions with which a proof of the user begins.
_QUESTIONS: Final = frozenset(
    (
        backend.AUTH_CLEARTEXT,
        backend.AUTH_MD5,
        backend.AUTH_GSS,
        backend.AUTH_SSPI,
        backend.AUTH_SASL,
    )
)

#: The mechanism of tokens of OAuth.
TOKENS: Final = b"OAUTHBEARER"
#: Why a database refuses a login: a label, and what that says in words.  Nobody is told by
#: PostgreSQL whether it was the password or the role that was wrong.
_REASONS: Final = {
    "password": "wrong password, or no such role",
    "pg_hba": "pg_hba.conf does not admit this role, database, address or kind of connection",
    "role": "no such role, or it may not log in",
    "database": "no such database, or the role may not connect to it",
    "method": "the login method of pg_hba.conf has refused it",
    "other": "see the database's log",
}
_BY_SQLSTATE: Final = {b"28P01": "password", b"3D000": "database", b"42501": "database"}
#: The routines of PostgreSQL that raise 28000.
_BY_ROUTINE: Final = {
    b"ClientAuthentication": "pg_hba",
    b"InitializeSessionUserId": "role",
    b"auth_failed": "method",
}
_KINDS: Final = {
    backend.AUTH_CLEARTEXT: "a cleartext password",
    backend.AUTH_MD5: "an MD5 password",
    backend.AUTH_GSS: "GSSAPI",
    backend.AUTH_SSPI: "SSPI",
}
#: Labels of refusals, and of ours: of a login that cannot pass.
REFUSALS: Final = (*_REASONS, "proxy")


def refusal_of(fields: Mapping[str, bytes]) -> str:
    """Why a database has refused a login, by the fields of its error; empty if it is no refusal.

    A server that is full or starts up refuses nobody in particular.
    """
    sqlstate = fields.get("C", b"")
    reason = _BY_SQLSTATE.get(sqlstate, "")
    if not reason and sqlstate[:2] == b"28":
        reason = _BY_ROUTINE.get(fields.get("R", b""), "other")
    return reason


def tell_refusal(session: Session, exchange: Exchange, fields: Mapping[str, bytes]) -> None:
    """Take note of an error of the database's during the login, if it refuses the user."""
    reason = refusal_of(fields)
    if reason:
        sqlstate = fields["C"].decode("ascii", "replace")[:5]
        note_refusal(session, exchange, reason, f"{_REASONS[reason]} ({sqlstate})")


class Mediated(Record):
    """The consequence of a message of the database's: bytes for both legs, behind ``actions``."""

    __slots__ = ("to_client", "to_database", "actions")

    def __init__(
        self, to_client: bytes = b"", to_database: bytes = b"", actions: tuple[Action, ...] = ()
    ) -> None:
        self.to_client = to_client
        self.to_database = to_database
        self.actions = actions

    def _parts(self) -> tuple[object, ...]:
        return (self.to_client, self.to_database, self.actions)


class Mediator(Protocol):
    """A party to one login, between the client and the database."""

    def from_database(self, message: bytes) -> Mediated:
        """Say what becomes of an Authentication message.  Raises WireError if the login must not
        go on."""

    def admitted(self, user: bytes, database: bytes) -> tuple[Action, ...]:
        """Return the actions for a client that the database lets in."""

    def from_client(self, body: bytes) -> None:
        """Look at a client's answer, which the database gets.  Raises WireError."""

    def refused(self, message: bytes, fields: Mapping[str, bytes]) -> Mediated:
        """Say what becomes of an error of the database's."""


def not_this_way(kind: int) -> WireError:
    """Return the error for a question of the database's that nobody can answer."""
    asked = _KINDS.get(kind, "something unknown")
    text = (
        f"the database asks for {asked}; its pg_hba.conf must say scram-sha-256 for "
        "AcraServer's address"
    )
    return WireError("database", text, EndReason.LOGIN)


def unbound() -> WireError:
    """Return the error for a login of ours that should be bound to the database's TLS."""
    text = "the database's login is refused: channel binding is required, and it has none"
    return WireError("database", text, EndReason.LOGIN)


class ProvenHere:
    """The base of mediators whose client has proven to AcraServer who it is."""

    def from_client(self, body: bytes) -> None:
        """Refuse an answer to a question that nobody has asked.  Raises WireError."""
        raise WireError("client", "a password message that nobody has asked for")

    def admitted(self, user: bytes, database: bytes) -> tuple[Action, ...]:
        """Return no action: the client has proven itself before."""
        return ()

    def refused(self, message: bytes, fields: Mapping[str, bytes]) -> Mediated:
        """Say what the client gets for an error of the database's: it is the client's."""
        return Mediated(message)


class AuthenticationPolicy(NamedTuple):
    """The legs that have TLS, and the rule for passwords on a database leg without it.
    ``exposed``: others may read what the client sends."""

    client_tls: bool = False
    database_tls: bool = False
    password_without_tls: bool = True
    exposed: bool = False


class PassThrough:
    """Watches one login."""

    def __init__(self, policy: AuthenticationPolicy) -> None:
        self._policy = policy
        self._binding_offered = False
        self._asked = False

    def from_database(self, message: bytes) -> Mediated:
        """Say what becomes of an Authentication message.  Raises WireError if the login must not
        go on."""
        body = message[5:]
        kind = backend.authentication_kind(body)
        policy = self._policy
        self._asked |= kind in _QUESTIONS
        if kind in (backend.AUTH_CLEARTEXT, backend.AUTH_MD5):
            if not (policy.database_tls or policy.password_without_tls):
                raise WireError(
                    "database",
                    "the database asks for a password over a connection without TLS; "
                    "use SCRAM, or set db_tls = require",
                    EndReason.LOGIN,
                )
        elif kind == backend.AUTH_SASL:
            offered = backend.sasl_mechanisms(body)
            if TOKENS in offered:
                self._check_tokens()
            if backend.SCRAM_PLUS in offered:
                self._binding_offered = policy.database_tls
                if not policy.client_tls:
                    others = [m for m in offered if m != backend.SCRAM_PLUS]
                    return Mediated(backend.encode_sasl(others))
        return Mediated(message)

    def _check_tokens(self) -> None:
        """A token is as good as a password.  Raises WireError."""
        policy = self._policy
        if policy.exposed or not (policy.database_tls or policy.password_without_tls):
            raise WireError(
                "database",
                "the database asks for a token (OAUTHBEARER) over a connection without TLS; use "
                "TLS (sslmode=require), and set db_tls = require",
                EndReason.LOGIN,
            )

    def refused(self, message: bytes, fields: Mapping[str, bytes]) -> Mediated:
        """Say what becomes of an error of the database's: it is the client's."""
        return Mediated(message)

    def admitted(self, user: bytes, database: bytes) -> tuple[Action, ...]:
        """Return the actions for a client that the database lets in.  A database that has asked
        ``user`` for a proof has accepted it; one that trusts its clients proves nothing."""
        if self._asked:
            return (Proven(user, "database", False, database),)
        return (Admitted(database),)

    def from_client(self, body: bytes) -> None:
        """The client's answer.  Raises WireError if it asks for what cannot work."""
        if not self._binding_offered:
            return
        # Only the first answer names a mechanism; what follows is the mechanism's own.
        self._binding_offered = False
        mechanism, _, rest = body.partition(b"\0")
        # Four bytes of length, then the GS2 header: n, y or p=...
        if mechanism == backend.SCRAM_PLUS or rest[4:5] in (b"y", b"p"):
            raise WireError("client", EXPLANATION, EndReason.LOGIN)


def offers_binding(answer: bytes) -> bool:
    """Return True if the database's first message asks for SCRAM, and offers channel binding."""
    if len(answer) < 9 or answer[0] != frames.AUTHENTICATION:
        return False
    body = answer[5 : 1 + frames.length_at(answer, 0)]
    try:
        if backend.authentication_kind(body) != backend.AUTH_SASL:
            return False
        return backend.SCRAM_PLUS in backend.sasl_mechanisms(body)
    except WireError:
        return False
